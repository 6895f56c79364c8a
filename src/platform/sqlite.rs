//! The SQL port over rusqlite: the same in the browser, in Node and natively. One port is one connection;
//! where its file is and how it reaches it is [`Place`]'s business.
//!
//! Invariants:
//! 1. Only statements prepared for a caller are kept; see [`crate::platform::statements`].
//! 2. The deadline is looked at every [`STEPS_BETWEEN_LOOKS`] steps of SQLite's virtual machine; inside
//!    a single sort or CREATE INDEX nobody looks.
//! 3. Until [`SqlPort::configure`] nothing is changed in the files, not even by closing them.
//! 4. A commit that does not wait for storage leaves `unsynced` set until the log behind it is synced.

mod foreign;
mod settings;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::{Connection, StatementStatus};

use crate::error::{Error, Result};
use crate::model::config::{Config, Setting};
use crate::model::value::{Value, ValueRef};
use crate::platform::authorizer::{Asking, Guard};
use crate::platform::bind::{Bound, bind_all, borrow, parameter_order, recycle};
use crate::platform::clock::now_ms;
use crate::platform::cursor::SqliteCursor;
use crate::platform::foreign_disk::Failure;
use crate::platform::limits;
use crate::platform::place::Place;
use crate::platform::sqlite_error::{at_row, translate};
use crate::platform::statements::{Counters, Statements};
use crate::platform::watch::{STEPS_BETWEEN_LOOKS, is_given_up, was_given_up};
use crate::storage::port::{
    Author, Done, LongTransaction, RowSink, RowSource, SqlPort, Statement, StatementCounts, Streams,
};

/// Of new databases. Measured in docs/sqlite-options.md.
pub const PAGE_BYTES: i64 = 8192;

/// Pages that the log may hold before a commit moves them into the database. A larger log makes the
/// commit that does so slower, a smaller one does it more often.
const CHECKPOINT_PAGES: i64 = 250;
/// What a connection that only reads has of the page cache of the one that writes.
const READER_CACHE_SHARE: u64 = 2;
pub use self::settings::Settings;

/// A connection of rusqlite as SQL port.
#[derive(Debug)]
pub struct SqlitePort {
    pub(super) core: Rc<Core>,
    /// Where its file is.
    place: Option<Rc<Place>>,
    config: Config,
    is_wal: bool,
    /// Whether a commit need not wait for storage.
    relaxed: bool,
    unsynced: bool,
}

/// The connection and what its hooks share with it. Cursors hold on to it.
#[derive(Debug)]
pub struct Core {
    pub(super) connection: Statements,
    counters: Rc<Counters>,
    name: String,
    guard: Arc<Guard>,
    /// Epoch milliseconds; 0 for none.
    deadline_ms: Arc<AtomicU64>,
    timeout_ms: Cell<u64>,
    /// A caller's ALTER TABLE was begun, of which nothing has been said yet.
    altered: Cell<bool>,
    /// Of a caller's file, what is wrong with which is wrong with the call.
    foreign: Option<Failure>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that writes, and reads while no transaction is open: its page cache stays valid.
    Writer,
    /// Reads the last commit while a transaction is open, or one state for a stream.
    Reader,
}

impl SqlitePort {
    /// A database in memory, gone when it is closed.
    pub fn open_memory(name: &str) -> Result<Self> {
        Place::in_memory(name)?.connect(Role::Writer, Rc::default())
    }

