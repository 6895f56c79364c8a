//! JSON as RFC 8259 has it, no more and no less: checked, taken apart without copies, read as a tree, written.
//! Does not know what the values mean.
//!
//! Numbers stay text until somebody asks for one kind of them: no digit is lost on the way. Reals are read
//! to the last bit by the standard library.

mod reader;
mod write;

use std::borrow::Cow;
use std::fmt;

use self::reader::{Reader, unescaped};
pub use self::write::{compact, quoted, write};
use super::node::Node;

/// Deepest nesting that is checked: what SQLite's own functions read.
pub const CHECKED_DEPTH_MAX: usize = 1000;
/// Deepest nesting that is read as a tree.
pub const TREE_DEPTH_MAX: usize = 127;

/// Why bytes are no JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaw {
    reason: &'static str,
    line: usize,
    /// Bytes from the beginning of the line, counted from 1.
    column: usize,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.reason, self.line, self.column)
    }
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name, unescaped.
    pub name: Cow<'a, str>,
    /// The text of its value, without white space around it. It was checked.
    pub value: &'a str,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'a> {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// A whole number within 64 bits.
    Int(i64),
    /// The digits of a whole number that is not.
    Digits(&'a str),
    /// A number with a point, an exponent, or the sign of a negative zero.
    Real(f64),
    /// Text, unescaped.
    Text(Cow<'a, str>),
    /// An array: its text.
    List(&'a str),
    /// An object: its text.
    Map(&'a str),
}

impl<'a> Item<'a> {
    /// Reads the text of a value that was checked; or why nothing can hold it, though it is JSON.
    pub fn of(checked: &'a str) -> Result<Self, &'static str> {
        Ok(match checked.as_bytes().first() {
            Some(b'{') => Self::Map(checked),
            Some(b'[') => Self::List(checked),
            Some(b'"') => Self::Text(unescaped(checked)?),
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            _ => match checked.parse() {
                // -0 is a real: integers have one zero.
                Ok(n) if n != 0 || !checked.starts_with('-') => Self::Int(n),
                Err(_) if !checked.contains(['.', 'e', 'E']) => Self::Digits(checked),
                _ => Self::Real(real(checked)?),
            },
        })
    }
}

/// The nearest double of a number that was checked.
pub fn real(checked: &str) -> Result<f64, &'static str> {
    checked.parse().ok().filter(|x: &f64| x.is_finite()).ok_or("holds a number out of range")
}

/// Checks that bytes are one value.
pub fn check(bytes: &[u8]) -> Result<(), Flaw> {
    whole(bytes, |reader| reader.skip())
}

/// Reads one value as a tree.
pub fn read(bytes: &[u8]) -> Result<Node, Flaw> {
    whole(bytes, |reader| reader.node(0))
}

/// The members of an object, in their order; names may stand twice.
pub fn members(bytes: &[u8]) -> Result<Vec<Member<'_>>, Flaw> {
    let mut members = Vec::new();
    whole(bytes, |reader| {
        reader.white();
        reader.expect(b'{', "expected an object")?;
        reader.object(&mut |reader, name| {
            members.push(Member { name, value: reader.value()? });
            Ok(())
        })
    })?;
    Ok(members)
}

/// The texts of an array's items.
pub fn items(bytes: &[u8]) -> Result<Vec<&str>, Flaw> {
    let mut items = Vec::new();
    whole(bytes, |reader| {
        reader.white();
        reader.expect(b'[', "expected an array")?;
        reader.array(&mut |reader| {
            items.push(reader.value()?);
            Ok(())
        })
    })?;
    Ok(items)
}

/// Reads all bytes by `read`, with nothing but white space behind.
fn whole<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, &'static str>,
) -> Result<T, Flaw> {
    let (text, is_text) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, true),
        Err(error) => {
            let sound = &bytes[..error.valid_up_to()];
            (std::str::from_utf8(sound).unwrap_or_default(), false)
        }
    };
    let mut reader = Reader::new(text);
    let result = read(&mut reader).and_then(|result| {
        reader.white();
        if reader.at == bytes.len() { Ok(result) } else { Err("expected the end") }
    });
    result.map_err(|reason| {
        // What comes before the first byte that is no text may be wrong too.
        let reason = if is_text || reader.at < text.len() { reason } else { "holds no UTF-8" };
        let before = &bytes[..reader.at];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Flaw { reason, line, column: reader.at - line_start + 1 }
    })
}
