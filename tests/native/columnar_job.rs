//! Segments that are made beside other calls: which, out of what, and what becomes of them when others write,
//! fail or die at any moment.

use std::path::Path;

use crate::columnar::{Db, NONE, ask, insert, lots, open, run, usable};
use crate::common::{node, rows};
use crate::engine::dataset;
use crate::indexing::copied;
use crate::random::{Random, times};
use lotwise::model::config::Config;
use lotwise::model::value::Value;
use lotwise::planner::route::Route;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::columnar::blocks::{RUN_ROWS_MIN, TAIL_ROWS_MIN};
use lotwise::storage::columnar::job::SealJob;
use lotwise::storage::engine::{Call, Engine, Scope};
use lotwise::storage::port::{Author, SqlPort, collect};
use serde_json::json;

/// Does all that is to be done, also what has to wait; how many steps it took.
pub fn seal(db: &mut Db) -> usize {
    let mut steps = 0;
    loop {
        match db.start_seal() {
            Some(mut job) => {
                while !db.step_seal(&mut job).expect("goes on") {
                    steps += 1;
                }
            }
            None if db.seal_waits() => {}
            None => return steps,
        }
        steps += 1;
        assert!(steps < 100_000, "it never ends");
    }
}

/// Does so many steps, if there are.
fn some_steps(db: &mut Db, job: &mut Option<SealJob>, steps: u64) {
    for _ in 0..steps {
        if job.is_none() {
            *job = db.start_seal();
        }
        if job.as_mut().is_some_and(|job| db.step_seal(job).expect("goes on")) {
            *job = None;
        }
    }
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        other => panic!("{other:?}"),
    }
}

/// Keys without gaps within blocks, as they are in the table.
fn runs(db: &mut Db) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for row in ask(db, "SELECT id FROM t ORDER BY id") {
        let key = int(&row[0]);
        match runs.last_mut() {
            Some(run) if run.1 + 1 == key && run.1 >> 16 == key >> 16 => run.1 = key,
            _ => runs.push((key, key)),
        }
    }
    runs
}

/// The same through segments and by SQL alone.
pub fn answers_agree(db: &mut Db) {
    let dataset = db.dataset("t").expect("is there").clone();
    let measures = dataset.measures.iter().map(|name| (name.clone(), json!({"sum": name})));
    let mut measures: serde_json::Map<_, _> = measures.collect();
    measures.insert("n".to_owned(), json!("count"));
    measures.insert("last".to_owned(), json!({"max": dataset.time}));
    let query =
        node(json!({"dataset": "t", "groupBy": [dataset.dimensions[0]], "measures": measures}));
    let mut ask = |route| {
        db.set_call(Call { route, ..Call::default() });
        let answer = db.aggregate(&query).expect("answers");
        db.set_call(Call::default());
        rows(&answer)
    };
    assert_eq!(ask(Route::Columnstore), ask(Route::Sql));
}

/// All that is worth a segment has one, and nothing is left behind by what was made on the way.
pub fn check_complete(db: &mut Db) {
    let sealed = usable(db, "t");
    let runs = runs(db);
    let (low, high) = (runs.first().map_or(0, |run| run.0), runs.last().map_or(0, |run| run.1));
    for run in runs {
        let inside = sealed.iter().filter(|one| one.0 >= run.0 && one.1 <= run.1);
        let rows: i64 = inside.map(|one| one.1 - one.0 + 1).sum();
        let open = (run.1 - run.0 + 1 - rows) as u64;
        // Where rows are coming, or where some came between others, few are left for later.
        let at_edge = run.1 == high || run.0 == low;
        let most = if at_edge { TAIL_ROWS_MIN } else { RUN_ROWS_MIN };
        assert!(open < most, "{open} rows of {run:?} are in no segment: {sealed:?}");
    }
    let left = "SELECT count(*) FROM lotwise_segment WHERE stale OR head IS NULL";
    let alone = "SELECT count(*) FROM lotwise_column WHERE id / 1024 NOT IN (SELECT id FROM lotwise_segment)";
    if !ask(db, "SELECT 1 FROM sqlite_schema WHERE name = 'lotwise_segment'").is_empty() {
        for sql in [left, alone] {
            assert_eq!(ask(db, sql), [[Value::Int(0)]], "{sql}");
        }
    }
    assert_eq!(ask(db, "PRAGMA integrity_check"), [[Value::from("ok")]]);
}

