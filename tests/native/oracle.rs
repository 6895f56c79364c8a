//! Random queries over random rows, against a plain evaluation that knows no SQL and reads time with another
//! library: the slow path that every faster one is compared with.

mod clock;
mod columns;
mod evaluate;
mod generate;
mod routes;

use std::cmp::Ordering;

use crate::common::{batch, node, rows};
use crate::zones::zone;
use clock::Clock;
use evaluate::{column, compare_as, expected_aggregate, kept};
use generate::{
    COLUMNS, Row, Setting, aggregate_json, buckets, dataset_over, instant_ms, records_json,
    setting, table,
};
use lotwise::model::config::Config;
use lotwise::model::dataset::Dataset;
use lotwise::model::query::{AggregateQuery, RecordsQuery};
use lotwise::model::range::TIME_BUCKETS;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::Params;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn open_with(dataset: &Dataset, table: &[Row]) -> Engine<SqlitePort> {
    let port = SqlitePort::open_memory("test").expect("opens");
    let mut engine =
        Engine::open_with(port, std::slice::from_ref(dataset), Config::default(), zone)
            .expect("opens");
    engine.append("t", &batch(&COLUMNS, table), OnConflict::Error).expect("appends");
    engine
}

fn check_aggregate(setting: Setting, table: &[Row], query: &Json) {
    let dataset = dataset_over(setting);
    let mut engine = open_with(&dataset, table);
    let parsed = AggregateQuery::from_node(&node(query.clone())).expect("a sound query");
    let expected = expected_aggregate(setting, &dataset, (&parsed, &query["range"]), table);
    for indexed in [true, false] {
        if !indexed {
            let drop = "DROP INDEX by_time; DROP INDEX by_c; DROP INDEX by_s";
            engine.execute(drop, Params::Positional(&[])).expect("drops");
        }
        let answer =
            engine.aggregate(&node(query.clone())).unwrap_or_else(|e| panic!("{query}: {e}"));
        assert_eq!(rows(&answer), expected, "{query} with indexes: {indexed}");
    }
    let dataset = engine.dataset("t").expect("is there");
    for segment_rows in [1, 7, 60] {
        let found = columns::aggregate(dataset, (&COLUMNS, table), &parsed, segment_rows);
        assert_eq!(found, expected, "{query} over segments of {segment_rows} rows");
    }
}

fn check_records(setting: Setting, table: &[Row], query: &Json) {
    let dataset = dataset_over(setting);
    let mut engine = open_with(&dataset, table);
    let parsed = RecordsQuery::from_node(&node(query.clone())).expect("a sound query");
    let mut order: Vec<(usize, bool)> = Vec::new();
    for item in &parsed.order_by {
        if !order.iter().any(|(at, _)| *at == column(&item.by)) {
            order.push((column(&item.by), item.desc));
        }
    }
    if order.is_empty() {
        order.push((column("at"), true));
    }
    order.push((column("id"), order.last().is_none_or(|(_, desc)| *desc)));
    let mut expected: Vec<Row> =
        kept(setting, &dataset, (&query["range"], &parsed.filter), table).cloned().collect();
    expected.sort_by(|a, b| {
        order.iter().fold(Ordering::Equal, |so_far, &(i, desc)| {
            so_far.then_with(|| {
                let order = compare_as(&dataset.columns[i], &a[i], &b[i]);
                if desc { order.reverse() } else { order }
            })
        })
    });
    let mut found = Vec::new();
    let mut query = query.clone();
    loop {
        let answer =
            engine.records(&node(query.clone())).unwrap_or_else(|e| panic!("{query}: {e}"));
        assert!(answer.rows as u64 <= parsed.limit);
        found.extend(rows(&answer));
        assert!(found.len() <= table.len(), "{query} never ends");
        match answer.next {
            Some(next) => query["after"] = json!(next),
            None => break,
        }
    }
    assert_eq!(found, expected, "{query}");
}

/// A range of so many milliseconds, in buckets without gaps, over a table.
fn check_fill(setting: Setting, table: &[Row], (word, from, length): (&str, i64, i64)) {
    let mut engine = open_with(&dataset_over(setting), table);
    let clock = Clock::new(setting.zone, setting.day_starts_at);
    let bucket = TIME_BUCKETS.iter().find(|(known, _)| *known == word).expect("a bucket").1;
    // No bucket is shorter: a change of the clocks cuts minutes by the second, hours by the minute, and days by
    // the quarter (one began in Apia at 23:45, and at midnight it was the day after the next).
    let step = match word {
        "minute" => 1_000,
        "hour" => 30_000,
        _ => 300_000,
    };
    let mut expected: Vec<(String, i64)> = Vec::new();
    for ms in (from..from + length).step_by(step).chain([from + length]) {
        let text = clock.bucket(bucket, ms);
        if expected.last().is_none_or(|(last, _)| *last != text) {
            expected.push((text, 0));
        }
    }
    for row in table {
        if let Value::Int(ms) = row[column("at")]
            && (from..=from + length).contains(&ms)
        {
            let text = clock.bucket(bucket, ms);
            expected.iter_mut().find(|(known, _)| *known == text).expect("is listed").1 += 1;
        }
    }
    let query = json!({
        "dataset": "t", "fill": true, "groupBy": [{"time": word}], "measures": {"n": "count"},
        "range": {"from": from, "to": from + length},
    });
    let answer = engine.aggregate(&node(query.clone())).unwrap_or_else(|e| panic!("{query}: {e}"));
    let expected: Vec<Row> =
        expected.into_iter().map(|(text, n)| vec![Value::Text(text), Value::Int(n)]).collect();
    assert_eq!(rows(&answer), expected, "{query}");
}

fn aggregates(time: &'static str) -> impl Strategy<Value = (Setting, Vec<Row>, Json)> {
    setting(time).prop_flat_map(|s| (Just(s), table(s), aggregate_json(s)))
}

fn pages(time: &'static str) -> impl Strategy<Value = (Setting, Vec<Row>, Json)> {
    setting(time).prop_flat_map(|s| (Just(s), table(s), records_json(s)))
}

fn fills() -> impl Strategy<Value = (Setting, Vec<Row>, (&'static str, i64, i64))> {
    setting("timestamp").prop_flat_map(|s| {
        let bucket = prop::sample::select(buckets(s)).prop_flat_map(move |word| {
            let hours_max = match word {
                "minute" => 1,
                "hour" => 30,
                _ => 1_000,
            };
            (Just(word), instant_ms(s), 0..hours_max * 3_600_000_i64)
        });
        (Just(s), table(s), bucket)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn aggregates_over_dates_are_right((setting, table, query) in aggregates("date")) {
        check_aggregate(setting, &table, &query);
    }

    #[test]
    fn aggregates_over_timestamps_are_right((setting, table, query) in aggregates("timestamp")) {
        check_aggregate(setting, &table, &query);
    }

    #[test]
    fn aggregates_over_time_text_are_right((setting, table, query) in aggregates("timestampText")) {
        check_aggregate(setting, &table, &query);
    }

    #[test]
    fn pages_of_records_join_without_gaps((setting, table, query) in pages("date")) {
        check_records(setting, &table, &query);
    }

    #[test]
    fn pages_over_timestamps_join_without_gaps((setting, table, query) in pages("timestamp")) {
        check_records(setting, &table, &query);
    }

    #[test]
    fn filled_buckets_are_those_that_time_passes_through((setting, table, range) in fills()) {
        check_fill(setting, &table, range);
    }
}
