//! Random tables and queries: few different values, so that much collides, and the corners of the calendar.

use super::clock::{day_bucket, instant};
use crate::engine::dataset;
use crate::zones::zone;
use jiff::tz::TimeZone;
use lotwise::model::calendar::{
    DAY_MS, HOUR_MS, MINUTE_MS, format_date, format_timestamp, parse_date,
};
use lotwise::model::dataset::Dataset;
use lotwise::model::range::TIME_BUCKETS;
use lotwise::model::value::Value;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

pub const COLUMNS: [&str; 6] = ["id", "at", "n", "x", "s", "c"];

/// How a table keeps time.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Type of the time column.
    pub time: &'static str,
    pub zone: &'static str,
    pub day_starts_at: &'static str,
    /// What is worth looking at: days on which the clocks are changed, leap days, turns of years.
    days: &'static [&'static str],
}

/// By the clock, half hours and quarters, at midnight and a minute past, by seconds, by a whole day.
const ZONES: &[(&str, &[&str])] = &[
    ("Asia/Seoul", &["1988-05-08", "1988-10-09", "2025-01-01", "2024-02-29"]),
    ("Europe/Berlin", &["2024-03-31", "2024-10-27", "2021-01-01", "1980-04-06"]),
    ("America/New_York", &["2024-03-10", "2024-11-03", "2025-01-01", "2007-03-11"]),
    ("Asia/Kathmandu", &["1986-01-01", "2025-06-30"]),
    ("Australia/Lord_Howe", &["2024-04-07", "2024-10-06", "1985-10-27"]),
    ("Pacific/Apia", &["2011-12-30", "2012-04-01", "2011-09-24"]),
    ("America/St_Johns", &["2010-11-07", "2011-03-13", "1988-04-03"]),
    ("America/Sao_Paulo", &["2018-11-04", "2018-02-18"]),
    ("America/Havana", &["2024-11-03", "2024-03-10"]),
    ("Africa/Monrovia", &["1972-01-07", "1970-03-01"]),
    ("Africa/Casablanca", &["2024-03-10", "2024-04-14", "2086-11-10"]),
];

/// UTC as it comes, with the days around the epoch.
const fn plain(time: &'static str) -> Setting {
    let days = &["2020-12-31", "2024-02-29", "1970-01-01", "2021-06-30"];
    Setting { time, zone: "UTC", day_starts_at: "00:00", days }
}

/// A zone and a beginning of the day.
pub fn setting(time: &'static str) -> impl Strategy<Value = Setting> {
    let starts = prop::sample::select(&["00:00", "00:00", "06:00", "02:30", "00:30", "23:45"][..]);
    let zone = prop_oneof![
        1 => Just(("UTC", plain(time).days)),
        9 => prop::sample::select(ZONES),
    ];
    (zone, starts).prop_map(move |((zone, days), day_starts_at)| Setting {
        time,
        zone,
        day_starts_at,
        days,
    })
}

