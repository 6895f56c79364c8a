//! Pages that are written behind the end of a database in WAL mode and made part of it by a transaction:
//! what readers see meanwhile, and what a crash at any moment leaves.

use std::path::{Path, PathBuf};

use lotwise::btree::index::IndexKeys;
use lotwise::btree::key::{KeyKind, KeyShape};
use lotwise::btree::page::{PageSink, Pages};
use lotwise::btree::record::Record;
use lotwise::btree::table::TableWriter;
use lotwise::error::{Error, Result};
use lotwise::model::value::ValueRef;
use lotwise::platform::bulk;
use lotwise::platform::vfs::{Parent, Vfs};
use lotwise::storage::port::{NewPages, PageSpace};
use rusqlite::{Connection, OpenFlags};

/// Rows that are written.
const ROWS: i64 = 5000;

/// A database in a file with an empty table `t` and an index on it, and some other rows.
struct Fixture {
    directory: tempfile::TempDir,
    vfs: Option<Vfs>,
}

impl Fixture {
    /// Over SQLite's own VFS, or over ours.
    fn new(own_vfs: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let parent = || Box::new(Parent::named("unix").expect("is there"));
        let name = format!("publish-{}", directory.path().display());
        let vfs = own_vfs.then(|| Vfs::register(&name, parent()).expect("registers"));
        Self { directory, vfs }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("live.db")
    }

    fn connect(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = match &self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(self.path(), flags, vfs.name()),
            None => Connection::open_with_flags(self.path(), flags),
        };
        let connection = connection.expect("opens");
        connection
            .execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = on; PRAGMA synchronous = full")
            .expect("sets");
        connection
    }

    /// The first connection. Pages at the end of the database are in the log only, some are free, and the
    /// roots of the table and its index have been looked into.
    fn writer(&self, page_bytes: u32) -> Connection {
        let writer = self.connect();
        writer
            .execute_batch(&format!(
                "PRAGMA page_size = {page_bytes}; PRAGMA journal_mode = wal;
                 CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INTEGER) STRICT;
                 CREATE UNIQUE INDEX t_a ON t (a);
                 CREATE TABLE other (x BLOB);
                 INSERT INTO other SELECT randomblob(300) FROM json_each('[{}]');
                 PRAGMA wal_checkpoint(truncate);
                 INSERT INTO other SELECT randomblob(700) FROM other;
                 DELETE FROM other WHERE rowid BETWEEN 100 AND 300",
                vec!["1"; 200].join(",")
            ))
            .expect("sets up");
        assert_eq!(count(&writer), 0);
        assert_eq!(number(&writer, "SELECT count(*) FROM t INDEXED BY t_a"), 0);
        writer
    }
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

fn count(connection: &Connection) -> i64 {
    number(connection, "SELECT count(*) FROM t")
}

fn run(connection: &Connection, sql: &str) {
    connection.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

fn check_sound(connection: &Connection, when: &str) {
    let answer: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checks");
    assert_eq!(answer, "ok", "{when}");
}

/// All the rows, also by the index; or none.
fn check_rows(connection: &Connection, expected: i64, when: &str) {
    check_sound(connection, when);
    assert_eq!(count(connection), expected, "{when}");
    assert_eq!(
        number(connection, "SELECT count(*) FROM t INDEXED BY t_a WHERE a >= ''"),
        expected,
        "{when}"
    );
    let sum = number(connection, "SELECT ifnull(sum(n), 0) FROM t");
    assert_eq!(sum, expected * (expected - 1) / 2, "{when}");
    let found = number(connection, "SELECT count(*) FROM t WHERE a = 'row 4321' AND id = 4322");
    assert_eq!(found, i64::from(expected > 0), "{when}");
}

struct Behind<'c, F> {
    connection: &'c Connection,
    space: PageSpace,
    /// Called after each run.
    then: F,
}

impl<F: FnMut()> PageSink for Behind<'_, F> {
    fn pages(&mut self, first: u32, bytes: &[u8]) -> Result<()> {
        // Small runs make many moments for a crash.
        let runs = bytes.chunks(self.space.page_bytes * 6).zip((first..).step_by(6));
        for (bytes, first) in runs {
            bulk::write(self.connection, self.space, first, bytes)
                .map_err(|error| Error::Internal { detail: error.to_string() })?;
            (self.then)();
        }
        Ok(())
    }
}

