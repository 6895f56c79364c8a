//! The SQL port: what the engine needs of a host's SQLite. One conformance suite
//! (`tests/common/port_suite.rs`) holds for every implementation.

use crate::btree::page::past_lock;
use crate::error::{Error, Result};
use crate::model::config::Config;
use crate::model::value::{Value, ValueRef};

/// On whose behalf a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The engine itself: anything goes.
    Engine,
    /// A caller: the safety rules hold, and prepared statements are kept for the next call.
    Caller,
}

/// Parameters of a statement. Each has to be there, and none more.
#[derive(Debug, Clone, Copy)]
pub enum Params<'a> {
    /// By position.
    Positional(&'a [Value]),
    /// By name, without the `:`, `@` or `$` that the SQL text has in front.
    Named(&'a [(String, Value)]),
}

/// A statement to run.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// One statement.
    pub sql: &'a str,
    /// Its parameters.
    pub params: Params<'a>,
    /// On whose behalf.
    pub author: Author,
}

impl<'a> Statement<'a> {
    /// The engine's own, with parameters by position.
    #[must_use]
    pub const fn engine(sql: &'a str, params: &'a [Value]) -> Self {
        Self { sql, params: Params::Positional(params), author: Author::Engine }
    }

    /// A caller's, with parameters by position.
    #[must_use]
    pub const fn caller(sql: &'a str, params: &'a [Value]) -> Self {
        Self { sql, params: Params::Positional(params), author: Author::Caller }
    }
}

/// Takes the rows of a statement as they come.
pub trait RowSink {
    /// Once, before the rows.
    fn columns(&mut self, names: Vec<String>) -> Result<()>;
    /// A row; an error ends the statement.
    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()>;
}

/// Gives rows to a statement that runs once for each.
pub trait RowSource {
    /// Names of the parameters, or none where they go by position.
    fn names(&self) -> Option<&[String]>;
    /// Goes to the next row; false at the end.
    fn advance(&mut self) -> Result<bool>;
    /// The value of a parameter in the row gone to.
    fn value(&self, parameter: usize) -> ValueRef<'_>;
    /// Number of parameters.
    fn width(&self) -> usize;
    /// Names the row gone to, for error messages.
    fn place(&self) -> String;
    /// Line of the row gone to, where it comes from a file.
    fn line(&self) -> u64 {
        0
    }
    /// The row gone to broke a constraint. Ok leaves it out and goes on.
    fn rejected(&mut self, error: Error) -> Result<()> {
        Err(error)
    }
}

/// What a statement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Rows inserted, updated or deleted, without those of triggers and foreign keys.
    pub changes: i64,
    /// Key of the last row inserted on this connection.
    pub last_insert_rowid: i64,
    /// Whether a table or index was read from one end to the other.
    pub full_scan: bool,
    /// Whether it was a caller's ALTER TABLE: names may mean other columns now, and rows may have changed.
    pub altered: bool,
}

/// A connection to one SQLite database.
pub trait SqlPort {
    /// Whether a statement only reads. Refuses what does not compile and more than one statement.
    fn only_reads(&mut self, sql: &str, author: Author) -> Result<bool>;

    /// Runs one statement.
    fn run(&mut self, statement: Statement<'_>, sink: &mut dyn RowSink) -> Result<Done>;

    /// Runs one statement for each row.
    fn run_many(&mut self, sql: &str, author: Author, rows: &mut dyn RowSource) -> Result<Done>;

    /// Runs several statements without parameters; rows that they return are dropped.
    fn script(&mut self, sql: &str, author: Author) -> Result<Done>;

    /// Runs `work` in a transaction: committed when it returns Ok, rolled back when it does not or
    /// when the commit fails.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T>
    where
        Self: Sized;

    /// Another connection, which only reads: it sees the last commit, whatever is under way on this one.
    /// None where the host has one connection and no more.
    fn reader(&mut self) -> Result<Option<Self>>
    where
        Self: Sized,
    {
        Ok(None)
    }

    /// From now on every statement stops after so long, counted from this call; none lifts it.
    fn set_timeout(&mut self, timeout_ms: Option<u64>);

    /// Fails where that time is over, or the caller has given up: for work that no statement does.
    fn check_deadline(&self) -> Result<()> {
        Ok(())
    }

    /// Acts on what of the configuration concerns a connection; before the first call nothing is changed
    /// in the files. Where it fails, the journal mode is as before.
    fn configure(&mut self, config: &Config) -> Result<()>;

    /// Whether transactions that begin from now on may resolve before they are on storage.
    fn set_relaxed(&mut self, relaxed: bool) -> Result<()>;

    /// Whether something is committed that may not be on storage.
    fn unsynced(&self) -> bool;

    /// Puts on storage what is committed; nothing while a transaction is open.
    fn flush(&mut self) -> Result<()>;

    /// What became of callers' prepared statements.
    fn statement_counts(&self) -> StatementCounts;
}

/// Callers' prepared statements, kept for their next use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatementCounts {
    /// Kept now.
    pub cached: usize,
    /// Runs that found their statement kept.
    pub hits: u64,
    /// Runs whose statement had to be prepared.
    pub misses: u64,
}

