//! Rows that a reader has converted, on their way into the table in batches; and the conversion of values
//! that other programs stored without our types.

use super::Target;
use crate::error::{Error, Result};
use crate::model::dataset::{Column, ColumnType};
use crate::model::stored::stored_form;
use crate::model::value::{Value, ValueRef};
use crate::storage::ingest::insert_sql;
use crate::storage::port::{BulkPages, RowSource};
use crate::storage::table_text::TextForm;

/// Rows that are written at once.
const BATCH_ROWS: usize = 1024;

/// Collects rows of the same columns and writes them.
#[derive(Debug)]
pub struct RowWriter {
    sql: String,
    /// Positions in the dataset.
    columns: Vec<usize>,
    /// Line of the file, or number in its table, and values.
    rows: Vec<(u64, Vec<Value>)>,
}

impl RowWriter {
    /// For rows of the columns at those positions.
    pub fn new(target: &Target, columns: Vec<usize>) -> Self {
        let named = columns.iter().map(|at| &target.dataset.columns[*at]);
        let sql = insert_sql(&target.dataset, named, target.options.on_conflict);
        Self { sql, columns, rows: Vec::new() }
    }

    /// Takes a row; writes when enough have come.
    pub fn push<P: BulkPages>(
        &mut self,
        port: &mut P,
        target: &mut Target,
        line: u64,
        values: Vec<Value>,
    ) -> Result<()> {
        self.rows.push((line, values));
        if self.rows.len() == BATCH_ROWS { self.flush(port, target) } else { Ok(()) }
    }

    /// Writes what has come.
    pub fn flush<P: BulkPages>(&mut self, port: &mut P, target: &mut Target) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() || !target.writes() {
            return Ok(());
        }
        let mut path = std::mem::take(&mut target.path);
        let mut source = Batch { rows: &rows, next: 0, width: self.columns.len(), target };
        let written = path.write(port, &self.sql, &self.columns, &mut source);
        target.path = path;
        target.note_refusal();
        target.rows += written?;
        Ok(())
    }
}

struct Batch<'a> {
    rows: &'a [(u64, Vec<Value>)],
    next: usize,
    width: usize,
    target: &'a mut Target,
}

impl RowSource for Batch<'_> {
    fn names(&self) -> Option<&[String]> {
        None
    }

    fn advance(&mut self) -> Result<bool> {
        let more = self.next < self.rows.len() && self.target.writes();
        self.next += usize::from(more);
        Ok(more)
    }

    fn value(&self, parameter: usize) -> ValueRef<'_> {
        self.rows[self.next - 1].1[parameter].as_ref()
    }

    fn width(&self) -> usize {
        self.width
    }

    fn place(&self) -> String {
        format!("row {}", self.rows[self.next - 1].0)
    }

    fn line(&self) -> u64 {
        self.rows[self.next - 1].0
    }

    fn rejected(&mut self, error: Error) -> Result<()> {
        let line = self.rows[self.next - 1].0;
        let place = self.place();
        self.target.refuse_constraint(error, line, &place)
    }
}

/// A value without declared meaning as one of ours. Other programs store numbers as text and lot numbers
/// as numbers.
pub fn foreign_value(
    form: &TextForm,
    column: &Column,
    value: ValueRef<'_>,
) -> Result<Value, String> {
    match (column.kind, value) {
        (_, ValueRef::Null) if column.required => {
            Err("is null, and the column needs a value".to_owned())
        }
        // Unlike an empty field of a CSV, empty text is a value here.
        (ColumnType::Text, ValueRef::Text(text)) => {
            let text = std::str::from_utf8(text).map_err(|_| "is not UTF-8".to_owned())?;
            Ok(text.into())
        }
        (ColumnType::Text, ValueRef::Int(n)) => Ok(Value::Text(n.to_string())),
        (ColumnType::Text, ValueRef::Real(x)) => Ok(Value::Text(format!("{x:?}"))),
        // 20250610
        (ColumnType::Date, ValueRef::Int(n)) => form.value(column, &n.to_string()),
        (ColumnType::Integer | ColumnType::Timestamp, ValueRef::Real(x))
            if x.fract() == 0.0 && x.abs() < 9e15 =>
        {
            Ok(Value::Int(x as i64))
        }
        (kind, ValueRef::Text(text)) if kind != ColumnType::Blob => {
            let text = std::str::from_utf8(text).map_err(|_| "is not UTF-8".to_owned())?;
            form.value(column, text)
        }
        (_, value) => Ok(stored_form(column, value)?.unwrap_or_else(|| value.to_value())),
    }
}
