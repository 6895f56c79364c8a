//! Transactions that stay open between calls, streams, and writes with a key.

use crate::common::{batch, node, rows};
use lotwise::error::Error;
use lotwise::model::dataset::Dataset;
use lotwise::model::value::Value;
use lotwise::planner::route::Route;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Answer, Call, Engine, Scope};
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::Params;
use lotwise::storage::transaction::Begun;

type Db = Engine<SqlitePort>;

const NONE: Params<'static> = Params::Positional(&[]);
const INSIDE: Call = Call {
    scope: Scope::Inside,
    timeout_ms: None,
    idempotency_key: None,
    relaxed: None,
    route: Route::Auto,
};

fn open() -> Db {
    let json = serde_json::json!({ "name": "t", "columns": { "x": { "type": "integer", "required": true } } });
    let dataset = Dataset::from_node(&node(json), "dataset").expect("is valid");
    Engine::open(SqlitePort::open_memory("test").expect("opens"), &[dataset]).expect("opens")
}

fn inside<T>(db: &mut Db, work: impl FnOnce(&mut Db) -> T) -> T {
    db.set_call(INSIDE);
    let result = work(db);
    db.set_call(Call::default());
    result
}

fn count(db: &mut Db) -> i64 {
    match rows(&db.query("SELECT count(*) FROM t", NONE).expect("counts"))[0][0] {
        Value::Int(n) => n,
        ref other => panic!("{other:?}"),
    }
}

fn keyed(key: &str) -> Call {
    Call { idempotency_key: Some(key.to_owned()), ..Call::default() }
}

fn integrity(db: &mut Db) {
    let answer = db.query("PRAGMA integrity_check", NONE).expect("checks");
    assert_eq!(rows(&answer), [[Value::from("ok")]]);
}

#[test]
fn what_is_written_inside_is_seen_inside_and_outside_after_the_commit() {
    let mut db = open();
    assert_eq!(db.begin().expect("begins"), Begun::Open);
    let written = inside(&mut db, |db| db.execute("INSERT INTO t (x) VALUES (1), (2)", NONE));
    assert_eq!(written.expect("writes").data_version, 1);
    assert_eq!((inside(&mut db, count), count(&mut db)), (2, 0));
    let rows_in = batch(&["x"], &[vec![Value::Int(3)]]);
    inside(&mut db, |db| db.append("t", &rows_in, OnConflict::Error)).expect("appends");
    let sql = "INSERT INTO t (x) VALUES (4) RETURNING x";
    let returned = inside(&mut db, |db| db.query(sql, NONE)).expect("writes");
    assert_eq!((rows(&returned), returned.route), (vec![vec![Value::Int(4)]], "write"));
    assert_eq!(db.data_version(), 0);
    assert_eq!(db.commit("").expect("commits"), 1);
    assert_eq!((count(&mut db), db.data_version()), (4, 1));
    integrity(&mut db);
}

#[test]
fn a_call_that_fails_inside_leaves_no_trace_and_the_transaction_goes_on() {
    let mut db = open();
    db.begin().expect("begins");
    let two = "INSERT INTO t (x) VALUES (1); INSERT INTO t (x) VALUES (NULL)";
    let refused = inside(&mut db, |db| db.execute(two, NONE)).expect_err("breaks NOT NULL");
    assert_eq!(refused.code(), "CONSTRAINT_VIOLATION");
    assert_eq!(inside(&mut db, count), 0);
    inside(&mut db, |db| db.execute("INSERT INTO t (x) VALUES (5)", NONE)).expect("writes");
    for sql in ["COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT x", "RELEASE lotwise_call"] {
        let refused = inside(&mut db, |db| db.execute(sql, NONE)).expect_err("is refused");
        assert_eq!(refused.code(), "SQL_INVALID", "{sql}");
    }
    db.commit("").expect("commits");
    assert_eq!(count(&mut db), 1);
}