#[test]
fn rows_become_segments_block_by_block() {
    let mut db = open(&lots());
    seal(&mut db);
    assert_eq!(
        ask(&mut db, "SELECT name FROM sqlite_schema WHERE name LIKE 'lotwise_segment%'").len(),
        0
    );
    insert(&mut db, 1, 4095);
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [], "too few");
    insert(&mut db, 4096, 4096);
    let version = db.data_version();
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(1, 4096)]);
    assert_eq!(db.data_version(), version, "answers are the same");
    insert(&mut db, 4097, 8191);
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(1, 4096)]);
    insert(&mut db, 8192, 9000);
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(1, 4096), (4097, 9000)]);
    insert(&mut db, 9001, 66_000);
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(1, 65_535)], "the block is full");
    run(&mut db, "UPDATE t SET good = 7 WHERE id = 100");
    assert_eq!(usable(&mut db, "t"), []);
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(1, 65_535)]);
    run(&mut db, "DELETE FROM t WHERE id IN (100, 60000)");
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(101, 59_999), (60_001, 65_535)]);
    run(&mut db, "DELETE FROM t");
    seal(&mut db);
    check_complete(&mut db);
    assert_eq!(ask(&mut db, "SELECT count(*) FROM lotwise_segment"), [[Value::Int(0)]]);
}

#[test]
fn a_look_after_a_small_write_starts_nothing() {
    let mut db = open(&lots());
    insert(&mut db, 1, 10_000);
    seal(&mut db);
    for id in 10_001..10_100 {
        insert(&mut db, id, id);
        assert!(db.start_seal().is_none());
    }
}

#[test]
fn keys_below_zero_apart_and_descending_are_sealed_where_they_stand_close() {
    let mut db = open(&lots());
    insert(&mut db, -70_000, -1);
    insert(&mut db, 9_000_000_000, 9_000_005_000);
    insert(&mut db, i64::MAX - 300, i64::MAX);
    insert(&mut db, i64::MIN, i64::MIN + 300);
    run(
        &mut db,
        "INSERT INTO t (id, lot) SELECT id * 2 + 1000000, 'two' || id FROM t WHERE id BETWEEN -5000 AND -1",
    );
    seal(&mut db);
    check_complete(&mut db);
    let first = (i64::MIN, i64::MIN + 300);
    let expected = [first, (-70_000, -65_537), (-65_536, -1), (9_000_000_000, 9_000_005_000)];
    assert_eq!(usable(&mut db, "t"), expected);
    let mut db = open(&lots());
    for last in (60_001..=70_000).rev().step_by(1000) {
        insert(&mut db, last - 999, last);
        seal(&mut db);
        check_complete(&mut db);
    }
    assert!(usable(&mut db, "t").len() < 5);
}

#[test]
fn steps_between_writes_of_every_kind_keep_every_segment_true() {
    for seed in 0..times(12) {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut db = open(&lots());
        let mut job = None;
        for round in 0..40 {
            write(&mut db, &mut random, round);
            let steps = random.below(12);
            some_steps(&mut db, &mut job, steps);
            // The job goes on at the next round, or is gone as with its process.
            if random.one_in(8) {
                job = None;
            }
            if random.one_in(12) {
                job = None;
                db = Engine::open(db.into_port(), &[]).expect("opens again");
            }
            usable(&mut db, "t");
            answers_agree(&mut db);
        }
        drop(job);
        // Between others there may be too few new rows to look for.
        let mut db = Engine::open(db.into_port(), &[]).expect("opens again");
        seal(&mut db);
        check_complete(&mut db);
    }
}

