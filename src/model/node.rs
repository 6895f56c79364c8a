//! What a caller sent, before it means anything: a tree of foreign values, and a reader that names
//! the field and what would be right whenever something does not fit.
//! Does not know queries or datasets; they read themselves from it.

use crate::error::{Error, Result};
use crate::model::value::{Value, ValueRef};

/// A value of the caller's world. `Undefined` is told from `Null`, integers from reals.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A member that is there without a value.
    Undefined,
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// A whole number within 64 bits.
    Int(i64),
    /// Any other number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
    /// An array.
    List(Vec<Node>),
    /// A plain object, in its order.
    Map(Vec<(String, Node)>),
    /// Something that is no data, such as a function.
    Foreign(String),
}

/// Makes the error of a reader from the path of a field and what would be right.
pub type Blame = fn(String, String) -> Error;

/// Errors of query objects.
pub fn blame_query(field: String, reason: String) -> Error {
    Error::QueryInvalid { field, reason }
}

/// Errors of definitions and options of `open`.
pub fn blame_config(field: String, reason: String) -> Error {
    Error::config(field, reason)
}

/// Errors of data and of options of a call.
pub fn blame_input(place: String, reason: String) -> Error {
    Error::InputInvalid { place, reason }
}

impl Node {
    /// Short name of what it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Real(_) => "a number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
            Self::List(_) => "an array",
            Self::Map(_) => "an object",
            Self::Foreign(_) => "something that is no data",
        }
    }

    /// An object of those members.
    #[must_use]
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Map(members.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
    }

    /// An array of texts.
    #[must_use]
    pub fn of_texts(texts: &[String]) -> Self {
        Self::List(texts.iter().map(|text| text.as_str().into()).collect())
    }

    /// A database value.
    #[must_use]
    pub fn of_value(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Int(n) => Self::Int(n),
            ValueRef::Real(x) => Self::Real(x),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }

    /// The database value, if it is one. NaN becomes null, as SQLite has it.
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Int(i64::from(*b)),
            Self::Int(n) => Value::Int(*n),
            Self::Real(x) if x.is_nan() => Value::Null,
            Self::Real(x) => Value::Real(*x),
            Self::Text(s) => Value::Text(s.clone()),
            Self::Blob(b) => Value::Blob(b.clone()),
            Self::Undefined | Self::List(_) | Self::Map(_) | Self::Foreign(_) => return None,
        })
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for Node {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

/// Reads the members of an object, each once; [`Fields::done`] refuses what nobody asked for.
pub struct Fields<'a> {
    path: String,
    entries: &'a [(String, Node)],
    known: Vec<&'static str>,
    blame: Blame,
}

impl<'a> Fields<'a> {
    /// Starts reading; `path` is '' for the outermost object.
    pub fn of(node: &'a Node, path: &str, blame: Blame) -> Result<Self> {
        match node {
            Node::Map(entries) => {
                Ok(Self { path: path.to_owned(), entries, known: Vec::new(), blame })
            }
            Node::Undefined if path.is_empty() => {
                Ok(Self { path: String::new(), entries: &[], known: Vec::new(), blame })
            }
            other => {
                let place = if path.is_empty() { "the argument" } else { path };
                Err(blame(place.to_owned(), format!("expected an object, got {}", other.kind())))
            }
        }
    }

    /// Path of a member, for messages.
    #[must_use]
    pub fn path_of(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            // A name that is no name is shown all the same.
            ("", "") => "''".to_owned(),
            ("", name) => name.to_owned(),
            (path, name) => format!("{path}.{name}"),
        }
    }

    /// A member, or none where it is absent or undefined.
    pub fn get(&mut self, name: &'static str) -> Option<&'a Node> {
        self.known.push(name);
        self.entries
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, node)| node)
            .filter(|node| **node != Node::Undefined)
    }

    /// A member that has to be there.
    pub fn need(&mut self, name: &'static str) -> Result<&'a Node> {
        self.get(name).ok_or_else(|| self.error(name, "is missing"))
    }

    /// Text, if there.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>> {
        match self.get(name) {
            None => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.error(name, &format!("expected text, got {}", other.kind()))),
        }
    }

    /// Text that has to be there.
    pub fn need_text(&mut self, name: &'static str) -> Result<String> {
        self.text(name)?.ok_or_else(|| self.error(name, "is missing; expected text"))
    }

    /// true, false, or false where it is absent.
    pub fn flag(&mut self, name: &'static str) -> Result<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Node::Bool(flag)) => Ok(*flag),
            Some(other) => {
                Err(self.error(name, &format!("expected true or false, got {}", other.kind())))
            }
        }
    }

    /// A whole number from `min` to `max`, if there.
    pub fn whole(&mut self, name: &'static str, min: u64, max: u64) -> Result<Option<u64>> {
        match self.get(name) {
            None => Ok(None),
            Some(Node::Int(n)) if u64::try_from(*n).is_ok_and(|n| (min..=max).contains(&n)) => {
                Ok(Some(n.unsigned_abs()))
            }
            Some(other) => {
                let got = match other {
                    Node::Int(n) => n.to_string(),
                    Node::Real(x) => x.to_string(),
                    other => other.kind().to_owned(),
                };
                Err(self.error(
                    name,
                    &format!("expected a whole number from {min} to {max}, got {got}"),
                ))
            }
        }
    }

    /// One of a closed list of words, if there.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| Some(*value)).ok_or_else(
            || {
                let known: Vec<_> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
                self.error(name, &format!("expected one of {}, got '{text}'", known.join(", ")))
            },
        )
    }

    /// An array of texts; empty where it is absent.
    pub fn texts(&mut self, name: &'static str) -> Result<Vec<String>> {
        let path = self.path_of(name);
        self.get(name).map_or(Ok(Vec::new()), |node| texts(node, &path, self.blame))
    }

    /// The items of an array; empty where it is absent.
    pub fn list(&mut self, name: &'static str) -> Result<&'a [Node]> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Node::List(items)) => Ok(items),
            Some(other) => {
                Err(self.error(name, &format!("expected an array, got {}", other.kind())))
            }
        }
    }

    /// The members of an object; empty where it is absent.
    pub fn map(&mut self, name: &'static str) -> Result<&'a [(String, Node)]> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Node::Map(entries)) => Ok(entries),
            Some(other) => {
                Err(self.error(name, &format!("expected an object, got {}", other.kind())))
            }
        }
    }

    /// The error of a member.
    #[must_use]
    pub fn error(&self, name: &str, reason: &str) -> Error {
        (self.blame)(self.path_of(name), reason.to_owned())
    }

    /// Refuses members that were never asked for.
    pub fn done(self) -> Result<()> {
        match self.entries.iter().find(|(key, _)| !self.known.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, _)) => {
                Err(self.error(key, &format!("is not known; known are {}", self.known.join(", "))))
            }
        }
    }
}

/// Reads an array of texts.
pub fn texts(node: &Node, path: &str, blame: Blame) -> Result<Vec<String>> {
    let Node::List(items) = node else {
        return Err(blame(
            path.to_owned(),
            format!("expected an array of texts, got {}", node.kind()),
        ));
    };
    items
        .iter()
        .enumerate()
        .map(|(i, item)| match item {
            Node::Text(text) => Ok(text.clone()),
            other => {
                Err(blame(format!("{path}[{i}]"), format!("expected text, got {}", other.kind())))
            }
        })
        .collect()
}