/// Writes the rows, inside a transaction; what there is to publish.
fn write_rows(writer: &Connection, space: PageSpace, then: impl FnMut()) -> NewPages {
    let mut sink = Behind { connection: writer, space, then };
    let mut table = TableWriter::new(Pages::new(space.page_bytes, space.page_count + 1));
    let mut keys = IndexKeys::new(KeyShape(vec![(KeyKind::Text, false)]), true);
    let mut record = Record::default();
    for n in 0..ROWS {
        let text = format!("row {n}");
        let text = ValueRef::Text(text.as_bytes());
        record.clear();
        [ValueRef::Null, text, ValueRef::Int(n)].into_iter().for_each(|value| record.push(value));
        table.push(&mut sink, n + 1, &record).expect("takes the row");
        assert!(keys.push(|_| text, n + 1));
    }
    let root = |name| {
        let sql = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{name}'");
        number(writer, &sql) as u32
    };
    let (table_root, pages) = table.finish(&mut sink).expect("finishes");
    let mut build = keys.build(pages);
    while !build.step(&mut sink, 1000).expect("goes on") {}
    assert_eq!(build.duplicate(), None);
    let (index_root, pages) = build.finish(&mut sink).expect("finishes");
    let last = pages.finish(&mut sink).expect("hands on the rest");
    NewPages { roots: vec![(root("t"), table_root), (root("t_a"), index_root)], last }
}

/// What a crash now would leave: a copy of the files, opened; and again with the log cut at each frame.
fn after_a_crash(path: &Path, page_bytes: usize, check: impl Fn(&Connection, &str), when: &str) {
    let log = path.with_extension("db-wal");
    let bytes = std::fs::read(&log).unwrap_or_default();
    let frame = page_bytes + 24;
    let whole = bytes.len();
    let frames = whole.saturating_sub(32) / frame;
    let cuts = (0..frames).rev().take(12).map(|n| 32 + n * frame + frame / 2);
    for cut in std::iter::once(whole).chain(cuts) {
        let directory = tempfile::tempdir().expect("a directory");
        let copy = directory.path().join("live.db");
        std::fs::copy(path, &copy).expect("copies");
        std::fs::write(copy.with_extension("db-wal"), &bytes[..cut]).expect("copies");
        let connection = Connection::open(&copy).expect("opens");
        check(&connection, &format!("{when}, {cut} of {whole} bytes of the log"));
    }
}

fn is_old_or_new(connection: &Connection, when: &str) {
    let rows = count(connection);
    assert!(rows == 0 || rows == ROWS, "{when}: {rows} rows");
    check_rows(connection, rows, when);
}

#[test]
fn readers_keep_their_snapshots_and_a_crash_leaves_the_old_state_or_the_new() {
    for (own_vfs, page_bytes) in [(false, 1024), (true, 1024), (false, 8192), (true, 8192)] {
        let fixture = Fixture::new(own_vfs);
        let writer = fixture.writer(page_bytes);
        let path = fixture.path();
        let is_old = |connection: &Connection, when: &str| check_rows(connection, 0, when);
        let crash = |when| after_a_crash(&path, page_bytes as usize, is_old, when);
        let old = fixture.connect();
        run(&old, "BEGIN");
        assert_eq!(count(&old), 0);
        let free = number(&writer, "PRAGMA freelist_count");
        assert!(free > 0, "there are free pages");

        assert!(bulk::can_write(&writer).expect("answers"));
        run(&writer, "BEGIN IMMEDIATE");
        let space = bulk::space(&writer).expect("answers");
        let size = std::fs::metadata(&path).expect("is there").len();
        assert!(size < space.end(), "the last pages are in the log only");
        crash("before");
        let mut runs = 0;
        let new = write_rows(&writer, space, || {
            runs += 1;
            if runs % 20 == 1 {
                crash("while pages are written");
            }
        });
        assert!(runs > 2, "{runs}");
        crash("when all are written");
        assert_eq!(count(&writer), 0);
        bulk::publish(&writer, space, &new).expect("publishes");
        // Ours may not have handed the log over yet.
        crash("before the commit");
        assert_eq!(count(&fixture.connect()), 0);
        check_rows(&writer, ROWS, "in the transaction");
        run(&writer, "COMMIT");
        after_a_crash(&path, page_bytes as usize, is_old_or_new, "after the commit");

        check_rows(&old, 0, "in the old snapshot");
        check_rows(&fixture.connect(), ROWS, "in a new connection");
        check_rows(&writer, ROWS, "in the writer");
        run(&old, "COMMIT");
        check_rows(&old, ROWS, "in the next snapshot");
        let last = new.last.as_ref().map(|(number, _)| i64::from(*number));
        assert_eq!(Some(number(&writer, "PRAGMA page_count")), last);
        assert_eq!(number(&writer, "PRAGMA freelist_count"), free);
        go_on(&fixture, &writer, &old);
    }
}

