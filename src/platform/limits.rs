//! Limits of a connection, against statements that would take all memory or never end. They hold for the
//! engine's own statements too. docs/sqlite-options.md has the reasons; a test compares.

use rusqlite::limits::Limit;
use rusqlite::{Connection, Result};

/// Name in the documentation, limit, value.
pub const LIMITS: [(&str, Limit, i32); 8] = [
    ("length", Limit::SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024),
    ("sql_length", Limit::SQLITE_LIMIT_SQL_LENGTH, 16 * 1024 * 1024),
    ("expr_depth", Limit::SQLITE_LIMIT_EXPR_DEPTH, 1_000),
    ("compound_select", Limit::SQLITE_LIMIT_COMPOUND_SELECT, 500),
    ("vdbe_op", Limit::SQLITE_LIMIT_VDBE_OP, 5_000_000),
    ("function_arg", Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
    ("attached", Limit::SQLITE_LIMIT_ATTACHED, 1),
    ("like_pattern_length", Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
];

/// Most bytes that SQLite may hold in this process or module, all connections together.
pub const HEAP_BYTES_MAX: i64 = 2 * 1024 * 1024 * 1024;

/// Sets them.
pub fn set(connection: &Connection) -> Result<()> {
    for (_, limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
    }
    connection.query_row(&format!("PRAGMA hard_heap_limit = {HEAP_BYTES_MAX}"), [], |_| Ok(()))
}
