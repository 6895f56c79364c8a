//! Files that are damaged, strange or of a newer package: said so with the right code and a way out, and not
//! touched; whatever could be read before can be read afterwards.

use std::path::{Path, PathBuf};

use crate::common::rows;
use crate::engine::dataset;
use lotwise::error::{Error, Result};
use lotwise::model::config::Config;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::port::{Author, Params, SqlPort};
use serde_json::json;

const NONE: Params<'_> = Params::Positional(&[]);
const PAGE: usize = 8192;

/// A database's file and the log beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Files {
    main: Vec<u8>,
    log: Option<Vec<u8>>,
}

fn log(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

impl Files {
    fn read(path: &Path) -> Self {
        Self {
            main: std::fs::read(path).expect("reads"),
            log: std::fs::read(log(path)).ok().filter(|bytes| !bytes.is_empty()),
        }
    }

    fn write(&self, path: &Path) {
        std::fs::write(path, &self.main).expect("writes");
        match &self.log {
            Some(bytes) => std::fs::write(log(path), bytes).expect("writes"),
            None => _ = std::fs::remove_file(log(path)),
        }
    }
}

fn open(path: &Path) -> Result<Engine<SqlitePort>> {
    let lots = json!({"name": "lots", "columns": {"id": {"type": "integer", "primaryKey": true}, "note": {"type": "text"}},
        "indexes": [{"name": "by_note", "columns": ["note"]}]});
    Engine::open(SqlitePort::open_file(path)?, &[dataset(lots)])
}

fn fill(engine: &mut Engine<SqlitePort>, first: u32) {
    let sql = "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + 999)
               INSERT INTO lots SELECT i, 'note ' || i FROM n";
    engine.execute(sql, Params::Positional(&[Value::Int(first.into())])).expect("fills");
}

fn count(engine: &mut Engine<SqlitePort>) -> Result<Vec<Vec<Value>>> {
    engine.query("SELECT count(*), sum(id), max(note) FROM lots", NONE).map(|answer| rows(&answer))
}

/// A closed database, and one whose last thousand rows are in the log only.
fn sound() -> (tempfile::TempDir, Files, Files) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("live.db");
    let mut engine = open(&path).expect("opens");
    fill(&mut engine, 1);
    engine.into_port().close().expect("closes");
    let closed = Files::read(&path);
    let mut engine = open(&path).expect("opens");
    fill(&mut engine, 1001);
    let crashed = Files::read(&path);
    engine.into_port().close().expect("closes");
    assert!(crashed.log.as_ref().is_some_and(|log| log.len() > PAGE));
    (directory, closed, crashed)
}

/// Opens what is there, and tells why it cannot be; then nothing may have changed.
fn check_refused(directory: &tempfile::TempDir, files: &Files, what: &str) -> Error {
    let path = directory.path().join("live.db");
    files.write(&path);
    let error = match open(&path) {
        Err(error) => error,
        Ok(mut engine) => count(&mut engine).expect_err(what),
    };
    assert_eq!(&Files::read(&path), files, "{what}: {error}");
    error
}

#[test]
fn headers_that_make_no_sense_are_refused_and_left_alone() {
    let (directory, closed, crashed) = sound();
    for sound in [closed, crashed] {
        let damages: [(&str, usize, &[u8]); 6] = [
            ("the first bytes", 0, b"SQLite format 4\0"),
            ("zeros", 0, &[0; 100]),
            ("page size", 16, &[0, 3]),
            ("read version", 19, &[7]),
            ("reserved bytes", 20, &[250]),
            ("payload fractions", 21, &[0, 0, 0]),
        ];
        for (what, at, bytes) in damages {
            let mut files = sound.clone();
            files.main[at..at + bytes.len()].copy_from_slice(bytes);
            // A log that holds the first page holds its header too.
            files.log = None;
            let error = check_refused(&directory, &files, what);
            assert_eq!(error.code(), "DATABASE_CORRUPT", "{what}: {error}");
            assert!(error.to_string().contains("'live'"), "{error}");
        }
    }
}

#[test]
fn files_that_are_no_database_are_refused_and_left_alone() {
    let (directory, closed, _) = sound();
    for (what, main) in [
        ("text", b"production_date,item_code\n".repeat(1000)),
        ("a few bytes", b"SQLite".to_vec()),
        ("zeros", vec![0; 3 * PAGE]),
        ("half a header", closed.main[..60].to_vec()),
        ("a compressed file", [&[0x1f, 0x8b][..], &[7; 5000]].concat()),
    ] {
        let error = check_refused(&directory, &Files { main, log: None }, what);
        assert_eq!(error.code(), "DATABASE_CORRUPT", "{what}: {error}");
    }
}

#[test]
fn an_empty_file_is_a_new_database() {
    let (directory, _, _) = sound();
    let path = directory.path().join("live.db");
    Files { main: Vec::new(), log: None }.write(&path);
    let mut engine = open(&path).expect("opens");
    assert_eq!(count(&mut engine).expect("reads")[0][0], Value::Int(0));
}

#[test]
fn files_that_were_cut_are_refused_and_left_alone() {
    let (directory, closed, _) = sound();
    let pages = closed.main.len() / PAGE;
    for kept in [PAGE, 2 * PAGE, (pages / 2) * PAGE, (pages - 1) * PAGE, 700] {
        let files = Files { main: closed.main[..kept].to_vec(), log: None };
        let error = check_refused(&directory, &files, &format!("{kept} bytes"));
        assert_eq!(error.code(), "DATABASE_CORRUPT", "{kept} bytes: {error}");
    }
}

