//! Rows and whole files on their way out: complete, from one state of the data, and sound.

use crate::common::{batch, node, rows};
use crate::fuzz::targets::file::Bytes;
use lotwise::error::{Error, Result};
use lotwise::model::batch::decode::Batch;
use lotwise::model::dataset::Dataset;
use lotwise::model::node::Node;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Answer, Engine};
use lotwise::storage::export::Export;
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::{ForeignFiles, Params, SqlPort, Statement, collect};
use serde_json::json;

type Db = Engine<SqlitePort>;

const NONE: Params<'static> = Params::Positional(&[]);

fn open(count: i64) -> Db {
    let dataset = node(json!({"name": "lots", "time": "made_on", "columns": {
        "lot": {"type": "text", "required": true}, "made_on": {"type": "date"}, "good": {"type": "integer"},
        "weight": {"type": "real"}, "seal": {"type": "blob"}
    }}));
    let dataset = Dataset::from_node(&dataset, "dataset").expect("is valid");
    let mut db =
        Engine::open(SqlitePort::open_memory("test").expect("opens"), &[dataset]).expect("opens");
    let lots: Vec<Vec<Value>> = (0..count).map(lot).collect();
    let names = ["lot", "made_on", "good", "weight", "seal"];
    db.append("lots", &batch(&names, &lots), OnConflict::Error).expect("appends");
    db
}

fn lot(i: i64) -> Vec<Value> {
    let weight = if i % 3 == 0 { Value::Null } else { Value::Real(i as f64 / 4.0) };
    let seal = Value::Blob(vec![i as u8; (i % 40) as usize]);
    let day = format!("2025-01-{:02}", i % 28 + 1);
    vec![format!("L{i:05}").as_str().into(), day.as_str().into(), Value::Int(i << 40), weight, seal]
}

/// Batches of an export to its end; `meanwhile` runs between them.
fn drain(
    db: &mut Db,
    mut export: Export<SqlitePort>,
    rows_max: usize,
    mut meanwhile: impl FnMut(&mut Db),
) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    loop {
        match db.next_of_export(&mut export, rows_max, None) {
            Ok((answer, more)) => {
                answers.push(answer);
                if !more {
                    break;
                }
            }
            Err(error) => {
                db.close_export(export);
                return Err(error);
            }
        }
        meanwhile(db);
    }
    db.close_export(export);
    Ok(answers)
}

fn exported(db: &mut Db, query: &Node) -> Result<Vec<Vec<Value>>> {
    let export = db.open_export(query, NONE)?;
    Ok(drain(db, export, 7, |_| {})?.iter().flat_map(rows).collect())
}

/// The bytes of a file, opened as one from outside is, which checks it.
fn opened(db: &mut Db, pages: &[Answer]) -> SqlitePort {
    let mut bytes = Vec::new();
    for page in pages.iter().flat_map(rows).flatten() {
        let Value::Blob(page) = page else { panic!("a page is bytes") };
        bytes.extend(page);
    }
    assert_eq!(bytes[18..20], [1, 1], "no log goes with the file");
    db.port().open_foreign(Box::new(Bytes(bytes))).expect("a sound file")
}

fn file(db: &mut Db, query: &Node) -> Result<SqlitePort> {
    let port = SqlitePort::open_memory("file").expect("opens");
    let export = db.open_export(query, NONE)?.as_file(port);
    let pages = drain(db, export, 3, |_| {})?;
    Ok(opened(db, &pages))
}

fn all(port: &mut SqlitePort, sql: &str) -> Vec<Vec<Value>> {
    collect(port, sql, &[]).expect("reads")
}

#[test]
fn records_come_without_pages_unless_a_limit_is_given() {
    let mut db = open(250);
    let query = json!({"dataset": "lots", "orderBy": [{"by": "lot"}]});
    assert_eq!(
        exported(&mut db, &node(query)).expect("exports"),
        (0..250).map(lot).collect::<Vec<_>>()
    );
    for limit in [1, 7, 8, 200] {
        let query = json!({"dataset": "lots", "orderBy": [{"by": "lot", "desc": true}], "columns": ["good"], "where": {"good": {"lt": 200_i64 << 40}}, "limit": limit});
        let expected: Vec<_> =
            (0..200).rev().take(limit).map(|i| vec![Value::Int(i << 40)]).collect();
        assert_eq!(exported(&mut db, &node(query)).expect("exports"), expected, "{limit}");
    }
    let wrong = exported(&mut db, &node(json!({"dataset": "lots", "columns": ["nothing"]})));
    assert_eq!(wrong.map_err(|e| e.code()), Err("QUERY_INVALID"));
}

#[test]
fn without_a_question_the_rows_of_the_only_dataset_come_as_they_lie() {
    let mut db = open(40);
    assert_eq!(
        exported(&mut db, &Node::Undefined).expect("exports"),
        (0..40).map(lot).collect::<Vec<_>>()
    );
    let other = node(json!({"name": "other", "columns": {"x": {"type": "integer"}}}));
    db.define(&Dataset::from_node(&other, "dataset").expect("is valid")).expect("defines");
    let error = exported(&mut db, &Node::Undefined).expect_err("two datasets");
    assert_eq!(error.code(), "QUERY_INVALID");
    assert!(error.to_string().contains("lots, other"), "{error}");
}

#[test]
fn columns_keep_their_declared_types_in_every_batch() {
    let mut db = open(10);
    let query = node(json!({"dataset": "lots", "where": {"lot": {"gt": "L00002"}}}));
    let export = db.open_export(&query, NONE).expect("begins");
    for answer in drain(&mut db, export, 4, |_| {}).expect("exports") {
        let batch = Batch::decode(&answer.batch).expect("decodes");
        let kinds: Vec<_> = batch.columns().iter().map(|c| c.kind.as_str()).collect();
        assert_eq!(kinds, ["text", "date", "integer", "real", "blob"]);
    }
}

