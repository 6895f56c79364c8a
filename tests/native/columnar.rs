//! Segments of the columnstore in a database: whatever is written, and however, a segment that may be used is
//! what its rows are.

use crate::common::{batch, node, rows};
use crate::engine::dataset;
use lotwise::columnstore::build::{Encoded, SegmentBuilder};
use lotwise::columnstore::layout::Layout;
use lotwise::error::Result;
use lotwise::model::value::{Value, ValueRef};
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::columnar::catalogue::{self, SegmentInfo};
use lotwise::storage::columnar::verify;
use lotwise::storage::engine::{Call, Engine, Scope};
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::{Params, RowSink, SqlPort, Statement};
use serde_json::{Value as Json, json};

pub type Db = Engine<SqlitePort>;

pub const NONE: Params<'static> = Params::Positional(&[]);

pub fn lots() -> Json {
    json!({"name": "t", "columns": {
        "id": {"type": "integer", "primaryKey": true},
        "lot": {"type": "text"},
        "day": {"type": "date"},
        "line": {"type": "text", "collate": "nocase"},
        "good": {"type": "integer"},
        "weight": {"type": "real"}
    }, "time": "day", "dimensions": ["line"], "measures": ["good", "weight"],
    "indexes": [{"name": "by_lot", "columns": ["lot"], "unique": true}]})
}

pub fn open(definition: &Json) -> Db {
    let port = SqlitePort::open_memory("test").expect("opens");
    Engine::open(port, &[dataset(definition.clone())]).expect("opens")
}

/// Rows with those keys.
pub fn insert(db: &mut Db, from: i64, to: i64) {
    let sql = format!(
        "WITH RECURSIVE k (id) AS (SELECT {from} UNION ALL SELECT id + 1 FROM k WHERE id < {to})
         INSERT INTO t (id, lot, day, line, good, weight)
         SELECT id, 'L' || id, date(1700000000 + id % 400 * 86400, 'unixepoch'), 'Line' || (id % 7), id % 900, id / 8.0 FROM k"
    );
    db.execute(&sql, NONE).unwrap_or_else(|e| panic!("{from} to {to}: {e}"));
}

pub fn run(db: &mut Db, sql: &str) -> i64 {
    db.execute(sql, NONE).unwrap_or_else(|e| panic!("{sql}: {e}")).changes
}

pub fn ask(db: &mut Db, sql: &str) -> Vec<Vec<Value>> {
    rows(&db.query(sql, NONE).unwrap_or_else(|e| panic!("{sql}: {e}")))
}

struct Push<'b>(&'b mut SegmentBuilder);

impl RowSink for Push<'_> {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        self.0.push(|i| row[i]);
        Ok(())
    }
}

/// The rows of a range, as a segment.
pub fn encoded(db: &mut Db, name: &str, first: i64, last: i64) -> Encoded {
    let dataset = db.dataset(name).expect("is there").clone();
    let layout = Layout::of(&dataset);
    let names: Vec<String> =
        layout.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let (names, key) = (names.join(", "), dataset.key());
    let sql = format!(
        "SELECT {names} FROM \"{name}\" WHERE \"{key}\" BETWEEN {first} AND {last} ORDER BY \"{key}\""
    );
    let mut builder = SegmentBuilder::new(&layout);
    db.port().run(Statement::engine(&sql, &[]), &mut Push(&mut builder)).expect("reads");
    builder.finish()
}

/// The segments that a question would use, each compared with its rows.
pub fn usable(db: &mut Db, name: &str) -> Vec<(i64, i64)> {
    let dataset = db.dataset(name).expect("is there").clone();
    if !verify::usable(db.port(), &dataset, &Layout::of(&dataset)).expect("looks") {
        return Vec::new();
    }
    let segments = catalogue::fresh_segments(db.port(), &dataset).expect("lists");
    for SegmentInfo { id, first_key, last_key, head } in &segments {
        let expected = encoded(db, name, *first_key, *last_key);
        let range = format!("{name} {first_key} to {last_key}");
        assert!(expected.head == *head, "{range}");
        for (position, data) in expected.columns.iter().enumerate() {
            let stored = catalogue::column(db.port(), *id, position).expect("is there");
            assert!(stored == *data, "{range}, column {position}");
        }
    }
    segments.iter().map(|segment| (segment.first_key, segment.last_key)).collect()
}

