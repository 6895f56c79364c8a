//! The SQL port over rusqlite: the same in the browser, in Node and natively.
//!
//! Invariants:
//! 1. Only statements prepared for a caller are kept: a kept one is not asked of the authorizer again,
//!    so one of the engine's must never be found by a caller with the same text.
//! 2. The deadline is looked at every [`STEPS_BETWEEN_LOOKS`] steps of SQLite's virtual machine; inside
//!    a single sort or CREATE INDEX nobody looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::types::{ToSql, ToSqlOutput, Value as Owned, ValueRef as Theirs};
use rusqlite::{Connection, StatementStatus};

use crate::error::{Error, Result};
use crate::model::value::{Value, ValueRef};
use crate::platform::authorizer::Guard;
use crate::platform::clock::now_ms;
use crate::platform::sqlite_error::translate;
use crate::storage::port::{
    Author, Done, ForeignFiles, LongTransaction, Params, RowSink, RowSource, SqlPort, Statement,
};

/// Prepared statements of callers that are kept.
const STATEMENTS_MAX: usize = 100;
/// Costs nothing measurable, and is well below a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;
/// Page cache: a look-up per row of an index is what it is for. Measured in docs/sqlite-options.md.
pub const PAGE_CACHE_BYTES: i64 = 64 * 1024 * 1024;
/// Of new databases. Measured in docs/sqlite-options.md.
pub const PAGE_BYTES: i64 = 8192;

/// A connection of rusqlite as SQL port.
#[derive(Debug)]
pub struct SqlitePort {
    connection: Connection,
    name: String,
    guard: Arc<Guard>,
    /// Epoch milliseconds; 0 for none.
    deadline_ms: Arc<AtomicU64>,
    timeout_ms: u64,
    /// Whether it is a caller's file, read once: what is wrong with it is wrong with the call.
    is_foreign: bool,
}

/// What the connection really runs with, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Such as `wal`.
    pub journal_mode: String,
    /// `off`, `normal`, `full` or `extra`.
    pub synchronous: &'static str,
    /// Version of SQLite.
    pub sqlite_version: &'static str,
    /// Page size.
    pub page_bytes: i64,
    /// Page cache.
    pub page_cache_bytes: i64,
}

impl SqlitePort {
    /// A database in memory, gone when it is closed.
    pub fn open_memory(name: &str) -> Result<Self> {
        let connection = Connection::open_in_memory().map_err(|e| translate(e, name, None, 0))?;
        Self::set_up(connection, name)
    }