#[test]
fn damaged_pages_are_told_when_they_are_read_and_the_rest_goes_on() {
    let (directory, closed, _) = sound();
    let path = directory.path().join("live.db");
    let mut found = 0;
    for page in 0..closed.main.len() / PAGE {
        let mut files = closed.clone();
        let start = page * PAGE + if page == 0 { 100 } else { 0 };
        files.main[start..start + 40].fill(0xee);
        files.write(&path);
        let error = match open(&path) {
            Err(error) => error,
            Ok(mut engine) => {
                let all = "SELECT count(*), sum(length(note)) FROM lots NOT INDEXED UNION ALL SELECT count(*), sum(length(note)) FROM lots WHERE note > ''";
                let result = engine.query(all, NONE).map(|answer| rows(&answer));
                // What does not stand on that page can still be read.
                engine
                    .query("SELECT count(*) FROM lotwise_dataset", NONE)
                    .map(drop)
                    .or_else(
                        |error| {
                            if error.code() == "DATABASE_CORRUPT" { Ok(()) } else { Err(error) }
                        },
                    )
                    .expect("works on");
                match result {
                    Ok(_) => continue,
                    Err(error) => error,
                }
            }
        };
        assert_eq!(error.code(), "DATABASE_CORRUPT", "page {}: {error}", page + 1);
        assert_eq!(Files::read(&path), files, "page {}", page + 1);
        found += 1;
    }
    assert!(found > 5, "{found} damaged pages were found");
}

#[test]
fn a_damaged_log_gives_a_state_between_two_transactions() {
    let (directory, _, crashed) = sound();
    let path = directory.path().join("live.db");
    let state = |path: &Path| {
        let mut engine = open(path).expect("opens");
        let found = count(&mut engine).expect("reads");
        let check = engine.query("PRAGMA integrity_check", NONE).expect("checks");
        assert_eq!(rows(&check), [[Value::from("ok")]]);
        engine.execute("INSERT INTO lots VALUES (-1, '')", NONE).expect("takes more");
        found[0][0].clone()
    };
    crashed.write(&path);
    assert_eq!(state(&path), Value::Int(2000), "an undamaged log is read to its end");
    let length = crashed.log.as_ref().map_or(0, Vec::len);
    for at in [0, 4, 8, 16, 20, 24, 32, 40, 48, 100, length / 2, length - PAGE, length - 1] {
        let mut files = crashed.clone();
        if let Some(log) = &mut files.log {
            log[at] ^= 0xff;
        }
        files.write(&path);
        let found = state(&path);
        // The whole last transaction counts, or none of it.
        assert!([Value::Int(1000), Value::Int(2000)].contains(&found), "byte {at}: {found:?}");
    }
    for kept in [0, 10, 32, 100, PAGE, length / 2, length - 1] {
        let files =
            Files { log: crashed.log.as_ref().map(|log| log[..kept].to_vec()), ..crashed.clone() };
        files.write(&path);
        assert!([Value::Int(1000), Value::Int(2000)].contains(&state(&path)), "cut to {kept}");
    }
}

#[test]
fn a_database_of_a_newer_package_is_refused_with_its_log_and_left_alone() {
    let (directory, _, _) = sound();
    let path = directory.path().join("live.db");
    let mut engine = open(&path).expect("opens");
    engine
        .port()
        .script("PRAGMA user_version = 99; CREATE TABLE lotwise_new (x)", Author::Engine)
        .expect("writes");
    let crashed = Files::read(&path);
    drop(engine);
    assert!(
        crashed.log.as_ref().is_some_and(|log| !log.is_empty()),
        "the newer version is in the log only"
    );
    let closed = Files::read(&path);
    for files in [crashed, closed] {
        let error = check_refused(&directory, &files, "format 99");
        assert_eq!(error.code(), "CONFIG_INVALID");
        let text = error.to_string();
        for part in ["format 99", "newer version", "update the package", "left as it was"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn databases_of_other_programs_are_refused_and_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("live.db");
    for (what, sql) in [
        ("one of its own version", "PRAGMA user_version = 1; CREATE TABLE lots (x)"),
        ("one without a version", "CREATE TABLE sales (x); INSERT INTO sales VALUES (1)"),
    ] {
        _ = std::fs::remove_file(&path);
        rusqlite::Connection::open(&path).expect("opens").execute_batch(sql).expect("writes");
        let files = Files::read(&path);
        let error = check_refused(&directory, &files, what);
        assert_eq!(error.code(), "CONFIG_INVALID", "{what}: {error}");
        assert!(error.to_string().contains("importFile()"), "{error}");
    }
}

#[test]
fn reading_only_changes_no_byte() {
    let (directory, closed, crashed) = sound();
    let path = directory.path().join("live.db");
    let read_only = Config::from_node(&crate::common::node(json!({"sqlite": {"readOnly": true}})))
        .expect("reads");
    for (files, expected) in [(closed, 1000), (crashed, 2000)] {
        files.write(&path);
        let port = SqlitePort::open_file(&path).expect("opens");
        let mut engine = Engine::open_with(port, &[], read_only, |_| None).expect("opens");
        assert_eq!(count(&mut engine).expect("reads")[0][0], Value::Int(expected));
        engine.execute("DELETE FROM lots", NONE).expect_err("is refused");
        engine.into_port().close().expect("closes");
        assert_eq!(Files::read(&path), files);
    }
}
