//! SQL text that means harm: what belongs to the package stays as it is, whichever way it is reached for, and
//! statements that would take all memory or never end are stopped.

use crate::common::{batch, node, rows};
use crate::engine::dataset;
use lotwise::error::{Error, Result};
use lotwise::model::value::Value;
use lotwise::platform::limits::{HEAP_BYTES_MAX, LIMITS};
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Call, Engine};
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::{Author, Params, SqlPort, collect};
use serde_json::json;

const NONE: Params<'_> = Params::Positional(&[]);

/// What other parts of the package make in a database: tables, an index of texts, triggers that keep them.
const PACKAGE: &str = "
    CREATE TABLE lotwise_segment (id INTEGER PRIMARY KEY, stale INTEGER);
    INSERT INTO lotwise_segment VALUES (1, 0);
    CREATE INDEX lotwise_segment_stale ON lotwise_segment (stale);
    CREATE VIRTUAL TABLE lotwise_search USING fts5(note);
    CREATE TRIGGER lotwise_stale AFTER UPDATE ON t BEGIN UPDATE lotwise_segment SET stale = 1; END;
    CREATE TRIGGER lotwise_text AFTER INSERT ON t BEGIN INSERT INTO lotwise_search (rowid, note) VALUES (new.id, new.note); END;
    CREATE VIEW lotwise_view AS SELECT 1 AS one;
";

fn victim() -> Engine<SqlitePort> {
    let t = json!({"name": "t", "columns": {"id": {"type": "integer", "primaryKey": true}, "note": {"type": "text"}}});
    let port = SqlitePort::open_memory("victim").expect("opens");
    let mut engine = Engine::open(port, &[dataset(t)]).expect("opens");
    engine.port().script(PACKAGE, Author::Engine).expect("makes");
    engine.execute("INSERT INTO t VALUES (1, 'one')", NONE).expect("inserts");
    engine
}

