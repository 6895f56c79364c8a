//! The tables of segments: which there are, and what is stored of each. Does not know when one is written.

use serde::Serialize;

use crate::columnstore::build::Encoded;
use crate::error::{Error, Result};
use crate::model::dataset::Dataset;
use crate::model::value::Value;
use crate::storage::columnar::blocks::Run;
use crate::storage::port::{Author, Done, SqlPort, collect};

/// The key without its low bits: rows of one block can share a segment.
pub const BLOCK_BITS: u32 = 16;

/// Numbers of a segment's columns begin with the segment's, times this.
const COLUMNS_SPAN: i64 = 1024;

/// Callers may write sqlite_sequence: numbers are counted where they cannot.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS lotwise_segment (
        id INTEGER PRIMARY KEY, dataset TEXT NOT NULL, block INTEGER NOT NULL, first_key INTEGER NOT NULL,
        last_key INTEGER NOT NULL, stale INTEGER NOT NULL DEFAULT 0, head BLOB) STRICT;
    CREATE INDEX IF NOT EXISTS lotwise_segment_block ON lotwise_segment (dataset, block);
    CREATE TABLE IF NOT EXISTS lotwise_column (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
    INSERT OR IGNORE INTO lotwise_meta (key, value) VALUES ('segment', 0);
";

/// A segment that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number.
    pub id: i64,
    /// Key of its first row.
    pub first_key: i64,
    /// Key of its last row.
    pub last_key: i64,
    /// See [`crate::columnstore::head`].
    pub head: Vec<u8>,
}

/// Any segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub id: i64,
    /// Key of its first row.
    pub first_key: i64,
    /// Key of its last row.
    pub last_key: i64,
    /// What it is good for.
    pub state: State,
}

impl Listed {
    /// Its keys.
    #[must_use]
    pub const fn run(&self) -> Run {
        Run { first: self.first_key, last: self.last_key }
    }
}

/// What a segment is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is what its rows are.
    Fresh,
    /// Its rows have changed.
    Stale,
    /// It is under way, or was when a process ended.
    Begun,
}

/// The block of a key.
#[must_use]
pub const fn block_of(key: i64) -> i64 {
    key >> BLOCK_BITS
}

/// Whether the database has ever had a segment.
pub fn exists<P: SqlPort>(port: &mut P) -> Result<bool> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'lotwise_segment'";
    Ok(!collect(port, sql, &[])?.is_empty())
}

/// Makes the tables where they are missing, inside a transaction.
pub fn create<P: SqlPort>(port: &mut P) -> Result<()> {
    port.script(TABLES, Author::Engine).map(drop)
}

/// Segments of a dataset that are what their rows are, by key. To be asked only where [`super::verify::usable`]
/// holds.
pub fn fresh_segments<P: SqlPort>(port: &mut P, dataset: &Dataset) -> Result<Vec<SegmentInfo>> {
    let sql = "SELECT id, first_key, last_key, head FROM lotwise_segment
        WHERE dataset = ? AND stale = 0 AND head NOT NULL ORDER BY first_key, id";
    let rows = collect(port, sql, &[dataset.name.as_str().into()])?;
    let segments = rows.into_iter().map(|row| match <[Value; 4]>::try_from(row) {
        Ok([Value::Int(id), Value::Int(first_key), Value::Int(last_key), Value::Blob(head)]) => {
            Ok(SegmentInfo { id, first_key, last_key, head })
        }
        _ => Err(unreadable()),
    });
    Ok(without_overlaps(segments.collect::<Result<_>>()?))
}

/// No row is in two segments. Where one is, something is wrong, and neither is used.
fn without_overlaps(segments: Vec<SegmentInfo>) -> Vec<SegmentInfo> {
    let mut clear = vec![true; segments.len()];
    let mut widest = 0;
    for at in 1..segments.len() {
        if segments[at].first_key <= segments[widest].last_key {
            (clear[at], clear[widest]) = (false, false);
        }
        if segments[at].last_key > segments[widest].last_key {
            widest = at;
        }
    }
    segments
        .into_iter()
        .zip(clear)
        .filter_map(|(segment, clear)| clear.then_some(segment))
        .collect()
}

/// What a dataset's segments come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Its name.
    pub dataset: String,
    /// Segments that were made.
    pub segments: i64,
    /// Those whose rows have changed since.
    pub stale_segments: i64,
    /// Rows in the others.
    pub rows: i64,
    /// Bytes of all of them.
    pub bytes: i64,
}

/// Counts a dataset's segments.
pub fn counts<P: SqlPort>(port: &mut P, dataset: &str) -> Result<Counts> {
    let mut found = [0; 4];
    if exists(port)? {
        let sql = "SELECT count(*), sum(stale), sum(iif(stale, 0, last_key - first_key + 1)), sum(length(head) +
                (SELECT sum(length(data)) FROM lotwise_column WHERE lotwise_column.id >= lotwise_segment.id * 1024 AND lotwise_column.id < (lotwise_segment.id + 1) * 1024))
            FROM lotwise_segment WHERE dataset = ? AND head NOT NULL";
        let rows = collect(port, sql, &[dataset.into()])?;
        for (found, value) in found.iter_mut().zip(rows.iter().flatten()) {
            *found = if let Value::Int(n) = value { *n } else { 0 };
        }
    }
    let [segments, stale_segments, rows, bytes] = found;
    Ok(Counts { dataset: dataset.to_owned(), segments, stale_segments, rows, bytes })
}

