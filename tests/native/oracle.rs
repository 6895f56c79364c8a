//! Random queries over random rows, against a plain evaluation that knows no SQL: the slow path that
//! every faster one is compared with.

mod evaluate;
mod generate;

use std::cmp::Ordering;

use crate::common::{batch, node, rows};
use crate::engine::open;
use evaluate::{column, compare_as, expected_aggregate, holds, in_range};
use generate::{COLUMNS, Row, aggregate_json, dataset_over, records_json, table};
use lotwise::model::query::{AggregateQuery, RecordsQuery};
use lotwise::storage::ingest::OnConflict;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn check_aggregate(time: &'static str, table: &[Row], query: &Json) {
    let dataset = dataset_over(time);
    let mut engine = open(std::slice::from_ref(&dataset));
    engine.append("t", &batch(&COLUMNS, table), OnConflict::Error).expect("appends");
    let parsed = AggregateQuery::from_node(&node(query.clone())).expect("a sound query");
    let expected = expected_aggregate(&dataset, &parsed, table);
    for indexed in [true, false] {
        if !indexed {
            engine
                .execute(
                    "DROP INDEX by_time; DROP INDEX by_c; DROP INDEX by_s",
                    lotwise::storage::port::Params::Positional(&[]),
                )
                .expect("drops");
        }
        let answer =
            engine.aggregate(&node(query.clone())).unwrap_or_else(|e| panic!("{query}: {e}"));
        assert_eq!(rows(&answer), expected, "{query} with indexes: {indexed}");
    }
}

fn check_records(time: &'static str, table: &[Row], query: &Json) {
    let dataset = dataset_over(time);
    let mut engine = open(std::slice::from_ref(&dataset));
    engine.append("t", &batch(&COLUMNS, table), OnConflict::Error).expect("appends");
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
    let mut expected: Vec<Row> = table
        .iter()
        .filter(|row| in_range(&dataset, parsed.range, row) && holds(&dataset, &parsed.filter, row))
        .cloned()
        .collect();
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn aggregates_over_dates_are_right((table, query) in (table("date"), aggregate_json("date"))) {
        check_aggregate("date", &table, &query);
    }

    #[test]
    fn aggregates_over_timestamps_are_right((table, query) in (table("timestamp"), aggregate_json("timestamp"))) {
        check_aggregate("timestamp", &table, &query);
    }

    #[test]
    fn aggregates_over_time_text_are_right((table, query) in (table("timestampText"), aggregate_json("timestampText"))) {
        check_aggregate("timestampText", &table, &query);
    }

    #[test]
    fn pages_of_records_join_without_gaps((table, query) in (table("date"), records_json())) {
        check_records("date", &table, &query);
    }

    #[test]
    fn pages_over_timestamps_join_without_gaps((table, query) in (table("timestamp"), records_json())) {
        check_records("timestamp", &table, &query);
    }
}
