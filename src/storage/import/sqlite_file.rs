//! An SQLite file from outside: only the rows of one table are read, as untrusted data. Its triggers,
//! views and indexes never run here.

use super::evidence::Evidence;
use super::guess::Declared;
use super::rows::{RowWriter, foreign_value};
use super::{Detected, Target};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::Column;
use crate::model::value::{Value, ValueRef};
use crate::planner::sql::Sql;
use crate::storage::port::{BulkPages, ForeignFiles, RowSink, SqlPort, Statement, collect};

/// Rows that are looked at before the first is copied.
const LOOKED_AT_ROWS: usize = 1_000;

/// Copies the rows of a table into the dataset.
pub fn copy<P: BulkPages + ForeignFiles>(
    port: &mut P,
    target: &mut Target,
    bytes: Vec<u8>,
) -> Result<Detected> {
    let mut foreign = port.open_foreign(bytes)?;
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
    let mut copy = Copy { port, target, columns: &columns, writer, row: 0 };
    foreign.run(Statement::caller(&select.text, &[]), &mut copy)?;
    copy.writer.flush(copy.port, copy.target)?;
    Ok(target.detected("sqlite"))
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

struct Copy<'a, P> {
    port: &'a mut P,
    target: &'a mut Target,
    columns: &'a [Column],
    writer: RowWriter,
    row: u64,
}

impl<P: BulkPages> RowSink for Copy<'_, P> {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        self.row += 1;
        let mut values = Vec::with_capacity(row.len());
        for (column, value) in self.columns.iter().zip(row) {
            match foreign_value(&self.target.form, column, *value) {
                Ok(value) => values.push(value),
                Err(reason) => {
                    let column = Some(column.name.clone());
                    self.target.refuse(RowError { line: self.row, column, reason });
                    return Ok(());
                }
            }
        }
        self.writer.push(self.port, self.target, self.row, values)
    }
}