/// Segments of those ranges, made at once.
fn seal(db: &mut Db, ranges: &[(i64, i64)]) {
    let dataset = db.dataset("t").expect("is there").clone();
    let encoded: Vec<_> =
        ranges.iter().map(|&(first, last)| encoded(db, "t", first, last)).collect();
    let sealed = db.port().transaction(|port| {
        verify::guard(port, &dataset, &Layout::of(&dataset))?;
        for (&(first, last), encoded) in ranges.iter().zip(encoded) {
            let id = catalogue::begin(port, "t", first, last)?;
            catalogue::fill(port, id, encoded)?;
        }
        Ok(())
    });
    sealed.expect("seals");
}

/// Rows on both sides of the end of a block in three segments, and some behind them.
fn sealed() -> Db {
    let mut db = open(&lots());
    insert(&mut db, 64_000, 68_500);
    seal(&mut db, &[(64_000, 65_535), (65_536, 67_000), (67_001, 68_000)]);
    assert_eq!(usable(&mut db, "t").len(), 3);
    db
}

const ALL: [(i64, i64); 3] = [(64_000, 65_535), (65_536, 67_000), (67_001, 68_000)];

/// The segments that are left after a write.
fn check(write: &str, left: &[(i64, i64)]) {
    let mut db = sealed();
    run(&mut db, write);
    assert_eq!(usable(&mut db, "t"), left, "{write}");
    assert_eq!(ask(&mut db, "PRAGMA integrity_check"), [[Value::from("ok")]]);
}

#[test]
fn a_write_marks_the_segments_of_the_rows_that_it_changes_and_no_others() {
    let [first, second, third] = ALL;
    check("UPDATE t SET good = 0 WHERE id = 66000", &[first, third]);
    check("DELETE FROM t WHERE id = 65535", &[second, third]);
    check("DELETE FROM t WHERE id IN (65536, 68000)", &[first]);
    check("UPDATE t SET good = 0 WHERE id > 68000", &ALL);
    check("DELETE FROM t WHERE id = 68001", &ALL);
    check("DELETE FROM t", &[]);
    check(
        "INSERT INTO t (id, lot) VALUES (0, 'a'), (-1, 'b'), (68501, 'c'), (9000000000, 'd')",
        &ALL,
    );
    check("INSERT INTO t (lot) VALUES ('next')", &ALL);
    check("INSERT OR IGNORE INTO t (id, lot) VALUES (64000, 'a'), (64005, 'b')", &ALL);
    check("INSERT OR REPLACE INTO t (id, lot) VALUES (65536, 'a')", &[first, third]);
    check("REPLACE INTO t (lot) VALUES ('L65536')", &[first, third]);
    check("REPLACE INTO t (id, lot) VALUES (68000, 'L64000')", &[second]);
    check(
        "INSERT INTO t (id, lot) VALUES (65536, 'a') ON CONFLICT (id) DO UPDATE SET good = 5",
        &[first, third],
    );
    check(
        "INSERT INTO t (lot) VALUES ('L68000') ON CONFLICT (lot) DO UPDATE SET id = 200000",
        &[first, second],
    );
    check("INSERT INTO t (lot) VALUES ('L64000') ON CONFLICT DO NOTHING", &ALL);
    check("UPDATE t SET id = 70000 WHERE id = 65536", &[first, third]);
    check("UPDATE t SET id = -5 WHERE id = 68200", &ALL);
    check("UPDATE OR REPLACE t SET id = 65536 WHERE id = 68200", &[first, third]);
    check("UPDATE OR REPLACE t SET lot = 'L64000' WHERE id = 68200", &[second, third]);
    check("UPDATE OR IGNORE t SET id = 64005 WHERE id = 68200", &ALL);
    check("UPDATE t SET id = id + 1000000", &[]);
    check(
        "UPDATE t SET good = other.good FROM t AS other WHERE t.id = 64000 AND other.id = 66000",
        &[second, third],
    );
    check(
        "DELETE FROM t WHERE id = 64000; INSERT INTO t (id, lot) VALUES (64000, 'new')",
        &[second, third],
    );
}