    /// A database in a file of the native file system.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_file(path: &std::path::Path) -> Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let connection = Connection::open(path).map_err(|e| translate(e, &name, None, 0))?;
        Self::set_up(connection, &name)
    }

    /// Takes over a connection that nothing has been asked of.
    pub fn set_up(connection: Connection, name: &str) -> Result<Self> {
        let mut port = Self::wrap(connection, name)?;
        // The first statement has to be the locking mode: WAL without shared memory needs it.
        port.pragma("locking_mode = exclusive")?;
        port.pragma(&format!("page_size = {PAGE_BYTES}"))?;
        port.pragma("journal_mode = wal")?;
        port.pragma("synchronous = full")?;
        port.pragma(&format!("cache_size = -{}", PAGE_CACHE_BYTES / 1024))?;
        // After an import the log would keep its largest size for good.
        port.pragma("journal_size_limit = 16777216")?;
        port.pragma("foreign_keys = on")?;
        // Without it INSERT OR REPLACE deletes rows behind the back of triggers.
        port.pragma("recursive_triggers = on")?;
        port.pragma("trusted_schema = off")?;
        port.pragma("cell_size_check = on")?;
        Ok(port)
    }

    fn wrap(mut connection: Connection, name: &str) -> Result<Self> {
        let fail = |error| translate(error, name, None, 0);
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        let guard = Arc::new(Guard::default());
        let hook = Arc::clone(&guard);
        let decide =
            move |context: AuthContext<'_>| -> Authorization { hook.decide(&context.action) };
        connection.authorizer(Some(decide)).map_err(fail)?;
        let deadline_ms = Arc::new(AtomicU64::new(0));
        let deadline = Arc::clone(&deadline_ms);
        let too_late = move || {
            let deadline = deadline.load(Ordering::Relaxed);
            deadline != 0 && now_ms() >= deadline
        };
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(too_late)).map_err(fail)?;
        Ok(Self {
            connection,
            name: name.to_owned(),
            guard,
            deadline_ms,
            timeout_ms: 0,
            is_foreign: false,
        })
    }

    /// What the connection runs with.
    pub fn settings(&mut self) -> Result<Settings> {
        let synchronous = match self.pragma("synchronous")?.as_str() {
            "0" => "off",
            "1" => "normal",
            "2" => "full",
            _ => "extra",
        };
        let number = |text: String| text.parse::<i64>().unwrap_or_default();
        let page_bytes = number(self.pragma("page_size")?);
        let cache = number(self.pragma("cache_size")?);
        Ok(Settings {
            journal_mode: self.pragma("journal_mode")?,
            synchronous,
            sqlite_version: rusqlite::version(),
            page_bytes,
            page_cache_bytes: if cache < 0 { -cache * 1024 } else { cache * page_bytes },
        })
    }

    /// Closes the connection; SQLite checkpoints the log.
    pub fn close(self) -> Result<()> {
        let name = self.name;
        self.connection.close().map_err(|(_, error)| translate(error, &name, None, 0))
    }

    /// Runs a pragma and returns what it says, or ''.
    fn pragma(&mut self, text: &str) -> Result<String> {
        let rows = crate::storage::port::collect(self, &format!("PRAGMA {text}"), &[])?;
        Ok(match rows.into_iter().next().and_then(|row| row.into_iter().next()) {
            Some(Value::Text(text)) => text,
            Some(Value::Int(n)) => n.to_string(),
            _ => String::new(),
        })
    }

    fn error(&self, error: rusqlite::Error) -> Error {
        let error = translate(error, &self.name, self.guard.take_refusal(), self.timeout_ms);
        if self.is_foreign { in_foreign_file(error) } else { error }
    }

    /// Prepares for a caller or the engine, and gives the statement to `work`.
    fn with_statement<T>(
        &self,
        sql: &str,
        author: Author,
        work: impl FnOnce(&mut rusqlite::Statement<'_>) -> Result<T>,
    ) -> Result<T> {
        if sql.contains('\0') {
            return Err(Error::sql("the text holds a NUL character"));
        }
        self.guard.set_caller(author == Author::Caller);
        let result = match author {
            Author::Caller => match self.connection.prepare_cached(sql) {
                Ok(mut statement) => work(&mut statement),
                Err(error) => Err(self.error(error)),
            },
            Author::Engine => match self.connection.prepare(sql) {
                Ok(mut statement) => work(&mut statement),
                Err(error) => Err(self.error(error)),
            },
        };
        self.guard.set_caller(false);
        result
    }

    fn step_all(
        &self,
        statement: &mut rusqlite::Statement<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<Done> {
        let before = self.connection.total_changes();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let width = names.len();
        if width > 0 {
            sink.columns(names)?;
        }
        let mut rows = statement.raw_query();
        let mut row_values = Vec::with_capacity(width);
        while let Some(row) = rows.next().map_err(|e| self.error(e))? {
            for i in 0..width {
                row_values.push(borrow(row.get_ref(i).map_err(|e| self.error(e))?));
            }
            sink.row(&row_values)?;
            row_values = recycle(row_values);
        }
        drop(rows);
        Ok(self.done(before, statement))
    }

    fn done(&self, total_before: u64, statement: &rusqlite::Statement<'_>) -> Done {
        let full_scan = statement.reset_status(StatementStatus::FullscanStep) > 0;
        Done { full_scan, ..self.changed_since(total_before) }
    }

    /// `changes()` alone would repeat the count of the statement before a CREATE.
    fn changed_since(&self, total_before: u64) -> Done {
        let changed = self.connection.total_changes() != total_before;
        Done {
            changes: if changed {
                i64::try_from(self.connection.changes()).unwrap_or(i64::MAX)
            } else {
                0
            },
            last_insert_rowid: self.connection.last_insert_rowid(),
            full_scan: false,
        }
    }
}

impl SqlPort for SqlitePort {
    fn only_reads(&mut self, sql: &str, author: Author) -> Result<bool> {
        self.with_statement(sql, author, |statement| Ok(statement.readonly()))
    }

    fn run(&mut self, statement: Statement<'_>, sink: &mut dyn RowSink) -> Result<Done> {
        self.with_statement(statement.sql, statement.author, |prepared| {
            bind_all(prepared, statement.params)
                .map_err(|e| e.unwrap_or_else(|e| self.error(e)))?;
            self.step_all(prepared, sink)
        })
    }

    fn run_many(&mut self, sql: &str, author: Author, rows: &mut dyn RowSource) -> Result<Done> {
        self.with_statement(sql, author, |prepared| {
            let order = parameter_order(prepared, rows.names(), rows.width())?;
            let mut total = Done::default();
            while rows.advance()? {
                let before = self.connection.total_changes();
                for (index, &column) in order.iter().enumerate() {
                    let value = Bound(rows.value(column));
                    prepared.raw_bind_parameter(index + 1, value).map_err(|e| self.error(e))?;
                }
                let mut no_rows = prepared.raw_query();
                loop {
                    match no_rows.next() {
                        Ok(None) => break,
                        Ok(Some(_)) => {}
                        Err(error) => {
                            rows.rejected(at_row(self.error(error), &rows.place()))?;
                            break;
                        }
                    }
                }
                drop(no_rows);
                let done = self.changed_since(before);
                total.changes += done.changes;
                total.last_insert_rowid = done.last_insert_rowid;
            }
            Ok(total)
        })
    }

    fn script(&mut self, sql: &str, author: Author) -> Result<Done> {
        if sql.contains('\0') {
            return Err(Error::sql("the text holds a NUL character"));
        }
        self.guard.set_caller(author == Author::Caller);
        let mut total = Done::default();
        let mut statements = rusqlite::Batch::new(&self.connection, sql);
        let result = loop {
            use rusqlite::fallible_iterator::FallibleIterator as _;
            let mut statement = match statements.next() {
                Ok(Some(statement)) => statement,
                Ok(None) => break Ok(()),
                Err(error) => break Err(self.error(error)),
            };
            if statement.parameter_count() > 0 {
                break Err(Error::sql(
                    "parameters are taken only where the text is a single statement",
                ));
            }
            let mut nowhere = Nowhere;
            match self.step_all(&mut statement, &mut nowhere) {
                Ok(done) => {
                    total.changes += done.changes;
                    total.last_insert_rowid = done.last_insert_rowid;
                }
                Err(error) => break Err(error),
            }
        };
        self.guard.set_caller(false);
        result.map(|()| total)
    }

    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.begin()?;
        match work(self) {
            Ok(value) => self.commit().map(|()| value),
            Err(error) => {
                self.rollback();
                Err(error)
            }
        }
    }

    fn set_timeout(&mut self, timeout_ms: Option<u64>) {
        self.timeout_ms = timeout_ms.unwrap_or(0);
        let deadline =
            timeout_ms.map_or(0, |timeout_ms| now_ms().saturating_add(timeout_ms).max(1));
        self.deadline_ms.store(deadline, Ordering::Relaxed);
    }
}

