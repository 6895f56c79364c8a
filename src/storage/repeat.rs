//! Writes that may be repeated: a key that was committed with a write gives its first result again.
//! Knows nothing of what was written.

use crate::error::Result;
use crate::model::value::Value;
use crate::storage::engine::Written;
use crate::storage::port::{Author, SqlPort, collect};

/// Keys that are remembered; older ones are forgotten.
const KEYS_MAX: i64 = 10_000;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS lotwise_repeat (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
    changes INTEGER NOT NULL, last_insert_rowid INTEGER NOT NULL, data_version INTEGER NOT NULL,
    result TEXT NOT NULL) STRICT";

/// The result of the write with this key, where there was one.
pub fn find<P: SqlPort>(port: &mut P, key: Option<&str>) -> Result<Option<Written>> {
    let row = row(port, key)?;
    Ok(row.and_then(|row| match row.as_slice() {
        [Value::Int(changes), Value::Int(last_insert_rowid), Value::Int(data_version), _] => {
            Some(Written {
                changes: *changes,
                last_insert_rowid: *last_insert_rowid,
                data_version: *data_version,
            })
        }
        _ => None,
    }))
}

/// What the caller said of the transaction with this key, where there was one.
pub fn find_transaction<P: SqlPort>(port: &mut P, key: Option<&str>) -> Result<Option<String>> {
    let row = row(port, key)?;
    Ok(row.and_then(|mut row| match row.pop() {
        Some(Value::Text(result)) => Some(result),
        _ => None,
    }))
}

fn row<P: SqlPort>(port: &mut P, key: Option<&str>) -> Result<Option<Vec<Value>>> {
    let Some(key) = key else { return Ok(None) };
    if !exists(port)? {
        return Ok(None);
    }
    let sql =
        "SELECT changes, last_insert_rowid, data_version, result FROM lotwise_repeat WHERE key = ?";
    Ok(collect(port, sql, &[key.into()])?.pop())
}

/// Most databases never see a key, and have no table for them.
fn exists<P: SqlPort>(port: &mut P) -> Result<bool> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'lotwise_repeat'";
    Ok(!collect(port, sql, &[])?.is_empty())
}

/// Remembers a write, in its transaction.
pub fn keep<P: SqlPort>(port: &mut P, key: Option<&str>, written: Written) -> Result<()> {
    insert(port, key, written, "")
}

/// Remembers a transaction, inside of it.
pub fn keep_transaction<P: SqlPort>(port: &mut P, key: Option<&str>, result: &str) -> Result<()> {
    insert(port, key, Written { changes: 0, last_insert_rowid: 0, data_version: 0 }, result)
}

fn insert<P: SqlPort>(
    port: &mut P,
    key: Option<&str>,
    written: Written,
    result: &str,
) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    port.script(TABLE, Author::Engine)?;
    let Written { changes, last_insert_rowid, data_version } = written;
    let values: [Value; 5] = [
        key.into(),
        Value::Int(changes),
        Value::Int(last_insert_rowid),
        Value::Int(data_version),
        result.into(),
    ];
    let sql = "INSERT INTO lotwise_repeat (key, changes, last_insert_rowid, data_version, result) VALUES (?, ?, ?, ?, ?)";
    collect(port, sql, &values)?;
    let sql = "DELETE FROM lotwise_repeat WHERE id <= (SELECT max(id) FROM lotwise_repeat) - ?";
    collect(port, sql, &[Value::Int(KEYS_MAX)]).map(drop)
}
