//! Transactions that stay open between calls, with savepoints inside.
//!
//! Invariants:
//! 1. There is one at a time; whose call belongs to it, the caller says with its [`Scope`].
//! 2. A call inside that fails leaves no trace of itself, and the transaction goes on.
//! 3. Where SQLite itself gave the transaction up (storage is full, a write failed), every call inside fails
//!    until the caller rolls back.

use crate::error::{Error, Result};
use crate::model::dataset::Dataset;
use crate::storage::columnar::catalogue;
use crate::storage::engine::{Engine, Scope, Written};
use crate::storage::port::{Author, Done, LongTransaction, SqlPort};
use crate::storage::{repeat, schema};

/// What is open on the connection that writes.
#[derive(Debug)]
pub enum Open {
    /// A file on its way in.
    Import,
    /// An index on its way into place.
    Index,
    /// A caller's transaction.
    Transaction(Transaction),
}

/// A caller's transaction.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Savepoints that are open.
    depth: usize,
    /// Streams that read on the writing connection.
    pub(super) streams: usize,
    /// Rows that were changed.
    changes: i64,
    /// SQLite gave it up.
    lost: bool,
    key: Option<String>,
}

/// What became of BEGIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is open.
    Open,
    /// A transaction with this key was committed before; what its caller said of it then.
    Repeated(String),
}

/// Around one call inside a transaction.
const CALL: &str = "lotwise_call";

impl<P: SqlPort> Engine<P> {
    /// Nothing is open.
    pub(super) fn check_idle(&self) -> Result<()> {
        match self.open {
            None => Ok(()),
            Some(_) => Err(Error::Internal { detail: "a write did not wait its turn".to_owned() }),
        }
    }

    /// A call inside a transaction needs one that is alive.
    pub(super) fn check_scope(&self) -> Result<()> {
        match self.call.scope {
            Scope::Outside => Ok(()),
            Scope::Inside => self.check_alive(),
        }
    }

    fn check_alive(&self) -> Result<()> {
        match &self.open {
            Some(Open::Transaction(Transaction { lost: false, .. })) => Ok(()),
            Some(Open::Transaction(_)) => Err(lost()),
            _ => Err(ended()),
        }
    }

    pub(super) fn write_inside(
        &mut self,
        work: impl FnOnce(&mut P, &[Dataset]) -> Result<Done>,
    ) -> Result<Written> {
        let Some(Open::Transaction(transaction)) = &mut self.open else { return Err(ended()) };
        if transaction.streams > 0 {
            return Err(Error::sql(
                "a stream of this transaction is open, and would see half of this write; leave its loop first",
            ));
        }
        let port = &mut self.port;
        port.script(&format!("SAVEPOINT {CALL}"), Author::Engine)?;
        let result = work(port, &self.datasets).and_then(|done| catalogue::note_write(port, done));
        let undo = if result.is_err() { format!("ROLLBACK TO {CALL};") } else { String::new() };
        if let Err(error) = port.script(&format!("{undo} RELEASE {CALL}"), Author::Engine) {
            // The savepoint is gone: SQLite gave the whole transaction up.
            transaction.lost = true;
            return Err(result.err().unwrap_or(error));
        }
        let Done { changes, last_insert_rowid, .. } = result?;
        transaction.changes += changes;
        Ok(Written { changes, last_insert_rowid, data_version: self.data_version + 1 })
    }

    /// A savepoint; the depth that it has.
    pub fn savepoint(&mut self) -> Result<usize> {
        self.check_alive()?;
        let Some(Open::Transaction(transaction)) = &mut self.open else { return Err(ended()) };
        let depth = transaction.depth + 1;
        self.port.script(&format!("SAVEPOINT lotwise_{depth}"), Author::Engine)?;
        transaction.depth = depth;
        Ok(depth)
    }

    /// Ends the innermost savepoint: what was written since is part of the transaction, or undone.
    pub fn end_savepoint(&mut self, keep: bool) -> Result<()> {
        self.check_alive()?;
        let Some(Open::Transaction(transaction)) = &mut self.open else { return Err(ended()) };
        let depth = transaction.depth;
        if depth == 0 {
            return Err(Error::Internal { detail: "no savepoint is open".to_owned() });
        }
        let undo = if keep { String::new() } else { format!("ROLLBACK TO lotwise_{depth};") };
        self.port.script(&format!("{undo} RELEASE lotwise_{depth}"), Author::Engine)?;
        transaction.depth -= 1;
        Ok(())
    }
}

impl<P: LongTransaction> Engine<P> {
    /// Begins a transaction, unless one with this key has been committed before.
    pub fn begin(&mut self) -> Result<Begun> {
        self.check_idle()?;
        self.check_writable()?;
        let key = self.call.idempotency_key.clone();
        if let Some(result) = repeat::find_transaction(&mut self.port, key.as_deref())? {
            return Ok(Begun::Repeated(result));
        }
        self.apply_durability()?;
        self.port.begin()?;
        self.open = Some(Open::Transaction(Transaction { key, ..Transaction::default() }));
        Ok(Begun::Open)
    }

    /// Commits; `result` is what a repetition with the same key will be told. A failed commit is rolled
    /// back.
    pub fn commit(&mut self, result: &str) -> Result<i64> {
        self.check_alive()?;
        let Some(Open::Transaction(transaction)) = self.open.take() else { return Err(ended()) };
        let port = &mut self.port;
        let committed = repeat::keep_transaction(port, transaction.key.as_deref(), result)
            .and_then(|()| schema::raise_data_version(port))
            .and_then(|()| port.commit());
        if let Err(error) = committed {
            port.rollback();
            return Err(error);
        }
        self.data_version += 1;
        self.sealing.note_changes(transaction.changes);
        self.refresh_statistics(transaction.changes);
        Ok(self.data_version)
    }

    /// Rolls back; nothing where no transaction is open.
    pub fn rollback(&mut self) {
        if matches!(self.open, Some(Open::Transaction(_))) {
            self.open = None;
            self.port.rollback();
        }
    }
}

fn ended() -> Error {
    Error::Internal { detail: "the transaction has ended".to_owned() }
}

fn lost() -> Error {
    Error::StorageFull {
        during: "an earlier call of this transaction; all of it was rolled back".to_owned(),
    }
}
