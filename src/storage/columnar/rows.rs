//! Keys and rows of a dataset, a slice at a time. Does not know what becomes of them.

use crate::columnstore::build::SegmentBuilder;
use crate::columnstore::layout::Layout;
use crate::error::Result;
use crate::model::dataset::Dataset;
use crate::model::value::{Value, ValueRef};
use crate::planner::sql::{Sql, quote};
use crate::storage::columnar::blocks::{BlockScan, Run};
use crate::storage::port::{RowSink, SqlPort, Statement, collect};

/// Keys that are looked at in one step.
const KEYS_AT_ONCE: i64 = 16_384;
/// Rows that are encoded in one step.
const ROWS_AT_ONCE: i64 = 4096;

/// The least and the greatest key; none of an empty table.
pub fn span<P: SqlPort>(port: &mut P, dataset: &Dataset) -> Result<Option<Run>> {
    let (key, table) = (quote(dataset.key()), quote(&dataset.name));
    let sql = format!("SELECT (SELECT min({key}) FROM {table}), (SELECT max({key}) FROM {table})");
    Ok(match collect(port, &sql, &[])?.first().map(Vec::as_slice) {
        Some([Value::Int(first), Value::Int(last)]) => Some(Run { first: *first, last: *last }),
        _ => None,
    })
}

/// The first key from one on.
pub fn next_key<P: SqlPort>(port: &mut P, dataset: &Dataset, from: i64) -> Result<Option<i64>> {
    let (key, table) = (quote(dataset.key()), quote(&dataset.name));
    let sql = format!("SELECT min({key}) FROM {table} WHERE {key} >= ?");
    Ok(match collect(port, &sql, &[from.into()])?.first().map(Vec::as_slice) {
        Some([Value::Int(found)]) => Some(*found),
        _ => None,
    })
}

/// Whether rows stand under all keys of the beginning of a range; the rest of it.
pub fn count<P: SqlPort>(port: &mut P, dataset: &Dataset, run: Run) -> Result<(bool, Option<Run>)> {
    let last = run.last.min(run.first.saturating_add(KEYS_AT_ONCE - 1));
    let (key, table) = (quote(dataset.key()), quote(&dataset.name));
    let sql = format!("SELECT count(*) FROM {table} WHERE {key} BETWEEN ? AND ?");
    let found = collect(port, &sql, &[run.first.into(), last.into()])?;
    let wanted = Run { first: run.first, last }.rows();
    let rest = (last < run.last).then(|| Run { first: last + 1, last: run.last });
    Ok((found == [[Value::Int(wanted as i64)]], rest))
}

/// Looks for keys that no segment of a block covers; false where it has seen all.
pub fn scan<P: SqlPort>(port: &mut P, dataset: &Dataset, scan: &mut BlockScan) -> Result<bool> {
    let Some(gap) = scan.next_gap() else { return Ok(false) };
    let (key, table) = (quote(dataset.key()), quote(&dataset.name));
    let sql = format!(
        "SELECT {key} FROM {table} NOT INDEXED WHERE {key} BETWEEN ? AND ? ORDER BY {key} LIMIT {KEYS_AT_ONCE}"
    );
    let before = scan.rows;
    let mut last = None;
    let mut each = Each(|row: &[ValueRef<'_>]| {
        if let [ValueRef::Int(key)] = row {
            scan.found(*key);
            last = Some(*key);
        }
    });
    port.run(Statement::engine(&sql, &[gap.first.into(), gap.last.into()]), &mut each)?;
    if let Some(last) = last.filter(|_| scan.rows - before == KEYS_AT_ONCE as u64) {
        scan.go_on_behind(last, gap);
    }
    Ok(true)
}

/// What became of a slice of rows.
#[derive(Debug, PartialEq, Eq)]
pub enum Slice {
    /// There are more.
    More,
    /// All are there.
    All,
    /// A row is missing.
    Gap,
}

/// Feeds the rows that follow those that a builder has.
pub fn encode<P: SqlPort>(
    port: &mut P,
    (dataset, layout): (&Dataset, &Layout),
    run: Run,
    builder: &mut SegmentBuilder,
) -> Result<Slice> {
    let first = run.first + builder.rows() as i64;
    let last = run.last.min(first.saturating_add(ROWS_AT_ONCE - 1));
    let mut sql = Sql::default();
    sql.push("SELECT ").name(dataset.key());
    for column in &layout.columns {
        sql.push(", ").name(&column.name);
    }
    // An index that has all columns would have to be sorted by the key first.
    sql.push(" FROM ").name(&dataset.name).push(" NOT INDEXED WHERE ").name(dataset.key());
    sql.push(" BETWEEN ").bind(first.into()).push(" AND ").bind(last.into());
    sql.push(" ORDER BY ").name(dataset.key());
    let before = builder.rows();
    let mut is_dense = true;
    let mut each = Each(|row: &[ValueRef<'_>]| {
        is_dense &= row[0] == ValueRef::Int(run.first + builder.rows() as i64);
        builder.push(|i| row[i + 1]);
    });
    port.run(Statement::engine(&sql.text, &sql.params), &mut each)?;
    let wanted = Run { first, last }.rows();
    Ok(match (is_dense && (builder.rows() - before) as u64 == wanted, last == run.last) {
        (false, _) => Slice::Gap,
        (true, false) => Slice::More,
        (true, true) => Slice::All,
    })
}

struct Each<F>(F);

impl<F: FnMut(&[ValueRef<'_>])> RowSink for Each<F> {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        (self.0)(row);
        Ok(())
    }
}