    /// A database in a file of the native file system.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_file(path: &std::path::Path) -> Result<Self> {
        Place::native(path)?.connect(Role::Writer, Rc::default())
    }

    /// Takes over a connection that nothing has been asked of.
    pub(super) fn set_up(
        connection: Connection,
        name: &str,
        role: Role,
        place: Rc<Place>,
        counters: Rc<Counters>,
    ) -> Result<Self> {
        let mut port = Self::wrap(connection, name, counters, None)?;
        port.place = Some(place);
        port.checkpoint_on_close(false)?;
        port.defend(true)?;
        port.pragma("trusted_schema = off")?;
        port.pragma("cell_size_check = on")?;
        if role == Role::Reader {
            port.pragma("query_only = on")?;
            return Ok(port);
        }
        port.pragma(&format!("page_size = {PAGE_BYTES}"))?;
        port.pragma("synchronous = full")?;
        port.pragma(&format!("wal_autocheckpoint = {CHECKPOINT_PAGES}"))?;
        // After an import the log would keep its largest size for good.
        port.pragma("journal_size_limit = 16777216")?;
        port.pragma("foreign_keys = on")?;
        // Without it INSERT OR REPLACE deletes rows behind the back of triggers.
        port.pragma("recursive_triggers = on")?;
        Ok(port)
    }

    fn wrap(
        mut connection: Connection,
        name: &str,
        counters: Rc<Counters>,
        foreign: Option<Failure>,
    ) -> Result<Self> {
        let fail = |error| translate(error, name, None, 0);
        // Whoever holds a lock is on this very thread: waiting would be for ever.
        connection.busy_timeout(std::time::Duration::ZERO).map_err(fail)?;
        limits::set(&connection).map_err(fail)?;
        let guard = Arc::new(Guard::default());
        let hook = Arc::clone(&guard);
        let decide = move |context: AuthContext<'_>| -> Authorization { hook.decide(&context) };
        connection.authorizer(Some(decide)).map_err(fail)?;
        let deadline_ms = Arc::new(AtomicU64::new(0));
        let deadline = Arc::clone(&deadline_ms);
        let too_late = move || {
            let deadline = deadline.load(Ordering::Relaxed);
            (deadline != 0 && now_ms() >= deadline) || is_given_up()
        };
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(too_late)).map_err(fail)?;
        let core = Core {
            connection: Statements::new(connection, Rc::clone(&counters)),
            counters,
            name: name.to_owned(),
            guard,
            deadline_ms,
            timeout_ms: Cell::new(0),
            altered: Cell::new(false),
            foreign,
        };
        Ok(Self {
            core: Rc::new(core),
            place: None,
            config: Config::default(),
            is_wal: false,
            relaxed: false,
            unsynced: false,
        })
    }

    /// Closes the connection; the last one of a database moves the log into it. Streams have to be gone.
    pub fn close(self) -> Result<()> {
        let core = Rc::try_unwrap(self.core)
            .map_err(|_| Error::Internal { detail: "a stream is still open".to_owned() })?;
        core.connection
            .into_connection()
            .close()
            .map_err(|(_, error)| translate(error, &core.name, None, 0))
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
        match (error, &self.foreign) {
            (Error::Timeout { .. }, _) if was_given_up() => Error::Cancelled,
            (error, Some(failure)) => foreign::blame(error, failure),
            (error, None) => error,
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
        self.guard.set(if for_caller { Asking::Preparing } else { Asking::Engine });
        let result = work();
        self.guard.set(Asking::Engine);
        result
    }

    /// Runs a statement that was prepared under the rules; `alters` where it is an ALTER TABLE of a caller.
    pub(super) fn running<T>(&self, alters: bool, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = if alters { self.internal_names()? } else { 0 };
        self.guard.runs();
        self.altered.set(alters);
        let result = work()?;
        if alters && self.internal_names()? > before {
            return Err(Error::sql(
                "a table cannot be given a name that begins with lotwise_: those belong to the package. Use another name",
            ));
        }
        Ok(result)
    }

    /// How many names of the schema belong to the package.
    fn internal_names(&self) -> Result<i64> {
        let sql = r"SELECT count(*) FROM sqlite_schema WHERE name LIKE 'lotwise\_%' ESCAPE '\' OR name LIKE 'lotwise'";
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(|e| self.error(e))
    }

    /// Prepares for a caller or the engine, and gives the statement to `work`.
    fn with_statement<T>(
        &self,
        sql: &str,
        author: Author,
        runs: bool,
        work: impl FnOnce(&mut rusqlite::Statement<'_>) -> Result<T>,
    ) -> Result<T> {
        self.guarded(sql, author == Author::Caller, || {
            let result = match author {
                Author::Caller => self.connection.with(sql, runs, |statement| {
                    // Asked for at every preparation, so such a one is not kept.
                    let alters = self.guard.take_altered();
                    (self.running(alters, || work(statement)), !alters)
                }),
                Author::Engine => self.connection.prepare(sql).map(|mut s| work(&mut s)),
            };
            result.unwrap_or_else(|error| Err(self.error(error)))
        })
    }

    fn step_all(
        &self,
        statement: &mut rusqlite::Statement<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<Done> {
        let before = self.connection.total_changes();
        let tell = |statement: &rusqlite::Statement<'_>, sink: &mut dyn RowSink| {
            let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
            if names.is_empty() { Ok(()) } else { sink.columns(names) }
        };
        let mut width = None;
        let mut rows = statement.raw_query();
        let mut row_values = Vec::new();
        while let Some(row) = rows.next().map_err(|e| self.error(e))? {
            // Known only now: the first step prepares a kept statement anew where the schema has changed.
            if width.is_none() {
                tell(row.as_ref(), sink)?;
            }
            for i in 0..*width.get_or_insert(row.as_ref().column_count()) {
                row_values.push(borrow(row.get_ref(i).map_err(|e| self.error(e))?));
            }
            sink.row(&row_values)?;
            row_values = recycle(row_values);
        }
        drop(rows);
        if width.is_none() {
            tell(statement, sink)?;
        }
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
            altered: self.altered.get(),
        }
    }
}

