//! What every implementation of the SQL port has to do. Each case gets a fresh, empty database.

use lotwise::error::Error;
use lotwise::model::value::{Value, ValueRef};
use lotwise::storage::port::{
    Author, Collected, Cursor, Done, LongTransaction, Params, RowSink, RowSource, SqlPort,
    Statement, Streams, collect,
};

/// Names each case to a macro of the host.
#[macro_export]
macro_rules! for_each_port_case {
    ($case:ident) => {
        $case!(values_round_trip);
        $case!(named_parameters_are_matched);
        $case!(wrong_parameters_are_refused);
        $case!(only_one_statement_is_taken);
        $case!(changes_are_counted);
        $case!(a_failed_transaction_leaves_no_trace);
        $case!(a_failed_commit_is_rolled_back);
        $case!(long_transactions_end);
        $case!(rows_of_a_source_are_inserted);
        $case!(a_source_that_fails_stops_the_statement);
        $case!(a_sink_that_fails_stops_the_statement);
        $case!(callers_cannot_do_harm);
        $case!(kept_statements_do_not_get_around_the_rules);
        $case!(deadlines_hold);
        $case!(scans_are_told_from_searches);
        $case!(errors_have_their_codes);
        $case!(readers_see_the_last_commit);
    };
}

fn caller<P: SqlPort>(port: &mut P, sql: &str) -> Result<Vec<Vec<Value>>, Error> {
    let mut collected = Collected::default();
    port.run(Statement::caller(sql, &[]), &mut collected)?;
    Ok(collected.rows)
}

fn count<P: SqlPort>(port: &mut P, table: &str) -> Value {
    collect(port, &format!("SELECT count(*) FROM {table}"), &[]).expect("counts")[0][0].clone()
}

pub fn values_round_trip<P: LongTransaction>(port: &mut P) {
    let values = [
        Value::Null,
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::Real(0.1),
        Value::Real(f64::NEG_INFINITY),
        Value::from(""),
        Value::from("日本\u{0}𝄞"),
        Value::Blob(vec![]),
        Value::Blob(vec![0, 255]),
    ];
    for value in values {
        let rows = collect(port, "SELECT ?", std::slice::from_ref(&value)).expect("selects");
        assert_eq!(rows, [[value]]);
    }
}

pub fn named_parameters_are_matched<P: LongTransaction>(port: &mut P) {
    let params = [("b".to_owned(), Value::Int(2)), ("a".to_owned(), Value::Int(1))];
    let mut collected = Collected::default();
    let statement = Statement {
        sql: "SELECT :a, @b, $a",
        params: Params::Named(&params),
        author: Author::Caller,
    };
    // :a and $a are two parameters with one name, as SQLite sees them.
    port.run(statement, &mut collected).expect("runs");
    assert_eq!(collected.rows, [[Value::Int(1), Value::Int(2), Value::Int(1)]]);
}

pub fn wrong_parameters_are_refused<P: LongTransaction>(port: &mut P) {
    let one = [Value::Int(1)];
    let named = [("b".to_owned(), Value::Int(2))];
    let cases = [
        ("SELECT ?, ?", Params::Positional(&one)),
        ("SELECT 1", Params::Positional(&one)),
        ("SELECT :a", Params::Named(&named)),
        ("SELECT :b, :c", Params::Named(&named)),
        ("SELECT ?", Params::Named(&named)),
    ];
    for (sql, params) in cases {
        let statement = Statement { sql, params, author: Author::Caller };
        let result = port.run(statement, &mut Collected::default());
        assert_eq!(result.map_err(|e| e.code()), Err("SQL_INVALID"), "{sql}");
    }
}

pub fn only_one_statement_is_taken<P: LongTransaction>(port: &mut P) {
    for sql in ["SELECT 1; SELECT 2", "", "-- nothing", "SELECT", "SELECT 1\0"] {
        let result = port.run(Statement::caller(sql, &[]), &mut Collected::default());
        assert_eq!(result.map_err(|e| e.code()), Err("SQL_INVALID"), "{sql:?}");
    }
    assert_eq!(caller(port, "SELECT 1; -- and that is all").expect("runs"), [[Value::Int(1)]]);
    assert!(port.only_reads("SELECT 1", Author::Caller).expect("compiles"));
    port.script("CREATE TABLE t (x)", Author::Caller).expect("creates");
    assert!(!port.only_reads("INSERT INTO t VALUES (1)", Author::Caller).expect("compiles"));
}

