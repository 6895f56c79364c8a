//! Segments made by the job itself over a table of some size, while it is written: every question is asked both
//! ways, through segments and by SQL alone. For every host.

use lotwise::model::dataset::Dataset;
use lotwise::model::value::Value;
use lotwise::planner::route::Route;
use lotwise::storage::engine::{Call, Engine};
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::{Params, SqlPort};
use serde_json::{Value as Json, json};

use super::{batch, node, rows};

/// Enough for several segments.
const ROWS: i64 = 12_000;
const COLUMNS: [&str; 6] = ["id", "day", "item", "line", "n", "x"];

/// A table with every form that segments have.
pub fn dataset() -> Dataset {
    let definition = json!({
        "name": "t", "time": "day",
        "columns": {
            "id": {"type": "integer", "primaryKey": true}, "day": {"type": "date"}, "item": {"type": "text"},
            "line": {"type": "text", "collate": "nocase"}, "n": {"type": "integer"}, "x": {"type": "real"}
        },
        "dimensions": ["item", "line"], "measures": ["n", "x"],
        "indexes": [{"name": "by_item", "columns": ["item", "day"]}]
    });
    Dataset::from_node(&node(definition), "dataset").expect("a sound definition")
}

/// Random writes, steps of the job and questions; `below` draws a number.
pub fn run<P: SqlPort>(engine: &mut Engine<P>, rounds: u32, below: &mut dyn FnMut(u64) -> i64) {
    append(engine, 1, ROWS, below);
    seal(engine, u32::MAX);
    let mut through_segments = 0;
    for _ in 0..rounds {
        write(engine, below);
        if below(3) == 0 {
            seal(engine, 1 + below(40) as u32);
        }
        let query = query(below);
        let (by_sql, _) = ask(engine, Route::Sql, &query);
        for route in [Route::Columnstore, Route::Auto] {
            let (found, taken) = ask(engine, route, &query);
            assert_eq!(found, by_sql, "{query}, {route:?}");
            through_segments += u32::from(route == Route::Auto && taken == "columnstore");
        }
    }
    assert!(through_segments > 0, "the planner never took the columnstore");
}

fn append<P: SqlPort>(
    engine: &mut Engine<P>,
    first: i64,
    count: i64,
    below: &mut dyn FnMut(u64) -> i64,
) {
    let table: Vec<Vec<Value>> = (first..first + count)
        .map(|id| {
            let day = 20_000 + id / 40 + below(3);
            let text = |prefix: &str, n: i64| Value::Text(format!("{prefix}{n}"));
            vec![
                Value::Int(id),
                Value::Text(lotwise::model::calendar::format_date(day)),
                text("ITEM-", below(50)),
                if below(9) == 0 {
                    Value::Null
                } else {
                    text(if id % 2 == 0 { "l" } else { "L" }, below(5))
                },
                if below(7) == 0 { Value::Null } else { Value::Int(below(1_000) - 300) },
                Value::Real(below(4_000) as f64 / 4.0),
            ]
        })
        .collect();
    let replaced = OnConflict::Replace;
    engine.append("t", &batch(&COLUMNS, &table), replaced).expect("appends");
}

fn write<P: SqlPort>(engine: &mut Engine<P>, below: &mut dyn FnMut(u64) -> i64) {
    let key = below(ROWS as u64 + 3_000);
    let sql = match below(6) {
        0 => {
            format!("UPDATE t SET n = {} WHERE id BETWEEN {key} AND {}", below(99), key + below(50))
        }
        1 => format!("DELETE FROM t WHERE id BETWEEN {key} AND {}", key + below(5)),
        2 => format!(
            "INSERT OR REPLACE INTO t (id, day, item, n) VALUES ({key}, '2024-10-05', 'new', 7)"
        ),
        3 => format!("UPDATE OR REPLACE t SET id = {key} WHERE id = {}", below(ROWS as u64)),
        4 => return append(engine, ROWS + below(3_000), 200, below),
        _ => return,
    };
    engine.execute(&sql, Params::Positional(&[])).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// So many steps of the job, or all that there are. One that is dropped is begun again by another.
fn seal<P: SqlPort>(engine: &mut Engine<P>, mut steps: u32) {
    while let Some(mut job) = engine.start_seal() {
        while !engine.step_seal(&mut job).expect("seals") {
            steps -= 1;
            if steps == 0 {
                return;
            }
        }
        if steps <= 1 {
            return;
        }
        steps -= 1;
    }
}

fn query(below: &mut dyn FnMut(u64) -> i64) -> Json {
    let groups = [
        json!([]),
        json!(["item"]),
        json!([{"time": "month"}, "line"]),
        json!([{"time": "day"}]),
        json!(["line", "n"]),
    ];
    let filters = [
        json!({}),
        json!({"item": [format!("ITEM-{}", below(50)), "new"]}),
        json!({"line": {"prefix": "l"}, "n": {"gte": 0}}),
        json!({"any": [{"line": null}, {"x": {"lt": below(1_000)}}]}),
    ];
    let from = lotwise::model::calendar::format_date(20_000 + below(300));
    let ranges = [json!({}), json!({"from": from}), json!({"to": from})];
    let mut pick = |all: &[Json]| all[below(all.len() as u64) as usize].clone();
    json!({
        "dataset": "t", "groupBy": pick(&groups), "where": pick(&filters), "range": pick(&ranges),
        "measures": {
            "rows": "count", "sum": {"sum": "n"}, "real": {"sum": "x"}, "first": {"min": "day"}, "last": {"max": "line"},
            "mean": {"avg": "n", "where": {"line": {"not": "L1"}}}, "items": {"countDistinct": "item"}
        }
    })
}

fn ask<P: SqlPort>(
    engine: &mut Engine<P>,
    route: Route,
    query: &Json,
) -> (Vec<Vec<Value>>, &'static str) {
    engine.set_call(Call { route, ..Call::default() });
    let answer = engine.aggregate(&node(query.clone())).unwrap_or_else(|e| panic!("{query}: {e}"));
    engine.set_call(Call::default());
    (rows(&answer), answer.route)
}