#[test]
fn sql_and_measures_are_exported_as_they_are_asked() {
    let mut db = open(30);
    let sql = Node::Text("SELECT lot FROM lots WHERE good >= ? ORDER BY lot".to_owned());
    let export = db.open_export(&sql, Params::Positional(&[Value::Int(28 << 40)])).expect("begins");
    let lots: Vec<_> =
        drain(&mut db, export, 1, |_| {}).expect("exports").iter().flat_map(rows).collect();
    assert_eq!(lots, [["L00028".into()], ["L00029".into()]]);
    let query =
        node(json!({"dataset": "lots", "measures": {"n": "count", "last": {"max": "made_on"}}}));
    assert_eq!(
        exported(&mut db, &query).expect("exports"),
        [[Value::Int(30), "2025-01-28".into()]]
    );
    let refused = db.open_export(&Node::Text("DELETE FROM lots".to_owned()), NONE);
    assert_eq!(refused.map(drop).map_err(|e| e.code()), Err("SQL_INVALID"));
}

#[test]
fn the_file_of_a_database_is_one_state_of_it_whatever_is_written_meanwhile() {
    let mut db = open(20_000);
    let export = db.open_image().expect("begins");
    let mut writes = 0;
    let pages = drain(&mut db, export, 3, |db| {
        if writes < 40 {
            writes += 1;
            let sql = format!(
                "UPDATE lots SET good = -{writes}; DELETE FROM lots WHERE rowid % 50 = {writes}; CREATE TABLE t{writes} (a)"
            );
            db.execute(&sql, NONE).expect("writes");
        }
    });
    let pages = pages.expect("exports");
    assert!(pages.len() > 40, "{} batches", pages.len());
    let mut copy = opened(&mut db, &pages);
    assert_eq!(all(&mut copy, "PRAGMA integrity_check"), [["ok".into()]]);
    let lots = all(&mut copy, "SELECT lot, made_on, good, weight, seal FROM lots ORDER BY lot");
    assert_eq!(lots, (0..20_000).map(lot).collect::<Vec<_>>());
    assert_eq!(all(&mut copy, "SELECT name FROM lotwise_dataset"), [["lots".into()]]);
    let mut next = db.open_image().expect("begins again");
    db.next_of_export(&mut next, 1, None).expect("reads");
    db.close_export(next);
    assert_eq!(rows(&db.query("PRAGMA integrity_check", NONE).expect("checks")), [["ok".into()]]);
}

#[test]
fn the_rows_of_a_question_become_a_file_of_their_own() {
    let mut db = open(500);
    let mut copy = file(&mut db, &node(json!({"dataset": "lots", "orderBy": [{"by": "lot"}]})))
        .expect("exports");
    assert_eq!(all(&mut copy, "PRAGMA integrity_check"), [["ok".into()]]);
    assert_eq!(
        all(&mut copy, "SELECT * FROM lots ORDER BY rowid"),
        (0..500).map(lot).collect::<Vec<_>>()
    );
    assert_eq!(
        all(&mut copy, "SELECT sql FROM sqlite_schema"),
        [[r#"CREATE TABLE "lots" ("lot" TEXT, "made_on" TEXT, "good" INTEGER, "weight" REAL, "seal" BLOB)"#.into()]]
    );
    let sql = Node::Text(
        "SELECT '1' AS n, 1 AS \"a b\" UNION ALL SELECT 2.0, x'00' UNION ALL SELECT NULL, 7"
            .to_owned(),
    );
    let mut copy = file(&mut db, &sql).expect("exports");
    let expected = [
        ["1".into(), Value::Int(1)],
        [Value::Real(2.0), Value::Blob(vec![0])],
        [Value::Null, Value::Int(7)],
    ];
    assert_eq!(all(&mut copy, "SELECT n, \"a b\" FROM result"), expected);
    let mut empty =
        file(&mut db, &node(json!({"dataset": "lots", "where": {"lot": []}}))).expect("exports");
    assert_eq!(all(&mut empty, "SELECT count(*) FROM lots"), [[Value::Int(0)]]);
    let twice = file(&mut db, &Node::Text("SELECT 1 AS a, 2 AS A".to_owned()));
    assert!(matches!(twice, Err(Error::QueryInvalid { .. })), "{twice:?}");
}

#[test]
fn callers_cannot_reach_the_pages_themselves() {
    let mut db = open(1);
    for sql in [
        "SELECT data FROM sqlite_dbpage",
        "SELECT data FROM SQLITE_DBPAGE WHERE pgno = 1",
        "UPDATE sqlite_dbpage SET data = zeroblob(8192) WHERE pgno = 1",
        "CREATE VIRTUAL TABLE pages USING sqlite_dbpage",
        "CREATE VIRTUAL TABLE temp.pages USING SQLite_DbPage(main)",
        "CREATE VIEW v AS SELECT data FROM sqlite_dbpage; SELECT * FROM v",
    ] {
        let done = db.execute(sql, NONE).map(drop).or_else(|_| db.query(sql, NONE).map(drop));
        assert_eq!(done.map_err(|e| e.code()), Err("SQL_INVALID"), "{sql}");
    }
    let statement = Statement::engine("SELECT count(*) > 0 FROM sqlite_dbpage", &[]);
    assert!(db.port().run(statement, &mut lotwise::storage::port::Collected::default()).is_ok());
}
