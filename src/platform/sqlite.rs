//! The SQL port over rusqlite: the same in the browser, in Node and natively. One port is one connection;
//! where its file is and how it reaches it is [`Place`]'s business.
//!
//! Invariants:
//! 1. Only statements prepared for a caller are kept: a kept one is not asked of the authorizer again,
//!    so one of the engine's must never be found by a caller with the same text.
//! 2. The deadline is looked at every [`STEPS_BETWEEN_LOOKS`] steps of SQLite's virtual machine; inside
//!    a single sort or CREATE INDEX nobody looks.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::{Connection, StatementStatus};

use crate::error::{Error, Result};
use crate::model::value::{Value, ValueRef};
use crate::platform::authorizer::Guard;
use crate::platform::bind::{Bound, bind_all, borrow, parameter_order, recycle};
use crate::platform::clock::now_ms;
use crate::platform::cursor::SqliteCursor;
use crate::platform::place::Place;
use crate::platform::sqlite_error::translate;
use crate::platform::watch::{STEPS_BETWEEN_LOOKS, is_given_up, was_given_up};
use crate::storage::port::{
    Author, Done, ForeignFiles, LongTransaction, RowSink, RowSource, SqlPort, Statement, Streams,
};

/// Prepared statements of callers that are kept.
const STATEMENTS_MAX: usize = 100;
/// Page cache: a look-up per row of an index is what it is for. Measured in docs/sqlite-options.md.
pub const PAGE_CACHE_BYTES: i64 = 64 * 1024 * 1024;
/// Of new databases. Measured in docs/sqlite-options.md.
pub const PAGE_BYTES: i64 = 8192;

/// Pages that the log may hold before a commit moves them into the database. A larger log makes the
/// commit that does so slower, a smaller one does it more often.
const CHECKPOINT_PAGES: i64 = 250;
/// Page cache of a connection that only reads, beside one that writes.
const READER_CACHE_BYTES: i64 = 32 * 1024 * 1024;

/// A connection of rusqlite as SQL port.
#[derive(Debug)]
pub struct SqlitePort {
    pub(super) core: Rc<Core>,
    /// Where its file is; none for a file that was read into memory.
    place: Option<Rc<Place>>,
}

/// The connection and what its hooks share with it. Cursors hold on to it.
#[derive(Debug)]
pub struct Core {
    pub(super) connection: Connection,
    name: String,
    guard: Arc<Guard>,
    /// Epoch milliseconds; 0 for none.
    deadline_ms: Arc<AtomicU64>,
    timeout_ms: Cell<u64>,
    /// Whether it is a caller's file, read once: what is wrong with it is wrong with the call.
    is_foreign: bool,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that writes, and reads while no transaction is open: its page cache stays valid.
    Writer,
    /// Reads the last commit while a transaction is open, or one state for a stream.
    Reader,
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
        Place::in_memory(name)?.connect(Role::Writer)
    }

    /// A database in a file of the native file system.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_file(path: &std::path::Path) -> Result<Self> {
        Place::native(path)?.connect(Role::Writer)
    }

    /// Takes over a connection that nothing has been asked of.
    pub(super) fn set_up(
        connection: Connection,
        name: &str,
        role: Role,
        place: Rc<Place>,
    ) -> Result<Self> {
        let mut port = Self::wrap(connection, name, false)?;
        port.place = Some(place);
        port.pragma("trusted_schema = off")?;
        port.pragma("cell_size_check = on")?;
        if role == Role::Reader {
            port.pragma("query_only = on")?;
            port.pragma(&format!("cache_size = -{}", READER_CACHE_BYTES / 1024))?;
            return Ok(port);
        }
        port.pragma(&format!("page_size = {PAGE_BYTES}"))?;
        port.pragma("journal_mode = wal")?;
        port.pragma("synchronous = full")?;
        port.pragma(&format!("cache_size = -{}", PAGE_CACHE_BYTES / 1024))?;
        port.pragma(&format!("wal_autocheckpoint = {CHECKPOINT_PAGES}"))?;
        // After an import the log would keep its largest size for good.
        port.pragma("journal_size_limit = 16777216")?;
        port.pragma("foreign_keys = on")?;
        // Without it INSERT OR REPLACE deletes rows behind the back of triggers.
        port.pragma("recursive_triggers = on")?;
        Ok(port)
    }

    fn wrap(mut connection: Connection, name: &str, is_foreign: bool) -> Result<Self> {
        let fail = |error| translate(error, name, None, 0);
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // Whoever holds a lock is on this very thread: waiting would be for ever.
        connection.busy_timeout(std::time::Duration::ZERO).map_err(fail)?;
        let guard = Arc::new(Guard::default());
        let hook = Arc::clone(&guard);
        let decide =
            move |context: AuthContext<'_>| -> Authorization { hook.decide(&context.action) };
        connection.authorizer(Some(decide)).map_err(fail)?;
        let deadline_ms = Arc::new(AtomicU64::new(0));
        let deadline = Arc::clone(&deadline_ms);
        let too_late = move || {
            let deadline = deadline.load(Ordering::Relaxed);
            (deadline != 0 && now_ms() >= deadline) || is_given_up()
        };
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(too_late)).map_err(fail)?;
        let core = Core {
            connection,
            name: name.to_owned(),
            guard,
            deadline_ms,
            timeout_ms: Cell::new(0),
            is_foreign,
        };
        Ok(Self { core: Rc::new(core), place: None })
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

    /// Closes the connection; the last one of a database moves the log into it. Streams have to be gone.
    pub fn close(self) -> Result<()> {
        let core = Rc::try_unwrap(self.core)
            .map_err(|_| Error::Internal { detail: "a stream is still open".to_owned() })?;
        core.connection.close().map_err(|(_, error)| translate(error, &core.name, None, 0))
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
}