/// A host whose transactions may stay open between calls, as a long import needs it.
pub trait LongTransaction: SqlPort {
    /// BEGIN IMMEDIATE.
    fn begin(&mut self) -> Result<()>;
    /// COMMIT; rolls back where that fails.
    fn commit(&mut self) -> Result<()>;
    /// ROLLBACK; nothing where no transaction is open.
    fn rollback(&mut self);
}

/// A host whose statements can be left standing between calls.
pub trait Streams: SqlPort {
    /// A statement under way.
    type Cursor: Cursor;
    /// Begins a statement that reads.
    fn cursor(&mut self, statement: Statement<'_>) -> Result<Self::Cursor>;
}

/// A statement under way. What it reads stays as it was when it began.
pub trait Cursor: std::fmt::Debug {
    /// Names of its columns.
    fn columns(&self) -> &[String];
    /// Hands out rows until one is answered with false. Tells whether there may be more.
    fn next(&mut self, take: &mut dyn FnMut(&[ValueRef<'_>]) -> Result<bool>) -> Result<bool>;
}

/// The size of a database, as a write transaction finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSpace {
    /// Bytes of a page.
    pub page_bytes: usize,
    /// Pages of the database; the next one is the first that can be written.
    pub page_count: u32,
}

impl PageSpace {
    /// Where the database ends in its file.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.page_bytes as u64 * self.page_count as u64
    }

    /// The first page behind the end.
    #[must_use]
    pub const fn next_page(&self) -> u32 {
        past_lock(self.page_bytes, self.page_count + 1)
    }
}

/// Pages that were written behind the end of a database, about to become part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewPages {
    /// What the empty roots of tables and indexes are replaced by, and the roots of declared indexes.
    pub roots: Vec<(u32, Vec<u8>)>,
    /// The last page of all and its content; none where everything fits into the roots.
    pub last: Option<(u32, Vec<u8>)>,
}

/// An index that is written as pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIndex {
    /// Its name.
    pub name: String,
    /// Its table.
    pub table: String,
    /// CREATE INDEX, as SQLite would keep it.
    pub sql: String,
}

/// A host whose database can be given whole pages, past SQL. They stand behind its end, seen by nobody,
/// until they are published; a crash before leaves the database as it was.
pub trait BulkPages: SqlPort {
    /// Whether it can now. To be asked outside of a transaction.
    fn can_write_pages(&mut self) -> Result<bool>;
    /// The size now, inside the write transaction that the pages are written in.
    fn page_space(&mut self) -> Result<PageSpace>;
    /// Enters an index into the schema whose root is the first page behind the end; the size of the database
    /// then. It is not to be used before it is published, in the same transaction.
    fn declare_index(&mut self, index: &NewIndex) -> Result<PageSpace>;
    /// Writes pages behind the end.
    fn write_pages(&mut self, space: PageSpace, first: u32, bytes: &[u8]) -> Result<()>;
    /// Makes them durable, and part of the database when the transaction commits. The transaction may go on
    /// by SQL, also in the new pages.
    fn publish_pages(&mut self, space: PageSpace, new: &NewPages) -> Result<()>;
    /// Gives their room back, before the transaction is rolled back.
    fn discard_pages(&mut self, space: PageSpace);
}

/// A file of a caller, read piece by piece where it lies: it may be larger than memory.
pub trait ForeignFile {
    /// Its length.
    fn size(&self) -> u64;
    /// Fills the buffer, or tells why it cannot; there are so many bytes.
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> std::result::Result<(), String>;
}

/// Opens foreign SQLite files beside the database, to read rows from.
pub trait ForeignFiles {
    /// A connection to the file; it never runs what the file brings.
    type Foreign: Streams + std::fmt::Debug + 'static;
    /// Opens it.
    fn open_foreign(&mut self, file: Box<dyn ForeignFile>) -> Result<Self::Foreign>;
}

/// Keeps the rows of small statements.
#[derive(Debug, Default)]
pub struct Collected {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

impl RowSink for Collected {
    fn columns(&mut self, names: Vec<String>) -> Result<()> {
        self.columns = names;
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        self.rows.push(row.iter().map(|value| value.to_value()).collect());
        Ok(())
    }
}

/// Runs a statement of the engine and keeps its rows.
pub fn collect<P: SqlPort>(port: &mut P, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>> {
    let mut collected = Collected::default();
    port.run(Statement::engine(sql, params), &mut collected)?;
    Ok(collected.rows)
}
