//! The VFS by SQLite's own rules: several connections of one thread, snapshots, recovery, and when bytes
//! reach the disk.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use lotwise::platform::vfs::disk::{Disk, DiskFile, MemoryDisk};
use lotwise::platform::vfs::{Files, Parent, Store, Vfs};
use rsqlite_vfs::{OpenOptions, VfsAppData, VfsError, VfsErrorCode, VfsResult, test_suite};
use rusqlite::{Connection, OpenFlags};

/// VFS names are the process's.
fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("vfs-test-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn over(disk: Box<dyn Disk>) -> Vfs {
    Vfs::register(&unique(), disk).expect("registers")
}

fn native() -> Box<dyn Disk> {
    Box::new(Parent::named("unix").expect("is there"))
}

fn connect(vfs: &Vfs, file: &str) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags_and_vfs(file, flags, vfs.name()).expect("opens");
    connection.busy_timeout(std::time::Duration::ZERO).expect("is set");
    connection
}

/// The first connection, with a table of three rows.
fn first(vfs: &Vfs, file: &str, synchronous: &str) -> Connection {
    let connection = connect(vfs, file);
    let mode: String =
        connection.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0)).expect("is set");
    assert_eq!(mode, "wal");
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1), (2), (3);"
        ))
        .expect("runs");
    connection
}

fn count(connection: &Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("counts")
}

fn check_integrity(connection: &Connection) {
    let answer: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checks");
    assert_eq!(answer, "ok");
}

fn for_each_disk(check: impl Fn(Box<dyn Disk>, &str)) {
    check(Box::<MemoryDisk>::default(), "live.db");
    let directory = tempfile::tempdir().expect("a directory");
    check(native(), &path_in(directory.path()));
}

fn path_in(directory: &Path) -> String {
    directory.join("live.db").to_string_lossy().into_owned()
}

#[test]
fn the_suite_of_the_library_passes() {
    test_suite::test_vfs_store::<Store>(VfsAppData::new(Files::new(Box::<MemoryDisk>::default())))
        .expect("in memory");
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Inside { disk: native(), directory: directory.path().to_owned() };
    test_suite::test_vfs_store::<Store>(VfsAppData::new(Files::new(Box::new(disk))))
        .expect("in files");
}

