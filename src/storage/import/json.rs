//! JSON and NDJSON, as they come in chunks: an array of objects, or one object a line. Where one row ends
//! is found here; serde_json reads each row by itself, so that memory holds no more than one.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::rows::{RowWriter, foreign_value};
use super::{Detected, Target, needs_value};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::ColumnType;
use crate::model::value::Value;
use crate::storage::port::SqlPort;
use crate::storage::table_text::bytes_of_base64;

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

/// A file under way.
#[derive(Debug)]
pub struct JsonReader {
    layout: Layout,
    state: State,
    /// The row under way.
    row: Vec<u8>,
    line: u64,
    row_line: u64,
    writer: RowWriter,
    /// What was found for each member name that has come up.
    names: HashMap<String, Option<usize>>,
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

impl JsonReader {
    /// A reader of that layout.
    pub fn new(target: &Target, layout: Layout) -> Self {
        Self {
            layout,
            state: State::Start,
            row: Vec::new(),
            line: 1,
            row_line: 1,
            writer: RowWriter::new(target, target.dataset.columns.iter()),
            names: HashMap::new(),
        }
    }

    /// The next bytes of the file.
    pub fn push<P: SqlPort>(
        &mut self,
        port: &mut P,
        target: &mut Target,
        chunk: &[u8],
    ) -> Result<()> {
        for &byte in chunk {
            let ended = match self.layout {
                Layout::Array => self.array_byte(byte)?,
                Layout::Lines => self.line_byte(byte),
            };
            if ended {
                self.take_row(port, target)?;
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
    pub fn finish<P: SqlPort>(&mut self, port: &mut P, target: &mut Target) -> Result<Detected> {
        match self.layout {
            Layout::Lines => {
                self.push(port, target, b"\n")?;
            }
            Layout::Array if self.state != State::End => {
                return Err(self.broken("the file ends before the array does"));
            }
            Layout::Array => {}
        }
        self.writer.flush(port, target)?;
        let format = if self.layout == Layout::Array { "json" } else { "ndjson" };
        Ok(Detected { format, encoding: Some(target.encoding.clone()), ..Detected::default() })
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

    fn take_row<P: SqlPort>(&mut self, port: &mut P, target: &mut Target) -> Result<()> {
        let bytes = std::mem::take(&mut self.row);
        let line = self.row_line;
        let refuse = |reason: String| RowError { line, column: None, reason };
        let row = std::str::from_utf8(&bytes)
            .map_err(|_| refuse(target.no_text()))
            .and_then(|text| {
                serde_json::from_str::<Map<String, Json>>(text)
                    .map_err(|error| refuse(format!("is no JSON object: {error}")))
            })
            .and_then(|members| self.values(target, members));
        // The allocation is good for the next row.
        self.row = bytes;
        self.row.clear();
        match row {
            Ok(values) => self.writer.push(port, target, line, values),
            Err(error) => {
                target.refuse(error);
                Ok(())
            }
        }
    }

    /// A value for each column of the dataset.
    fn values(
        &mut self,
        target: &Target,
        members: Map<String, Json>,
    ) -> Result<Vec<Value>, RowError> {
        let columns = &target.dataset.columns;
        let line = self.row_line;
        let blame = |at: usize, reason: String| RowError {
            line,
            column: Some(columns[at].name.clone()),
            reason,
        };
        let mut found: Vec<Option<Value>> = vec![None; columns.len()];
        for (name, json) in members {
            let known = self.names.get(&name).copied();
            let at = known.unwrap_or_else(|| {
                let at = target.column_of(&name);
                self.names.insert(name, at);
                at
            });
            let Some(at) = at else { continue };
            if found[at].is_some() {
                return Err(blame(at, "two members of the object are for it".to_owned()));
            }
            let value = json_value(columns[at].kind, json).and_then(|value| {
                foreign_value(&target.options.form, &columns[at], value.as_ref())
            });
            found[at] = Some(value.map_err(|reason| blame(at, reason))?);
        }
        let values =
            found.into_iter().zip(columns).enumerate().map(|(at, (value, column))| match value {
                Some(value) => Ok(value),
                None if needs_value(column) => {
                    Err(blame(at, "is missing, and the column needs a value".to_owned()))
                }
                None => Ok(column.default.clone().unwrap_or(Value::Null)),
            });
        values.collect()
    }
}

/// A member's value. Objects and arrays stand only in JSON columns, as their text.
fn json_value(kind: ColumnType, json: Json) -> Result<Value, String> {
    if kind == ColumnType::Json && !json.is_null() {
        return Ok(Value::Text(json.to_string()));
    }
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(flag) => Ok(Value::Int(i64::from(flag))),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(n), _) => Ok(Value::Int(n)),
            (None, Some(x)) if x.is_finite() && !number.is_u64() => Ok(Value::Real(x)),
            _ if kind == ColumnType::Real => Ok(number.as_f64().map_or(Value::Null, Value::Real)),
            _ => Err(format!("{number} does not fit into 64 bits")),
        },
        Json::String(text) if kind == ColumnType::Blob => {
            bytes_of_base64(&text).map(Value::Blob).ok_or_else(|| "is no base64".to_owned())
        }
        Json::String(text) => Ok(Value::Text(text)),
        Json::Array(_) => Err("is an array".to_owned()),
        Json::Object(_) => Err("is an object".to_owned()),
    }
}
