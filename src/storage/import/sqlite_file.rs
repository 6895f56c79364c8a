//! An SQLite file from outside: only the rows of one table are read, as untrusted data. Its triggers,
//! views and indexes never run here.

use super::{Detected, Target};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::{Column, ColumnType};
use crate::model::value::{Value, ValueRef};
use crate::planner::sql::Sql;
use crate::storage::ingest::{insert_sql, stored_form};
use crate::storage::port::{Author, ForeignFiles, RowSink, RowSource, SqlPort, Statement, collect};
use crate::storage::table_text::TextForm;

/// Rows that are copied at once.
const BATCH_ROWS: usize = 1024;

/// Copies the rows of a table into the dataset.
pub fn copy<P: SqlPort + ForeignFiles>(
    port: &mut P,
    target: &mut Target,
    bytes: Vec<u8>,
) -> Result<Detected> {
    let mut foreign = port.open_foreign(bytes)?;
    let table = find_table(&mut foreign, target)?;
    let names: Vec<String> =
        collect(&mut foreign, "SELECT name FROM pragma_table_info(?)", &[table.as_str().into()])?
            .into_iter()
            .filter_map(|row| match row.into_iter().next() {
                Some(Value::Text(name)) => Some(name),
                _ => None,
            })
            .collect();
    let fields = target.match_names(&names)?;
    let taken: Vec<(String, usize)> =
        names.into_iter().zip(fields).filter_map(|(name, at)| at.map(|at| (name, at))).collect();
    let mut select = Sql::default();
    select.push("SELECT ").separated(", ", &taken, |sql, (name, _)| {
        sql.name(name);
    });
    select.push(" FROM ").name(&table);
    let columns: Vec<Column> =
        taken.iter().map(|(_, at)| target.dataset.columns[*at].clone()).collect();
    let sql = insert_sql(&target.dataset, columns.iter(), target.options.on_conflict);
    let mut copy = Copy { port, target, columns: &columns, sql, rows: Vec::new(), row: 0 };
    foreign.run(Statement::caller(&select.text, &[]), &mut copy)?;
    copy.flush()?;
    Ok(Detected { format: "sqlite", encoding: None, delimiter: None, header: None })
}

/// The table that the options name, or the one called like the dataset.
fn find_table<F: SqlPort>(foreign: &mut F, target: &Target) -> Result<String> {
    // A virtual table would run the code of its module over whatever its shadow tables hold.
    let list = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name";
    let known: Vec<String> = collect(foreign, list, &[])?
        .into_iter()
        .filter_map(|row| match row.into_iter().next() {
            Some(Value::Text(name)) => Some(name),
            _ => None,
        })
        .collect();
    let wanted = target.options.table.as_deref().unwrap_or(&target.dataset.name);
    match known.iter().find(|name| name.eq_ignore_ascii_case(wanted)) {
        Some(name) => Ok(name.clone()),
        None => Err(Error::NotFound { kind: "table", name: wanted.to_owned(), known }),
    }
}

struct Copy<'a, P> {
    port: &'a mut P,
    target: &'a mut Target,
    columns: &'a [Column],
    sql: String,
    /// Number in the table and values.
    rows: Vec<(u64, Vec<Value>)>,
    row: u64,
}

impl<P: SqlPort> Copy<'_, P> {
    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() || !self.target.writes() {
            return Ok(());
        }
        let mut source =
            CopiedRows { rows: &rows, next: 0, width: self.columns.len(), target: self.target };
        let done = self.port.run_many(&self.sql, Author::Caller, &mut source)?;
        self.target.rows += u64::try_from(done.changes).unwrap_or(0);
        Ok(())
    }
}

impl<P: SqlPort> RowSink for Copy<'_, P> {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        self.row += 1;
        let mut values = Vec::with_capacity(row.len());
        for (column, value) in self.columns.iter().zip(row) {
            match convert(&self.target.options.form, column, *value) {
                Ok(value) => values.push(value),
                Err(reason) => {
                    let column = Some(column.name.clone());
                    self.target.refuse(RowError { line: self.row, column, reason });
                    return Ok(());
                }
            }
        }
        self.rows.push((self.row, values));
        if self.rows.len() == BATCH_ROWS { self.flush() } else { Ok(()) }
    }
}

/// A value of a table without declared meaning as one of ours. Other programs store numbers as text and
/// lot numbers as numbers.
fn convert(form: &TextForm, column: &Column, value: ValueRef<'_>) -> Result<Value, String> {
    match (column.kind, value) {
        (_, ValueRef::Null) if column.required => {
            Err("is null, and the column needs a value".to_owned())
        }
        (ColumnType::Text | ColumnType::Json, ValueRef::Text(text)) => {
            let text = std::str::from_utf8(text).map_err(|_| "is not UTF-8".to_owned())?;
            form.value(column, text)
        }
        (ColumnType::Text, ValueRef::Int(n)) => Ok(Value::Text(n.to_string())),
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

struct CopiedRows<'a> {
    rows: &'a [(u64, Vec<Value>)],
    next: usize,
    width: usize,
    target: &'a mut Target,
}

impl RowSource for CopiedRows<'_> {
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

    fn rejected(&mut self, error: Error) -> Result<()> {
        let Error::ConstraintViolation { detail } = error else { return Err(error) };
        let place = format!("{}: ", self.place());
        let reason = detail.strip_prefix(&place).unwrap_or(&detail).to_owned();
        self.target.refuse(RowError { line: self.rows[self.next - 1].0, column: None, reason });
        Ok(())
    }
}
