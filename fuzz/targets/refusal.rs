//! What every refusal has to be: a known code, and a message that names the thing and can be read.

use lotwise::error::Error;
use lotwise::model::node::Node;

/// Most bytes of a message: what a caller sent is not sent back to him.
const MESSAGE_BYTES_MAX: usize = 4200;
/// From here on a message was cut.
const MESSAGE_BYTES_CUT: usize = 4090;

/// Panics unless the error has one of the codes and a message worth reading.
pub fn check(error: &Error, codes: &[&str]) {
    let (code, message) = (error.code(), error.to_string());
    assert!(codes.contains(&code), "code {code}, expected one of {codes:?}: {message}");
    assert!(message.len() <= MESSAGE_BYTES_MAX, "a message of {} bytes", message.len());
    assert!(message.trim().len() >= 10, "a message that says nothing: {message:?}");
    if let Error::ImportRefused { bad_rows, errors } = error {
        assert!(*bad_rows > 0 && !errors.is_empty(), "{message}");
        for error in errors {
            assert!(error.line > 0 && error.reason.trim().len() >= 5, "{error:?}");
        }
    }
    for (place, reason) in problems(error) {
        assert!(!place.is_empty(), "no place: {message}");
        assert!(blames(&message, place), "{message}");
        assert!(reason.trim().len() >= 5, "no reason: {message:?}");
    }
}

/// What is wrong where.
fn problems(error: &Error) -> Vec<(&str, &str)> {
    match error {
        Error::QueryInvalid { field, reason } => vec![(field, reason)],
        Error::InputInvalid { place, reason } => vec![(place, reason)],
        Error::ConfigInvalid { problems } => {
            assert!(!problems.is_empty(), "nothing is wrong");
            problems.iter().map(|(field, reason)| (field.as_str(), reason.as_str())).collect()
        }
        _ => Vec::new(),
    }
}

/// A message that was cut short may have lost the place in its middle.
fn blames(message: &str, place: &str) -> bool {
    message.len() >= MESSAGE_BYTES_CUT || message.contains(place)
}

/// Panics unless the error blames a place of the tree that is there, or whose parent is.
pub fn check_field(error: &Error, root: &Node) {
    if let Error::QueryInvalid { .. } | Error::ConfigInvalid { .. } = error {
        for (field, _) in problems(error) {
            assert!(is_in(root, field), "the caller's object has no {field:?}: {error}");
        }
    }
}

/// Names may hold dots and brackets themselves: every way to read the path is tried.
fn is_in(node: &Node, path: &str) -> bool {
    match node {
        _ if path.is_empty() => true,
        Node::Map(entries) => {
            let missing = !path.contains(['.', '[']);
            missing
                || entries.iter().any(|(name, value)| {
                    path.strip_prefix(name.as_str()).is_some_and(|rest| {
                        rest.is_empty()
                            || rest.starts_with('[') && is_in(value, rest)
                            || rest.strip_prefix('.').is_some_and(|rest| is_in(value, rest))
                    })
                })
        }
        Node::List(items) => {
            let Some((index, rest)) = path.strip_prefix('[').and_then(|p| p.split_once(']')) else {
                return false;
            };
            let item = index.parse::<usize>().ok().and_then(|i| items.get(i));
            item.is_some_and(|item| is_in(item, rest.strip_prefix('.').unwrap_or(rest)))
        }
        _ => false,
    }
}
