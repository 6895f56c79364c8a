//! Rows of JSON and NDJSON, as they come in chunks: where one ends and the next begins.

use crate::error::{Error, Result};
use crate::model::json;

/// Most bytes of one row.
const ROW_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most bytes of a file in columns: it is in memory as a whole.
const COLUMNS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[{…}, {…}]`
    Array,
    /// One object a line.
    Lines,
    /// `{"a": […], "b": […]}`: a list for each column, which is known only at its end.
    Columns,
}

impl Layout {
    /// Of JSON that is not known to be lines.
    pub fn of_json(head: &[u8]) -> Self {
        if first_sign(head) == Some(b'{') { Self::Columns } else { Self::Array }
    }

    /// The format that it belongs to.
    pub const fn format(self) -> &'static str {
        if matches!(self, Self::Lines) { "ndjson" } else { "json" }
    }
}

/// The first byte behind a byte order mark and white space.
pub fn first_sign(head: &[u8]) -> Option<u8> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    text.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// Whether an object holds lists for columns rather than being the first of many in lines.
pub fn begins_columns(head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').filter(|line| first_sign(line).is_some());
    let is_object = |line: &[u8]| first_sign(line) == Some(b'{') && json::check(line).is_ok();
    if lines.next().is_some_and(is_object) && lines.next().is_some() {
        return false;
    }
    // The value of the first member is a list.
    let mut signs = head.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    let mut quotes = 0;
    signs.find(|byte| {
        quotes += u32::from(*byte == b'"');
        quotes == 2 && *byte == b':'
    });
    signs.next() == Some(b'[')
}

/// Takes the bytes of a row and the line on which it begins.
pub type TakeRow<'a> = &'a mut dyn FnMut(&[u8], u64) -> Result<()>;

/// Finds the rows of a file.
#[derive(Debug)]
pub struct RowSplitter {
    layout: Layout,
    state: State,
    /// The row under way.
    row: Vec<u8>,
    line: u64,
    row_line: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but a byte order mark and white space so far.
    Start,
    /// A row may begin; in an array a closing bracket may stand there too, unless a comma came before.
    Row { after_comma: bool },
    /// Inside a row of an array.
    Inside { depth: u32, quoted: bool, escaped: bool },
    /// A comma or the closing bracket.
    After,
    /// Behind the closing bracket.
    End,
}

impl RowSplitter {
    /// For files of that layout.
    pub const fn new(layout: Layout) -> Self {
        Self { layout, state: State::Start, row: Vec::new(), line: 1, row_line: 1 }
    }

    /// The next bytes of the file.
    pub fn push(&mut self, chunk: &[u8], take: TakeRow<'_>) -> Result<()> {
        if self.layout == Layout::Columns {
            self.row.extend_from_slice(chunk);
            if self.row.len() > COLUMNS_BYTES_MAX {
                let reason =
                    "holds lists for columns, and more than 64 MiB; save it as one object a line";
                return Err(Error::input("file", reason));
            }
            return Ok(());
        }
        for &byte in chunk {
            let ended = match self.layout {
                Layout::Array => self.array_byte(byte)?,
                Layout::Lines | Layout::Columns => self.line_byte(byte),
            };
            if ended {
                take(&self.row, self.row_line)?;
                self.row.clear();
            }
            if byte == b'\n' {
                self.line += 1;
            }
            if self.row.len() > ROW_BYTES_MAX {
                return Err(self.broken("the row never ends, or the file is no JSON"));
            }
        }
        Ok(())
    }

    /// The end of the file.
    pub fn finish(&mut self, take: TakeRow<'_>) -> Result<()> {
        match self.layout {
            Layout::Lines => self.push(b"\n", take),
            Layout::Array if self.state != State::End => {
                Err(self.broken("the file ends before the array does"))
            }
            Layout::Array => Ok(()),
            Layout::Columns => self.columns(take),
        }
    }

    fn columns(&mut self, take: TakeRow<'_>) -> Result<()> {
        let text = self.row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.row);
        let wrong = |reason: String| {
            let expected = "expected an array of objects, or an object with an array for each column; for one object a line say format: 'ndjson'";
            Error::input("file", format!("{expected}: {reason}"))
        };
        let (mut columns, mut rows) = (Vec::new(), None);
        for member in json::members(text).map_err(|flaw| wrong(flaw.to_string()))? {
            let Ok(values) = json::items(member.value.as_bytes()) else {
                return Err(wrong(format!("'{}' is no array", member.name)));
            };
            let rows = *rows.get_or_insert(values.len());
            if values.len() != rows {
                let (name, count) = (member.name, values.len());
                return Err(wrong(format!("'{name}' has {count} values, others {rows}")));
            }
            columns.push((json::quoted(&member.name), values));
        }
        let rows = rows.ok_or_else(|| wrong("there is no column".to_owned()))?;
        let mut text = String::new();
        for row in 0..rows {
            text.clear();
            for (name, values) in &columns {
                text.push(if text.is_empty() { '{' } else { ',' });
                text.extend([name, ":", values[row]]);
            }
            text.push('}');
            take(text.as_bytes(), row as u64 + 1)?;
        }
        Ok(())
    }

    /// True where a line ends that is not empty.
    fn line_byte(&mut self, byte: u8) -> bool {
        if byte != b'\n' {
            if self.row.is_empty() {
                self.row_line = self.line;
            }
            self.row.push(byte);
            return false;
        }
        if self.state == State::Start {
            self.state = State::After;
            if self.row.starts_with(b"\xef\xbb\xbf") {
                self.row.drain(..3);
            }
        }
        if self.row.iter().all(u8::is_ascii_whitespace) {
            self.row.clear();
            return false;
        }
        true
    }

    /// True where the byte closes a row.
    fn array_byte(&mut self, byte: u8) -> Result<bool> {
        if let State::Inside { depth, quoted, escaped } = self.state {
            self.row.push(byte);
            let (depth, quoted, escaped) = match (quoted, byte) {
                (true, _) if escaped => (depth, true, false),
                (true, b'\\') => (depth, true, true),
                (quoted, b'"') => (depth, !quoted, false),
                (false, b'{' | b'[') => (depth + 1, false, false),
                (false, b'}' | b']') => (depth - 1, false, false),
                (quoted, _) => (depth, quoted, false),
            };
            self.state =
                if depth == 0 { State::After } else { State::Inside { depth, quoted, escaped } };
            return Ok(depth == 0);
        }
        if byte.is_ascii_whitespace() {
            return Ok(false);
        }
        self.state = match (self.state, byte) {
            (State::Start, 0xef | 0xbb | 0xbf) => State::Start,
            (State::Start, b'[') => State::Row { after_comma: false },
            (State::Row { .. }, b'{') => {
                self.row_line = self.line;
                self.row.push(byte);
                State::Inside { depth: 1, quoted: false, escaped: false }
            }
            (State::Row { after_comma: false } | State::After, b']') => State::End,
            (State::After, b',') => State::Row { after_comma: true },
            (State::Start, _) => {
                return Err(self.broken(
                    "expected an array of objects; for one object a line say format: 'ndjson'",
                ));
            }
            (State::Row { .. }, _) => return Err(self.broken("expected an object")),
            (State::After, _) => {
                return Err(self.broken("expected a comma or the end of the array"));
            }
            (State::End | State::Inside { .. }, _) => {
                return Err(self.broken("something follows the end of the array"));
            }
        };
        Ok(false)
    }

    fn broken(&self, reason: &str) -> Error {
        Error::input(format!("line {}", self.line), reason)
    }
}
