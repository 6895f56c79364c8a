//! Pages of the database by number, past SQLite: written into its file behind its end, where nobody looks,
//! and made part of it by a transaction that changes the roots and the size.
//!
//! Invariants:
//! 1. Bytes go behind the end of the database only, in a write transaction: nobody else can make it grow.
//! 2. They are durable before the transaction that refers to them commits.
//! 3. A snapshot of a reader may be longer than the database is now. Then nothing is written
//!    ([`can_write`] looks before the transaction begins).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr::{NonNull, null_mut};

use rusqlite::{Connection, ffi};

use crate::error::Result;
use crate::platform::sqlite::SqlitePort;
use crate::storage::port::{BulkPages, NewIndex, NewPages, PageSpace};

/// SQLite's VFS for Unix takes no more than 128 KiB at a time.
const WRITE_BYTES_MAX: usize = if cfg!(target_arch = "wasm32") { 1 << 30 } else { 1 << 16 };

/// What the first page of a database has to say: UTF-8, no bytes of a page reserved, no auto-vacuum (which
/// would keep a map of pages), and the schema format that knows 0 and 1 without bytes and descending keys.
const PLAIN: [(usize, &[u8]); 4] =
    [(20, &[0]), (44, &[0, 0, 0, 4]), (52, &[0, 0, 0, 0]), (56, &[0, 0, 0, 1])];

/// A schema that needs a page more for a number that is a byte longer needs none the next time.
const DECLARE_TRIES_MAX: u32 = 4;

/// First bytes of the empty leaf of a table or an index: its kind, no free blocks, no cells.
const EMPTY_LEAVES: [[u8; 5]; 2] = [[13, 0, 0, 0, 0], [10, 0, 0, 0, 0]];

impl BulkPages for SqlitePort {
    fn can_write_pages(&mut self) -> Result<bool> {
        self::can_write(&self.core.connection).map_err(|e| self.core.error(e))
    }

    fn page_space(&mut self) -> Result<PageSpace> {
        self::space(&self.core.connection).map_err(|e| self.core.error(e))
    }

    fn declare_index(&mut self, index: &NewIndex) -> Result<PageSpace> {
        self.defend(false)?;
        let declared = declare(&self.core.connection, index);
        self.defend(true)?;
        declared.map_err(|e| self.core.error(e))
    }

    fn write_pages(&mut self, space: PageSpace, first: u32, bytes: &[u8]) -> Result<()> {
        self::write(&self.core.connection, space, first, bytes).map_err(|e| self.core.error(e))
    }

    fn publish_pages(&mut self, space: PageSpace, new: &NewPages) -> Result<()> {
        self.defend(false)?;
        let published = self::publish(&self.core.connection, space, new);
        self.defend(true)?;
        published.map_err(|e| self.core.error(e))
    }

    fn discard_pages(&mut self, space: PageSpace) {
        // Room that is not given back is used by what is written next.
        _ = self::discard(&self.core.connection, space);
    }
}

