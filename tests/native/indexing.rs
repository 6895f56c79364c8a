//! Indexes that are built after an import, beside other calls: complete or not there, whatever happens
//! meanwhile, and the same as SQLite would have made.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{node, rows};
use crate::engine::dataset;
use crate::import_paths::generate::Case;
use crate::random::{Random, times};
use lotwise::error::Result;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::indexing::IndexJob;
use lotwise::storage::port::{Params, collect};
use serde_json::{Value as Json, json};

type Db = Engine<SqlitePort>;

const NONE: Params<'static> = Params::Positional(&[]);

fn lots() -> Json {
    json!({"name": "t", "columns": {
        "id": {"type": "integer", "primaryKey": true},
        "lot": {"type": "text", "collate": "nocase"},
        "day": {"type": "date"},
        "good": {"type": "integer"},
        "weight": {"type": "real"}
    }, "indexes": [
        {"name": "by_lot", "columns": ["lot"]},
        {"name": "by_day", "columns": [{"column": "day", "desc": true}, "lot", "good"]},
        {"name": "heavy", "columns": ["weight", "id"], "where": "weight > 10 AND good % 2 = 0"}
    ]})
}

/// A file of so many lots, more than are indexed at once.
fn file(count: u64) -> Vec<u8> {
    let mut text = "id,lot,day,good,weight\n".to_owned();
    let mut random = Random::new(count);
    for id in 0..count {
        let lot = format!("{}{:05}", random.of(&["L", "l", "M"]), random.below(count));
        let (month, day) = (1 + random.below(12), 1 + random.below(28));
        let (good, weight) = (random.below(900), random.below(400) as f64 / 8.0);
        text.push_str(&format!("{},{lot},2025-{month:02}-{day:02},{good},{weight}\n", id * 2));
    }
    text.into_bytes()
}

fn open(definition: &Json) -> Db {
    let port = SqlitePort::open_memory("test").expect("opens");
    Engine::open(port, &[dataset(definition.clone())]).expect("opens")
}

fn import(db: &mut Db, options: &Json, bytes: &[u8]) -> Result<u64> {
    let mut import = db.start_import(&node(options.clone()))?;
    if let Err(error) = db.push_import(&mut import, bytes) {
        db.abort_import(&import);
        return Err(error);
    }
    db.finish_import(import).map(|report| report.rows)
}

fn filled(count: u64) -> Db {
    let mut db = open(&lots());
    let imported = import(&mut db, &json!({"dataset": "t"}), &file(count));
    assert_eq!(imported, Ok(count));
    db
}

fn ask(db: &mut Db, sql: &str) -> Vec<Vec<Value>> {
    rows(&db.query(sql, NONE).unwrap_or_else(|e| panic!("{sql}: {e}")))
}

/// Names and text of the indexes, and their rows in their order.
fn indexes(db: &mut Db) -> Vec<(String, Vec<Vec<Value>>)> {
    assert_eq!(ask(db, "PRAGMA integrity_check"), [[Value::from("ok")]]);
    let list =
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL ORDER BY name";
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let list = ask(db, list);
    list.iter()
        .map(|row| {
            let (name, sql) = (text(&row[0]), text(&row[1]));
            let columns = sql.split_once(" (").expect("has columns").1;
            let (columns, filter) = match columns.split_once(") WHERE ") {
                Some((columns, filter)) => (columns, filter),
                None => (columns.trim_end_matches(')'), "true"),
            };
            let ordered = format!(
                "SELECT rowid FROM t INDEXED BY {name} WHERE {filter} ORDER BY {columns}, rowid"
            );
            (sql, ask(db, &ordered))
        })
        .collect()
}

/// Builds all that is missing; how many.
fn build(db: &mut Db) -> usize {
    let mut built = 0;
    while let Some(mut job) = db.start_index() {
        while !db.step_index(&mut job).expect("goes on") {}
        built += 1;
    }
    built
}

/// The same indexes, made by SQLite.
fn expected(db: &mut Db) -> Vec<(String, Vec<Vec<Value>>)> {
    let found = indexes(db);
    for (sql, _) in &found {
        let name = sql.split('"').nth(1).expect("a name");
        db.execute(&format!("DROP INDEX {name}; {sql}"), NONE).expect("makes it");
    }
    indexes(db)
}