/// All segments of a dataset, by key.
pub fn list<P: SqlPort>(port: &mut P, dataset: &str) -> Result<Vec<Listed>> {
    list_where(port, "dataset = ?", &[dataset.into()])
}

/// All segments of a block, by key.
pub fn list_block<P: SqlPort>(port: &mut P, dataset: &str, block: i64) -> Result<Vec<Listed>> {
    list_where(port, "dataset = ? AND block = ?", &[dataset.into(), block.into()])
}

fn list_where<P: SqlPort>(port: &mut P, which: &str, values: &[Value]) -> Result<Vec<Listed>> {
    let sql = format!(
        "SELECT id, first_key, last_key, stale, head IS NULL FROM lotwise_segment WHERE {which} ORDER BY first_key, id"
    );
    let rows = collect(port, &sql, values)?;
    let listed = rows.iter().map(|row| match row.as_slice() {
        &[
            Value::Int(id),
            Value::Int(first_key),
            Value::Int(last_key),
            Value::Int(stale),
            Value::Int(begun),
        ] => {
            let state = match (begun, stale) {
                (1, _) => State::Begun,
                (_, 0) => State::Fresh,
                _ => State::Stale,
            };
            Ok(Listed { id, first_key, last_key, state })
        }
        _ => Err(unreadable()),
    });
    listed.collect()
}

/// Bytes of a column of a segment, by its position in the head.
pub fn column<P: SqlPort>(port: &mut P, segment: i64, position: usize) -> Result<Vec<u8>> {
    let sql = "SELECT data FROM lotwise_column WHERE id = ?";
    let mut rows = collect(port, sql, &[Value::Int(column_id(segment, position))])?;
    match rows.pop().and_then(|mut row| row.pop()) {
        Some(Value::Blob(data)) => Ok(data),
        _ => Err(unreadable()),
    }
}

/// Enters a segment that is about to be filled, and gives it its number.
pub fn begin<P: SqlPort>(port: &mut P, dataset: &str, first: i64, last: i64) -> Result<i64> {
    let sql = "UPDATE lotwise_meta SET value = value + 1 WHERE key = 'segment' RETURNING value";
    let Some([Value::Int(id)]) =
        collect(port, sql, &[])?.first().map(Vec::as_slice).map(|row| match row {
            [value] => [value.clone()],
            _ => [Value::Null],
        })
    else {
        return Err(unreadable());
    };
    let values = [
        Value::Int(id),
        dataset.into(),
        Value::Int(block_of(first)),
        Value::Int(first),
        Value::Int(last),
    ];
    let sql = "INSERT INTO lotwise_segment (id, dataset, block, first_key, last_key) VALUES (?, ?, ?, ?, ?)";
    collect(port, sql, &values)?;
    Ok(id)
}

/// Whether nothing was written to the rows of a segment that was begun, and it is there still.
pub fn is_unmarked<P: SqlPort>(port: &mut P, id: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM lotwise_segment WHERE id = ? AND stale = 0 AND head IS NULL";
    Ok(!collect(port, sql, &[Value::Int(id)])?.is_empty())
}

/// Stores what a segment holds: from now on it can be used.
pub fn fill<P: SqlPort>(port: &mut P, id: i64, encoded: Encoded) -> Result<()> {
    let sql = "INSERT INTO lotwise_column (id, data) VALUES (?, ?)";
    for (position, data) in encoded.columns.into_iter().enumerate() {
        collect(port, sql, &[Value::Int(column_id(id, position)), Value::Blob(data)])?;
    }
    let sql = "UPDATE lotwise_segment SET head = ? WHERE id = ?";
    collect(port, sql, &[Value::Blob(encoded.head), Value::Int(id)]).map(drop)
}

/// Deletes a segment and its columns.
pub fn delete<P: SqlPort>(port: &mut P, id: i64) -> Result<()> {
    let columns = [column_id(id, 0).into(), column_id(id + 1, 0).into()];
    collect(port, "DELETE FROM lotwise_column WHERE id >= ? AND id < ?", &columns)?;
    collect(port, "DELETE FROM lotwise_segment WHERE id = ?", &[id.into()]).map(drop)
}

/// Deletes all segments of a dataset.
pub fn delete_all<P: SqlPort>(port: &mut P, dataset: &str) -> Result<()> {
    for segment in list(port, dataset)? {
        delete(port, segment.id)?;
    }
    Ok(())
}

/// A segment is no more what its rows are, or never was.
pub fn mark<P: SqlPort>(port: &mut P, id: i64) -> Result<()> {
    collect(port, "UPDATE lotwise_segment SET stale = 1 WHERE id = ?", &[id.into()]).map(drop)
}

/// Inside the transaction of a caller's write: where it altered a table, all segments are stale.
pub fn note_write<P: SqlPort>(port: &mut P, done: Done) -> Result<Done> {
    if done.altered && exists(port)? {
        collect(port, "UPDATE lotwise_segment SET stale = 1 WHERE stale = 0", &[])?;
    }
    Ok(done)
}

const fn column_id(segment: i64, position: usize) -> i64 {
    segment * COLUMNS_SPAN + position as i64
}

fn unreadable() -> Error {
    Error::DatabaseCorrupt {
        name: "columnstore".to_owned(),
        detail: "its catalogue holds what this package never wrote. The rows themselves are not affected".to_owned(),
    }
}