/// SQL goes on in the new pages, through checkpoints and a new start.
fn go_on(fixture: &Fixture, writer: &Connection, reader: &Connection) {
    run(
        writer,
        "BEGIN; INSERT INTO t SELECT id + 10000, 'new' || a, n FROM t WHERE id <= 2000;
         UPDATE t SET n = n + 1 WHERE id % 3 = 0; DELETE FROM t WHERE id % 7 = 0; COMMIT",
    );
    let rows = count(writer);
    for connection in [writer, reader] {
        check_sound(connection, "after changes");
        assert_eq!(count(connection), rows);
    }
    run(writer, "PRAGMA wal_checkpoint(truncate)");
    check_sound(reader, "after a checkpoint");
    run(writer, "INSERT INTO t (a, n) VALUES ('one more', 1); ANALYZE; VACUUM");
    for connection in [writer, reader, &fixture.connect()] {
        check_sound(connection, "after VACUUM");
        assert_eq!(count(connection), rows + 1);
    }
}

#[test]
fn a_transaction_that_published_can_go_on_by_sql() {
    for commits in [true, false] {
        let fixture = Fixture::new(true);
        let writer = fixture.writer(2048);
        let pages_before = number(&writer, "PRAGMA page_count");
        assert!(bulk::can_write(&writer).expect("answers"));
        run(&writer, "BEGIN IMMEDIATE");
        let space = bulk::space(&writer).expect("answers");
        let new = write_rows(&writer, space, || {});
        bulk::publish(&writer, space, &new).expect("publishes");
        run(
            &writer,
            "INSERT INTO t SELECT id + 10000, 'more' || a, n FROM t; CREATE INDEX t_n ON t (n, a);
             CREATE TABLE more (x); INSERT INTO more SELECT randomblob(3000) FROM t LIMIT 100",
        );
        check_sound(&writer, "in the transaction");
        assert_eq!(count(&writer), 2 * ROWS);
        if commits {
            run(&writer, "COMMIT");
        } else {
            bulk::discard(&writer, space).expect("cuts the file");
            run(&writer, "ROLLBACK");
            assert_eq!(number(&writer, "PRAGMA page_count"), pages_before);
            let size = std::fs::metadata(fixture.path()).expect("is there").len();
            assert_eq!(size, space.end());
        }
        for connection in [&writer, &fixture.connect()] {
            check_sound(connection, "afterwards");
            assert_eq!(count(connection), if commits { 2 * ROWS } else { 0 });
        }
        run(&writer, "PRAGMA wal_checkpoint(truncate)");
        run(&writer, "INSERT INTO t (a) VALUES ('one more')");
        check_sound(&fixture.connect(), "after a checkpoint");
    }
}