#[test]
fn indexes_follow_a_large_import_and_are_what_sqlite_makes() {
    let mut db = filled(30_000);
    assert_eq!(indexes(&mut db), [], "rows first");
    assert_eq!(build(&mut db), 3);
    let statistics = ask(&mut db, "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 't'");
    assert_eq!(statistics, [[Value::Int(3)]], "the planner knows of them");
    let found = indexes(&mut db);
    assert_eq!(found.len(), 3);
    assert!(found == expected(&mut db));
    let plan = ask(&mut db, "EXPLAIN QUERY PLAN SELECT good FROM t WHERE lot = 'l00001'");
    assert!(format!("{plan:?}").contains("by_lot"), "{plan:?}");
    db.execute(
        "UPDATE t SET lot = 'X' || lot WHERE id % 5 = 0; DELETE FROM t WHERE id % 3 = 0",
        NONE,
    )
    .expect("writes go on");
    let found = indexes(&mut db);
    assert!(found == expected(&mut db));
}

#[test]
fn few_rows_are_indexed_at_once() {
    let mut db = filled(5_000);
    assert_eq!(indexes(&mut db).len(), 3);
    assert_eq!(build(&mut db), 0);
}

#[test]
fn every_kind_of_index_is_built_as_sqlite_builds_it() {
    let mut built = 0;
    for seed in 0..times(150) {
        println!("seed {seed}");
        let case = Case::new(&mut Random::new(seed));
        let mut db = open(&case.definition);
        for file in &case.files {
            // A file that is refused leaves the table empty, which is a case too.
            _ = import(&mut db, &case.options, file);
        }
        let expected = indexes(&mut db);
        let names =
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'";
        for row in ask(&mut db, names) {
            let Value::Text(name) = &row[0] else { panic!("{row:?}") };
            db.execute(&format!("DROP INDEX {name}"), NONE).expect("drops it");
        }
        let mut db = Engine::open(db.into_port(), &[]).expect("opens again");
        built += build(&mut db);
        assert!(indexes(&mut db) == expected, "{}", case.definition);
    }
    assert!(built > 100, "{built}");
}

#[test]
fn questions_between_steps_are_answered_from_the_last_commit() {
    let mut db = filled(40_000);
    let sum = "SELECT count(*), sum(good), min(lot) FROM t";
    let before = ask(&mut db, sum);
    let mut steps = 0;
    let mut longest = Duration::ZERO;
    while let Some(mut job) = db.start_index() {
        loop {
            let start = Instant::now();
            let done = db.step_index(&mut job).expect("goes on");
            longest = longest.max(start.elapsed());
            steps += 1;
            assert_eq!(ask(&mut db, sum), before);
            let there = ask(&mut db, "SELECT count(*) FROM sqlite_schema WHERE name = 'by_lot'");
            assert!(there == [[Value::Int(0)]] || indexes(&mut db).len() <= 3);
            if done {
                break;
            }
        }
    }
    // Printed where the test fails; a limit here would fail on a busy machine.
    println!("{steps} steps, the longest {longest:?}");
    assert!(steps > 30, "{steps}");
}

/// Goes on until the job needs the writer, or is done.
fn until_writer(db: &mut Db, job: &mut IndexJob) {
    while !job.needs_writer() {
        if db.step_index(job).expect("goes on") {
            return;
        }
    }
}

#[test]
fn what_is_written_meanwhile_is_in_the_index() {
    let writes = [
        "INSERT INTO t (id, lot, day, good) VALUES (-7, 'first', '2025-01-01', 1)",
        "UPDATE t SET lot = 'changed' || id WHERE id % 1000 = 0",
        "DELETE FROM t WHERE id BETWEEN 100 AND 9000",
        "INSERT INTO t (lot, weight, good) VALUES ('last', 99, 2)",
    ];
    for write in writes {
        let mut db = filled(20_000);
        let mut left = Some(write);
        while let Some(mut job) = db.start_index() {
            db.step_index(&mut job).expect("goes on");
            if let Some(write) = left.take() {
                db.execute(write, NONE).expect("writes");
            }
            until_writer(&mut db, &mut job);
            // Between the last row that was read and the transaction.
            db.execute("UPDATE t SET good = good + 2 WHERE id = 2000", NONE).expect("writes");
            while !db.step_index(&mut job).expect("goes on") {}
        }
        let found = indexes(&mut db);
        assert!(found.len() == 3 && found == expected(&mut db), "{write}");
    }
}