/// One write out of many kinds, around the ends of blocks.
fn write(db: &mut Db, random: &mut Random, round: u64) {
    let base = random.of(&[-66_000, -3000, 60_000, 63_000, 65_000, 129_000]);
    let at = base + random.below(2000) as i64;
    let to = at + random.below(3000) as i64;
    let inside = random.one_in(3);
    if inside {
        db.begin().expect("begins");
        db.set_call(Call { scope: Scope::Inside, ..Call::default() });
    }
    let sql = match random.below(15) {
        0..=4 => {
            let conflict = random.of(&["OR IGNORE", "OR REPLACE"]);
            format!(
                "WITH RECURSIVE k (id) AS (SELECT {at} UNION ALL SELECT id + 1 FROM k WHERE id < {to})
                 INSERT {conflict} INTO t (id, lot, day, line, good, weight)
                 SELECT id, 'R{round}-' || id, '2025-01-01', 'Line' || (id % 5), {round}, 1.5 FROM k"
            )
        }
        5 => format!("UPDATE t SET good = {round} WHERE id BETWEEN {at} AND {at} + 1"),
        6 => format!("UPDATE t SET line = 'new' WHERE id BETWEEN {at} AND {to}"),
        7 => format!("DELETE FROM t WHERE id BETWEEN {at} AND {at} + 3"),
        8 => format!("DELETE FROM t WHERE id BETWEEN {at} AND {to}"),
        9 => format!("UPDATE OR REPLACE t SET id = id + 700 WHERE id BETWEEN {at} AND {at} + 50"),
        10 => format!("INSERT INTO t (id, lot) VALUES ({at}, 'u{round}') ON CONFLICT (id) DO UPDATE SET good = -{round}, id = id + 1000000"),
        11 => format!("UPDATE OR IGNORE t SET lot = 'same' WHERE id = {at}"),
        12 if random.one_in(4) => "DELETE FROM t".to_owned(),
        13 if random.one_in(3) => "ALTER TABLE t RENAME COLUMN good TO g; ALTER TABLE t RENAME COLUMN weight TO good;
             ALTER TABLE t RENAME COLUMN g TO weight; ALTER TABLE t RENAME COLUMN good TO x; ALTER TABLE t RENAME COLUMN weight TO good; ALTER TABLE t RENAME COLUMN x TO weight".to_owned(),
        14 if random.one_in(3) => format!("ALTER TABLE t ADD COLUMN more{round}"),
        _ => format!("INSERT INTO t (lot) VALUES ('tail{round}')"),
    };
    // Some break a constraint, which is a case too.
    _ = db.execute(&sql, NONE);
    if inside {
        db.set_call(Call::default());
        assert!(!db.start_seal().is_some_and(|_| true), "not inside a transaction");
        if random.one_in(2) {
            db.rollback();
        } else {
            db.commit("").expect("commits");
        }
    }
}

/// What the rows of `t` hold, to tell that a job changed nothing of it.
const SUM: &str = "SELECT count(*), sum(id), sum(good), count(weight), min(line), max(lot) FROM t";

/// Sealed up to a key, with more rows behind it.
pub fn begun(path: Option<&Path>) -> Db {
    let port = match path {
        Some(path) => SqlitePort::open_file(&path.join("live.db")).expect("opens"),
        None => SqlitePort::open_memory("test").expect("opens"),
    };
    let mut db = Engine::open(port, &[dataset(lots())]).expect("opens");
    insert(&mut db, 60_000, 65_535);
    seal(&mut db);
    insert(&mut db, 65_536, 71_000);
    run(&mut db, "UPDATE t SET good = 3 WHERE id = 62000");
    db
}

#[test]
fn a_crash_between_two_steps_leaves_segments_that_are_true_and_the_next_process_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut db = begun(Some(directory.path()));
    let sum = ask(&mut db, SUM);
    let mut crashes = Vec::new();
    while let Some(mut job) = db.start_seal() {
        loop {
            crashes.push(copied(directory.path()));
            if db.step_seal(&mut job).expect("goes on") {
                break;
            }
        }
    }
    assert!(crashes.len() > 8);
    let mut seen = Vec::new();
    for crash in &crashes {
        let port = SqlitePort::open_file(&crash.path().join("live.db")).expect("opens");
        let mut db = Engine::open(port, &[dataset(lots())]).expect("opens");
        seen.push(usable(&mut db, "t").len());
        seal(&mut db);
        check_complete(&mut db);
        assert_eq!(ask(&mut db, SUM), sum);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [0, 1, 2], "crashes before, between and after");
}

