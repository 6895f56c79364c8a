//! A connection, and the prepared statements that it keeps for their next use.
//!
//! Invariants:
//! 1. Only statements of callers are kept: a kept one is not asked of the authorizer again, so one of the
//!    engine's must never be found by a caller with the same text.
//! 2. A statement in use is taken out and put back afterwards, without its parameters: two uses at the
//!    same time never share one.
//! 3. No more than the limit are kept; the one that was not used for longest goes first. Texts above
//!    [`KEPT_TEXT_BYTES_MAX`] are not kept.
//! 4. Statements go before their connection does.
//! 5. `cached` is the number of statements that are kept by all connections with the same counters.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use foldhash::fast::FixedState;
use lru::LruCache;
use rusqlite::{Connection, PrepFlags, Statement};

use crate::storage::port::StatementCounts;

/// A script of data is not worth its memory.
const KEPT_TEXT_BYTES_MAX: usize = 64 * 1024;

/// A statement, and whether it has run: one that was only looked at does not make the first run a hit.
type Entry<'c> = (Statement<'c>, bool);
type Kept<'c> = RefCell<LruCache<String, Entry<'c>, FixedState>>;

self_cell::self_cell!(
    struct Both {
        owner: Connection,
        #[not_covariant]
        dependent: Kept,
    }
);

/// What connections to one database count together.
#[derive(Debug, Default)]
pub struct Counters {
    cached: Cell<usize>,
    hits: Cell<u64>,
    misses: Cell<u64>,
}

impl Counters {
    /// The figures of now.
    pub fn read(&self) -> StatementCounts {
        StatementCounts {
            cached: self.cached.get(),
            hits: self.hits.get(),
            misses: self.misses.get(),
        }
    }
}

/// A connection that keeps statements.
pub struct Statements {
    both: Both,
    max: Cell<usize>,
    counters: Rc<Counters>,
}

impl Statements {
    /// Takes a connection; nothing is kept before [`Statements::set_max`].
    pub fn new(connection: Connection, counters: Rc<Counters>) -> Self {
        let both = Both::new(connection, |_| {
            RefCell::new(LruCache::unbounded_with_hasher(FixedState::default()))
        });
        Self { both, max: Cell::new(0), counters }
    }

    /// Keeps no more than so many from now on.
    pub fn set_max(&self, max: usize) {
        self.max.set(max);
        self.both.with_dependent(|_, kept| self.shrink(&mut kept.borrow_mut()));
    }

    fn shrink(&self, kept: &mut LruCache<String, Entry<'_>, FixedState>) {
        while kept.len() > self.max.get() && kept.pop_lru().is_some() {
            self.counters.cached.set(self.counters.cached.get() - 1);
        }
    }

    /// Gives the statement of a caller to `work`, prepared now or before. `runs` says whether it will be
    /// run, and not only looked at; `work` says whether it may be kept.
    pub fn with<T>(
        &self,
        sql: &str,
        runs: bool,
        work: impl FnOnce(&mut Statement<'_>) -> (T, bool),
    ) -> rusqlite::Result<T> {
        let key = sql.trim();
        self.both.with_dependent(|connection, kept| {
            let found = kept.borrow_mut().pop(key);
            let cached = &self.counters.cached;
            let (mut statement, has_run) = match found {
                Some(entry) => {
                    cached.set(cached.get() - 1);
                    entry
                }
                None => {
                    let flags = PrepFlags::SQLITE_PREPARE_PERSISTENT;
                    (connection.prepare_with_flags(sql, flags)?, false)
                }
            };
            if runs {
                let counter = if has_run { &self.counters.hits } else { &self.counters.misses };
                counter.set(counter.get() + 1);
            }
            let (result, may_keep) = work(&mut statement);
            statement.clear_bindings();
            if may_keep && self.max.get() > 0 && key.len() <= KEPT_TEXT_BYTES_MAX {
                let mut kept = kept.borrow_mut();
                if kept.put(key.to_owned(), (statement, has_run || runs)).is_none() {
                    cached.set(cached.get() + 1);
                }
                self.shrink(&mut kept);
            }
            Ok(result)
        })
    }

    /// The connection alone.
    pub fn into_connection(self) -> Connection {
        self.set_max(0);
        self.both.into_owner()
    }
}

impl Deref for Statements {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.both.borrow_owner()
    }
}

impl fmt::Debug for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statements").field("counters", &self.counters).finish_non_exhaustive()
    }
}
