//! What happens to segments under way when somebody writes, or puts another table in place, between any two steps.

use crate::columnar::{Db, NONE, ask, lots, open, usable};
use crate::columnar_job::{begun, check_complete, seal};
use crate::random::times;
use lotwise::model::value::Value;
use lotwise::storage::engine::Engine;

/// Segments that are stale and so far.
fn marked(db: &mut Db, state: &str) -> Vec<Vec<Value>> {
    ask(db, &format!("SELECT id FROM lotwise_segment WHERE stale AND {state}"))
}

/// Something happens after a number of steps of a job, which then goes on: after every other number for one case,
/// after those between for the next. `fits`: the table can have segments afterwards.
fn check_interrupted((case, sql): (usize, &str), fits: bool) {
    for steps in (0..).skip(case % 2).step_by(if times(1) > 1 { 1 } else { 2 }) {
        let mut db = begun(None);
        let mut job = db.start_seal().expect("there is something to do");
        let before = (0..steps).any(|_| db.step_seal(&mut job).expect("goes on"));
        // Some break a constraint.
        _ = db.execute(sql, NONE);
        usable(&mut db, "t");
        let mut ended = before;
        while !ended {
            let marked = marked(&mut db, "head IS NULL");
            ended = db.step_seal(&mut job).unwrap_or_else(|error| {
                assert!(!fits, "{sql}: {error}");
                true
            });
            let filled = self::marked(&mut db, "head NOT NULL");
            assert!(!filled.iter().any(|id| marked.contains(id)), "{sql}: it was marked");
        }
        usable(&mut db, "t");
        let mut db = Engine::open(db.into_port(), &[]).expect("opens again");
        seal(&mut db);
        if fits {
            check_complete(&mut db);
        } else {
            assert_eq!(usable(&mut db, "t"), []);
        }
        if before {
            assert!(steps > 6, "{steps} steps");
            return;
        }
    }
}

#[test]
fn a_write_between_two_steps_is_never_missed() {
    let cases = [
        "UPDATE t SET good = 77 WHERE id = 67000",
        "UPDATE t SET good = 77 WHERE id IN (60000, 71000)",
        "DELETE FROM t WHERE id = 67000",
        "REPLACE INTO t (id, lot) VALUES (67000, 'new')",
        "REPLACE INTO t (lot) VALUES ('L67000')",
        "DELETE FROM t WHERE id = 67000; INSERT INTO t (id, lot) VALUES (67000, 'other')",
        "UPDATE t SET id = id + 1 WHERE id = 71000; INSERT INTO t (id, lot) VALUES (71000, 'between')",
        "DELETE FROM t",
        "DELETE FROM t; INSERT INTO t (lot) VALUES ('one')",
        "UPDATE t SET good = 5; INSERT INTO t (id) VALUES (60000)",
    ];
    cases.into_iter().enumerate().for_each(|case| check_interrupted(case, true));
}

#[test]
fn another_table_between_two_steps_is_never_taken_for_the_old_one() {
    let make = "CREATE TABLE old AS SELECT * FROM t; DROP TABLE t; ";
    let fill = "INSERT INTO t (id, lot, day, line, good, weight) SELECT id, lot, day, line, good + 1, weight FROM old; DROP TABLE old";
    let mut db = open(&lots());
    let Value::Text(same) =
        ask(&mut db, "SELECT sql FROM sqlite_schema WHERE name = 't'").remove(0).remove(0)
    else {
        panic!()
    };
    let cases = [
        &format!("{make}{same}; {fill}"),
        &format!("ALTER TABLE t RENAME TO old; {same}; {fill}"),
        &format!(
            "ALTER TABLE t RENAME TO old; {same}; INSERT INTO t (lot) VALUES ('new'); DROP TABLE t; ALTER TABLE old RENAME TO t"
        ),
        "ALTER TABLE t RENAME COLUMN good TO g; ALTER TABLE t RENAME COLUMN g TO good",
        "ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME TO t",
        "ALTER TABLE t DROP COLUMN weight; ALTER TABLE t ADD COLUMN \"weight\" REAL",
        "ALTER TABLE t ADD COLUMN more TEXT",
    ];
    cases.into_iter().enumerate().for_each(|case| check_interrupted(case, true));
    let cases = [
        "ALTER TABLE t DROP COLUMN good",
        "ALTER TABLE t RENAME COLUMN good TO best",
        "ALTER TABLE t RENAME TO u",
        "DROP TABLE t",
        "CREATE TABLE old AS SELECT * FROM t; DROP TABLE t; CREATE TABLE t AS SELECT * FROM old",
        "CREATE TABLE old AS SELECT * FROM t; DROP TABLE t; CREATE VIEW t AS SELECT * FROM old",
    ];
    cases.into_iter().enumerate().for_each(|case| check_interrupted(case, false));
}