#[test]
fn readers_keep_their_snapshots_while_a_writer_commits_and_checkpoints() {
    for_each_disk(|disk, file| {
        let vfs = over(disk);
        let writer = first(&vfs, file, "full");
        let (early, late) = (connect(&vfs, file), connect(&vfs, file));
        early.execute_batch("BEGIN").expect("begins");
        assert_eq!(count(&early), 3);
        writer.execute("INSERT INTO t VALUES (4)", []).expect("writes beside a reader");
        late.execute_batch("BEGIN").expect("begins");
        assert_eq!(count(&late), 4);
        let statement = "INSERT INTO t SELECT value FROM json_each(?)";
        for round in 0..20 {
            let numbers: Vec<i64> = (0..1000).map(|n| round * 1000 + n).collect();
            writer.execute(statement, [format!("{numbers:?}")]).expect("writes");
            let (busy, log, done): (i64, i64, i64) = writer
                .query_row("PRAGMA wal_checkpoint(passive)", [], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .expect("checkpoints");
            assert!(busy == 0 && done < log, "the early reader holds it back: {done} of {log}");
        }
        assert_eq!(count(&early), 3, "the first snapshot");
        assert_eq!(count(&late), 4, "the second snapshot");
        let truncate = |connection: &Connection| -> i64 {
            let sql = "PRAGMA wal_checkpoint(truncate)";
            connection.query_row(sql, [], |row| row.get(0)).expect("answers")
        };
        assert_eq!(truncate(&writer), 1, "busy while they read");
        early.execute_batch("COMMIT").expect("ends");
        late.execute_batch("COMMIT").expect("ends");
        assert_eq!(truncate(&writer), 0);
        assert_eq!(count(&early), 20_004);
        assert_eq!(count(&late), 20_004);
        check_integrity(&early);
    });
}

#[test]
fn a_transaction_is_not_seen_before_it_commits_and_never_when_it_rolls_back() {
    for_each_disk(|disk, file| {
        let vfs = over(disk);
        let writer = first(&vfs, file, "full");
        let reader = connect(&vfs, file);
        // So small a cache spills what is not committed into the WAL.
        writer.execute_batch("PRAGMA cache_size = 10; BEGIN IMMEDIATE").expect("begins");
        let fill = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
                    INSERT INTO t SELECT i FROM n";
        writer.execute(fill, []).expect("writes");
        assert_eq!(count(&reader), 3);
        let second = connect(&vfs, file);
        let refused = second.execute_batch("BEGIN IMMEDIATE").expect_err("one writer");
        assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
        writer.execute_batch("ROLLBACK").expect("rolls back");
        assert_eq!(count(&reader), 3);
        second.execute("INSERT INTO t VALUES (4)", []).expect("writes now");
        assert_eq!(count(&writer), 4);
        writer.execute_batch("BEGIN IMMEDIATE").expect("begins");
        writer.execute(fill, []).expect("writes");
        writer.execute("UPDATE t SET x = x + 1", []).expect("changes what was spilled");
        writer.execute_batch("COMMIT").expect("commits");
        assert_eq!(count(&reader), 50_004);
        check_integrity(&reader);
    });
}

#[test]
fn commits_survive_a_crash_at_any_time_whether_synced_or_not() {
    for synchronous in ["full", "normal"] {
        let directory = tempfile::tempdir().expect("a directory");
        let file = path_in(directory.path());
        let vfs = over(native());
        let writer = first(&vfs, &file, synchronous);
        for round in 0..40 {
            let size = 1 + round % 7;
            writer
                .execute_batch(&format!(
                    "BEGIN; INSERT INTO t SELECT x FROM t LIMIT {size};
                     UPDATE t SET x = x + 1; COMMIT;"
                ))
                .expect("writes");
            if round % 11 == 10 {
                writer.execute_batch("PRAGMA wal_checkpoint(passive)").expect("checkpoints");
            }
            // What a process killed now would leave: what has reached the file system.
            let copy = tempfile::tempdir().expect("a directory");
            for entry in std::fs::read_dir(directory.path()).expect("reads").flatten() {
                std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copies");
            }
            let other = over(native());
            let recovered = connect(&other, &path_in(copy.path()));
            assert_eq!(count(&recovered), count(&writer), "round {round}, {synchronous}");
            check_integrity(&recovered);
        }
    }
}

/// Pages that a transaction writes twice make SQLite correct the checksums of frames, after the one that
/// commits.
#[test]
fn a_commit_that_corrects_checksums_is_handed_over_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = path_in(directory.path());
    let vfs = over(native());
    let writer = first(&vfs, &file, "normal");
    writer.execute_batch("PRAGMA cache_size = 10").expect("is set");
    for round in 1..4 {
        writer
            .execute_batch(
                "BEGIN; WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                 INSERT INTO t SELECT i FROM n; UPDATE t SET x = x + 1; UPDATE t SET x = x + 1; COMMIT;",
            )
            .expect("writes");
        let copy = tempfile::tempdir().expect("a directory");
        for entry in std::fs::read_dir(directory.path()).expect("reads").flatten() {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copies");
        }
        let other = over(native());
        let recovered = connect(&other, &path_in(copy.path()));
        assert_eq!(count(&recovered), 3 + round * 20_000);
        check_integrity(&recovered);
    }
}

#[test]
fn the_journal_mode_may_change_and_change_back() {
    for_each_disk(|disk, file| {
        let vfs = over(disk);
        let writer = first(&vfs, file, "full");
        for (round, mode) in
            ["delete", "wal", "truncate", "wal", "persist", "wal"].iter().enumerate()
        {
            let sql = format!("PRAGMA journal_mode = {mode}");
            let now: String = writer.query_row(&sql, [], |row| row.get(0)).expect("changes");
            assert_eq!(now, *mode);
            let fill = "INSERT INTO t SELECT value FROM json_each(?)";
            let numbers: Vec<usize> = (0..500).collect();
            writer.execute(fill, [format!("{numbers:?}")]).expect("writes");
            assert_eq!(count(&writer), 3 + 500 * (round as i64 + 1), "{mode}");
            let reader = connect(&vfs, file);
            assert_eq!(count(&reader), 3 + 500 * (round as i64 + 1), "{mode}");
            check_integrity(&reader);
        }
    });
}

#[test]
fn a_database_in_wal_mode_opens_again_after_closing() {
    for_each_disk(|disk, file| {
        let vfs = over(disk);
        for round in 0..3 {
            let writer = if round == 0 { first(&vfs, file, "full") } else { connect(&vfs, file) };
            let reader = connect(&vfs, file);
            writer.execute("INSERT INTO t VALUES (0)", []).expect("writes");
            assert_eq!(count(&reader), 4 + round);
            drop(writer);
            assert_eq!(count(&reader), 4 + round);
        }
    });
}

#[test]
fn writes_reach_the_disk_few_and_commits_at_once() {
    let counts = Rc::new(Counts::default());
    let vfs =
        over(Box::new(Counting { disk: Box::<MemoryDisk>::default(), counts: Rc::clone(&counts) }));
    let writer = first(&vfs, "live.db", "normal");
    let fill = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO t SELECT i FROM n";
    counts.reset();
    writer.execute(fill, []).expect("writes");
    let pages: i64 = writer.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("reads");
    assert!(pages > 20, "{pages}");
    assert!(counts.writes.get() <= 2, "{} writes for {pages} pages", counts.writes.get());
    counts.reset();
    writer.execute("INSERT INTO t VALUES (1)", []).expect("writes");
    assert_eq!((counts.writes.get(), counts.syncs.get()), (1, 0), "relaxed: written, not synced");
    writer.execute_batch("PRAGMA synchronous = full").expect("is set");
    counts.reset();
    writer.execute("INSERT INTO t VALUES (1)", []).expect("writes");
    assert_eq!((counts.writes.get(), counts.syncs.get()), (1, 1), "full: written and synced once");
    counts.reset();
    writer.execute_batch("PRAGMA wal_checkpoint(passive)").expect("checkpoints");
    assert!(counts.writes.get() <= 3, "{} writes for a checkpoint", counts.writes.get());
}

