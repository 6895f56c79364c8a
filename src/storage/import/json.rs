//! JSON and NDJSON: each row is read by itself, so that memory holds no more than one.

use super::evidence::Evidence;
use super::json_rows::{Layout, RowSplitter};
use super::names::ColumnNames;
use super::rows::{RowWriter, foreign_value};
use super::{Detected, Head, Target, needs_value};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::ColumnType;
use crate::model::json::{self, Item, Member};
use crate::model::numbering::ByteNumbers;
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
    names: ByteNumbers,
    /// For each of the names.
    columns: Vec<Option<usize>>,
    unique: ColumnNames,
}

impl Members {
    /// The column of a member, which may have come up before.
    fn column_of(&mut self, target: &Target, name: &str) -> Result<Option<usize>> {
        if let Some(number) = self.names.find(name.as_bytes()) {
            return Ok(self.columns[number as usize]);
        }
        if self.columns.len() == NAMES_MAX {
            let reason = format!("has more than {NAMES_MAX} names of members");
            return Err(Error::input("file", reason));
        }
        let unique = self.unique.next(name);
        let mut at = target.matcher().column_of(name)?;
        if at.is_none() || self.columns.contains(&at) {
            at = target.matcher().column_of(&unique)?.or(at);
        }
        self.names.number(name.as_bytes());
        self.columns.push(at);
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
            let columns = &target.dataset.columns;
            // Of members of the same name the last one counts.
            let mut found = vec![None; columns.len()];
            for member in members {
                if let Ok(Some(at)) = known.column_of(target, &member.name) {
                    found[at] = Some(member.value);
                }
            }
            for (column, json) in columns.iter().zip(found) {
                if let Some(Ok(Item::Text(text))) = json.map(Item::of) {
                    evidence.add(&column.name, column.kind, &text);
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
        let Members { names, columns, .. } = &self.rows.members;
        let seen = names.keys().iter().map(|name| String::from_utf8_lossy(name).into_owned());
        let seen: Vec<String> = seen.collect();
        let mut mapped = target.options.columns.iter().map(|(from, _)| from);
        if let Some(from) = mapped.find(|from| !seen.is_empty() && !seen.contains(from)) {
            let reason = format!("no object of the file has a member '{from}'");
            return Err(Error::input("columns", reason));
        }
        target.ignore(&seen, columns);
        Ok(target.detected_text(self.layout.format()))
    }
}

/// Gives every sound object at the beginning of a file to `take`.
pub fn each_object(
    layout: Layout,
    head: Head<'_>,
    take: &mut dyn FnMut(&[Member<'_>]),
) -> Result<()> {
    let mut splitter = RowSplitter::new(layout);
    let mut row = |row: &[u8], _| {
        if let Ok(members) = json::members(row) {
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
        let row = match json::members(row) {
            Ok(members) => {
                let places =
                    members.iter().map(|member| self.members.column_of(target, &member.name));
                let places = places.collect::<Result<Vec<_>>>()?;
                values(target, &members, &places, line)
            }
            Err(_) if std::str::from_utf8(row).is_err() => Err(refuse(target.no_text())),
            Err(flaw) => Err(refuse(format!("is no JSON object: {flaw}"))),
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

/// A value for each column of the dataset, from members for the columns at those places.
fn values(
    target: &Target,
    members: &[Member<'_>],
    places: &[Option<usize>],
    line: u64,
) -> Result<Vec<Value>, RowError> {
    let columns = &target.dataset.columns;
    let blame = |at: usize, reason: String| RowError {
        line,
        column: Some(columns[at].name.clone()),
        reason,
    };
    let mut found: Vec<Option<&Member<'_>>> = vec![None; columns.len()];
    for (member, at) in members.iter().zip(places) {
        let Some(at) = *at else { continue };
        // Of members of the same name the last one counts, as in JavaScript.
        if found[at].is_some_and(|other| other.name != member.name) {
            return Err(blame(at, "two members of the object are for it".to_owned()));
        }
        found[at] = Some(member);
    }
    let value = |(at, member): (usize, &Option<&Member<'_>>)| match member {
        Some(member) => json_value(columns[at].kind, member.value)
            .and_then(|value| foreign_value(&target.form, &columns[at], value.as_ref()))
            .map_err(|reason| blame(at, reason)),
        None if needs_value(&columns[at]) => {
            Err(blame(at, "is missing, and the column needs a value".to_owned()))
        }
        None => Ok(columns[at].default.clone().unwrap_or(Value::Null)),
    };
    found.iter().enumerate().map(value).collect()
}

/// A member's value. Objects and arrays stand only in JSON columns, as their text.
fn json_value(kind: ColumnType, json: &str) -> Result<Value, String> {
    if kind == ColumnType::Json && json != "null" {
        return Ok(Value::Text(json::compact(json)));
    }
    match Item::of(json)? {
        Item::Null => Ok(Value::Null),
        Item::Bool(flag) => Ok(Value::Int(i64::from(flag))),
        Item::Int(n) => Ok(Value::Int(n)),
        Item::Real(x) => Ok(Value::Real(x)),
        Item::Digits(digits) => match kind {
            ColumnType::Real => Ok(Value::Real(json::real(digits)?)),
            ColumnType::Text => Ok(Value::Text(digits.to_owned())),
            _ => {
                let shown = digits.get(..40).unwrap_or(digits);
                Err(format!("{shown} does not fit into 64 bits"))
            }
        },
        Item::Text(text) if kind == ColumnType::Blob => {
            bytes_of_base64(&text).map(Value::Blob).ok_or_else(|| "is no base64".to_owned())
        }
        Item::Text(text) => Ok(Value::Text(text.into_owned())),
        Item::List(_) => Err("is an array".to_owned()),
        Item::Map(_) => Err("is an object".to_owned()),
    }
}
