//! The configuration: what is taken, what is refused and how, and that each field does what it says.

use std::rc::Rc;

use crate::common::{batch, node};
use crate::engine::dataset;
use crate::vfs::{Counting, Counts};
use lotwise::error::{Error, Result};
use lotwise::model::config::{Config, FIELDS, Kind, PROFILES, Setting};
use lotwise::model::node::Node;
use lotwise::model::value::Value;
use lotwise::platform::place::Place;
use lotwise::platform::sqlite::{Role, SqlitePort};
use lotwise::platform::vfs::disk::MemoryDisk;
use lotwise::storage::engine::{Call, Engine};
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::{Params, SqlPort, collect};
use serde_json::{Value as Json, json};

const NONE: Params<'_> = Params::Positional(&[]);

fn config(json: Json) -> Config {
    Config::from_node(&node(json)).expect("a sound configuration")
}

fn problems(json: Json) -> Vec<(String, String)> {
    match Config::from_node(&node(json)) {
        Err(Error::ConfigInvalid { problems }) => problems,
        other => panic!("{other:?}"),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("is refused").code()
}

/// An engine over a file with a table `t` of 1,000 rows.
fn filled(directory: &tempfile::TempDir, config: Config) -> Engine<SqlitePort> {
    let port = SqlitePort::open_file(&directory.path().join("live.db")).expect("opens");
    let mut engine = Engine::open_with(port, &[], config, |_| None).expect("opens");
    engine
        .execute(
            "CREATE TABLE IF NOT EXISTS t (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO t SELECT i || '-' || hex(randomblob(500)) FROM n",
            NONE,
        )
        .expect("fills");
    engine
}

/// An engine over a disk that counts.
fn counted(config: Config) -> (Engine<SqlitePort>, Rc<Counts>) {
    let counts = Rc::new(Counts::default());
    let disk = Counting { disk: Box::<MemoryDisk>::default(), counts: Rc::clone(&counts) };
    let place = Place::on(Box::new(disk), "live.db", "live").expect("is there");
    let port = place.connect(Role::Writer, Rc::default()).expect("opens");
    (Engine::open_with(port, &[], config, |_| None).expect("opens"), counts)
}

#[test]
fn the_table_of_fields_is_in_the_order_of_its_names() {
    for (setting, name) in [
        (Setting::TimeoutMs, "timeoutMs"),
        (Setting::BatchRows, "batchRows"),
        (Setting::ResultBytesMax, "resultBytesMax"),
        (Setting::StatementsMax, "statementsMax"),
        (Setting::QueueMax, "queueMax"),
        (Setting::TransactionIdleMs, "transactionIdleMs"),
        (Setting::CacheBytes, "cacheBytes"),
        (Setting::JournalMode, "journalMode"),
        (Setting::ReadOnly, "readOnly"),
        (Setting::GroupCommitMs, "groupCommitMs"),
        (Setting::Durability, "durability"),
    ] {
        assert_eq!(FIELDS[setting as usize].name, name);
    }
}

#[test]
fn defaults_are_within_their_limits_and_as_documented() {
    let text = include_str!("../../docs/configuration.md");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    assert_eq!(rows.len(), FIELDS.len());
    for (field, row) in FIELDS.iter().zip(rows) {
        let path = format!("{}.{}", field.group, field.name);
        let said = |value: u64| match field.kind {
            Kind::Whole(..) => value.to_string(),
            Kind::Word(words) => words[value as usize].to_owned(),
            Kind::Flag => (value == 1).to_string(),
        };
        let takes = match field.kind {
            Kind::Whole(min, max) => format!("{min} to {max}"),
            Kind::Word(words) => words.join(", "),
            Kind::Flag => "true, false".to_owned(),
        };
        assert_eq!(row[0], path);
        for (i, default) in field.defaults.into_iter().enumerate() {
            assert_eq!(row[i + 1], said(default), "{path} of {}", PROFILES[i]);
            let value: Json = match field.kind {
                Kind::Whole(..) => default.into(),
                Kind::Word(..) => said(default).into(),
                Kind::Flag => (default == 1).into(),
            };
            config(json!({ field.group: { field.name: value } }));
        }
        assert_eq!(row[5], takes, "{path}");
        assert!(row[6].len() > 10, "{path} is explained");
    }
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let found = problems(json!({
        "profile": "fast",
        "query": {"timeoutMs": 0, "queueMax": 1.5, "statementsMax": "many", "colour": 1, "batchRows": 10},
        "sqlite": {"journalMode": "off", "readOnly": 1, "cacheBytes": null},
        "ingest": 7,
        "pool": {"workersMax": 4},
    }));
    let expected = [
        ("profile", "'dashboard' or 'ingest' or 'bulkLoad' or 'lowMemory', got 'fast'"),
        ("query.timeoutMs", "from 1 to 2147483647, got 0"),
        ("query.queueMax", "a whole number from 1 to 100000, got 1.5"),
        ("query.statementsMax", "got 'many'"),
        ("query.colour", "is not known; known are timeoutMs, batchRows, "),
        ("sqlite.journalMode", "'wal' or 'truncate' or 'persist' or 'delete', got 'off'"),
        ("sqlite.readOnly", "expected true or false, got 1"),
        ("sqlite.cacheBytes", "got null"),
        ("ingest", "expected an object, got an integer"),
        ("pool", "is not known; known are profile, query, sqlite, ingest"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    let error = Error::ConfigInvalid { problems: found.clone() }.to_string();
    for ((field, reason), (wanted, part)) in found.iter().zip(expected) {
        assert_eq!(field, wanted);
        assert!(reason.contains(part), "{field}: {reason}");
        assert!(error.contains(&format!("{field}: {reason}")), "{error}");
    }
    assert_eq!(problems(json!([]))[0].0, "config");
    assert_eq!(problems(json!({"query": {"timeoutMs": -1}})).len(), 1);
    assert_eq!(problems(json!({"query": {"timeoutMs": 1e300}})).len(), 1);
}

#[test]
fn a_profile_sets_what_is_not_given() {
    let low = config(json!({"profile": "lowMemory", "query": {"queueMax": 7}}));
    assert_eq!(low.profile(), "lowMemory");
    assert_eq!(low.value(Setting::QueueMax), 7);
    assert_eq!(low.value(Setting::CacheBytes), 4 * 1024 * 1024);
    assert!(config(json!({"profile": "ingest"})).relaxed());
    assert_eq!(Config::from_node(&Node::Undefined), Ok(Config::default()));
    let undefined = Node::Map(vec![(
        "query".to_owned(),
        Node::Map(vec![("timeoutMs".to_owned(), Node::Undefined)]),
    )]);
    assert_eq!(Config::from_node(&undefined), Ok(Config::default()));
}

#[test]
fn the_journal_mode_changes_while_open_and_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut engine = filled(&directory, Config::default());
    for mode in ["truncate", "wal", "persist", "delete", "wal"] {
        engine.configure(config(json!({"sqlite": {"journalMode": mode}}))).expect("changes");
        let settings = engine.port().settings().expect("reads");
        assert_eq!((settings.journal_mode.as_str(), settings.synchronous), (mode, "full"));
        engine.execute("UPDATE t SET x = 1 WHERE rowid = 1", NONE).expect("writes");
    }
}

#[test]
fn a_journal_mode_that_cannot_change_now_changes_nothing() {
    use lotwise::storage::port::LongTransaction;
    let directory = tempfile::tempdir().expect("a directory");
    let mut engine = filled(&directory, Config::default());
    let before = *engine.config();
    engine.port().begin().expect("begins");
    collect(engine.port(), "INSERT INTO t VALUES (1)", &[]).expect("writes");
    let wanted = config(json!({"sqlite": {"journalMode": "delete"}, "query": {"queueMax": 9}}));
    match engine.configure(wanted) {
        Err(Error::ConfigInvalid { problems }) => {
            assert_eq!(problems[0].0, "sqlite.journalMode");
            assert!(problems[0].1.contains("stays 'wal'"), "{problems:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(engine.config(), &before);
    engine.port().commit().expect("the transaction is as it was");
    let stream = engine.open_stream("SELECT x FROM t", NONE).expect("opens");
    assert_eq!(code(engine.configure(wanted)), "CONFIG_INVALID", "a stream reads");
    engine.close_stream(stream);
    engine.configure(wanted).expect("changes now");
}

#[test]
fn a_smaller_page_cache_is_given_back_at_once() {
    let (mut engine, counts) = counted(Config::default());
    engine.execute("CREATE TABLE t (x); INSERT INTO t SELECT hex(randomblob(50000)) FROM json_each('[1,2,3,4,5,6]')", NONE).expect("fills");
    // What is read for a sum over the table: nothing where all of it is in the page cache.
    let reads = |engine: &mut Engine<SqlitePort>| {
        counts.reset();
        engine.query("SELECT sum(length(x)) FROM t", NONE).expect("reads");
        counts.reads.get()
    };
    reads(&mut engine);
    engine.configure(config(json!({"query": {"queueMax": 9}}))).expect("configures");
    assert_eq!(reads(&mut engine), 0, "nothing is dropped without need");
    engine.configure(config(json!({"profile": "lowMemory"}))).expect("configures");
    assert!(reads(&mut engine) > 50, "all was given back");
    assert_eq!(engine.port().settings().expect("reads").page_cache_bytes, 4 * 1024 * 1024);
}

#[test]
fn results_end_at_their_limit_which_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut engine = filled(&directory, Config::default());
    engine.query("SELECT x FROM t", NONE).expect("fits");
    engine.configure(config(json!({"query": {"resultBytesMax": 65536}}))).expect("configures");
    match engine.query("SELECT x FROM t", NONE) {
        Err(error @ Error::LimitExceeded { .. }) => {
            let text = error.to_string();
            for part in ["65536 bytes", "query.resultBytesMax", "configure()"] {
                assert!(text.contains(part), "{text}");
            }
        }
        other => panic!("{other:?}"),
    }
    engine.query("SELECT x FROM t LIMIT 10", NONE).expect("fits");
}

#[test]
fn statements_are_kept_up_to_their_limit_and_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut engine = filled(&directory, config(json!({"query": {"statementsMax": 3}})));
    let start = engine.statement_counts();
    let ask = |engine: &mut Engine<SqlitePort>, i: u32| {
        engine.query(&format!(" SELECT {i} "), NONE).expect("reads");
    };
    for i in [1, 1, 2, 3, 1, 4, 1, 2] {
        ask(&mut engine, i);
    }
    // 4 pushed out 2, which was not used for longest.
    let counts = engine.statement_counts();
    assert_eq!((counts.cached, counts.hits - start.hits, counts.misses - start.misses), (3, 3, 5));
    engine.configure(config(json!({"query": {"statementsMax": 1}}))).expect("configures");
    assert_eq!(engine.statement_counts().cached, 1);
    ask(&mut engine, 2);
    assert_eq!(engine.statement_counts().hits, counts.hits + 1, "the last one used is kept");
    engine.configure(config(json!({"query": {"statementsMax": 0}}))).expect("configures");
    ask(&mut engine, 2);
    ask(&mut engine, 2);
    let end = engine.statement_counts();
    assert_eq!((end.cached, end.hits, end.misses), (0, counts.hits + 1, counts.misses + 2));
    let long = format!("SELECT 1 -- {}", "x".repeat(70_000));
    engine.configure(Config::default()).expect("configures");
    engine.query(&long, NONE).expect("reads");
    assert_eq!(engine.statement_counts().cached, 0, "a text that is a file is not kept");
}

#[test]
fn kept_statements_forget_their_parameters_and_follow_the_schema() {
    let mut engine =
        Engine::open(SqlitePort::open_memory("m").expect("opens"), &[]).expect("opens");
    engine.execute("CREATE TABLE t (x)", NONE).expect("creates");
    let all = "SELECT * FROM t WHERE ?1 IS NULL OR x = ?1";
    let count = |engine: &mut Engine<SqlitePort>, value: Value| {
        engine.query(all, Params::Positional(&[value])).expect("reads").rows
    };
    engine.execute("INSERT INTO t VALUES (1), (2)", NONE).expect("writes");
    assert_eq!((count(&mut engine, Value::Int(1)), count(&mut engine, Value::Null)), (1, 2));
    assert_eq!(code(engine.query(all, NONE)), "SQL_INVALID", "no parameter of before is left");
    engine.execute("ALTER TABLE t ADD COLUMN y", NONE).expect("alters");
    let answer = engine.query(all, Params::Positional(&[Value::Int(2)])).expect("reads");
    assert_eq!(crate::common::rows(&answer), [[Value::Int(2), Value::Null]]);
}

#[test]
fn relaxed_writes_wait_for_storage_only_when_flushed() {
    let (mut engine, counts) = counted(Config::default());
    engine.execute("CREATE TABLE t (x)", NONE).expect("creates");
    let syncs = |engine: &mut Engine<SqlitePort>, work: &mut dyn FnMut(&mut Engine<SqlitePort>)| {
        counts.reset();
        work(engine);
        counts.syncs.get()
    };
    let mut insert = |engine: &mut Engine<SqlitePort>| {
        engine.execute("INSERT INTO t VALUES (1)", NONE).expect("writes");
    };
    let mut flush = |engine: &mut Engine<SqlitePort>| engine.port().flush().expect("flushes");
    assert!(syncs(&mut engine, &mut insert) > 0, "full is the default");
    assert!(!engine.port().unsynced());
    assert_eq!(syncs(&mut engine, &mut flush), 0, "there is nothing to flush");
    engine.configure(config(json!({"profile": "ingest"}))).expect("configures");
    assert_eq!(engine.port().settings().expect("reads").synchronous, "normal");
    assert_eq!(syncs(&mut engine, &mut insert), 0, "relaxed");
    assert!(engine.port().unsynced());
    assert!(syncs(&mut engine, &mut flush) > 0);
    assert!(!engine.port().unsynced());
    assert_eq!(syncs(&mut engine, &mut insert), 0, "relaxed again");
    engine.set_call(Call { relaxed: Some(false), ..Call::default() });
    assert!(syncs(&mut engine, &mut insert) > 0, "a call may ask for more");
    engine.set_call(Call { relaxed: None, ..Call::default() });
    assert_eq!(syncs(&mut engine, &mut insert), 0);
    engine
        .configure(config(json!({"sqlite": {"journalMode": "truncate"}, "profile": "ingest"})))
        .expect("configures");
    assert!(!engine.port().unsynced(), "flushed before the log went");
    assert!(syncs(&mut engine, &mut insert) > 0, "without a log every write is full");
    assert!(!engine.port().unsynced());
    let answer = engine.query("SELECT count(*) FROM t", NONE).expect("reads");
    assert_eq!(crate::common::rows(&answer), [[Value::Int(6)]]);
}

#[test]
fn imports_and_definitions_are_full_whatever_is_configured() {
    let (mut engine, counts) = counted(config(json!({"profile": "ingest"})));
    assert_eq!(engine.port().settings().expect("reads").synchronous, "normal");
    assert!(!engine.port().unsynced(), "the catalogue is on storage");
    counts.reset();
    engine
        .define(&dataset(json!({"name": "lots", "columns": {"a": {"type": "integer"}}})))
        .expect("defines");
    assert!(counts.syncs.get() > 0 && !engine.port().unsynced());
    engine.execute("INSERT INTO lots (a) VALUES (1)", NONE).expect("writes");
    assert!(engine.port().unsynced());
    let mut import =
        engine.start_import(&node(json!({"dataset": "lots", "format": "csv"}))).expect("starts");
    assert!(!engine.port().unsynced(), "nothing waits behind an import");
    counts.reset();
    engine.push_import(&mut import, b"a\n2\n").expect("reads");
    engine.finish_import(import).expect("ends");
    assert!(counts.syncs.get() > 0 && !engine.port().unsynced());
}

#[test]
fn every_write_is_refused_while_read_only_and_every_read_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let lots = json!({"name": "lots", "columns": {"id": {"type": "integer", "primaryKey": true}}});
    let mut engine = filled(&directory, Config::default());
    engine.define(&dataset(lots.clone())).expect("defines");
    let read_only = config(json!({"sqlite": {"readOnly": true}}));
    let check = |engine: &mut Engine<SqlitePort>| {
        let one = batch(&["id"], &[vec![Value::Int(1)]]);
        let results = [
            ("execute", engine.execute("DELETE FROM t", NONE).map(drop)),
            ("script", engine.execute("SELECT 1; CREATE TABLE u (x)", NONE).map(drop)),
            ("query", engine.query("DELETE FROM t RETURNING x", NONE).map(drop)),
            ("executeMany", engine.execute_many("INSERT INTO t VALUES (?)", &one, false).map(drop)),
            ("append", engine.append("lots", &one, OnConflict::Error).map(drop)),
            (
                "import",
                engine.start_import(&node(json!({"dataset": "lots", "format": "csv"}))).map(drop),
            ),
            (
                "define",
                engine.define(&dataset(json!({"name": "new", "columns": {"a": {"type": "text"}}}))),
            ),
            ("analyze", engine.query("ANALYZE", NONE).map(drop)),
            ("port", collect(engine.port(), "DELETE FROM t", &[]).map(drop)),
        ];
        for (what, result) in results {
            let error = result.expect_err(what);
            assert_eq!(error.code(), "READ_ONLY", "{what}: {error}");
            assert!(error.to_string().contains("readOnly: false"), "{what}: {error}");
        }
        assert_eq!(engine.query("SELECT x FROM t", NONE).expect("reads").rows, 1000);
        engine.explain(&Node::Text("DELETE FROM t".to_owned()), NONE).expect("explains");
        engine.define(&dataset(lots.clone())).expect("is there already");
    };
    engine.configure(read_only).expect("configures");
    check(&mut engine);
    engine.configure(Config::default()).expect("configures");
    engine.execute("UPDATE t SET x = x", NONE).expect("writes again");
    engine.into_port().close().expect("closes");
    let path = directory.path().join("live.db");
    let mut engine =
        Engine::open_with(SqlitePort::open_file(&path).expect("opens"), &[], read_only, |_| None)
            .expect("opens");
    check(&mut engine);
    drop(engine);
    let empty = SqlitePort::open_file(&directory.path().join("new.db")).expect("opens");
    assert_eq!(code(Engine::open_with(empty, &[], read_only, |_| None)), "READ_ONLY");
}