pub fn dataset_over(setting: Setting) -> Dataset {
    dataset(json!({
        "name": "t", "time": "at", "timeZone": setting.zone, "dayStartsAt": setting.day_starts_at,
        "columns": {
            "id": {"type": "integer", "primaryKey": true}, "at": {"type": setting.time}, "n": {"type": "integer"},
            "x": {"type": "real"}, "s": {"type": "text"}, "c": {"type": "text", "collate": "nocase"}
        },
        "dimensions": ["id", "s", "c"], "measures": ["n", "x"],
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

fn day(setting: Setting) -> impl Strategy<Value = i64> {
    (prop::sample::select(setting.days), -3..4_i64)
        .prop_map(|(day, more)| parse_date(day.as_bytes()).expect("a date") + more)
}

/// At any time of a day worth looking at, or within hours of a change of the clocks then.
pub fn instant_ms(setting: Setting) -> impl Strategy<Value = i64> {
    let zone = zone(setting.zone).expect("a zone");
    let near_change = (-3 * HOUR_MS..3 * HOUR_MS, any::<prop::sample::Index>());
    (day(setting), 0..DAY_MS, prop::option::weighted(0.7, near_change), 0..5_u8).prop_map(
        move |(day, in_day, near_change, round)| {
            let changes: Vec<i64> = zone
                .spans_between((day - 4) * DAY_MS, (day + 4) * DAY_MS)
                .skip(1)
                .map(|span| span.from_ms)
                .collect();
            let ms = match near_change {
                Some((after, index)) if !changes.is_empty() => *index.get(&changes) + after,
                _ => day * DAY_MS + in_day,
            };
            let step = [1, MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, DAY_MS][usize::from(round)];
            ms - ms.rem_euclid(step)
        },
    )
}

fn time_value(setting: Setting) -> BoxedStrategy<Value> {
    match setting.time {
        "date" => day(setting).prop_map(|day| Value::Text(format_date(day))).boxed(),
        "timestamp" => instant_ms(setting).prop_map(Value::Int).boxed(),
        _ => instant_ms(setting).prop_map(|ms| Value::Text(format_timestamp(ms))).boxed(),
    }
}

const TEXTS: &[&str] =
    &["", "a", "A", "ab", "aB", "b", "é", "日本", "a%", "_", "z\u{10FFFF}", "@", "[x", "Z", "z"];

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(TEXTS)
}

fn row(setting: Setting) -> impl Strategy<Value = Row> {
    let integers = prop_oneof![8 => -3..4_i64, 1 => Just(1 << 40)];
    (
        or_null(time_value(setting)),
        or_null(integers.prop_map(Value::Int)),
        or_null((-8..9_i64).prop_map(|n| Value::Real(n as f64 / 4.0))),
        or_null(text().prop_map(Value::from)),
        or_null(text().prop_map(Value::from)),
    )
        .prop_map(|(at, n, x, s, c)| vec![Value::Null, at, n, x, s, c])
}

pub fn table(setting: Setting) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(setting), 0..60).prop_map(|mut rows| {
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

/// An end in each form that it may be written in.
fn end_json(setting: Setting) -> impl Strategy<Value = Json> {
    let offset = prop::sample::select(&["Z", "+09:00", "-03:30", "-00:44:30"][..]);
    (instant_ms(setting), 0..15_usize, offset).prop_map(|(ms, form, offset)| {
        let time = instant(ms).to_zoned(TimeZone::UTC);
        let text = |format: &str| json!(time.strftime(format).to_string());
        match form {
            0..5 => json!(day_bucket(TIME_BUCKETS[6 - form].1, time.date())),
            5 | 6 => text("%Y-%m-%dT%H"),
            7 | 8 => text("%Y-%m-%dT%H:%M"),
            9 => text("%Y-%m-%dT%H:%M:%S"),
            10 => text("%Y-%m-%dT%H:%M:%S.%3f"),
            11 => text(&format!("%Y-%m-%dT%H:%M{offset}")),
            12 => text(&format!("%Y-%m-%dT%H:%M:%S{offset}")),
            _ => json!(ms),
        }
    })
}

fn range_json(setting: Setting) -> impl Strategy<Value = Json> {
    let end = || prop::option::of(end_json(setting));
    (end(), end()).prop_map(|(from, to)| {
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

/// Whether a measure is the least or largest text.
fn is_text(measure: &Json, setting: Setting) -> bool {
    let column = measure.get("min").or_else(|| measure.get("max")).and_then(Json::as_str);
    column.is_some_and(|c| matches!(c, "s" | "c") || (c == "at" && setting.time != "timestamp"))
}

/// The buckets of a time column.
pub fn buckets(setting: Setting) -> &'static [&'static str] {
    let all = &["minute", "hour", "day", "week", "month", "quarter", "year"];
    if setting.time == "date" { &all[2..] } else { all }
}

pub fn aggregate_json(setting: Setting) -> impl Strategy<Value = Json> {
    let key = prop_oneof![
        prop::sample::select(&["n", "x", "s", "c", "at"][..]).prop_map(|c| json!(c)),
        prop::sample::select(buckets(setting)).prop_map(|b| json!({"time": b})),
    ];
    let keys = prop::collection::vec(key, 0..3).prop_map(|mut keys| {
        keys.dedup();
        if keys.len() == 2 && keys[0].is_object() && keys[1].is_object() {
            keys.pop();
        }
        keys
    });
    let having = prop::option::weighted(0.3, (condition_json("n"), condition_json("s")));
    let order = prop::option::weighted(0.5, any::<bool>());
    let limit = prop::option::weighted(0.3, 0..5_u32);
    (range_json(setting), where_json(2), keys, prop::collection::vec(measure_json(), 1..4), having, order, limit).prop_map(
        move |(range, filter, keys, measures, having, order, limit)| {
            let measures: serde_json::Map<String, Json> =
                measures.into_iter().enumerate().map(|(i, m)| (format!("m{i}"), m)).collect();
            let mut query = json!({"dataset": "t", "range": range, "where": filter, "groupBy": keys, "measures": measures});
            if let Some((of_number, of_text)) = having {
                let is_text = is_text(&query["measures"]["m0"], setting);
                query["having"] = json!({"m0": if is_text { of_text } else { of_number }});
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

pub fn records_json(setting: Setting) -> impl Strategy<Value = Json> {
    let order = prop::collection::vec((prop::sample::select(&COLUMNS[..]), any::<bool>()), 0..4)
        .prop_map(|keys| {
            Json::from(
                keys.into_iter()
                    .map(|(by, desc)| json!({"by": by, "desc": desc}))
                    .collect::<Vec<_>>(),
            )
        });
    (range_json(setting), where_json(1), order, 1..9_u32).prop_map(|(range, filter, order, limit)| {
        json!({"dataset": "t", "range": range, "where": filter, "orderBy": order, "limit": limit})
    })
}
