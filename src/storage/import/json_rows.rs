//! Rows of JSON and NDJSON, as they come in chunks: where one ends and the next begins.

use crate::error::{Error, Result};

/// Most bytes of one row.
const ROW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[{…}, {…}]`
    Array,
    /// One object a line.
    Lines,
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
        for &byte in chunk {
            let ended = match self.layout {
                Layout::Array => self.array_byte(byte)?,
                Layout::Lines => self.line_byte(byte),
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
        }
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