#[test]
fn counts_of_changes_are_those_of_the_statement() {
    let mut db = sealed();
    assert_eq!(run(&mut db, "UPDATE t SET good = 1 WHERE id BETWEEN 64010 AND 64019"), 10);
    assert_eq!(run(&mut db, "DELETE FROM t WHERE id BETWEEN 66000 AND 66004"), 5);
    assert_eq!(run(&mut db, "REPLACE INTO t (id, lot) VALUES (67001, 'a')"), 1);
    let replaced = batch(
        &["id", "lot"],
        &[vec![Value::Int(67_002), "b".into()], vec![Value::Int(70_000), "c".into()]],
    );
    assert_eq!(db.append("t", &replaced, OnConflict::Replace).expect("appends").changes, 2);
    let many = batch(&["0"], &[vec![Value::Int(64_001)], vec![Value::Int(64_002)]]);
    let written = db.execute_many("UPDATE t SET good = 2 WHERE id = ?", &many, false);
    assert_eq!(written.expect("updates").changes, 2);
    assert_eq!(run(&mut db, "DELETE FROM t"), 4_497);
    assert_eq!(usable(&mut db, "t"), []);
}

#[test]
fn what_is_rolled_back_leaves_segments_as_they_were() {
    let mut db = sealed();
    let failing = "UPDATE t SET good = 0; INSERT INTO t (id) VALUES (64001)";
    assert!(db.execute(failing, NONE).is_err());
    assert_eq!(usable(&mut db, "t"), ALL);
    db.begin().expect("begins");
    db.set_call(Call { scope: Scope::Inside, ..Call::default() });
    run(&mut db, "DELETE FROM t WHERE id = 64000");
    db.savepoint().expect("is set");
    run(&mut db, "DELETE FROM t WHERE id = 66000");
    assert_eq!(usable(&mut db, "t"), ALL[2..], "its own marks are seen inside");
    db.end_savepoint(false).expect("is undone");
    assert_eq!(usable(&mut db, "t"), ALL[1..]);
    assert!(db.execute(failing, NONE).is_err());
    assert_eq!(usable(&mut db, "t"), ALL[1..]);
    db.set_call(Call::default());
    db.rollback();
    assert_eq!(usable(&mut db, "t"), ALL);
}

#[test]
fn rows_that_a_foreign_key_takes_along_are_marked() {
    for write in ["DELETE FROM parent WHERE id = 3", "UPDATE parent SET id = 30 WHERE id = 3"] {
        let mut db = open(&lots());
        let same = ask(&mut db, "SELECT sql FROM sqlite_schema WHERE name = 't'");
        let Value::Text(same) = &same[0][0] else { panic!("{same:?}") };
        let child = same.replace(
            ") STRICT",
            ", parent INTEGER REFERENCES parent ON DELETE CASCADE ON UPDATE SET NULL) STRICT",
        );
        run(
            &mut db,
            &format!("DROP TABLE t; CREATE TABLE parent (id INTEGER PRIMARY KEY); {child}"),
        );
        insert(&mut db, 64_000, 68_500);
        run(
            &mut db,
            "INSERT INTO parent VALUES (3), (4); UPDATE t SET parent = 3 WHERE id = 66000; UPDATE t SET parent = 4 WHERE id = 64005",
        );
        seal(&mut db, &ALL);
        assert_eq!(usable(&mut db, "t"), ALL);
        run(&mut db, write);
        assert_eq!(usable(&mut db, "t"), [ALL[0], ALL[2]], "{write}");
    }
}

