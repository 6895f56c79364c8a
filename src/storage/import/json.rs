//! JSON and NDJSON: serde_json reads each row by itself, so that memory holds no more than one.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::evidence::Evidence;
use super::json_rows::{Layout, RowSplitter};
use super::names::ColumnNames;
use super::rows::{RowWriter, foreign_value};
use super::{Detected, Head, Target, needs_value};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::ColumnType;
use crate::model::value::Value;
use crate::storage::port::BulkPages;
use crate::storage::table_text::bytes_of_base64;

/// Most names of members in a file.
const NAMES_MAX: usize = 10_000;

/// A JSON or NDJSON file under way.
#[derive(Debug)]
pub struct JsonReader {
    layout: Layout,
    splitter: RowSplitter,
    rows: JsonRows,
}

/// Rows on their way from text to the table.
#[derive(Debug)]
struct JsonRows {
    writer: RowWriter,
    members: Members,
}

/// The dataset's column for each member name that has come up.
#[derive(Debug, Default)]
struct Members {
    columns: HashMap<String, Option<usize>>,
    unique: ColumnNames,
}

impl Members {
    /// The column of a member, which may have come up before.
    fn column_of(&mut self, target: &Target, name: &str) -> Result<Option<usize>> {
        if let Some(at) = self.columns.get(name) {
            return Ok(*at);
        }
        if self.columns.len() == NAMES_MAX {
            let reason = format!("has more than {NAMES_MAX} names of members");
            return Err(Error::input("file", reason));
        }
        let unique = self.unique.next(name);
        let mut at = target.matcher().column_of(name)?;
        if at.is_none() || self.columns.values().any(|other| *other == at) {
            at = target.matcher().column_of(&unique)?.or(at);
        }
        self.columns.insert(name.to_owned(), at);
        Ok(at)
    }
}

impl JsonReader {
    /// Finds out how to read the file from its beginning; none where more of it is needed.
    pub fn new(target: &mut Target, layout: Layout, head: Head<'_>) -> Result<Option<Self>> {
        if layout == Layout::Columns && head.may_grow {
            return Ok(None);
        }
        let mut evidence = Evidence::default();
        let mut known = Members::default();
        // What is broken is told when it is read.
        _ = each_object(layout, head, &mut |members| {
            for (name, json) in members {
                let at = known.column_of(target, name).unwrap_or(None);
                if let (Some(at), Json::String(text)) = (at, json) {
                    let column = &target.dataset.columns[at];
                    evidence.add(&column.name, column.kind, text);
                }
            }
        });
        // Programs write JSON, and they write decimal points.
        let settled = match evidence.settle(&target.options.form, true) {
            Err(_) if head.may_grow => return Ok(None),
            settled => settled?,
        };
        target.form = settled.form;
        target.date_format = settled.date_format;
        let writer = RowWriter::new(target, (0..target.dataset.columns.len()).collect());
        let rows = JsonRows { writer, members: Members::default() };
        Ok(Some(Self { layout, splitter: RowSplitter::new(layout), rows }))
    }

    /// The next bytes of the file.
    pub fn push<P: BulkPages>(
        &mut self,
        port: &mut P,
        target: &mut Target,
        chunk: &[u8],
    ) -> Result<()> {
        let rows = &mut self.rows;
        self.splitter.push(chunk, &mut |row, line| rows.take(port, target, row, line))
    }

    /// The end of the file.
    pub fn finish<P: BulkPages>(&mut self, port: &mut P, target: &mut Target) -> Result<Detected> {
        let rows = &mut self.rows;
        self.splitter.finish(&mut |row, line| rows.take(port, target, row, line))?;
        rows.writer.flush(port, target)?;
        let (seen, columns): (Vec<_>, Vec<_>) = self.rows.members.columns.drain().unzip();
        let mut mapped = target.options.columns.iter().map(|(from, _)| from);
        if let Some(from) = mapped.find(|from| !seen.is_empty() && !seen.contains(from)) {
            let reason = format!("no object of the file has a member '{from}'");
            return Err(Error::input("columns", reason));
        }
        target.ignore(&seen, &columns);
        Ok(target.detected_text(self.layout.format()))
    }
}

/// Gives every sound object at the beginning of a file to `take`.
pub fn each_object(
    layout: Layout,
    head: Head<'_>,
    take: &mut dyn FnMut(&Map<String, Json>),
) -> Result<()> {
    let mut splitter = RowSplitter::new(layout);
    let mut row = |row: &[u8], _| {
        if let Ok(members) = serde_json::from_slice(row) {
            take(&members);
        }
        Ok(())
    };
    splitter.push(head.bytes, &mut row)?;
    if head.is_whole { splitter.finish(&mut row) } else { Ok(()) }
}

impl JsonRows {
    fn take<P: BulkPages>(
        &mut self,
        port: &mut P,
        target: &mut Target,
        row: &[u8],
        line: u64,
    ) -> Result<()> {
        let refuse = |reason: String| RowError { line, column: None, reason };
        let members =
            std::str::from_utf8(row).map_err(|_| refuse(target.no_text())).and_then(|_| {
                // From bytes, as everywhere: reading text would be in the module a second time.
                serde_json::from_slice::<Map<String, Json>>(row)
                    .map_err(|error| refuse(format!("is no JSON object: {error}")))
            });
        let row = match members {
            Ok(members) => {
                for name in members.keys() {
                    self.members.column_of(target, name)?;
                }
                values(target, &self.members, members, line)
            }
            Err(error) => Err(error),
        };
        match row {
            Ok(values) => self.writer.push(port, target, line, values),
            Err(error) => {
                target.refuse(error);
                Ok(())
            }
        }
    }
}

/// A value for each column of the dataset.
fn values(
    target: &Target,
    known: &Members,
    members: Map<String, Json>,
    line: u64,
) -> Result<Vec<Value>, RowError> {
    let columns = &target.dataset.columns;
    let blame = |at: usize, reason: String| RowError {
        line,
        column: Some(columns[at].name.clone()),
        reason,
    };
    let mut found: Vec<Option<Value>> = vec![None; columns.len()];
    for (name, json) in members {
        let Some(at) = known.columns.get(&name).copied().flatten() else { continue };
        if found[at].is_some() {
            return Err(blame(at, "two members of the object are for it".to_owned()));
        }
        let value = json_value(columns[at].kind, json)
            .and_then(|value| foreign_value(&target.form, &columns[at], value.as_ref()));
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