#[test]
fn a_full_storage_leaves_rows_to_answer_and_is_told() {
    let mut db = begun(None);
    let sum = ask(&mut db, SUM);
    let pages = int(&ask(&mut db, "PRAGMA page_count")[0][0]);
    let limit = |db: &mut Db, pages: i64| {
        collect(db.port(), &format!("PRAGMA max_page_count = {pages}"), &[]).expect("sets");
    };
    let mut failures = 0;
    for more in 0.. {
        limit(&mut db, pages + more);
        // After a failure it waits longer and longer.
        let mut looks = 0;
        let mut job = loop {
            match db.start_seal() {
                Some(job) => break job,
                None => looks += 1,
            }
            assert!(db.seal_waits() && looks < 100);
        };
        assert!(looks >= failures.min(6), "{looks} looks after {failures} failures");
        let result = loop {
            match db.step_seal(&mut job) {
                Ok(false) => {}
                other => break other,
            }
        };
        usable(&mut db, "t");
        assert_eq!(ask(&mut db, SUM), sum);
        match result {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), "STORAGE_FULL"),
        }
        failures += 1;
        assert_eq!(db.seal_failures().0, failures);
        assert!(db.seal_failures().1.is_some_and(|told| told.contains("storage is full")));
    }
    assert!(failures > 2);
    limit(&mut db, 1_000_000);
    seal(&mut db);
    check_complete(&mut db);
    assert_eq!(usable(&mut db, "t").len(), 2);
}

#[test]
fn rows_that_another_program_deleted_are_noticed_after_opening() {
    let mut db = begun(None);
    seal(&mut db);
    let triggers = "SELECT sql FROM sqlite_schema WHERE type = 'trigger'";
    let triggers: Vec<String> = ask(&mut db, triggers)
        .into_iter()
        .map(|row| match &row[0] {
            Value::Text(sql) => sql.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let by_hand = format!(
        "DROP TRIGGER lotwise_delete_t; DROP TRIGGER lotwise_update_t; DELETE FROM t WHERE id IN (61000, 65536); {}",
        triggers.join(";")
    );
    db.port().script(&by_hand, Author::Engine).expect("writes");
    let mut db = Engine::open(db.into_port(), &[]).expect("opens again");
    let mut job = db.start_seal().expect("counts");
    while !db.step_seal(&mut job).expect("goes on") {}
    assert_eq!(usable(&mut db, "t"), []);
    seal(&mut db);
    check_complete(&mut db);
    assert_eq!(usable(&mut db, "t"), [(60_000, 60_999), (61_001, 65_535), (65_537, 71_000)]);
}

#[test]
fn segments_that_lack_a_new_dimension_are_made_anew() {
    let mut db = begun(None);
    seal(&mut db);
    let mut more = lots();
    more["version"] = json!(2);
    more["columns"]["shift"] = json!({"type": "text", "default": "A"});
    more["dimensions"] = json!(["line", "shift"]);
    db.define(&dataset(more)).expect("migrates");
    run(&mut db, "INSERT INTO t (lot, shift) VALUES ('more', 'B')");
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(60_000, 65_535), (65_536, 71_001)], "of all columns");
    assert!(db.start_seal().is_none());
}

#[test]
fn nothing_is_sealed_where_nothing_may_be_written_or_nothing_is_declared() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(begun(Some(directory.path())));
    let port = SqlitePort::open_file(&directory.path().join("live.db")).expect("opens");
    let config = Config::from_node(&node(json!({"sqlite": {"readOnly": true}}))).expect("is sound");
    let mut db = Engine::open_with(port, &[], config, |_| None).expect("opens");
    assert!(db.start_seal().is_none() && !db.seal_waits());
    let mut bare = lots();
    for field in ["time", "dimensions", "measures"] {
        bare.as_object_mut().expect("an object").remove(field);
    }
    let mut db = open(&bare);
    insert(&mut db, 1, 10_000);
    assert!(db.start_seal().is_none() && !db.seal_waits());
}

#[test]
fn a_hidden_key_serves_as_well_and_vacuum_keeps_it() {
    let mut bare = lots();
    bare["columns"].as_object_mut().expect("an object").remove("id");
    bare["name"] = json!("o'dd name");
    let mut db = open(&bare);
    let sql = "WITH RECURSIVE k (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM k WHERE id < 9000)
         INSERT INTO \"o'dd name\" (lot, line, good) SELECT 'L' || id, 'Line' || (id % 7), id FROM k";
    run(&mut db, sql);
    seal(&mut db);
    assert_eq!(usable(&mut db, "o'dd name"), [(1, 9000)]);
    run(&mut db, "DELETE FROM \"o'dd name\" WHERE lotwise_rowid <= 3000");
    seal(&mut db);
    assert_eq!(usable(&mut db, "o'dd name"), [(3001, 9000)]);
    db.port().script("VACUUM", Author::Engine).expect("shrinks");
    assert_eq!(usable(&mut db, "o'dd name"), [(3001, 9000)]);
}