#[test]
fn triggers_of_a_caller_change_nothing_of_that() {
    // The newest trigger comes first: this one ends the statement before others have seen the row go.
    let mut db = sealed();
    run(
        &mut db,
        "CREATE TRIGGER stop AFTER DELETE ON t BEGIN SELECT RAISE(FAIL, 'no'); END;
         CREATE TRIGGER spare BEFORE UPDATE ON t WHEN old.id < 64010 BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER follow AFTER INSERT ON t WHEN new.id > 68500 BEGIN UPDATE t SET good = 0 WHERE id = 67001; END",
    );
    let options =
        json!({"dataset": "t", "format": "csv", "onConflict": "replace", "onError": "skip"});
    let mut import = db.start_import(&node(options)).expect("starts");
    db.push_import(&mut import, b"id,lot\n66000,new\n").expect("takes it");
    let report = db.finish_import(import).expect("finishes");
    assert_eq!((report.rows, report.skipped), (0, 1));
    assert_eq!(ask(&mut db, "SELECT count(*) FROM t WHERE id = 66000"), [[Value::Int(0)]]);
    assert_eq!(usable(&mut db, "t"), [ALL[0], ALL[2]], "the row is gone all the same");
    assert_eq!(run(&mut db, "UPDATE t SET good = 3 WHERE id = 64005"), 0);
    run(&mut db, "INSERT INTO t (lot) VALUES ('more')");
    assert!(!usable(&mut db, "t").contains(&ALL[2]));
}

#[test]
fn a_table_that_was_altered_has_no_segments_until_they_are_made_anew() {
    for write in [
        "ALTER TABLE t ADD COLUMN more TEXT",
        "ALTER TABLE t RENAME COLUMN good TO goods; ALTER TABLE t RENAME COLUMN goods TO good",
        "ALTER TABLE t RENAME COLUMN good TO g; ALTER TABLE t RENAME COLUMN weight TO good; ALTER TABLE t RENAME COLUMN g TO weight",
        "ALTER TABLE t DROP COLUMN weight; ALTER TABLE t ADD COLUMN weight REAL",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE t RENAME TO u; CREATE TABLE t AS SELECT * FROM u",
        "ALTER TABLE t RENAME TO u; DELETE FROM u WHERE id = 64007; ALTER TABLE u RENAME TO t",
        "DROP TABLE t",
        "DROP TABLE t; CREATE VIEW t AS SELECT 1 AS id",
    ] {
        check(write, &[]);
    }
    check("CREATE TABLE u (x); ALTER TABLE u ADD COLUMN y; DROP TABLE u", &[]);
    check("CREATE TABLE u (x); DROP TABLE u", &ALL);
    let mut db = sealed();
    let other = db.execute("CREATE TABLE u (x); DROP TABLE u; DROP TRIGGER lotwise_update_t", NONE);
    assert!(other.is_err_and(|error| error.to_string().contains("belongs to the package")));
    assert_eq!(usable(&mut db, "t"), ALL);
    let mut db = sealed();
    let fill =
        "INSERT INTO t (id, lot, day, line, good, weight) SELECT id, lot, day, line, 0, 0.0 FROM u";
    let same = ask(&mut db, "SELECT sql FROM sqlite_schema WHERE name = 't'");
    let Value::Text(same) = &same[0][0] else { panic!("{same:?}") };
    run(&mut db, &format!("CREATE TABLE u AS SELECT * FROM t; DROP TABLE t; {same}; {fill}"));
    assert_eq!(usable(&mut db, "t"), [], "it looks the same, but nobody marks");
    // Many rows of parameters, in which an ALTER TABLE has no part.
    let mut db = sealed();
    let nothing = batch(&[], &[vec![]]);
    db.execute_many("ALTER TABLE t RENAME TO u", &nothing, false).expect("renames");
    assert_eq!(
        ask(&mut db, "SELECT count(*) FROM lotwise_segment WHERE stale = 0"),
        [[Value::Int(0)]]
    );
}

#[test]
fn a_definition_that_grows_keeps_its_segments() {
    let mut db = sealed();
    let mut more = lots();
    more["version"] = json!(2);
    more["columns"]["shift"] = json!({"type": "text", "default": "A"});
    db.define(&dataset(more.clone())).expect("migrates");
    assert_eq!(usable(&mut db, "t"), ALL);
    more["version"] = json!(3);
    more["dimensions"] = json!(["line", "shift"]);
    db.define(&dataset(more)).expect("migrates");
    let dataset = db.dataset("t").expect("is there").clone();
    assert!(verify::usable(db.port(), &dataset, &Layout::of(&dataset)).expect("looks"));
    assert_eq!(catalogue::fresh_segments(db.port(), &dataset).expect("lists").len(), 3);
}
