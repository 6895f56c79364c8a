//! An SQLite file from outside: only the rows of one table are read, as untrusted data. Its triggers,
//! views and indexes never run here.

use std::fmt::Debug;

use super::evidence::Evidence;
use super::guess::Declared;
use super::rows::{RowWriter, foreign_value};
use super::{Detected, Target};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::Column;
use crate::model::value::{Value, ValueRef};
use crate::planner::sql::Sql;
use crate::storage::port::{
    BulkPages, Cursor as _, ForeignFile, ForeignFiles, SqlPort, Statement, Streams, collect,
};

/// Rows that are looked at before the first is copied.
const LOOKED_AT_ROWS: usize = 1_000;

/// Copied at once: so long, some 20 ms, a question may have to wait.
const STEP_BYTES: usize = 256 * 1024;
/// What a number counts for, and a text or blob at least.
const VALUE_BYTES: usize = 8;

/// The table of a file that stays open until its rows are copied.
#[derive(Debug)]
pub struct TableReader {
    rows: Box<dyn ForeignRows>,
    columns: Vec<Column>,
    writer: RowWriter,
    row: u64,
}

/// Opens a file, and finds the table that is wanted.
pub fn open<P: ForeignFiles>(
    port: &mut P,
    target: &mut Target,
    file: Box<dyn ForeignFile>,
) -> Result<TableReader> {
    let mut foreign = port.open_foreign(file)?;
    let table = find_table(&mut foreign, target)?;
    let names: Vec<String> =
        columns_of(&mut foreign, &table)?.into_iter().map(|(name, _)| name).collect();
    let fields = target.matcher().columns_of(&names)?;
    target.check_complete(&fields, &names)?;
    target.ignore(&names, &fields);
    let taken: Vec<(String, usize)> =
        names.into_iter().zip(fields).filter_map(|(name, at)| at.map(|at| (name, at))).collect();
    let mut select = Sql::default();
    select.push("SELECT ").separated(", ", &taken, |sql, (name, _)| {
        sql.name(name);
    });
    select.push(" FROM ").name(&table);
    let columns: Vec<Column> =
        taken.iter().map(|(_, at)| target.dataset.columns[*at].clone()).collect();
    learn_form(&mut foreign, target, &select.text, &columns)?;
    let writer = RowWriter::new(target, taken.iter().map(|(_, at)| *at).collect());
    let rows = Box::new(Opened::select(foreign, &select.text)?);
    Ok(TableReader { rows, columns, writer, row: 0 })
}

impl TableReader {
    /// Copies some rows; what was found out when it has copied all.
    pub fn copy_some<P: BulkPages>(
        &mut self,
        port: &mut P,
        target: &mut Target,
    ) -> Result<Option<Detected>> {
        let Self { rows, columns, writer, row } = self;
        let mut bytes = 0;
        let more = rows.next(&mut |values| {
            *row += 1;
            bytes += values.iter().map(bytes_of).sum::<usize>();
            if let Some(values) = converted(target, columns, *row, values) {
                writer.push(port, target, *row, values)?;
            }
            Ok(bytes < STEP_BYTES)
        })?;
        if more {
            return Ok(None);
        }
        writer.flush(port, target)?;
        Ok(Some(target.detected("sqlite")))
    }
}

/// The values of a row in their stored form; none where one cannot be taken.
fn converted(
    target: &mut Target,
    columns: &[Column],
    row: u64,
    values: &[ValueRef<'_>],
) -> Option<Vec<Value>> {
    let mut converted = Vec::with_capacity(values.len());
    for (column, value) in columns.iter().zip(values) {
        match foreign_value(&target.form, column, *value) {
            Ok(value) => converted.push(value),
            Err(reason) => {
                let column = Some(column.name.clone());
                target.refuse(RowError { line: row, column, reason });
                return None;
            }
        }
    }
    Some(converted)
}

const fn bytes_of(value: &ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => VALUE_BYTES + bytes.len(),
        _ => VALUE_BYTES,
    }
}

