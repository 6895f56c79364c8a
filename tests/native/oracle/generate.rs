//! Random tables and queries: few different values, so that much collides, and the corners of the calendar.

use crate::engine::dataset;
use lotwise::model::calendar::{DAY_MS, parse_date};
use lotwise::model::dataset::Dataset;
use lotwise::model::value::Value;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

pub const COLUMNS: [&str; 6] = ["id", "at", "n", "x", "s", "c"];

pub fn dataset_over(time: &str) -> Dataset {
    dataset(json!({
        "name": "t", "time": "at",
        "columns": {
            "id": {"type": "integer", "primaryKey": true}, "at": {"type": time}, "n": {"type": "integer"},
            "x": {"type": "real"}, "s": {"type": "text"}, "c": {"type": "text", "collate": "nocase"}
        },
        "indexes": [
            {"name": "by_time", "columns": ["at", "n"]},
            {"name": "by_c", "columns": ["c"]},
            {"name": "by_s", "columns": ["s", {"column": "n", "desc": true}]}
        ]
    }))
}

pub type Row = Vec<Value>;

fn or_null(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 5 => values]
}

/// Around the turn of years, leap days, and the epoch.
fn day() -> impl Strategy<Value = i64> {
    let around = |text: &str| {
        let days = parse_date(text.as_bytes()).expect("a date");
        days - 3..days + 4
    };
    prop_oneof![
        around("2020-12-31"),
        around("2024-02-29"),
        around("1970-01-01"),
        around("2021-06-30")
    ]
}

fn instant_ms() -> impl Strategy<Value = i64> {
    (day(), 0..DAY_MS, 0..3_u8).prop_map(|(day, ms, round)| {
        let ms = if round == 0 {
            0
        } else if round == 1 {
            ms - ms % 60_000
        } else {
            ms
        };
        day * DAY_MS + ms
    })
}

fn time_value(time: &'static str) -> BoxedStrategy<Value> {
    match time {
        "date" => day().prop_map(|d| Value::Text(lotwise::model::calendar::format_date(d))).boxed(),
        "timestamp" => instant_ms().prop_map(Value::Int).boxed(),
        _ => instant_ms()
            .prop_map(|ms| Value::Text(lotwise::model::calendar::format_timestamp(ms)))
            .boxed(),
    }
}

const TEXTS: &[&str] =
    &["", "a", "A", "ab", "aB", "b", "é", "日本", "a%", "_", "z\u{10FFFF}", "@", "[x", "Z", "z"];

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(TEXTS)
}

fn row(time: &'static str) -> impl Strategy<Value = Row> {
    let integers = prop_oneof![8 => -3..4_i64, 1 => Just(1 << 40)];
    (
        or_null(time_value(time)),
        or_null(integers.prop_map(Value::Int)),
        or_null((-8..9_i64).prop_map(|n| Value::Real(n as f64 / 4.0))),
        or_null(text().prop_map(Value::from)),
        or_null(text().prop_map(Value::from)),
    )
        .prop_map(|(at, n, x, s, c)| vec![Value::Null, at, n, x, s, c])
}

pub fn table(time: &'static str) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(time), 0..60).prop_map(|mut rows| {
        // Keys in another order than the rows, negative ones too.
        for (i, row) in rows.iter_mut().enumerate() {
            row[0] = Value::Int((i as i64 * 37) % 61 - 20);
        }
        rows
    })
}