#[test]
fn savepoints_nest() {
    let mut db = open();
    db.begin().expect("begins");
    let add = |db: &mut Db| {
        inside(db, |db| db.execute("INSERT INTO t (x) VALUES (1)", NONE)).expect("writes");
    };
    add(&mut db);
    assert_eq!(db.savepoint().expect("opens"), 1);
    add(&mut db);
    assert_eq!(db.savepoint().expect("opens"), 2);
    add(&mut db);
    db.end_savepoint(true).expect("keeps");
    assert_eq!(inside(&mut db, count), 3);
    db.end_savepoint(false).expect("undoes both");
    assert_eq!(inside(&mut db, count), 1);
    assert!(db.end_savepoint(true).is_err(), "none is open");
    db.commit("").expect("commits");
    assert_eq!(count(&mut db), 1);
}

#[test]
fn nothing_is_left_of_a_transaction_that_is_rolled_back() {
    let mut db = open();
    db.begin().expect("begins");
    db.savepoint().expect("opens");
    inside(&mut db, |db| db.execute("INSERT INTO t (x) VALUES (1)", NONE)).expect("writes");
    db.rollback();
    assert_eq!((count(&mut db), db.data_version()), (0, 0));
    assert_eq!(
        inside(&mut db, |db| db.query("SELECT 1", NONE)).expect_err("it has ended").code(),
        "INTERNAL"
    );
    db.execute("INSERT INTO t (x) VALUES (1)", NONE).expect("others go on");
    assert_eq!(db.data_version(), 1);
}

#[test]
fn writes_outside_wait_and_reads_outside_do_not() {
    let mut db = open();
    db.begin().expect("begins");
    assert!(db.writes("INSERT INTO t (x) VALUES (1) RETURNING x").expect("prepares"));
    assert!(!db.writes("SELECT * FROM t").expect("prepares"));
    assert!(db.execute("INSERT INTO t (x) VALUES (1)", NONE).is_err());
    assert!(db.begin().is_err());
    let aggregate = serde_json::json!({ "dataset": "t", "measures": { "n": "count" } });
    let answer = db.aggregate(&node(aggregate)).expect("reads");
    assert_eq!(rows(&answer), [[Value::Int(0)]]);
    db.rollback();
}

#[test]
fn a_write_with_a_key_is_done_once() {
    let mut db = open();
    db.set_call(keyed("order-1"));
    let first = db.execute("INSERT INTO t (x) VALUES (1), (2)", NONE).expect("writes");
    let again = db.execute("INSERT INTO t (x) VALUES (1), (2)", NONE).expect("is known");
    assert_eq!(first, again);
    db.set_call(keyed("order-2"));
    let refused = db.execute("INSERT INTO t (x) VALUES (NULL)", NONE).expect_err("breaks NOT NULL");
    assert_eq!(refused.code(), "CONSTRAINT_VIOLATION");
    db.execute("INSERT INTO t (x) VALUES (3)", NONE)
        .expect("a failed write did not use the key up");
    db.set_call(Call::default());
    assert_eq!((count(&mut db), db.data_version()), (3, 2));
    db.set_call(keyed("shift"));
    assert_eq!(db.begin().expect("begins"), Begun::Open);
    inside(&mut db, |db| db.execute("INSERT INTO t (x) VALUES (4)", NONE)).expect("writes");
    db.commit("{\"rows\":1}").expect("commits");
    db.set_call(keyed("shift"));
    assert_eq!(db.begin().expect("is known"), Begun::Repeated("{\"rows\":1}".to_owned()));
    db.set_call(Call::default());
    assert_eq!(count(&mut db), 4);
    let refused = db.execute("DELETE FROM lotwise_repeat", NONE).expect_err("is ours");
    assert_eq!(refused.code(), "SQL_INVALID");
}

fn values(answer: &Answer) -> Vec<i64> {
    rows(answer).iter().map(|row| if let Value::Int(n) = row[0] { n } else { -1 }).collect()
}

fn fill(db: &mut Db, rows: i64) {
    let sql = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO t (x) SELECT i FROM n";
    db.execute(sql, Params::Positional(&[Value::Int(rows)])).expect("fills");
}