/// Whether pages can be written behind the end of the database. To be asked outside of a transaction.
pub fn can_write(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let Some(mut file) = File::of(connection) else { return Ok(false) };
    let space = space(connection)?;
    let first = page(connection, 1)?;
    let is_plain = PLAIN.iter().all(|(at, bytes)| first[*at..].starts_with(bytes));
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if !is_plain || mode != "wal" {
        return Ok(false);
    }
    if file.size()? <= space.end() {
        return Ok(true);
    }
    // What stands behind the end is left over from an import that was cut off, or is what a reader still
    // looks at after the database shrank. With no reader behind the log's end, the log can be emptied.
    let (busy, frames, done) =
        connection.query_row("PRAGMA wal_checkpoint(passive)", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?;
    Ok(busy == 0 && frames == done)
}

/// The size of the database, inside its write transaction.
pub fn space(connection: &Connection) -> Result<PageSpace, rusqlite::Error> {
    Ok(PageSpace {
        page_bytes: number(connection, "PRAGMA page_size")? as usize,
        page_count: number(connection, "PRAGMA page_count")?,
    })
}

/// Enters an index into the schema, with the first page behind the end as its root. SQLite does not look
/// at it before the version of the schema changes.
pub fn declare(connection: &Connection, index: &NewIndex) -> Result<PageSpace, rusqlite::Error> {
    connection.execute_batch("PRAGMA writable_schema = on")?;
    let declared = enter(connection, index);
    connection.execute_batch("PRAGMA writable_schema = off")?;
    declared
}

fn enter(connection: &Connection, index: &NewIndex) -> Result<PageSpace, rusqlite::Error> {
    let mut space = space(connection)?;
    connection.execute(
        "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('index', ?, ?, ?, ?)",
        (&index.name, &index.table, space.next_page(), &index.sql),
    )?;
    for _ in 0..DECLARE_TRIES_MAX {
        let now = self::space(connection)?;
        if now == space {
            return Ok(space);
        }
        // The schema itself took the page.
        space = now;
        connection.execute(
            "UPDATE sqlite_schema SET rootpage = ? WHERE type = 'index' AND name = ?",
            (space.next_page(), &index.name),
        )?;
    }
    Err(unsound("the schema grows with each number of a page"))
}

/// Writes pages behind the end.
pub fn write(
    connection: &Connection,
    space: PageSpace,
    first: u32,
    bytes: &[u8],
) -> Result<(), rusqlite::Error> {
    let mut file = File::of(connection).ok_or_else(|| unsound("the database has no file"))?;
    if first <= space.page_count {
        return Err(unsound("a page of the database was about to be overwritten"));
    }
    let start = u64::from(first - 1) * space.page_bytes as u64;
    for (at, piece) in (start..).step_by(WRITE_BYTES_MAX).zip(bytes.chunks(WRITE_BYTES_MAX)) {
        file.write(piece, at)?;
    }
    Ok(())
}

/// Makes written pages part of the database, together with all else in its write transaction.
pub fn publish(
    connection: &Connection,
    space: PageSpace,
    new: &NewPages,
) -> Result<(), rusqlite::Error> {
    let mut file = File::of(connection).ok_or_else(|| unsound("the database has no file"))?;
    let last = new.last.as_ref().map_or(space.page_count, |(last, _)| *last);
    let end = u64::from(last) * space.page_bytes as u64;
    // A root is not written into the file: it is part of the transaction.
    let is_root = |page: u32| new.roots.iter().any(|(root, _)| *root == page);
    if new.last.as_ref().is_some_and(|(last, _)| !is_root(*last)) {
        file.sync()?;
        if file.size()? < end {
            return Err(unsound("pages that were written are gone: somebody cut the file"));
        }
    }
    if self::space(connection)? != space {
        return Err(unsound("the database grew while pages were written behind its end"));
    }
    // A page that SQLite has looked into before keeps what was found there; forget all that can be.
    connection.execute_batch("PRAGMA shrink_memory")?;
    for (root, content) in &new.roots {
        if *root > space.page_count {
            replace(connection, *root, content)?;
            continue;
        }
        let old = page(connection, *root)?;
        if !EMPTY_LEAVES.iter().any(|leaf| old.starts_with(leaf)) {
            return Err(unsound("a root that is to be replaced is not empty"));
        }
        replace(connection, *root, content)?;
    }
    if let Some((last, content)) = &new.last {
        replace(connection, *last, content)?;
        let mut first = page(connection, 1)?;
        first[28..32].copy_from_slice(&last.to_be_bytes());
        replace(connection, 1, &first)?;
        // SQLite reads the size again at the end of a savepoint, so that the transaction may go on.
        connection.execute_batch("SAVEPOINT lotwise_pages; RELEASE lotwise_pages")?;
    }
    if self::space(connection)?.page_count != last {
        return Err(unsound("the database did not take its new size"));
    }
    if new.roots.iter().any(|(root, _)| *root > space.page_count) {
        let version = number(connection, "PRAGMA schema_version")?;
        connection.pragma_update(None, "schema_version", version.wrapping_add(1))?;
    }
    Ok(())
}

/// Gives the bytes behind the end back, before the write transaction is rolled back.
pub fn discard(connection: &Connection, space: PageSpace) -> Result<(), rusqlite::Error> {
    let Some(mut file) = File::of(connection) else { return Ok(()) };
    if file.size()? > space.end() { file.truncate(space.end()) } else { Ok(()) }
}

fn number(connection: &Connection, sql: &str) -> Result<u32, rusqlite::Error> {
    connection.query_row(sql, [], |row| row.get(0))
}

fn page(connection: &Connection, number: u32) -> Result<Vec<u8>, rusqlite::Error> {
    let sql = "SELECT data FROM sqlite_dbpage WHERE pgno = ?";
    connection.query_row(sql, [number], |row| row.get(0))
}

fn replace(connection: &Connection, number: u32, content: &[u8]) -> Result<(), rusqlite::Error> {
    let sql = "INSERT INTO sqlite_dbpage (pgno, data) VALUES (?, ?)";
    connection.execute(sql, (number, content)).map(drop)
}

fn failed(code: c_int, message: Option<&str>) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), message.map(str::to_owned))
}