impl LongTransaction for SqlitePort {
    fn begin(&mut self) -> Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|e| self.error(e))
    }

    fn commit(&mut self) -> Result<()> {
        self.connection.execute_batch("COMMIT").map_err(|error| {
            let error = self.error(error);
            self.rollback();
            error
        })
    }

    fn rollback(&mut self) {
        // SQLite has rolled back by itself after some failures; a second time is an error to ignore.
        if !self.connection.is_autocommit() {
            self.set_timeout(None);
            _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

impl ForeignFiles for SqlitePort {
    type Foreign = Self;

    fn open_foreign(&mut self, mut bytes: Vec<u8>) -> Result<Self> {
        // A file written in WAL mode says so in bytes 18 and 19, and could not be opened without its log.
        if let Some(versions @ [2, _] | versions @ [_, 2]) = bytes.get_mut(18..20) {
            versions.fill(1);
        }
        let name = "the imported file";
        let fail = |error| in_foreign_file(translate(error, name, None, 0));
        let mut connection = Connection::open_in_memory().map_err(fail)?;
        let length = bytes.len();
        connection.deserialize_read_exact("main", bytes.as_slice(), length, true).map_err(fail)?;
        drop(bytes);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(fail)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).map_err(fail)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false).map_err(fail)?;
        let mut port = Self::wrap(connection, name)?;
        port.is_foreign = true;
        port.pragma("trusted_schema = off")?;
        port.pragma("cell_size_check = on")?;
        let check = port.pragma("quick_check(1)")?;
        if check != "ok" {
            return Err(Error::input(name, check));
        }
        Ok(port)
    }
}

