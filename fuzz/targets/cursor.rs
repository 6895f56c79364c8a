//! Cursors (`after`) that a caller has kept, changed or made up.

use super::input::Input;
use super::query::records;
use super::tables::decoded;
use super::{refusal, with_engine};
use lotwise::model::node::Node;

/// Asks for a page, spoils its cursor, and asks on with it.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut query = records(&mut input);
    set(&mut query, "after", Node::Undefined);
    set(&mut query, "limit", Node::Int(1));
    with_engine(|engine| {
        let Ok(first) = engine.records(&query) else { return };
        let cursor = first.next.clone().unwrap_or_default();
        if let Some(next) = &first.next {
            // The cursor as it is leads on to another row, or to the end.
            set(&mut query, "after", Node::Text(next.clone()));
            let second = engine.records(&query).expect("a cursor of ours is taken");
            assert!(second.rows <= 1 && second.next.as_deref() != Some(next.as_str()));
        }
        set(&mut query, "after", Node::Text(spoiled(cursor, &mut input)));
        match engine.records(&query) {
            Ok(answer) => assert!(decoded(&answer.batch).len() <= 1),
            Err(error) => {
                refusal::check(&error, &["QUERY_INVALID"]);
                let blamed = error.to_string().starts_with("after: ");
                assert!(blamed, "the cursor was changed, and the query was sound: {error}");
            }
        }
    });
}

fn set(query: &mut Node, name: &str, node: Node) {
    if let Node::Map(entries) = query {
        entries.retain(|(key, _)| key != name);
        entries.push((name.to_owned(), node));
    }
}

fn spoiled(cursor: String, input: &mut Input<'_>) -> String {
    let mut chars: Vec<char> = cursor.chars().collect();
    for _ in 0..1 + input.below(4) {
        let at = input.below(chars.len() + 1);
        let piece: Vec<char> = match input.below(6) {
            0 => input.text().chars().collect(),
            1 => "null".chars().collect(),
            2 => input.integer().to_string().chars().collect(),
            3 => "{\"bytes\":[0,256]}".chars().collect(),
            4 => "{\"inf\":true}".chars().collect(),
            _ => vec![char::from(input.byte())],
        };
        let end = (at + input.below(8)).min(chars.len());
        chars.splice(at..end, piece);
    }
    chars.into_iter().collect()
}
