//! Work on a database while its disk fails: what SQLite answers, and what is there afterwards.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::failing_disk::{Failing, Fault, Faults, How, Operation};
use lotwise::platform::vfs::Vfs;
use lotwise::platform::vfs::disk::Disk;
use rusqlite::{Connection, OpenFlags, ffi};

pub const FILE: &str = "live.db";
/// Transactions of one run.
const STEPS: i64 = 9;
/// Rows that each of them inserts.
const ROWS: i64 = 6;

/// How a database is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    pub journal: &'static str,
    pub synchronous: &'static str,
}

/// What became of a run.
#[derive(Debug, Default)]
pub struct Run {
    /// Steps whose commit was acknowledged.
    pub done: Vec<i64>,
    /// Steps that failed after the last one that was acknowledged: the file may hold one of them, since a
    /// commit that fails at its last sync is found again by whoever opens the file next.
    pub in_doubt: Vec<i64>,
    /// Steps that failed in a mode that commits by emptying the journal, when it may have been half empty
    /// already: nothing is left then to roll them back from, and SQLite does not know.
    pub unknown: Vec<i64>,
    /// What SQLite answered where it failed.
    pub codes: Vec<i32>,
}

/// A database with one step done, on a disk that works.
pub fn prepare(disk: Rc<dyn Disk>, vfs: &str, mode: Mode) {
    let vfs = register(vfs, disk, Rc::default());
    let connection = open(&vfs, mode).expect("opens");
    connection
        .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, step INTEGER, body BLOB); CREATE INDEX by_step ON t (step)")
        .expect("creates");
    step(&connection, 0).expect("writes");
}

/// Works on it while the disk fails as it is told to. The connections are closed at the end, where that is
/// asked for, on a disk that still fails.
pub fn work(disk: Rc<dyn Disk>, vfs: &str, mode: Mode, fault: Fault) -> (Run, bool) {
    let faults = Rc::new(Faults::default());
    let vfs = register(vfs, disk, Rc::clone(&faults));
    faults.arm(Some(fault));
    let mut run = Run { done: vec![0], ..Run::default() };
    let mut writer = None;
    for number in 1..=STEPS {
        let result = match &writer {
            Some(writer) => step(writer, number),
            None => open(&vfs, mode).and_then(|connection| step(writer.insert(connection), number)),
        };
        match result {
            Ok(()) => {
                run.done.push(number);
                run.in_doubt.clear();
            }
            Err(error) => {
                run.codes.push(code(&error));
                run.in_doubt.push(number);
                let half_empty = matches!(fault.how, How::HalfDone | How::Full)
                    || fault.operation == Operation::Sync;
                if mode.empties_journal() && half_empty {
                    run.unknown.push(number);
                }
            }
        }
        let Some(writer) = &writer else { continue };
        if number % 3 == 0 {
            let sql = "PRAGMA wal_checkpoint(truncate)";
            run.codes.extend(writer.query_row(sql, [], |_| Ok(())).err().map(|e| code(&e)));
        }
        if number % 3 == 1 {
            let read = open(&vfs, mode).and_then(|reader| {
                reader.query_row("SELECT sum(length(body)) FROM t", [], |row| row.get::<_, i64>(0))
            });
            run.codes.extend(read.err().map(|e| code(&e)));
        }
    }
    drop(writer);
    let happened = faults.happened();
    faults.arm(None);
    (run, happened)
}

/// What SQLite answers where an operation fails.
pub fn expected_code(fault: Fault) -> i32 {
    match fault.operation {
        Operation::Open => ffi::SQLITE_CANTOPEN,
        Operation::Delete => ffi::SQLITE_IOERR_DELETE,
        Operation::Exists => ffi::SQLITE_IOERR_ACCESS,
        Operation::Read => ffi::SQLITE_IOERR_READ,
        Operation::Write if fault.how == How::Full => ffi::SQLITE_FULL,
        Operation::Write => ffi::SQLITE_IOERR_WRITE,
        Operation::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
        Operation::Sync => ffi::SQLITE_IOERR_FSYNC,
        Operation::Size => ffi::SQLITE_IOERR_FSTAT,
    }
}

/// The faults that an operation can have.
pub fn ways(operation: Operation) -> &'static [How] {
    match operation {
        Operation::Write => &[How::Once, How::FromThenOn, How::HalfDone, How::Full],
        _ => &[How::Once, How::FromThenOn],
    }
}

/// What is there, seen by somebody who knows nothing of what went before. Panics where the database is not
/// sound.
pub fn found(disk: Rc<dyn Disk>, vfs: &str, mode: Mode) -> Vec<i64> {
    let vfs = register(vfs, disk, Rc::default());
    let connection = open(&vfs, mode).expect("opens again");
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checks");
    assert_eq!(check, "ok");
    let mut statement =
        connection.prepare("SELECT step, count(*) FROM t GROUP BY step").expect("prepares");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("reads");
    let rows: BTreeMap<i64, i64> = rows.map(|row| row.expect("reads")).collect();
    assert!(rows.values().all(|count| *count == ROWS), "a step in part: {rows:?}");
    rows.into_keys().collect()
}

impl Mode {
    fn empties_journal(self) -> bool {
        matches!(self.journal, "truncate" | "persist")
    }
}

impl Run {
    /// Whether a database may hold these steps after the run.
    pub fn allows(&self, found: &[i64]) -> bool {
        let all_done = self.done.iter().all(|step| found.contains(step));
        let more: Vec<&i64> = found
            .iter()
            .filter(|step| !self.done.contains(step) && !self.unknown.contains(step))
            .collect();
        all_done && more.len() <= 1 && more.iter().all(|step| self.in_doubt.contains(step))
    }
}

fn register(name: &str, disk: Rc<dyn Disk>, faults: Rc<Faults>) -> Vfs {
    Vfs::register(name, Box::new(Failing { disk, faults })).expect("registers")
}

fn open(vfs: &Vfs, mode: Mode) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags_and_vfs(FILE, flags, vfs.name())?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    // Small pages and a small cache: what is read and written goes to the disk.
    connection.execute_batch("PRAGMA page_size = 1024; PRAGMA cache_size = 6")?;
    let Mode { journal, synchronous } = mode;
    connection.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(()))?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 20"
    ))?;
    Ok(connection)
}

fn step(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let work = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        connection.execute(
            "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO t (step, body) SELECT ?1, zeroblob(900 + i) FROM n",
            [number, ROWS],
        )?;
        connection
            .execute("UPDATE t SET body = zeroblob(1100) WHERE step % 3 = ?1 % 3", [number])?;
        connection.execute_batch("COMMIT")
    };
    work().inspect_err(|_| {
        if !connection.is_autocommit() {
            _ = connection.execute_batch("ROLLBACK");
        }
    })
}

fn code(error: &rusqlite::Error) -> i32 {
    error.sqlite_error().map_or(-1, |error| error.extended_code)
}