/// All that belongs to the package.
fn belongings(engine: &mut Engine<SqlitePort>) -> Vec<Vec<Value>> {
    let read = |engine: &mut Engine<SqlitePort>, sql: &str| {
        collect(engine.port(), sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"))
    };
    let mut all = read(
        engine,
        "SELECT name, sql FROM sqlite_schema WHERE name LIKE 'lotwise%' OR tbl_name LIKE 'lotwise%' ORDER BY name",
    );
    all.extend(read(engine, "SELECT name FROM sqlite_temp_schema"));
    for table in ["meta", "dataset", "segment", "search", "search_data", "search_config"] {
        all.extend(read(engine, &format!("SELECT * FROM lotwise_{table}")));
    }
    all
}

/// Tried by every call that takes SQL text, twice: prepared statements are kept.
fn check_refused(engine: &mut Engine<SqlitePort>, sql: &str) {
    let before = belongings(engine);
    for _ in 0..2 {
        for result in [engine.query(sql, NONE).map(drop), engine.execute(sql, NONE).map(drop)] {
            match &result {
                Err(error) => assert_eq!(error.code(), "SQL_INVALID", "{sql}: {error}"),
                Ok(()) => panic!("{sql} was let through"),
            }
        }
        let streamed = engine.open_stream(sql, NONE).and_then(|mut stream| {
            let batch = engine.next_batch(&mut stream, 10, None);
            engine.close_stream(stream);
            batch
        });
        assert!(streamed.is_err(), "{sql} was streamed");
    }
    assert_eq!(belongings(engine), before, "{sql}");
}

#[test]
fn what_belongs_to_the_package_cannot_be_written() {
    let mut engine = victim();
    for sql in [
        "REPLACE INTO lotwise_meta VALUES ('data_version', 0)",
        "INSERT INTO main.lotwise_meta VALUES ('x', 1) ON CONFLICT DO UPDATE SET value = 9",
        "INSERT INTO \"LotWise_Meta\" SELECT 'x', 1",
        "WITH lotwise_cte AS (SELECT 1) DELETE FROM lotwise_meta WHERE 1 IN lotwise_cte",
        "UPDATE lotwise_segment SET stale = t.id FROM t",
        "UPDATE lotwise_dataset SET definition = '{}'",
        "DELETE FROM lotwise_segment RETURNING id",
        "INSERT INTO lotwise_search (lotwise_search) VALUES ('rebuild')",
        "INSERT INTO lotwise_search (lotwise_search, rank) VALUES ('rank', 'bm25(1)')",
        "INSERT INTO lotwise_search_config VALUES ('version', 99)",
        "UPDATE lotwise_search_data SET block = x'00'",
        "DELETE FROM lotwise_search_content",
        "DROP TABLE lotwise_segment",
        "DROP TABLE lotwise_search",
        "DROP INDEX lotwise_segment_stale",
        "DROP TRIGGER lotwise_stale",
        "DROP VIEW lotwise_view",
        "ALTER TABLE lotwise_segment RENAME TO mine",
        "ALTER TABLE lotwise_segment RENAME COLUMN stale TO fresh",
        "ALTER TABLE lotwise_segment DROP COLUMN stale",
        "CREATE INDEX mine ON lotwise_segment (id)",
        "CREATE TRIGGER mine AFTER UPDATE ON lotwise_segment BEGIN SELECT 1; END",
        "CREATE TRIGGER mine INSTEAD OF INSERT ON lotwise_view BEGIN SELECT 1; END",
        "EXPLAIN DELETE FROM lotwise_meta",
        "UPDATE sqlite_schema SET sql = '' WHERE name = 't'",
        "DELETE FROM sqlite_master",
        "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 2, '')",
    ] {
        check_refused(&mut engine, sql);
    }
}

#[test]
fn names_of_the_package_cannot_be_taken() {
    let mut engine = victim();
    engine
        .execute("CREATE TABLE mine (x); CREATE VIRTUAL TABLE texts USING fts5(x)", NONE)
        .expect("creates");
    for sql in [
        "CREATE TABLE lotwise_new (x)",
        "CREATE TABLE \"LOTWISE_NEW\" (x)",
        "CREATE TABLE lotwise (x)",
        "CREATE TABLE lotwise_new AS SELECT 1 AS x",
        "CREATE VIEW lotwise_new AS SELECT 1",
        "CREATE INDEX lotwise_new ON mine (x)",
        "CREATE TRIGGER lotwise_new AFTER INSERT ON mine BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE lotwise_new USING fts5(x)",
        "CREATE VIRTUAL TABLE lotwise USING fts5(x)",
        "ALTER TABLE mine RENAME TO lotwise_new",
        "ALTER TABLE mine RENAME TO \"Lotwise_New\"",
        "ALTER TABLE mine RENAME TO lotwise",
        "ALTER TABLE texts RENAME TO lotwise_new",
        "ALTER TABLE texts RENAME TO lotwise",
        "CREATE TEMP TABLE lotwise_meta (key, value)",
        "CREATE TABLE temp.lotwise_meta (key, value)",
        "CREATE TEMP TABLE t (id, note)",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "CREATE TEMP VIEW t AS SELECT 1",
        "CREATE VIEW temp.t AS SELECT 1",
        "CREATE TEMP TRIGGER mine AFTER INSERT ON t BEGIN DELETE FROM t; END",
        "CREATE VIRTUAL TABLE temp.words USING fts5(x)",
    ] {
        check_refused(&mut engine, sql);
    }
    engine.execute("ALTER TABLE mine RENAME TO mines", NONE).expect("other names are free");
    engine
        .execute("ALTER TABLE texts RENAME TO words; INSERT INTO words VALUES ('a')", NONE)
        .expect("they are");
    engine.execute("CREATE TABLE lotwisely (x); DROP TABLE lotwisely", NONE).expect("they are");
}

#[test]
fn nothing_goes_around_sqlite() {
    let mut engine = victim();
    for sql in [
        "SELECT data FROM sqlite_dbpage",
        "SELECT count(*) FROM sqlite_dbpage('main')",
        "WITH lotwise_x AS (SELECT data FROM sqlite_dbpage) SELECT * FROM lotwise_x",
        "UPDATE sqlite_dbpage SET data = zeroblob(8192) WHERE pgno = 1",
        "INSERT INTO sqlite_dbpage VALUES (1, x'00', 'main')",
        "DELETE FROM sqlite_dbpage",
        "CREATE VIRTUAL TABLE pages2 USING sqlite_dbpage",
        "CREATE VIRTUAL TABLE stat USING dbstat",
        "CREATE VIRTUAL TABLE settings USING pragma_journal_mode",
        "CREATE VIRTUAL TABLE boxes USING rtree(id, low, high)",
        "CREATE VIRTUAL TABLE rows USING csv(filename = 'x.csv')",
        "ATTACH '' AS other",
        "ATTACH DATABASE 'file:x?vfs=unix' AS other",
        "DETACH DATABASE main",
        "VACUUM",
        "VACUUM INTO '/tmp/copy.db'",
        "VACUUM main INTO 'copy.db'",
        "EXPLAIN ATTACH 'x' AS y",
        "BEGIN",
        "BEGIN EXCLUSIVE",
        "END",
        "SAVEPOINT lotwise_call",
        "ROLLBACK TO lotwise_call",
        "RELEASE lotwise_call",
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('x', 'y')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT sqlite_rename_table('main', 't', 't', 't', 'u', 0, 0)",
        "CREATE TABLE made (a, b GENERATED ALWAYS AS (load_extension('x')))",
        "CREATE TABLE made (a CHECK (load_extension('x') IS NULL))",
        "CREATE INDEX made ON t (load_extension('x'))",
        "CREATE TABLE made (a DEFAULT (load_extension('x'))); INSERT INTO made DEFAULT VALUES",
        "CREATE TABLE made (a, b AS (random()))",
        "CREATE VIEW made AS SELECT * FROM sqlite_dbpage; SELECT * FROM made",
        "CREATE VIEW made AS SELECT * FROM pragma_page_count; SELECT * FROM made",
    ] {
        check_refused(&mut engine, sql);
    }
}

#[test]
fn pragmas_tell_and_do_not_change() {
    let mut engine = victim();
    for sql in [
        "PRAGMA writable_schema = on",
        "PRAGMA main.writable_schema(1)",
        "PRAGMA journal_mode = off",
        "PRAGMA main.journal_mode = memory",
        "PRAGMA locking_mode = normal",
        "PRAGMA synchronous = off",
        "PRAGMA foreign_keys = off",
        "PRAGMA defer_foreign_keys = on",
        "PRAGMA ignore_check_constraints = on",
        "PRAGMA recursive_triggers = off",
        "PRAGMA trusted_schema = on",
        "PRAGMA cell_size_check = off",
        "PRAGMA query_only = off",
        "PRAGMA case_sensitive_like = on",
        "PRAGMA user_version = 7",
        "PRAGMA application_id = 7",
        "PRAGMA schema_version = 7",
        "PRAGMA page_size = 512",
        "PRAGMA cache_size = 1000000",
        "PRAGMA cache_spill = off",
        "PRAGMA mmap_size = 1",
        "PRAGMA hard_heap_limit = 1000000",
        "PRAGMA soft_heap_limit = 1000000",
        "PRAGMA temp_store = file",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA wal_checkpoint(truncate)",
        "PRAGMA wal_autocheckpoint = 0",
        "PRAGMA auto_vacuum = full",
        "PRAGMA incremental_vacuum",
        "PRAGMA optimize",
        "PRAGMA shrink_memory",
        "PRAGMA analysis_limit = 1",
        "PRAGMA busy_timeout = 100000",
        "PRAGMA encoding = 'UTF-16'",
        "PRAGMA nonsense",
        "SELECT * FROM pragma_wal_checkpoint",
        "SELECT * FROM pragma_optimize",
        "SELECT * FROM pragma_incremental_vacuum",
        "SELECT * FROM pragma_hard_heap_limit",
    ] {
        check_refused(&mut engine, sql);
    }
    for sql in [
        "PRAGMA journal_mode",
        "PRAGMA table_info(t)",
        "SELECT name FROM pragma_table_info('t')",
        "PRAGMA integrity_check(3)",
    ] {
        engine.query(sql, NONE).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

#[test]
fn triggers_and_views_of_a_caller_act_as_the_caller_whoever_sets_them_off() {
    let attacks = [
        "DELETE FROM lotwise_meta",
        "UPDATE lotwise_meta SET value = 0",
        "INSERT INTO lotwise_segment VALUES (2, 2)",
        "INSERT INTO lotwise_search (lotwise_search) VALUES ('delete-all')",
        "INSERT INTO lotwise_meta SELECT 'x', 1 FROM (SELECT 1) AS lotwise_trick",
    ];
    for attack in attacks {
        let mut engine = victim();
        // The package's own writes run for the engine, which may do anything.
        let trigger = format!("CREATE TRIGGER mine BEFORE INSERT ON t BEGIN {attack}; END");
        engine.execute(&trigger, NONE).expect("is looked at when it is set off");
        let before = belongings(&mut engine);
        let two = batch(&["id", "note"], &[vec![Value::Int(2), "two".into()]]);
        let results = [
            engine.execute("INSERT INTO t VALUES (2, 'two')", NONE).map(drop),
            engine.append("t", &two, OnConflict::Error).map(drop),
            import(&mut engine, b"id,note\n2,two\n"),
            collect(engine.port(), "INSERT INTO t VALUES (2, 'two')", &[]).map(drop),
            engine.port().script("INSERT INTO t VALUES (2, 'two')", Author::Engine).map(drop),
        ];
        for (i, result) in results.into_iter().enumerate() {
            let error = result.expect_err("is refused");
            assert_eq!(error.code(), "SQL_INVALID", "{attack}, {i}: {error}");
            let text = error.to_string();
            assert!(text.contains("'mine'") && text.contains("belongs to the package"), "{text}");
        }
        assert_eq!(belongings(&mut engine), before, "{attack}");
        engine.execute("DROP TRIGGER mine", NONE).expect("is dropped");
        engine.append("t", &two, OnConflict::Error).expect("appends again");
    }
    let mut engine = victim();
    engine
        .execute(
            "CREATE VIEW looking AS SELECT 1 AS x; CREATE TRIGGER mine INSTEAD OF INSERT ON looking BEGIN DELETE FROM lotwise_meta; END;
             CREATE VIEW pages AS SELECT data FROM sqlite_dbpage",
            NONE,
        )
        .expect("are looked at when they are used");
    for sql in ["INSERT INTO looking VALUES (1)", "SELECT * FROM pages"] {
        check_refused(&mut engine, sql);
        assert_eq!(
            collect(engine.port(), sql, &[]).map_err(|e| e.code()),
            Err("SQL_INVALID"),
            "{sql}"
        );
    }
}

fn import(engine: &mut Engine<SqlitePort>, text: &[u8]) -> Result<()> {
    let mut import = engine.start_import(&node(json!({"dataset": "t", "format": "csv"})))?;
    if let Err(error) = engine.push_import(&mut import, text) {
        engine.abort_import(&import);
        return Err(error);
    }
    engine.finish_import(import).map(drop)
}

#[test]
fn triggers_of_the_package_do_their_work_for_callers() {
    let mut engine = victim();
    for round in 0..3 {
        engine
            .execute(&format!("INSERT INTO t VALUES ({}, 'needle {round}')", round + 10), NONE)
            .expect("inserts");
    }
    engine.execute("UPDATE t SET note = 'x' WHERE id = 1", NONE).expect("updates");
    let answer =
        engine.query("SELECT rowid FROM lotwise_search WHERE lotwise_search MATCH 'needle'", NONE);
    assert_eq!(answer.expect("searches").rows, 3);
    let answer = engine.query("SELECT stale FROM lotwise_segment", NONE).expect("reads");
    assert_eq!(rows(&answer), [[Value::Int(1)]]);
}

#[test]
fn text_search_of_a_caller_works_and_its_inside_is_closed() {
    let mut engine = victim();
    engine
        .execute("CREATE VIRTUAL TABLE mine USING fts5(x); INSERT INTO mine VALUES ('a needle'), ('hay')", NONE)
        .expect("creates");
    engine.execute("INSERT INTO mine (mine) VALUES ('optimize')", NONE).expect("is theirs");
    engine
        .execute("CREATE VIRTUAL TABLE words USING fts5vocab('mine', 'row')", NONE)
        .expect("reads");
    assert_eq!(engine.query("SELECT * FROM mine('needle')", NONE).expect("finds").rows, 1);
    for sql in ["DELETE FROM mine_data", "UPDATE mine_config SET v = 9", "DROP TABLE mine_idx"] {
        check_refused(&mut engine, sql);
    }
    engine.execute("DELETE FROM mine; DROP TABLE mine", NONE).expect("is theirs");
}

#[test]
fn statements_that_would_take_everything_are_stopped() {
    let mut engine = victim();
    let deep = format!("SELECT {}1{}", "(1 + ".repeat(1_100), ")".repeat(1_100));
    let compound = vec!["SELECT 1"; 501].join(" UNION ALL ");
    let arguments = format!("SELECT max({})", vec!["1"; 200].join(", "));
    let long = format!("SELECT '{}'", "x".repeat(17 * 1024 * 1024));
    let pattern = format!("SELECT 'a' LIKE '{}'", "%a".repeat(600));
    for (sql, code) in [
        ("SELECT zeroblob(100000000)", "LIMIT_EXCEEDED"),
        ("SELECT hex(zeroblob(60000000))", "LIMIT_EXCEEDED"),
        ("SELECT printf('%.*c', 100000000, 'x')", "LIMIT_EXCEEDED"),
        ("SELECT printf('%1000000000d', 1)", "LIMIT_EXCEEDED"),
        ("SELECT replace(hex(zeroblob(30000000)), '0', '00')", "LIMIT_EXCEEDED"),
        (
            "WITH RECURSIVE n (i, s) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, s || s FROM n) SELECT count(*) FROM n",
            "LIMIT_EXCEEDED",
        ),
        (
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT group_concat(hex(randomblob(100000))) FROM n",
            "TIMEOUT",
        ),
        (
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT randomblob(1000000) FROM n",
            "LIMIT_EXCEEDED",
        ),
        (
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            "TIMEOUT",
        ),
        (
            "SELECT count(*) FROM json_each(hex(zeroblob(1000))), pragma_function_list a, pragma_function_list b, pragma_function_list c",
            "SQL_INVALID",
        ),
        (&deep, "SQL_INVALID"),
        (&compound, "SQL_INVALID"),
        (&arguments, "SQL_INVALID"),
        (&pattern, "SQL_INVALID"),
        (&long, "LIMIT_EXCEEDED"),
    ] {
        // Without an end only time stops it; what a limit has to stop gets all the time it may need.
        let timeout_ms = Some(if code == "TIMEOUT" { 300 } else { 120_000 });
        engine.set_call(Call { timeout_ms, ..Call::default() });
        let error = engine.query(sql, NONE).map(|answer| answer.rows).expect_err("is stopped");
        engine.set_call(Call::default());
        let start: String = sql.chars().take(80).collect();
        assert_eq!(error.code(), code, "{start}: {error}");
        assert_eq!(engine.query("SELECT note FROM t", NONE).expect("works on").rows, 1, "{start}");
    }
    engine
        .execute("CREATE TRIGGER again AFTER UPDATE ON t BEGIN UPDATE t SET id = id + 1; END", NONE)
        .expect("creates");
    let endless = engine.execute("UPDATE t SET id = 5", NONE);
    assert!(matches!(endless, Err(Error::SqlInvalid { .. })), "{endless:?}");
}

#[test]
fn limits_are_those_written_down() {
    let text = include_str!("../../docs/sqlite-options.md");
    let row = |name: &str| {
        let cells = |line: &'static str| {
            line.split('|').map(|cell| cell.trim().trim_matches('`')).collect::<Vec<_>>()
        };
        text.lines()
            .map(cells)
            .find(|cells| cells.len() > 3 && cells[1] == name)
            .unwrap_or_else(|| panic!("{name} is documented"))
    };
    for (name, _, value) in LIMITS {
        let row = row(name);
        assert_eq!(row[2], value.to_string(), "{name}");
        assert!(row[3].len() > 10, "{name}: {row:?}");
    }
    assert_eq!(row("hard_heap_limit")[2], HEAP_BYTES_MAX.to_string());
    let mut port = SqlitePort::open_memory("limits").expect("opens");
    let limit = collect(&mut port, "PRAGMA hard_heap_limit", &[]).expect("reads");
    assert_eq!(limit, [[Value::Int(HEAP_BYTES_MAX)]]);
}