#[test]
fn an_index_gets_its_turn_among_writes_without_end() {
    let mut db = filled(15_000);
    let mut steps = 0;
    while let Some(mut job) = db.start_index() {
        loop {
            if !job.needs_writer() {
                let sql = format!("INSERT INTO t (lot, good) VALUES ('L{steps}', {steps})");
                db.execute(&sql, NONE).expect("writes");
            }
            steps += 1;
            assert!(steps < 200, "it never ends");
            if db.step_index(&mut job).expect("goes on") {
                break;
            }
        }
    }
    let found = indexes(&mut db);
    assert!(found.len() == 3 && found == expected(&mut db));
}

#[test]
fn a_job_that_is_given_up_leaves_nothing() {
    for steps in 0..16 {
        let mut db = filled(20_000);
        let pages = "PRAGMA page_count";
        let before = ask(&mut db, pages);
        let mut job = db.start_index().expect("is missing");
        for _ in 0..steps {
            if db.step_index(&mut job).expect("goes on") {
                return;
            }
        }
        if indexes(&mut db).len() == 1 {
            assert!(
                db.step_index(&mut job).expect("goes on"),
                "in place, but for a last look at it"
            );
            return;
        }
        db.abort_index(&job);
        assert_eq!(ask(&mut db, pages), before, "{steps} steps");
        db.execute("INSERT INTO t (lot) VALUES ('more')", NONE).expect("writes go on");
        let mut db = Engine::open(db.into_port(), &[]).expect("opens again");
        assert_eq!(build(&mut db), 3, "they are missing still");
        let found = indexes(&mut db);
        assert!(found == expected(&mut db));
    }
}

pub fn copied(path: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    for file in ["live.db", "live.db-wal"] {
        _ = std::fs::copy(path.join(file), copy.path().join(file));
    }
    copy
}

#[test]
fn a_crash_leaves_an_index_whole_or_missing_and_the_next_process_builds_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = |path: &Path| {
        let port = SqlitePort::open_file(&path.join("live.db")).expect("opens");
        Engine::open(port, &[dataset(lots())]).expect("opens")
    };
    let mut db = open(directory.path());
    let mut crashes = vec![copied(directory.path())];
    let mut import = db.start_import(&node(json!({"dataset": "t"}))).expect("starts");
    for chunk in file(20_000).chunks(200_000) {
        db.push_import(&mut import, chunk).expect("takes it");
        crashes.push(copied(directory.path()));
    }
    db.finish_import(import).expect("finishes");
    crashes.push(copied(directory.path()));
    while let Some(mut job) = db.start_index() {
        while !db.step_index(&mut job).expect("goes on") {
            crashes.push(copied(directory.path()));
        }
        crashes.push(copied(directory.path()));
    }
    let all = indexes(&mut db);
    assert_eq!(all.len(), 3);
    let mut found = [0; 4];
    for (at, crash) in crashes.iter().enumerate() {
        let mut db = open(crash.path());
        let count = ask(&mut db, "SELECT count(*) FROM t");
        if count == [[Value::Int(0)]] {
            // The import is not committed: the table is as it was.
            assert_eq!(indexes(&mut db).len(), 3, "crash {at}");
            assert_eq!(build(&mut db), 0);
            continue;
        }
        assert_eq!(count, [[Value::Int(20_000)]], "crash {at}");
        let there = indexes(&mut db);
        assert!(there.iter().all(|index| all.contains(index)), "crash {at}");
        found[there.len()] += 1;
        assert_eq!(build(&mut db), 3 - there.len(), "crash {at}");
        assert!(indexes(&mut db) == all, "crash {at}");
    }
    assert!(found.iter().all(|found| *found > 0), "{found:?}");
}

#[test]
fn an_index_that_nobody_wants_any_more_is_not_built() {
    let mut db = filled(20_000);
    let mut job = db.start_index().expect("is missing");
    until_writer(&mut db, &mut job);
    let mut changed = lots();
    changed["version"] = json!(2);
    changed["indexes"] = json!([]);
    db.define(&dataset(changed)).expect("migrates");
    while !db.step_index(&mut job).expect("goes on") {}
    assert_eq!(build(&mut db), 0);
    assert_eq!(indexes(&mut db), []);
}

#[test]
fn what_cannot_be_sorted_here_is_left_to_sqlite() {
    let mut db = filled(15_000);
    // SQLite compares NOCASE text up to the first NUL character.
    db.execute("UPDATE t SET lot = 'a' || char(0) || id WHERE id > 20000", NONE).expect("writes");
    assert_eq!(build(&mut db), 3);
    let found = indexes(&mut db);
    assert!(found == expected(&mut db));
    let free = collect(db.port(), "PRAGMA freelist_count", &[]).expect("counts");
    assert!(free[0][0].compare(&Value::Int(1000)).is_lt());
}
