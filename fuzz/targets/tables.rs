//! The database that inputs are put to: a dataset with every type, names that need quoting, and a few rows.

use lotwise::model::batch::decode::{Batch, Cell};
use lotwise::model::batch::encode::BatchBuilder;
use lotwise::model::dataset::Dataset;
use lotwise::model::json;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::Params;
use serde_json::json;

/// Its columns, in order.
pub const COLUMNS: [&str; 10] =
    ["id", "at", "n", "x", "s", "the lot", "day", "raw", "extra", "select"];

/// One of every type.
pub fn everything() -> Dataset {
    dataset(json!({
        "name": "t", "time": "at",
        "columns": {
            "id": {"type": "integer", "primaryKey": true},
            "at": {"type": "timestamp"},
            "n": {"type": "integer", "default": 7},
            "x": {"type": "real"},
            "s": {"type": "text"},
            "the lot": {"type": "text", "collate": "nocase"},
            "day": {"type": "date"},
            "raw": {"type": "blob"},
            "extra": {"type": "json"},
            "select": {"type": "timestampText"}
        },
        "dimensions": ["id", "s", "the lot", "day", "select"], "measures": ["n", "x"],
        "indexes": [
            {"name": "by lot", "columns": ["the lot", {"column": "n", "desc": true}]},
            {"name": "by_day", "columns": ["day"]},
            {"name": "some", "columns": ["s"], "where": "n > 0", "unique": false}
        ]
    }))
}

/// Another one, with a date as its time and no key of its own.
pub fn by_day() -> Dataset {
    dataset(json!({
        "name": "per day", "time": "day",
        "columns": {"day": {"type": "date", "required": true}, "n": {"type": "integer", "required": true}, "s": {"type": "text"}},
        "indexes": [{"name": "unique day", "columns": ["day"], "unique": true}]
    }))
}

fn dataset(json: serde_json::Value) -> Dataset {
    let node = json::read(json.to_string().as_bytes()).expect("is JSON");
    Dataset::from_node(&node, "dataset").expect("a sound definition")
}

/// A database with both.
pub fn open() -> Engine<SqlitePort> {
    let port = SqlitePort::open_memory("fuzz").expect("opens");
    let mut engine = Engine::open(port, &[everything(), by_day()]).expect("opens");
    fill(&mut engine);
    engine
}

/// Puts the rows back that every input finds.
pub fn reset(engine: &mut Engine<SqlitePort>) {
    engine
        .execute("DELETE FROM t; DELETE FROM \"per day\"", Params::Positional(&[]))
        .expect("empties");
    fill(engine);
}

fn fill(engine: &mut Engine<SqlitePort>) {
    let mut batch = BatchBuilder::new(COLUMNS.map(|name| (name.to_owned(), None)));
    for row in rows() {
        batch.push(|i| row[i].as_ref());
    }
    engine.append("t", &batch.finish(), OnConflict::Error).expect("fills");
    let sql = "INSERT INTO \"per day\" (day, n, s) VALUES ('2025-06-10', 1, 'a'), ('2025-06-11', 2, NULL)";
    engine.execute(sql, Params::Positional(&[])).expect("fills");
}

/// The rows of `t`.
pub fn rows() -> Vec<Vec<Value>> {
    let text = |s: &str| Value::Text(s.to_owned());
    vec![
        vec![
            Value::Int(1),
            Value::Int(1_749_513_600_000),
            Value::Int(5),
            Value::Real(0.5),
            text("a"),
            text("L1"),
            text("2025-06-10"),
            Value::Blob(vec![0, 255]),
            text("{\"a\":1}"),
            text("2025-06-10T00:00:00.000Z"),
        ],
        vec![
            Value::Int(-2),
            Value::Int(-1),
            Value::Int(i64::MAX),
            Value::Real(f64::INFINITY),
            text("é\0'\""),
            text("l1"),
            text("0000-01-01"),
            Value::Blob(Vec::new()),
            text("null"),
            text("9999-12-31T23:59:59.999Z"),
        ],
        vec![
            Value::Int(3),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
        ],
    ]
}

/// Rows of an encoded answer.
pub fn decoded(batch: &[u8]) -> Vec<Vec<Value>> {
    let batch = Batch::decode(batch).expect("an answer decodes");
    (0..batch.rows())
        .map(|row| {
            let cells = batch.columns().iter().map(|column| match column.cell(row) {
                Cell::Value(value) => value.to_value(),
                Cell::Absent => panic!("absent in an answer"),
            });
            cells.collect()
        })
        .collect()
}

/// Rows of a table, in the order of its key.
pub fn read(engine: &mut Engine<SqlitePort>, sql: &str) -> Vec<Vec<Value>> {
    let answer = engine.query(sql, Params::Positional(&[])).expect("reads");
    decoded(&answer.batch)
}