/// Rows of a statement on a file, whatever opened it.
trait ForeignRows: Debug {
    /// As [`Cursor::next`].
    fn next(&mut self, take: &mut dyn FnMut(&[ValueRef<'_>]) -> Result<bool>) -> Result<bool>;
}

#[derive(Debug)]
struct Opened<F: Streams> {
    rows: F::Cursor,
    /// Outlives the statement.
    foreign: F,
    version: Vec<Vec<Value>>,
}

/// Another number after each change of the file by others.
const VERSION: &str = "PRAGMA data_version";

impl<F: Streams> Opened<F> {
    fn select(mut foreign: F, sql: &str) -> Result<Self> {
        let version = collect(&mut foreign, VERSION, &[])?;
        let rows = foreign.cursor(Statement::caller(sql, &[]))?;
        Ok(Self { rows, foreign, version })
    }
}

impl<F: Streams + Debug> ForeignRows for Opened<F> {
    fn next(&mut self, take: &mut dyn FnMut(&[ValueRef<'_>]) -> Result<bool>) -> Result<bool> {
        let more = self.rows.next(take)?;
        if !more && collect(&mut self.foreign, VERSION, &[])? != self.version {
            return Err(Error::input(
                "the imported file",
                "was changed while it was read, and nothing was imported. Close the program that writes it, or import a copy",
            ));
        }
        Ok(more)
    }
}

/// Looks at numbers and dates that stand as text at the beginning of the table.
fn learn_form<F: SqlPort>(
    foreign: &mut F,
    target: &mut Target,
    select: &str,
    columns: &[Column],
) -> Result<()> {
    let mut evidence = Evidence::default();
    for row in collect(foreign, &format!("{select} LIMIT {LOOKED_AT_ROWS}"), &[])? {
        for (column, value) in columns.iter().zip(&row) {
            if let Value::Text(text) = value {
                evidence.add(&column.name, column.kind, text);
            }
        }
    }
    let settled = evidence.settle(&target.options.form, true)?;
    target.form = settled.form;
    target.date_format = settled.date_format;
    Ok(())
}

/// Tables that may be read.
pub fn tables_of<F: SqlPort>(foreign: &mut F) -> Result<Vec<String>> {
    // A virtual table would run the code of its module over whatever its shadow tables hold.
    let list = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name";
    let rows = collect(foreign, list, &[])?;
    Ok(rows.into_iter().flatten().filter_map(text_of).collect())
}

/// Columns of a table, and what it says about them.
pub fn columns_of<F: SqlPort>(foreign: &mut F, table: &str) -> Result<Vec<(String, Declared)>> {
    let sql = "SELECT name, type LIKE '%CHAR%' OR type LIKE '%CLOB%' OR type LIKE '%TEXT%', \
               \"notnull\" OR pk > 0, pk = 1 AND (SELECT max(pk) FROM pragma_table_info(?1)) = 1 \
               FROM pragma_table_info(?1)";
    let columns = collect(foreign, sql, &[table.into()])?.into_iter().filter_map(|row| {
        let is = |at: usize| row.get(at) == Some(&Value::Int(1));
        let declared = Declared { is_text: is(1), is_required: is(2), is_key: is(3) };
        Some((row.into_iter().next().and_then(text_of)?, declared))
    });
    Ok(columns.collect())
}

fn text_of(value: Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

/// The table that the options name, or the one called like the dataset.
fn find_table<F: SqlPort>(foreign: &mut F, target: &Target) -> Result<String> {
    let known = tables_of(foreign)?;
    let wanted = target.options.table.as_deref().unwrap_or(&target.dataset.name);
    match known.iter().find(|name| name.eq_ignore_ascii_case(wanted)) {
        Some(name) => Ok(name.clone()),
        None => Err(Error::NotFound { kind: "table", name: wanted.to_owned(), known }),
    }
}