#[test]
fn a_stream_sees_one_state_whatever_is_written_meanwhile() {
    let mut db = open();
    fill(&mut db, 10);
    let sql = "SELECT x FROM t ORDER BY x";
    let mut stream = db.open_stream(sql, NONE).expect("opens");
    db.execute("DELETE FROM t WHERE x > 2", NONE).expect("writes before the first row is read");
    let mut seen = Vec::new();
    loop {
        let (answer, more) = db.next_batch(&mut stream, 3, None).expect("reads");
        assert!(answer.rows <= 3 && answer.data_version == 1);
        seen.extend(values(&answer));
        db.execute("INSERT INTO t (x) VALUES (100)", NONE).expect("writes between two batches");
        if !more {
            break;
        }
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    db.close_stream(stream);
    assert_eq!(count(&mut db), 6);
    integrity(&mut db);
}

#[test]
fn a_stream_that_is_left_early_frees_its_statement() {
    let mut db = open();
    fill(&mut db, 1000);
    for _ in 0..50 {
        let mut stream = db.open_stream("SELECT x FROM t", NONE).expect("opens");
        db.next_batch(&mut stream, 3, None).expect("reads");
        db.close_stream(stream);
    }
    db.execute("DROP TABLE t", NONE).expect("nobody reads any more");
    let refused = db.open_stream("DELETE FROM t", NONE).expect_err("writes").code();
    assert_eq!(refused, "SQL_INVALID");
    assert_eq!(db.open_stream("SELECT", NONE).expect_err("is no SQL").code(), "SQL_INVALID");
    let mut bad = db.open_stream("SELECT abs(-9223372036854775808)", NONE).expect("prepares");
    assert!(db.next_batch(&mut bad, 3, None).is_err());
    db.close_stream(bad);
}

#[test]
fn a_stream_of_a_transaction_sees_it_and_holds_its_writes_up() {
    let mut db = open();
    fill(&mut db, 3);
    db.begin().expect("begins");
    inside(&mut db, |db| db.execute("INSERT INTO t (x) VALUES (4)", NONE)).expect("writes");
    let mut stream = inside(&mut db, |db| db.open_stream("SELECT x FROM t", NONE)).expect("opens");
    let (answer, more) = db.next_batch(&mut stream, 2, None).expect("reads");
    assert_eq!((values(&answer), more), (vec![1, 2], true));
    let write = "DELETE FROM t";
    let refused = inside(&mut db, |db| db.execute(write, NONE)).expect_err("half would be seen");
    assert!(matches!(refused, Error::SqlInvalid { .. }));
    db.close_stream(stream);
    inside(&mut db, |db| db.execute(write, NONE)).expect("writes now");
    db.commit("").expect("commits");
    assert_eq!(count(&mut db), 0);
}

#[test]
fn an_import_is_not_seen_before_it_is_done() {
    let mut db = open();
    fill(&mut db, 3);
    let options = serde_json::json!({ "dataset": "t" });
    let mut import = db.start_import(&node(options)).expect("begins");
    db.push_import(&mut import, b"x\n4\n5\n").expect("pushes");
    assert_eq!(count(&mut db), 3, "the last commit");
    let mut stream = db.open_stream("SELECT x FROM t", NONE).expect("opens");
    assert_eq!(db.finish_import(import).expect("finishes").rows, 2);
    assert_eq!(count(&mut db), 5);
    assert_eq!(db.next_batch(&mut stream, 100, None).expect("reads").0.rows, 3);
    db.close_stream(stream);
}

#[test]
fn a_statement_that_is_given_up_ends_and_leaves_no_trace() {
    let mut db = open();
    let mut looks = 0;
    let look: lotwise::platform::watch::Look = Box::new(move || {
        looks += 1;
        looks > 3
    });
    let endless =
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO t (x) SELECT i FROM n";
    let run = || db.execute(endless, NONE).expect_err("is given up").code();
    assert_eq!(lotwise::platform::watch::during(Some(look), run), "CANCELLED");
    assert_eq!((count(&mut db), db.data_version()), (0, 0));
    db.execute("INSERT INTO t (x) VALUES (1)", NONE).expect("others go on");
}

#[test]
fn a_stream_has_its_time_for_each_batch() {
    let mut db = open();
    let endless = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    db.set_call(Call { timeout_ms: Some(30_000), ..Call::default() });
    let mut stream = db.open_stream(endless, NONE).expect("opens");
    db.set_call(Call::default());
    let began = std::time::Instant::now();
    let late = db.next_batch(&mut stream, 10, Some(200)).expect_err("is late");
    assert_eq!(late.code(), "TIMEOUT");
    assert!(began.elapsed().as_millis() >= 190, "{:?}", began.elapsed());
    db.close_stream(stream);
}