fn in_foreign_file(error: Error) -> Error {
    match error {
        Error::DatabaseCorrupt { detail, .. } => {
            Error::input("the imported file", format!("is damaged: {detail}"))
        }
        other => other,
    }
}

struct Nowhere;

impl RowSink for Nowhere {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _: &[ValueRef<'_>]) -> Result<()> {
        Ok(())
    }
}

/// A value of ours on its way into a statement.
struct Bound<'a>(ValueRef<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            ValueRef::Null => ToSqlOutput::Owned(Owned::Null),
            ValueRef::Int(n) => ToSqlOutput::Owned(Owned::Integer(n)),
            ValueRef::Real(x) => ToSqlOutput::Owned(Owned::Real(x)),
            ValueRef::Text(text) => ToSqlOutput::Borrowed(Theirs::Text(text)),
            ValueRef::Blob(blob) => ToSqlOutput::Borrowed(Theirs::Blob(blob)),
        })
    }
}

const fn borrow(value: Theirs<'_>) -> ValueRef<'_> {
    match value {
        Theirs::Null => ValueRef::Null,
        Theirs::Integer(n) => ValueRef::Int(n),
        Theirs::Real(x) => ValueRef::Real(x),
        Theirs::Text(text) => ValueRef::Text(text),
        Theirs::Blob(blob) => ValueRef::Blob(blob),
    }
}

/// The same allocation for the next row, whose values live for another time.
fn recycle<'b>(mut row: Vec<ValueRef<'_>>) -> Vec<ValueRef<'b>> {
    row.clear();
    row.into_iter().map(|_| ValueRef::Null).collect()
}

fn bind_all(
    statement: &mut rusqlite::Statement<'_>,
    params: Params<'_>,
) -> Result<(), Result<Error, rusqlite::Error>> {
    match params {
        Params::Positional(values) => {
            check_count(statement, values.len()).map_err(Ok)?;
            for (i, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(i + 1, Bound(value.as_ref())).map_err(Err)?;
            }
        }
        Params::Named(values) => {
            let names: Vec<String> = values.iter().map(|(name, _)| name.clone()).collect();
            let order = parameter_order(statement, Some(&names), values.len()).map_err(Ok)?;
            for (index, &at) in order.iter().enumerate() {
                statement
                    .raw_bind_parameter(index + 1, Bound(values[at].1.as_ref()))
                    .map_err(Err)?;
            }
        }
    }
    Ok(())
}

fn check_count(statement: &rusqlite::Statement<'_>, given: usize) -> Result<()> {
    let wanted = statement.parameter_count();
    if wanted == given {
        return Ok(());
    }
    Err(Error::sql(format!("the statement takes {wanted} parameters, {given} were given")))
}

/// For each parameter of the statement, which of the given values it takes.
fn parameter_order(
    statement: &rusqlite::Statement<'_>,
    names: Option<&[String]>,
    width: usize,
) -> Result<Vec<usize>> {
    let Some(names) = names else {
        check_count(statement, width)?;
        return Ok((0..width).collect());
    };
    let mut order = Vec::with_capacity(statement.parameter_count());
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).unwrap_or("?");
        let at = names.iter().position(|given| given == &name[1..]).ok_or_else(|| {
            Error::sql(format!("parameter {name} was not given; given are {}", names.join(", ")))
        })?;
        order.push(at);
    }
    match (0..names.len()).find(|at| !order.contains(at)) {
        None => Ok(order),
        Some(at) => Err(Error::sql(format!("the statement has no parameter '{}'", names[at]))),
    }
}

fn at_row(error: Error, place: &str) -> Error {
    match error {
        Error::ConstraintViolation { detail } => {
            Error::ConstraintViolation { detail: format!("{place}: {detail}") }
        }
        other => other,
    }
}