impl SqlPort for SqlitePort {
    fn only_reads(&mut self, sql: &str, author: Author) -> Result<bool> {
        self.core.with_statement(sql, author, false, |statement| Ok(statement.readonly()))
    }

    fn run(&mut self, statement: Statement<'_>, sink: &mut dyn RowSink) -> Result<Done> {
        self.core.with_statement(statement.sql, statement.author, true, |prepared| {
            bind_all(prepared, statement.params)
                .map_err(|e| e.unwrap_or_else(|e| self.core.error(e)))?;
            self.core.step_all(prepared, sink)
        })
    }

    fn run_many(&mut self, sql: &str, author: Author, rows: &mut dyn RowSource) -> Result<Done> {
        self.core.with_statement(sql, author, true, |prepared| {
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
                total.altered |= done.altered;
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
        let asking = if author == Author::Caller { Asking::Preparing } else { Asking::Engine };
        let mut total = Done::default();
        let mut statements = rusqlite::Batch::new(&self.core.connection, sql);
        let result = loop {
            use rusqlite::fallible_iterator::FallibleIterator as _;
            self.core.guard.set(asking);
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
            let alters = self.core.guard.take_altered();
            let step = || self.core.step_all(&mut statement, &mut nowhere);
            match self.core.running(alters, step) {
                Ok(done) => {
                    total.altered |= done.altered;
                    total.changes += done.changes;
                    total.last_insert_rowid = done.last_insert_rowid;
                }
                Err(error) => break Err(error),
            }
        };
        self.core.guard.set(Asking::Engine);
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
        let Some(place) = &self.place else { return Ok(None) };
        let mut reader = place.connect(Role::Reader, Rc::clone(&self.core.counters))?;
        let cache_bytes = self.config.value(Setting::CacheBytes) / READER_CACHE_SHARE;
        reader.set_limits(cache_bytes, self.config.value(Setting::StatementsMax))?;
        Ok(Some(reader))
    }

    fn configure(&mut self, config: &Config) -> Result<()> {
        self.apply(config)
    }

    fn set_relaxed(&mut self, relaxed: bool) -> Result<()> {
        // Without a log every commit is synced one way or the other.
        let relaxed = relaxed && self.is_wal;
        if relaxed != self.relaxed {
            self.pragma(if relaxed { "synchronous = normal" } else { "synchronous = full" })?;
            self.relaxed = relaxed;
        }
        Ok(())
    }

    fn unsynced(&self) -> bool {
        self.unsynced
    }

    fn flush(&mut self) -> Result<()> {
        if self.unsynced
            && let Some(place) = &self.place
        {
            place.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }

    fn statement_counts(&self) -> StatementCounts {
        self.core.counters.read()
    }

    fn set_timeout(&mut self, timeout_ms: Option<u64>) {
        self.core.timeout_ms.set(timeout_ms.unwrap_or(0));
        let deadline =
            timeout_ms.map_or(0, |timeout_ms| now_ms().saturating_add(timeout_ms).max(1));
        self.core.deadline_ms.store(deadline, Ordering::Relaxed);
    }

    fn check_deadline(&self) -> Result<()> {
        match self.core.deadline_ms.load(Ordering::Relaxed) {
            _ if is_given_up() => Err(Error::Cancelled),
            deadline if deadline == 0 || now_ms() < deadline => Ok(()),
            _ => Err(Error::Timeout { timeout_ms: self.core.timeout_ms.get() }),
        }
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
        })?;
        self.unsynced |= self.relaxed;
        Ok(())
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

struct Nowhere;

impl RowSink for Nowhere {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _: &[ValueRef<'_>]) -> Result<()> {
        Ok(())
    }
}