fn condition_json(column: &'static str) -> BoxedStrategy<Json> {
    let value = match column {
        "n" | "id" => prop_oneof![(-3..4_i64).prop_map(|n| json!(n)), Just(json!(0.5))].boxed(),
        "x" => prop_oneof![(-4..5_i64).prop_map(|n| json!(n as f64 / 4.0)), Just(json!(1))].boxed(),
        _ => text().prop_map(|s| json!(s)).boxed(),
    };
    let or_null = prop_oneof![4 => value.clone(), 1 => Just(json!(null))].boxed();
    let list = prop_oneof![
        8 => prop::collection::vec(or_null.clone(), 0..4),
        // Long enough to go as one JSON array.
        1 => prop::collection::vec(value.clone(), 45..50)
    ]
    .prop_map(Json::from);
    let any_of = prop_oneof![or_null, list].boxed();
    let operator = prop_oneof![
        any_of.clone().prop_map(|v| ("not", v)),
        value.clone().prop_map(|v| ("gt", v)),
        value.clone().prop_map(|v| ("gte", v)),
        value.clone().prop_map(|v| ("lt", v)),
        value.prop_map(|v| ("lte", v)),
        any::<bool>().prop_map(|v| ("isNull", json!(v))),
    ];
    let operators = prop::collection::vec(operator, 1..3).prop_map(|ops| {
        Json::Object(ops.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    });
    if matches!(column, "s" | "c") {
        prop_oneof![any_of, operators, text().prop_map(|s| json!({"prefix": s}))].boxed()
    } else {
        prop_oneof![any_of, operators].boxed()
    }
}

fn where_json(depth: u32) -> BoxedStrategy<Json> {
    let column = prop::sample::select(&["id", "n", "x", "s", "c"][..]);
    let term = column.prop_flat_map(|column| condition_json(column).prop_map(move |c| (column, c)));
    let terms = prop::collection::vec(term, 0..3);
    let any = if depth == 0 {
        Just(None).boxed()
    } else {
        prop::option::weighted(0.3, prop::collection::vec(where_json(depth - 1), 0..3)).boxed()
    };
    (terms, any)
        .prop_map(|(terms, any)| {
            let mut map: serde_json::Map<String, Json> =
                terms.into_iter().map(|(name, c)| (name.to_owned(), c)).collect();
            if let Some(any) = any {
                map.insert("any".to_owned(), Json::from(any));
            }
            Json::Object(map)
        })
        .boxed()
}

fn range_json() -> impl Strategy<Value = Json> {
    let end = prop_oneof![
        prop::sample::select(
            &[
                "2020",
                "2021-Q2",
                "2024-02",
                "2020-W53",
                "2021-01-02",
                "1970",
                "1969-12-31",
                "2024-02-29T12",
                "1970-01-01T00:00Z"
            ][..]
        )
        .prop_map(|s| json!(s)),
        instant_ms().prop_map(|ms| json!(ms)),
    ];
    let end = prop::option::of(end);
    (end.clone(), end).prop_map(|(from, to)| {
        let ends = [("from", from), ("to", to)];
        Json::Object(ends.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))).collect())
    })
}

fn measure_json() -> impl Strategy<Value = Json> {
    let any_column = prop::sample::select(&COLUMNS[..]);
    let numeric = prop::sample::select(&["n", "x"][..]);
    let of = prop_oneof![
        Just(json!({"count": true})),
        numeric.clone().prop_map(|c| json!({"sum": c})),
        any_column.clone().prop_map(|c| json!({"min": c})),
        any_column.clone().prop_map(|c| json!({"max": c})),
        numeric.clone().prop_map(|c| json!({"avg": c})),
        any_column.prop_map(|c| json!({"countDistinct": c})),
        (prop::collection::vec(numeric.clone(), 1..3), prop::collection::vec(numeric, 1..3))
            .prop_map(|(a, b)| json!({"ratio": [a, b]})),
    ];
    (of, prop::option::weighted(0.3, where_json(1))).prop_map(|(mut of, filter)| {
        if let (Some(filter), Some(of)) = (filter, of.as_object_mut()) {
            of.insert("where".to_owned(), filter);
        }
        of
    })
}

pub fn aggregate_json(time: &'static str) -> impl Strategy<Value = Json> {
    let buckets: &[&str] = if time == "date" {
        &["day", "week", "month", "quarter", "year"]
    } else {
        &["minute", "hour", "day", "week", "month", "quarter", "year"]
    };
    let key = prop_oneof![
        prop::sample::select(&["n", "x", "s", "c", "at"][..]).prop_map(|c| json!(c)),
        prop::sample::select(buckets).prop_map(|b| json!({"time": b})),
    ];
    let keys = prop::collection::vec(key, 0..3).prop_map(|mut keys| {
        keys.dedup();
        if keys.len() == 2 && keys[0].is_object() && keys[1].is_object() {
            keys.pop();
        }
        keys
    });
    let having = prop::option::weighted(0.3, condition_json("n"));
    let order = prop::option::weighted(0.5, any::<bool>());
    let limit = prop::option::weighted(0.3, 0..5_u32);
    (range_json(), where_json(2), keys, prop::collection::vec(measure_json(), 1..4), having, order, limit).prop_map(
        |(range, filter, keys, measures, having, order, limit)| {
            let measures: serde_json::Map<String, Json> =
                measures.into_iter().enumerate().map(|(i, m)| (format!("m{i}"), m)).collect();
            let mut query = json!({"dataset": "t", "range": range, "where": filter, "groupBy": keys, "measures": measures});
            if let Some(having) = having {
                query["having"] = json!({"m0": having});
            }
            if let Some(desc) = order {
                query["orderBy"] = json!([{"by": "m0", "desc": desc}]);
            }
            if let Some(limit) = limit {
                query["limit"] = json!(limit);
            }
            query
        },
    )
}

pub fn records_json() -> impl Strategy<Value = Json> {
    let order = prop::collection::vec((prop::sample::select(&COLUMNS[..]), any::<bool>()), 0..4)
        .prop_map(|keys| {
            Json::from(
                keys.into_iter()
                    .map(|(by, desc)| json!({"by": by, "desc": desc}))
                    .collect::<Vec<_>>(),
            )
        });
    (range_json(), where_json(1), order, 1..9_u32).prop_map(|(range, filter, order, limit)| {
        json!({"dataset": "t", "range": range, "where": filter, "orderBy": order, "limit": limit})
    })
}
