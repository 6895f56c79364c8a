//! Writes JSON text.

use crate::model::node::Node;

/// A text that was checked, without the white space between its signs.
#[must_use]
pub fn compact(checked: &str) -> String {
    let mut out = String::with_capacity(checked.len());
    // Pieces of text in quotes stay as they are; a piece ends at a quote that no backslash escapes.
    let mut rest = checked;
    while let Some((between, quoted)) = rest.split_once('"') {
        push_signs(&mut out, between);
        let mut is_escaped = false;
        let end = quoted.bytes().position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let (text, after) = quoted.split_at(end.map_or(quoted.len(), |end| end + 1));
        out.push('"');
        out.push_str(text);
        rest = after;
    }
    push_signs(&mut out, rest);
    out
}

fn push_signs(out: &mut String, signs: &str) {
    signs.split([' ', '\t', '\n', '\r']).for_each(|piece| out.push_str(piece));
}

/// A tree as text, in which members without a value are left out. What JSON has no form for is null.
#[must_use]
pub fn write(node: &Node) -> String {
    let mut out = String::new();
    push_node(&mut out, node);
    out
}

fn push_node(out: &mut String, node: &Node) {
    match node {
        Node::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Node::Int(n) => out.push_str(&n.to_string()),
        Node::Real(x) if x.is_finite() => out.push_str(&format!("{x:?}")),
        Node::Text(text) => push_text(out, text),
        Node::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                push_node(out, item);
            }
            out.push(']');
        }
        Node::Map(members) => {
            out.push('{');
            let members = members.iter().filter(|(_, value)| *value != Node::Undefined);
            for (i, (name, value)) in members.enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                push_text(out, name);
                out.push(':');
                push_node(out, value);
            }
            out.push('}');
        }
        Node::Null | Node::Undefined | Node::Real(_) | Node::Blob(_) | Node::Foreign(_) => {
            out.push_str("null");
        }
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let byte = special.as_bytes()[0];
        out.push('\\');
        match byte {
            b'\n' => out.push('n'),
            b'\r' => out.push('r'),
            b'\t' => out.push('t'),
            b'"' | b'\\' => out.push(char::from(byte)),
            _ => {
                let digit = |n: u8| char::from(b"0123456789abcdef"[usize::from(n)]);
                out.extend(['u', '0', '0', digit(byte >> 4), digit(byte & 15)]);
            }
        }
        rest = &special[1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// A text in quotes.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_text(&mut out, text);
    out
}
