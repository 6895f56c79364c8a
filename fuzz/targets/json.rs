//! JSON: taken or refused as serde_json does it, with the same values, and written as others can read it.

use lotwise::model::json::{self, Item};
use lotwise::model::node::Node;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

/// Reads bytes in every way there is.
pub fn run(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes);
    let checked = json::check(bytes);
    let is_deep = |error: &dyn ToString| error.to_string().contains("too deep");
    if !checked.is_err_and(|flaw| is_deep(&flaw)) {
        // serde_json leaves bytes alone that it does not look at.
        let theirs = text.is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        assert_eq!(checked.is_ok(), theirs, "{checked:?}: {:?}", String::from_utf8_lossy(bytes));
    }
    match (json::read(bytes), serde_json::from_slice::<Json>(bytes)) {
        (Ok(ours), Ok(theirs)) => {
            assert!(is_same(&ours, &theirs), "{ours:?} is not {theirs:?}");
            let written = json::write(&ours);
            let again = serde_json::from_str::<Json>(&written).expect("others can read it");
            assert!(is_same(&ours, &again), "{ours:?} was written as {written}");
        }
        (Err(_), Err(_)) => {}
        (ours, theirs) => {
            panic!("{ours:?} is not {theirs:?}: {:?}", String::from_utf8_lossy(bytes))
        }
    }
    if let (Ok(text), Ok(())) = (text, checked) {
        compacted(text.trim_matches([' ', '\t', '\n', '\r']));
        taken_apart(bytes);
    }
}

/// Without white space it says the same, with every sign of texts and numbers.
fn compacted(text: &str) {
    let compact = json::compact(text);
    assert_eq!(json::compact(&compact), compact);
    json::check(compact.as_bytes()).expect("is JSON still");
    let is_white = |c: &char| " \t\n\r".contains(*c);
    let signs = |text: &str| text.chars().filter(|c| !is_white(c)).collect::<String>();
    assert_eq!(signs(&compact), signs(text));
    if let Ok(whole) = serde_json::from_str::<Json>(text) {
        assert_eq!(serde_json::from_str::<Json>(&compact).expect("is JSON still"), whole);
    }
}

/// Members and items hold what the tree holds.
fn taken_apart(bytes: &[u8]) {
    let tree = json::read(bytes);
    let members = json::members(bytes);
    let items = json::items(bytes);
    match &tree {
        Ok(Node::Map(entries)) => {
            let members = members.expect("is an object");
            assert_eq!(members.len(), entries.len());
            for (member, (name, node)) in members.iter().zip(entries) {
                assert_eq!(member.name, name.as_str());
                assert_eq!(&json::read(member.value.as_bytes()).expect("was read"), node);
            }
        }
        Ok(Node::List(nodes)) => {
            let items = items.expect("is an array");
            let read = |item: &&str| json::read(item.as_bytes()).expect("was read");
            assert_eq!(&items.iter().map(read).collect::<Vec<_>>(), nodes);
        }
        Ok(_) => assert!(members.is_err() && items.is_err()),
        Err(_) => _ = Item::of(std::str::from_utf8(bytes).expect("is text").trim()),
    }
}

fn is_same(ours: &Node, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Node::Null, Json::Null) => true,
        (Node::Bool(a), Json::Bool(b)) => a == b,
        (Node::Int(a), Json::Number(b)) => b.as_i64() == Some(*a),
        (Node::Real(a), Json::Number(b)) => {
            b.as_i64().is_none() && b.as_f64().map(f64::to_bits) == Some(a.to_bits())
        }
        (Node::Text(a), Json::String(b)) => a == b,
        (Node::List(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Node::Map(a), Json::Object(b)) => {
            // Of the same names the last one counts.
            let last =
                |name: &str| a.iter().rfind(|(known, _)| known == name).map(|(_, node)| node);
            a.iter().all(|(name, _)| b.contains_key(name))
                && b.iter().all(|(name, b)| last(name).is_some_and(|a| is_same(a, b)))
        }
        _ => false,
    }
}