impl Core {
    pub(super) fn error(&self, error: rusqlite::Error) -> Error {
        let error = translate(error, &self.name, self.guard.take_refusal(), self.timeout_ms.get());
        match error {
            Error::Timeout { .. } if was_given_up() => Error::Cancelled,
            error if self.is_foreign => in_foreign_file(error),
            error => error,
        }
    }

    /// Runs `work` under the rules for a caller or the engine.
    pub(super) fn guarded<T>(
        &self,
        sql: &str,
        for_caller: bool,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if sql.contains('\0') {
            return Err(Error::sql("the text holds a NUL character"));
        }
        self.guard.set_caller(for_caller);
        let result = work();
        self.guard.set_caller(false);
        result
    }

    /// Prepares for a caller or the engine, and gives the statement to `work`.
    fn with_statement<T>(
        &self,
        sql: &str,
        author: Author,
        work: impl FnOnce(&mut rusqlite::Statement<'_>) -> Result<T>,
    ) -> Result<T> {
        self.guarded(sql, author == Author::Caller, || match author {
            Author::Caller => {
                work(&mut *self.connection.prepare_cached(sql).map_err(|e| self.error(e))?)
            }
            Author::Engine => work(&mut self.connection.prepare(sql).map_err(|e| self.error(e))?),
        })
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
        self.core.with_statement(sql, author, |statement| Ok(statement.readonly()))
    }

    fn run(&mut self, statement: Statement<'_>, sink: &mut dyn RowSink) -> Result<Done> {
        self.core.with_statement(statement.sql, statement.author, |prepared| {
            bind_all(prepared, statement.params)
                .map_err(|e| e.unwrap_or_else(|e| self.core.error(e)))?;
            self.core.step_all(prepared, sink)
        })
    }

    fn run_many(&mut self, sql: &str, author: Author, rows: &mut dyn RowSource) -> Result<Done> {
        self.core.with_statement(sql, author, |prepared| {
            let order = parameter_order(prepared, rows.names(), rows.width())?;
            let mut total = Done::default();
            while rows.advance()? {
                let before = self.core.connection.total_changes();
                for (index, &column) in order.iter().enumerate() {
                    let value = Bound(rows.value(column));
                    prepared
                        .raw_bind_parameter(index + 1, value)
                        .map_err(|e| self.core.error(e))?;
                }
                let mut no_rows = prepared.raw_query();
                loop {
                    match no_rows.next() {
                        Ok(None) => break,
                        Ok(Some(_)) => {}
                        Err(error) => {
                            rows.rejected(at_row(self.core.error(error), &rows.place()))?;
                            break;
                        }
                    }
                }
                drop(no_rows);
                let done = self.core.changed_since(before);
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
        self.core.guard.set_caller(author == Author::Caller);
        let mut total = Done::default();
        let mut statements = rusqlite::Batch::new(&self.core.connection, sql);
        let result = loop {
            use rusqlite::fallible_iterator::FallibleIterator as _;
            let mut statement = match statements.next() {
                Ok(Some(statement)) => statement,
                Ok(None) => break Ok(()),
                Err(error) => break Err(self.core.error(error)),
            };
            if statement.parameter_count() > 0 {
                break Err(Error::sql(
                    "parameters are taken only where the text is a single statement",
                ));
            }
            let mut nowhere = Nowhere;
            match self.core.step_all(&mut statement, &mut nowhere) {
                Ok(done) => {
                    total.changes += done.changes;
                    total.last_insert_rowid = done.last_insert_rowid;
                }
                Err(error) => break Err(error),
            }
        };
        self.core.guard.set_caller(false);
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

    fn reader(&mut self) -> Result<Option<Self>> {
        self.place.as_ref().map(|place| place.connect(Role::Reader)).transpose()
    }

    fn set_timeout(&mut self, timeout_ms: Option<u64>) {
        self.core.timeout_ms.set(timeout_ms.unwrap_or(0));
        let deadline =
            timeout_ms.map_or(0, |timeout_ms| now_ms().saturating_add(timeout_ms).max(1));
        self.core.deadline_ms.store(deadline, Ordering::Relaxed);
    }
}

impl LongTransaction for SqlitePort {
    fn begin(&mut self) -> Result<()> {
        self.core.connection.execute_batch("BEGIN IMMEDIATE").map_err(|e| self.core.error(e))
    }

    fn commit(&mut self) -> Result<()> {
        self.core.connection.execute_batch("COMMIT").map_err(|error| {
            let error = self.core.error(error);
            self.rollback();
            error
        })
    }

    fn rollback(&mut self) {
        // SQLite has rolled back by itself after some failures; a second time is an error to ignore.
        if !self.core.connection.is_autocommit() {
            self.set_timeout(None);
            _ = self.core.connection.execute_batch("ROLLBACK");
        }
    }
}

impl Streams for SqlitePort {
    type Cursor = SqliteCursor;

    fn cursor(&mut self, statement: Statement<'_>) -> Result<SqliteCursor> {
        SqliteCursor::open(&self.core, statement)
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
        let mut port = Self::wrap(connection, name, true)?;
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

fn at_row(error: Error, place: &str) -> Error {
    match error {
        Error::ConstraintViolation { detail } => {
            Error::ConstraintViolation { detail: format!("{place}: {detail}") }
        }
        other => other,
    }
}
