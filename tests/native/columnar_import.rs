//! Imports into empty tables store the segments of their rows along with them.

use crate::columnar::{Db, NONE, ask, insert, lots, open, run, usable};
use crate::columnar_job::{answers_agree, check_complete, seal};
use crate::common::node;
use crate::engine::dataset;
use crate::indexing::copied;
use crate::random::Random;
use lotwise::error::Result;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use serde_json::{Value as Json, json};

fn import(db: &mut Db, options: &Json, bytes: &[u8]) -> Result<u64> {
    let mut import = db.start_import(&node(options.clone()))?;
    for chunk in bytes.chunks(100_000) {
        if let Err(error) = db.push_import(&mut import, chunk) {
            db.abort_import(&import);
            return Err(error);
        }
    }
    db.finish_import(import).map(|report| report.rows)
}

fn csv() -> Json {
    json!({"dataset": "t", "format": "csv"})
}

/// Rows without keys: they are counted from 1.
fn file(rows: u64) -> String {
    let mut text = "lot,day,line,good,weight\n".to_owned();
    let mut random = Random::new(rows);
    for i in 0..rows {
        let (month, day) = (1 + i % 12, 1 + random.below(28));
        let line = random.of(&["", "A", "b", "B", "a line with a longer name than most"]);
        let (good, weight) = (random.below(900), random.below(400) as f64 / 8.0);
        text.push_str(&format!("L{i},2025-{month:02}-{day:02},{line},{good},{weight}\n"));
    }
    text
}

#[test]
fn a_large_import_is_in_segments_when_it_is_there() {
    let mut db = open(&lots());
    assert!(db.start_seal().is_none());
    assert_eq!(import(&mut db, &csv(), file(70_000).as_bytes()), Ok(70_000));
    assert_eq!(usable(&mut db, "t"), [(1, 65_535), (65_536, 70_000)]);
    answers_agree(&mut db);
    let steps = seal(&mut db);
    assert!(steps < 10, "{steps} steps, and all rows would be counted in them");
    check_complete(&mut db);
    insert(&mut db, 70_001, 74_000);
    run(&mut db, "UPDATE t SET good = 0 WHERE id = 5");
    assert_eq!(usable(&mut db, "t"), [(65_536, 70_000)]);
    seal(&mut db);
    answers_agree(&mut db);
}

#[test]
fn few_rows_and_rows_apart_are_left_to_be_read() {
    let mut db = open(&lots());
    import(&mut db, &csv(), file(4095).as_bytes()).expect("imports");
    assert_eq!(usable(&mut db, "t"), []);
    let mut db = open(&lots());
    let keys =
        (1..300).chain(400..500).chain(600..60_000).filter(|key| key % 2 == 0 || *key > 8000);
    let rows: String = keys.map(|key| format!("{key},L{key},{}\n", key % 7)).collect();
    import(&mut db, &csv(), format!("id,lot,good\n{rows}").as_bytes()).expect("imports");
    assert_eq!(usable(&mut db, "t"), [(8000, 59_999)]);
    answers_agree(&mut db);
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(8000, 59_999)]);
}

#[test]
fn every_kind_of_column_is_taken_with_what_the_table_gives_it() {
    let all = json!({"name": "t", "columns": {
        "at": {"type": "timestamp", "primaryKey": true},
        "seen": {"type": "timestampText"},
        "note": {"type": "text", "collate": "nocase", "default": "none"},
        "level": {"type": "real", "default": 2},
        "more": {"type": "json"},
        "raw": {"type": "blob"},
        "never": {"type": "integer"}
    }, "time": "at", "dimensions": ["seen", "note", "more", "raw", "never"], "measures": ["level", "at"]});
    let mut db = open(&all);
    let mut rows = "at,seen,more\n".to_owned();
    for i in 0..5000 {
        let seen =
            if i % 3 == 0 { String::new() } else { format!("2025-01-01T00:{:02}:00.000Z", i % 60) };
        rows.push_str(&format!("{},{seen},\"[{}]\"\n", 1_700_000_000_000_i64 + i, i % 5));
    }
    assert_eq!(import(&mut db, &csv(), rows.as_bytes()), Ok(5000));
    let segments = usable(&mut db, "t");
    assert_eq!(segments.iter().map(|(first, last)| last - first + 1).sum::<i64>(), 5000);
    answers_agree(&mut db);
}

#[test]
fn rows_that_go_by_sql_after_others_are_sealed_later() {
    let mut db = open(&lots());
    let rows = |keys: std::ops::Range<i64>| -> String {
        keys.map(|key| format!("{key},L{key},{}\n", key % 7)).collect()
    };
    // Keys that go back end the pages.
    let text = format!("id,lot,good\n{}{}", rows(10_000..16_000), rows(1..6000));
    assert_eq!(import(&mut db, &csv(), text.as_bytes()), Ok(11_999));
    assert_eq!(usable(&mut db, "t"), [(10_000, 15_999)]);
    seal(&mut db);
    assert_eq!(usable(&mut db, "t"), [(1, 5999), (10_000, 15_999)]);
    answers_agree(&mut db);
}