fn unsound(message: &str) -> rusqlite::Error {
    failed(ffi::SQLITE_INTERNAL, Some(message))
}

/// The open file of a connection's database.
struct File {
    file: NonNull<ffi::sqlite3_file>,
    methods: NonNull<ffi::sqlite3_io_methods>,
}

impl File {
    /// None for a database in memory.
    fn of(connection: &Connection) -> Option<Self> {
        let mut file: *mut ffi::sqlite3_file = null_mut();
        // SAFETY: the connection is open, "main" is its database, and this operation writes one pointer.
        let code = unsafe {
            ffi::sqlite3_file_control(
                connection.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                (&raw mut file).cast(),
            )
        };
        let file = NonNull::new(file).filter(|_| code == ffi::SQLITE_OK)?;
        // SAFETY: SQLite's file object lives as long as the connection; without a file it has no methods.
        let methods = NonNull::new(unsafe { file.as_ref() }.pMethods.cast_mut())?;
        Some(Self { file, methods })
    }

    fn call(
        &mut self,
        method: impl FnOnce(&ffi::sqlite3_io_methods, *mut ffi::sqlite3_file) -> Option<c_int>,
    ) -> Result<(), rusqlite::Error> {
        // SAFETY: the methods of an open file are static.
        match method(unsafe { self.methods.as_ref() }, self.file.as_ptr()) {
            Some(ffi::SQLITE_OK) => Ok(()),
            code => Err(failed(code.unwrap_or(ffi::SQLITE_IOERR), None)),
        }
    }

    fn write(&mut self, bytes: &[u8], at: u64) -> Result<(), rusqlite::Error> {
        let (from, amount) = (bytes.as_ptr().cast(), bytes.len() as c_int);
        // SAFETY: the file is open, and there are as many bytes as it says.
        self.call(|methods, file| unsafe {
            methods.xWrite.map(|write| write(file, from, amount, at as i64))
        })
    }

    fn sync(&mut self) -> Result<(), rusqlite::Error> {
        // SAFETY: the file is open.
        self.call(|methods, file| unsafe {
            methods.xSync.map(|sync| sync(file, ffi::SQLITE_SYNC_NORMAL))
        })
    }

    fn truncate(&mut self, size: u64) -> Result<(), rusqlite::Error> {
        // SAFETY: the file is open.
        self.call(|methods, file| unsafe {
            methods.xTruncate.map(|truncate| truncate(file, size as i64))
        })
    }

    fn size(&mut self) -> Result<u64, rusqlite::Error> {
        let mut size = 0;
        // SAFETY: the file is open, and the size goes into a variable.
        self.call(|methods, file| unsafe {
            methods.xFileSize.map(|file_size| file_size(file, &raw mut size))
        })?;
        Ok(size as u64)
    }
}
