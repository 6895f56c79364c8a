//! Sums of integers up to the edge of 64 bits, and past it on the way.

use crate::common::{batch, node, rows};
use crate::engine::{dataset, open};
use lotwise::model::value::Value;
use lotwise::storage::ingest::OnConflict;
use proptest::prelude::*;
use serde_json::json;

type Row = (i64, bool, Option<i64>);

fn number() -> impl Strategy<Value = Option<i64>> {
    let edges = [i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1, -1, 0, 1, 1 << 32, -(1 << 32) - 1];
    prop_oneof![
        1 => Just(None),
        6 => prop::sample::select(edges.to_vec()).prop_map(Some),
        2 => any::<i64>().prop_map(Some),
        2 => (-5..5_i64).prop_map(Some),
    ]
}

/// The sum of what is not null, its count, and the sum as a database value: none where it does not fit.
fn total(values: impl Iterator<Item = Option<i64>>) -> (i128, i64, Option<Value>) {
    let values: Vec<i64> = values.flatten().collect();
    let sum: i128 = values.iter().copied().map(i128::from).sum();
    let value =
        if values.is_empty() { Some(Value::Null) } else { i64::try_from(sum).ok().map(Value::Int) };
    (sum, values.len() as i64, value)
}

fn check(table: &[Row]) {
    let mut engine = open(&[dataset(json!({"name": "t", "columns": {
        "id": {"type": "integer", "primaryKey": true}, "g": {"type": "integer"},
        "flag": {"type": "integer"}, "n": {"type": "integer"}, "x": {"type": "real"}
    }}))]);
    let rows_in: Vec<Vec<Value>> = table
        .iter()
        .map(|(g, flag, n)| {
            let n = n.map_or(Value::Null, Value::Int);
            vec![Value::Int(*g), Value::Int(i64::from(*flag)), n, Value::Real(0.5)]
        })
        .collect();
    engine
        .append("t", &batch(&["g", "flag", "n", "x"], &rows_in), OnConflict::Error)
        .expect("appends");
    let query = json!({"dataset": "t", "groupBy": ["g"], "measures": {
        "rows": "count", "sum": {"sum": "n"}, "x": {"sum": "x"}, "mean": {"avg": "n"},
        "flagged": {"sum": "n", "where": {"flag": 1}}, "most": {"max": "n"}
    }});
    let mut groups: Vec<i64> = table.iter().map(|(g, ..)| *g).collect();
    groups.sort_unstable();
    groups.dedup();
    let expected: Option<Vec<Vec<Value>>> = groups
        .iter()
        .map(|group| {
            let of = || table.iter().filter(|(g, ..)| g == group);
            let (sum, count, value) = total(of().map(|(.., n)| *n));
            let mean =
                if count == 0 { Value::Null } else { Value::Real(sum as f64 / count as f64) };
            let most = of().filter_map(|(.., n)| *n).max().map_or(Value::Null, Value::Int);
            Some(vec![
                Value::Int(*group),
                Value::Int(of().count() as i64),
                value?,
                Value::Real(of().count() as f64 / 2.0),
                mean,
                total(of().filter(|(_, flag, _)| *flag).map(|(.., n)| *n)).2?,
                most,
            ])
        })
        .collect();
    match (engine.aggregate(&node(query)), expected) {
        (Ok(answer), Some(expected)) => assert_eq!(rows(&answer), expected),
        (Err(error), None) => assert_eq!(error.code(), "LIMIT_EXCEEDED", "{error}"),
        (got, expected) => panic!("{got:?} where {expected:?}"),
    }
    // Means need no sum that fits.
    let means = json!({"dataset": "t", "measures": {"mean": {"avg": "n"}, "one": {"ratio": [["n"], ["n"]]}}});
    let answer = engine.aggregate(&node(means)).expect("an average always fits");
    let (sum, count, _) = total(table.iter().map(|(.., n)| *n));
    let mean = if count == 0 { Value::Null } else { Value::Real(sum as f64 / count as f64) };
    let one = if sum == 0 { Value::Null } else { Value::Real(1.0) };
    assert_eq!(rows(&answer), [[mean, one]]);
}

#[test]
fn a_sum_that_passes_64_bits_only_on_the_way_is_right() {
    check(&[(1, true, Some(i64::MAX)), (1, false, Some(1)), (1, true, Some(-1)), (2, true, None)]);
    check(&[(1, true, Some(i64::MIN)), (1, true, Some(-1)), (1, false, Some(i64::MAX))]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_exact_or_refused(table in prop::collection::vec((0..3_i64, any::<bool>(), number()), 1..12)) {
        check(&table);
    }
}