#[test]
fn a_commit_that_failed_never_comes_true() {
    let counts = Rc::new(Counts::default());
    let memory = Rc::new(MemoryDisk::default());
    let disk = Counting { disk: Box::new(Shared(Rc::clone(&memory))), counts: Rc::clone(&counts) };
    let vfs = over(Box::new(disk));
    let writer = first(&vfs, "live.db", "normal");
    counts.fail_writes.set(true);
    let error = writer.execute("INSERT INTO t VALUES (4)", []).expect_err("the disk is full");
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    assert_eq!(count(&writer), 3);
    counts.fail_writes.set(false);
    // Whatever was gathered and refused reaches the disk now.
    writer.execute_batch("PRAGMA wal_checkpoint(passive)").expect("checkpoints");
    // What lies on the disk, seen by somebody who knows nothing of this process.
    let image = over(Box::new(Shared(Rc::clone(&memory))));
    std::mem::forget(vfs);
    let recovered = connect(&image, "live.db");
    assert_eq!(count(&recovered), 3);
    check_integrity(&recovered);
    writer.execute("INSERT INTO t VALUES (4)", []).expect("goes on when there is room");
    assert_eq!(count(&writer), 4);
}

/// A disk that is shared, to be looked at behind a VFS's back.
struct Shared(Rc<MemoryDisk>);

impl Disk for Shared {
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>> {
        self.0.open(name, options)
    }

    fn delete(&self, name: &str, sync: bool) -> VfsResult<()> {
        self.0.delete(name, sync)
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        self.0.exists(name)
    }

    fn full_name(&self, name: &str) -> VfsResult<String> {
        self.0.full_name(name)
    }
}

/// A disk whose names are inside a directory.
struct Inside {
    disk: Box<dyn Disk>,
    directory: std::path::PathBuf,
}

impl Inside {
    fn path(&self, name: &str) -> String {
        self.directory.join(name).to_string_lossy().into_owned()
    }
}

impl Disk for Inside {
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>> {
        self.disk.open(name.map(|name| self.path(name)).as_deref(), options)
    }

    fn delete(&self, name: &str, sync: bool) -> VfsResult<()> {
        self.disk.delete(&self.path(name), sync)
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        self.disk.exists(&self.path(name))
    }

    fn full_name(&self, name: &str) -> VfsResult<String> {
        Ok(name.to_owned())
    }
}

#[derive(Default)]
pub struct Counts {
    pub reads: Cell<u32>,
    pub writes: Cell<u32>,
    pub syncs: Cell<u32>,
    fail_writes: Cell<bool>,
}

impl Counts {
    pub fn reset(&self) {
        self.reads.set(0);
        self.writes.set(0);
        self.syncs.set(0);
    }
}

/// Counts what reaches a disk, and fails where it is told to.
pub struct Counting {
    pub disk: Box<dyn Disk>,
    pub counts: Rc<Counts>,
}

struct CountingFile {
    file: RefCell<Box<dyn DiskFile>>,
    counts: Rc<Counts>,
}

impl Disk for Counting {
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>> {
        let file = RefCell::new(self.disk.open(name, options)?);
        Ok(Box::new(CountingFile { file, counts: Rc::clone(&self.counts) }))
    }

    fn delete(&self, name: &str, sync: bool) -> VfsResult<()> {
        self.disk.delete(name, sync)
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        self.disk.exists(name)
    }

    fn full_name(&self, name: &str) -> VfsResult<String> {
        self.disk.full_name(name)
    }
}

impl DiskFile for CountingFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<()> {
        self.counts.reads.set(self.counts.reads.get() + 1);
        self.file.get_mut().read(buffer, offset)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        if self.counts.fail_writes.get() {
            return Err(VfsError::new(VfsErrorCode::Full, "no room".into()));
        }
        self.counts.writes.set(self.counts.writes.get() + 1);
        self.file.get_mut().write(bytes, offset)
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        self.file.get_mut().truncate(size)
    }

    fn sync(&mut self) -> VfsResult<()> {
        self.counts.syncs.set(self.counts.syncs.get() + 1);
        self.file.get_mut().sync()
    }

    fn size(&self) -> VfsResult<u64> {
        self.file.borrow().size()
    }
}