pub fn changes_are_counted<P: LongTransaction>(port: &mut P) {
    let done = port.script(
        "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2); CREATE INDEX i ON t (x)",
        Author::Caller,
    );
    assert_eq!(done.expect("runs").changes, 2);
    let run = |port: &mut P, sql: &str| {
        port.run(Statement::caller(sql, &[]), &mut Collected::default()).expect(sql)
    };
    assert_eq!(run(port, "UPDATE t SET x = 5 WHERE x = 9").changes, 0);
    assert_eq!(run(port, "UPDATE t SET x = 5").changes, 2);
    assert_eq!(run(port, "SELECT * FROM t").changes, 0);
    let done = run(port, "INSERT INTO t VALUES (3)");
    assert_eq!((done.changes, done.last_insert_rowid), (1, 3));
}

pub fn a_failed_transaction_leaves_no_trace<P: LongTransaction>(port: &mut P) {
    port.script("CREATE TABLE t (x UNIQUE)", Author::Engine).expect("creates");
    let result = port.transaction(|port| {
        port.script("INSERT INTO t VALUES (1)", Author::Caller)?;
        port.script("INSERT INTO t VALUES (1)", Author::Caller)
    });
    assert_eq!(result.map_err(|e| e.code()), Err("CONSTRAINT_VIOLATION"));
    assert_eq!(count(port, "t"), Value::Int(0));
    port.transaction(|port| port.script("INSERT INTO t VALUES (1)", Author::Caller))
        .expect("works again");
    assert_eq!(count(port, "t"), Value::Int(1));
}

pub fn a_failed_commit_is_rolled_back<P: LongTransaction>(port: &mut P) {
    port.script(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
        Author::Engine,
    )
    .expect("creates");
    // A deferred foreign key is looked at by COMMIT itself.
    let result =
        port.transaction(|port| port.script("INSERT INTO child VALUES (7)", Author::Caller));
    assert_eq!(result.map_err(|e| e.code()), Err("CONSTRAINT_VIOLATION"));
    assert_eq!(count(port, "child"), Value::Int(0));
    port.transaction(|port| port.script("INSERT INTO parent VALUES (7)", Author::Caller))
        .expect("works again");
}

pub fn long_transactions_end<P: LongTransaction>(port: &mut P) {
    port.script("CREATE TABLE t (x)", Author::Engine).expect("creates");
    port.rollback();
    port.begin().expect("begins");
    port.script("INSERT INTO t VALUES (1)", Author::Caller).expect("inserts");
    port.rollback();
    assert_eq!(count(port, "t"), Value::Int(0));
    port.begin().expect("begins again");
    port.script("INSERT INTO t VALUES (1)", Author::Caller).expect("inserts");
    port.commit().expect("commits");
    assert_eq!(count(port, "t"), Value::Int(1));
}

struct Numbers {
    next: i64,
    end: i64,
    fails_at: i64,
}

impl RowSource for Numbers {
    fn names(&self) -> Option<&[String]> {
        None
    }

    fn advance(&mut self) -> Result<bool, Error> {
        self.next += 1;
        if self.next == self.fails_at {
            return Err(Error::input("row", "asked for by the test"));
        }
        Ok(self.next <= self.end)
    }

    fn value(&self, _: usize) -> ValueRef<'_> {
        ValueRef::Int(self.next)
    }

    fn width(&self) -> usize {
        1
    }

    fn place(&self) -> String {
        format!("number {}", self.next)
    }
}

pub fn rows_of_a_source_are_inserted<P: LongTransaction>(port: &mut P) {
    port.script("CREATE TABLE t (x UNIQUE)", Author::Engine).expect("creates");
    let sql = "INSERT INTO t VALUES (?)";
    let done = port.run_many(sql, Author::Caller, &mut Numbers { next: 0, end: 10, fails_at: 0 });
    assert_eq!(done.map(|d| d.changes), Ok(10));
    assert_eq!(collect(port, "SELECT sum(x) FROM t", &[]).expect("sums"), [[Value::Int(55)]]);
    let again = port.run_many(sql, Author::Caller, &mut Numbers { next: 8, end: 10, fails_at: 0 });
    match again {
        Err(Error::ConstraintViolation { detail }) => {
            assert!(detail.starts_with("number 9: "), "{detail}")
        }
        other => panic!("{other:?}"),
    }
}