fn refused(result: std::result::Result<(), rusqlite::Error>, why: &str) {
    let error = result.expect_err(why).to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn what_was_written_is_not_published_where_it_would_do_harm() {
    let fixture = Fixture::new(false);
    let writer = fixture.writer(4096);
    let begin = || {
        assert!(bulk::can_write(&writer).expect("answers"));
        run(&writer, "BEGIN IMMEDIATE");
        bulk::space(&writer).expect("answers")
    };
    // A checkpoint cuts the file where the database ends.
    let space = begin();
    let new = write_rows(&writer, space, || {});
    run(&fixture.connect(), "PRAGMA wal_checkpoint(passive)");
    refused(bulk::publish(&writer, space, &new), "are gone");
    run(&writer, "ROLLBACK");
    // The transaction itself took the pages.
    let space = begin();
    let new = write_rows(&writer, space, || {});
    run(&writer, "CREATE TABLE large AS SELECT randomblob(5000000)");
    refused(bulk::publish(&writer, space, &new), "grew");
    run(&writer, "ROLLBACK");
    // The table has rows.
    let space = begin();
    let new = write_rows(&writer, space, || {});
    run(&writer, "INSERT INTO t VALUES (1, 'a', 1)");
    refused(bulk::publish(&writer, space, &new), "not empty");
    run(&writer, "ROLLBACK");
    // A page of the database.
    let space = begin();
    refused(bulk::write(&writer, space, space.page_count, &[0; 4096]), "overwritten");
    run(&writer, "ROLLBACK");
    check_rows(&writer, 0, "after all of them");
    check_rows(&fixture.connect(), 0, "after all of them");
}

#[test]
fn what_a_reader_still_sees_behind_the_end_is_left_alone() {
    let fixture = Fixture::new(false);
    let writer = fixture.writer(4096);
    run(&writer, "PRAGMA wal_checkpoint(truncate)");
    let old = fixture.connect();
    run(&old, "BEGIN");
    let others = number(&old, "SELECT count(*) FROM other");
    run(&writer, "DELETE FROM other; VACUUM");
    assert!(!bulk::can_write(&writer).expect("answers"), "the file is longer than the database");
    assert_eq!(number(&old, "SELECT count(*) FROM other"), others);
    check_sound(&old, "in the old snapshot");
    run(&old, "COMMIT");
    assert!(bulk::can_write(&writer).expect("answers"), "nobody looks any more");
    let none = Connection::open_in_memory().expect("opens");
    assert!(!bulk::can_write(&none).expect("answers"), "there is no file");
    run(&none, "PRAGMA auto_vacuum = full");
    let fixture = Fixture::new(false);
    let vacuuming = fixture.connect();
    run(&vacuuming, "PRAGMA auto_vacuum = full; PRAGMA journal_mode = wal; CREATE TABLE t (x)");
    assert!(!bulk::can_write(&vacuuming).expect("answers"), "every page would have to be mapped");
}

#[test]
fn bytes_that_a_crash_left_behind_the_end_are_in_nobodys_way() {
    for own_vfs in [false, true] {
        let fixture = Fixture::new(own_vfs);
        let mut writer = fixture.writer(4096);
        for checkpointed in [false, true, false] {
            if checkpointed {
                run(&writer, "PRAGMA wal_checkpoint(truncate)");
            }
            run(&writer, "BEGIN IMMEDIATE");
            let space = bulk::space(&writer).expect("answers");
            write_rows(&writer, space, || {});
            // The process ends here: nothing is rolled back, the log is left as it is.
            let copy = tempfile::tempdir().expect("a directory");
            for file in ["live.db", "live.db-wal"] {
                _ = std::fs::copy(fixture.directory.path().join(file), copy.path().join(file));
            }
            drop(writer);
            for file in ["live.db", "live.db-wal"] {
                _ = std::fs::copy(copy.path().join(file), fixture.directory.path().join(file));
            }
            writer = fixture.connect();
            check_rows(&writer, 0, "after the crash");
            run(&writer, "INSERT INTO other SELECT randomblob(5000) FROM other LIMIT 20");
            check_rows(&writer, 0, "after a write");
        }
        assert!(bulk::can_write(&writer).expect("answers"));
        run(&writer, "BEGIN IMMEDIATE");
        let space = bulk::space(&writer).expect("answers");
        let new = write_rows(&writer, space, || {});
        bulk::publish(&writer, space, &new).expect("publishes");
        run(&writer, "COMMIT");
        for connection in [&writer, &fixture.connect()] {
            check_rows(connection, ROWS, "when it was repeated");
        }
        run(&writer, "PRAGMA wal_checkpoint(truncate)");
        check_rows(&fixture.connect(), ROWS, "after a checkpoint");
    }
}