#[test]
fn an_import_that_fails_leaves_no_segment() {
    let mut db = open(&lots());
    for bad in ["L5,2025-01-01,A,1,1\n", "L,2025-99-99,A,1,1\n", "M,2025-01-01,A,much,1\n"] {
        let text = format!("{}{bad}", file(66_000));
        assert!(import(&mut db, &csv(), text.as_bytes()).is_err(), "{bad}");
        let tables =
            "SELECT 1 FROM sqlite_schema WHERE name LIKE 'lotwise_segment%' OR type = 'trigger'";
        assert_eq!(ask(&mut db, tables).len(), 0, "{bad}");
    }
    let mut stopped = db.start_import(&node(csv())).expect("starts");
    db.push_import(&mut stopped, file(66_000).as_bytes()).expect("takes it");
    db.abort_import(&stopped);
    assert_eq!(import(&mut db, &csv(), file(66_000).as_bytes()), Ok(66_000));
    assert_eq!(usable(&mut db, "t").len(), 1);
}

#[test]
fn segments_of_rows_that_were_there_before_are_gone() {
    let again = |db: &mut Db| {
        import(db, &csv(), file(5000).as_bytes()).expect("imports");
        assert_eq!(usable(db, "t"), [(1, 5000)]);
        let columns = "SELECT count(DISTINCT id / 1024) FROM lotwise_column";
        assert_eq!(ask(db, columns), [[Value::Int(1)]]);
        answers_agree(db);
    };
    let mut db = open(&lots());
    insert(&mut db, 1, 9000);
    seal(&mut db);
    run(&mut db, "DELETE FROM t");
    again(&mut db);
    let mut db = open(&lots());
    insert(&mut db, 1, 9000);
    seal(&mut db);
    let Value::Text(same) =
        ask(&mut db, "SELECT sql FROM sqlite_schema WHERE name = 't'").remove(0).remove(0)
    else {
        panic!("no text")
    };
    run(
        &mut db,
        &format!("DROP TABLE t; {same}; CREATE UNIQUE INDEX \"by_lot\" ON \"t\" (\"lot\")"),
    );
    again(&mut db);
    // One was under way.
    let mut db = open(&lots());
    insert(&mut db, 1, 9000);
    let mut job = db.start_seal().expect("there is something to do");
    for _ in 0..4 {
        assert!(!db.step_seal(&mut job).expect("goes on"));
    }
    run(&mut db, "DELETE FROM t");
    again(&mut db);
    while !db.step_seal(&mut job).expect("goes on") {}
    assert_eq!(usable(&mut db, "t"), [(1, 5000)]);
    seal(&mut db);
    check_complete(&mut db);
}

#[test]
fn a_crash_leaves_rows_with_their_segments_or_neither() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = |path: &std::path::Path| {
        let port = SqlitePort::open_file(&path.join("live.db")).expect("opens");
        Engine::open(port, &[dataset(lots())]).expect("opens")
    };
    let mut db = open(directory.path());
    let mut crashes = vec![copied(directory.path())];
    let mut import = db.start_import(&node(csv())).expect("starts");
    for chunk in file(70_000).as_bytes().chunks(500_000) {
        db.push_import(&mut import, chunk).expect("takes it");
        crashes.push(copied(directory.path()));
    }
    while db.finish_import_step(&mut import).expect("goes on").is_none() {
        crashes.push(copied(directory.path()));
    }
    crashes.push(copied(directory.path()));
    assert!(crashes.len() > 8);
    for (at, crash) in crashes.iter().enumerate() {
        let mut db = open(crash.path());
        let rows = ask(&mut db, "SELECT count(*) FROM t");
        let is_there = at == crashes.len() - 1;
        assert_eq!(rows, [[Value::Int(if is_there { 70_000 } else { 0 })]], "crash {at}");
        assert_eq!(usable(&mut db, "t").len(), if is_there { 2 } else { 0 }, "crash {at}");
        _ = db.execute("DELETE FROM t WHERE id = 9", NONE).expect("writes go on");
        answers_agree(&mut db);
    }
}

#[test]
fn segments_are_counted() {
    let mut db = open(&lots());
    let counts = |db: &mut Db| db.segment_counts().expect("counts").remove(0);
    assert_eq!(counts(&mut db).segments, 0);
    insert(&mut db, 1, 70_000);
    seal(&mut db);
    let all = counts(&mut db);
    assert_eq!((all.segments, all.stale_segments, all.rows), (2, 0, 70_000));
    assert!((70_000..1_400_000).contains(&all.bytes), "{} bytes", all.bytes);
    run(&mut db, "UPDATE t SET good = 1 WHERE id = 69000");
    let some = counts(&mut db);
    assert_eq!((some.segments, some.stale_segments, some.rows), (2, 1, 65_535));
}

#[test]
fn a_narrow_look_up_stays_with_its_index() {
    let mut db = open(&json!({"name": "t", "columns": {
        "id": {"type": "integer", "primaryKey": true}, "lot": {"type": "text"}, "day": {"type": "date"},
        "line": {"type": "text"}, "good": {"type": "integer"}, "weight": {"type": "real"}
    }, "time": "day", "dimensions": ["line", "good"], "measures": ["weight"],
    "indexes": [{"name": "by_line", "columns": ["line"]}, {"name": "by_good", "columns": ["good", "weight"]}]}));
    insert(&mut db, 1, 30_000);
    seal(&mut db);
    let mut route = |filter: &Json| {
        let measures = json!({"n": "count", "w": {"sum": "weight"}});
        let query = json!({"dataset": "t", "where": filter, "measures": measures});
        db.aggregate(&node(query)).expect("answers").route
    };
    // One row of 900, and one of seven.
    assert_eq!(route(&json!({"good": 5})), "index");
    assert_eq!(route(&json!({"line": "Line3"})), "columnstore");
    assert_eq!(route(&json!({})), "columnstore");
}