pub fn a_source_that_fails_stops_the_statement<P: LongTransaction>(port: &mut P) {
    port.script("CREATE TABLE t (x)", Author::Engine).expect("creates");
    let result = port.transaction(|port| {
        port.run_many(
            "INSERT INTO t VALUES (?)",
            Author::Caller,
            &mut Numbers { next: 0, end: 10, fails_at: 5 },
        )
    });
    assert_eq!(result.map_err(|e| e.code()), Err("INPUT_INVALID"));
    assert_eq!(count(port, "t"), Value::Int(0));
}

struct Refuses;

impl RowSink for Refuses {
    fn columns(&mut self, _: Vec<String>) -> Result<(), Error> {
        Ok(())
    }

    fn row(&mut self, _: &[ValueRef<'_>]) -> Result<(), Error> {
        Err(Error::input("row", "asked for by the test"))
    }
}

pub fn a_sink_that_fails_stops_the_statement<P: LongTransaction>(port: &mut P) {
    let result = port.run(Statement::caller("SELECT 1", &[]), &mut Refuses);
    assert_eq!(result.map_err(|e| e.code()), Err("INPUT_INVALID"));
    // The statement was reset: it does not hold a snapshot, and can be used again.
    assert_eq!(caller(port, "SELECT 1").expect("runs"), [[Value::Int(1)]]);
    port.begin().and_then(|()| port.commit()).expect("nothing is in the way of a transaction");
}

pub fn callers_cannot_do_harm<P: LongTransaction>(port: &mut P) {
    port.script("CREATE TABLE lotwise_meta (x); CREATE TABLE t (x)", Author::Engine)
        .expect("creates");
    for sql in [
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "ATTACH ':memory:' AS other",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'x.db'",
        "PRAGMA journal_mode = delete",
        "PRAGMA writable_schema = on",
        "PRAGMA foreign_keys = off",
        "PRAGMA wal_checkpoint",
        "INSERT INTO lotwise_meta VALUES (1)",
        "DELETE FROM lotwise_meta",
        "UPDATE LOTWISE_META SET x = 1",
        "DROP TABLE lotwise_meta",
        "ALTER TABLE lotwise_meta ADD COLUMN y",
        "CREATE TRIGGER g AFTER INSERT ON lotwise_meta BEGIN SELECT 1; END",
        "UPDATE sqlite_schema SET sql = ''",
        "DELETE FROM sqlite_master",
        "SELECT * FROM sqlite_dbpage",
        "UPDATE sqlite_dbpage SET data = x'00'",
        "SELECT load_extension('x')",
        "WITH c AS (SELECT 1) INSERT INTO lotwise_meta SELECT * FROM c",
    ] {
        for result in [port.script(sql, Author::Caller).map(|_| ()), caller(port, sql).map(|_| ())]
        {
            let code = result.as_ref().map_err(Error::code);
            assert!(matches!(code, Err("SQL_INVALID")), "{sql}: {result:?}");
        }
    }
    for sql in [
        "SELECT * FROM lotwise_meta",
        "PRAGMA table_info(t)",
        "PRAGMA journal_mode",
        "PRAGMA quick_check",
        "CREATE TABLE mine (x); DROP TABLE mine",
        "SELECT * FROM pragma_table_info('t')",
        "EXPLAIN QUERY PLAN SELECT * FROM t",
        "ANALYZE",
    ] {
        port.script(sql, Author::Caller).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

pub fn kept_statements_do_not_get_around_the_rules<P: LongTransaction>(port: &mut P) {
    port.script("CREATE TABLE lotwise_meta (x)", Author::Engine).expect("creates");
    let sql = "INSERT INTO lotwise_meta VALUES (1)";
    collect(port, sql, &[]).expect("the engine may");
    assert_eq!(
        caller(port, sql).map_err(|e| e.code()),
        Err("SQL_INVALID"),
        "though it was prepared before"
    );
}

pub fn deadlines_hold<P: LongTransaction>(port: &mut P) {
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    port.set_timeout(Some(20));
    assert_eq!(caller(port, endless), Err(Error::Timeout { timeout_ms: 20 }));
    port.set_timeout(None);
    port.script("CREATE TABLE t (x)", Author::Engine).expect("the connection works on");
    port.set_timeout(Some(20));
    let result = port.transaction(|port| {
        port.script("INSERT INTO t VALUES (1)", Author::Caller)?;
        caller(port, endless)
    });
    assert_eq!(result.map_err(|e| e.code()), Err("TIMEOUT"));
    port.set_timeout(None);
    assert_eq!(count(port, "t"), Value::Int(0));
}

pub fn scans_are_told_from_searches<P: LongTransaction>(port: &mut P) {
    port.script(
        "CREATE TABLE t (x, y); CREATE INDEX i ON t (x); INSERT INTO t VALUES (1, 2), (3, 4)",
        Author::Engine,
    )
    .expect("creates");
    let full_scan = |port: &mut P, sql: &str| -> bool {
        let done: Done =
            port.run(Statement::caller(sql, &[]), &mut Collected::default()).expect(sql);
        done.full_scan
    };
    assert!(full_scan(port, "SELECT * FROM t WHERE y = 2"));
    assert!(!full_scan(port, "SELECT * FROM t WHERE x = 1"));
    assert!(full_scan(port, "SELECT * FROM t WHERE y = 2"), "counted anew each time");
}

pub fn errors_have_their_codes<P: LongTransaction>(port: &mut P) {
    port.script("CREATE TABLE t (x INTEGER NOT NULL UNIQUE CHECK (x > 0)) STRICT", Author::Engine)
        .expect("creates");
    let check = |port: &mut P, sql: &str, code: &str| {
        let result = caller(port, sql);
        assert_eq!(result.as_ref().map_err(Error::code), Err(code), "{sql}: {result:?}");
    };
    check(port, "SELEC 1", "SQL_INVALID");
    check(port, "SELECT * FROM nowhere", "SQL_INVALID");
    check(port, "INSERT INTO t VALUES (NULL)", "CONSTRAINT_VIOLATION");
    check(port, "INSERT INTO t VALUES (0)", "CONSTRAINT_VIOLATION");
    check(port, "INSERT INTO t VALUES ('text')", "CONSTRAINT_VIOLATION");
    check(
        port,
        "SELECT sum(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1)",
        "LIMIT_EXCEEDED",
    );
    match caller(port, "SELECT nonsense FROM t") {
        Err(Error::SqlInvalid { reason, offset }) => {
            assert!(reason.contains("nonsense"), "{reason}");
            assert_eq!(offset, Some(7));
        }
        other => panic!("{other:?}"),
    }
}

/// Readers see the last commit while the writer is in a transaction, and keep what they began with.
pub fn readers_see_the_last_commit<P: LongTransaction + Streams>(port: &mut P) {
    let sql = "CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1), (2), (3)";
    port.script(sql, Author::Engine).expect("makes");
    let mut reader = port.reader().expect("opens").expect("several connections");
    let mut streaming = port.reader().expect("opens").expect("several connections");
    port.begin().expect("begins");
    port.script("INSERT INTO t VALUES (4)", Author::Engine).expect("writes");
    assert_eq!((count(port, "t"), count(&mut reader, "t")), (Value::Int(4), Value::Int(3)));
    let statement = Statement::caller("SELECT x FROM t ORDER BY rowid", &[]);
    let mut cursor = streaming.cursor(statement).expect("begins");
    assert_eq!(cursor.columns(), ["x"]);
    let mut seen = Vec::new();
    let mut one = |cursor: &mut P::Cursor| {
        cursor
            .next(&mut |row| {
                seen.push(row[0].to_value());
                Ok(false)
            })
            .expect("steps")
    };
    assert!(one(&mut cursor));
    port.commit().expect("commits");
    port.script("DELETE FROM t WHERE x < 3", Author::Engine).expect("writes");
    assert_eq!((count(port, "t"), count(&mut reader, "t")), (Value::Int(2), Value::Int(2)));
    assert!(one(&mut cursor) && one(&mut cursor), "as it began");
    assert!(!one(&mut cursor));
    assert_eq!(seen, [Value::Int(1), Value::Int(2), Value::Int(3)]);
    let write = Statement::caller("DELETE FROM t", &[]);
    let refused = streaming.cursor(write).map(|_| ()).expect_err("writes");
    assert_eq!(refused.code(), "SQL_INVALID");
    let refused = reader.script("DELETE FROM t", Author::Engine).expect_err("only reads");
    assert_eq!(refused.code(), "READ_ONLY");
}
