//! Queries that mean nothing are refused by the field that is wrong, with what would be right.

use crate::common::node;
use crate::engine::open;
use lotwise::error::Error;
use lotwise::model::presets;
use serde_json::{Value as Json, json};

/// What is wrong, the field that the error names, and words of what would be right.
type Refusal = (Json, &'static str, &'static str);

fn check(method: &str, wrong: Vec<Refusal>) {
    let mut engine = open(&[presets::production_records(), presets::change_events()]);
    for (extra, field, words) in wrong {
        let mut query = json!({"dataset": "production_records"});
        if method == "aggregate" {
            query["measures"] = json!({"n": "count"});
        }
        let (query, extra) = (query.as_object_mut().expect("an object"), extra.as_object());
        query.extend(extra.expect("an object").clone());
        let query = node(Json::from(query.clone()));
        let result =
            if method == "aggregate" { engine.aggregate(&query) } else { engine.records(&query) };
        match result {
            Err(error @ Error::QueryInvalid { .. }) => {
                let text = error.to_string();
                assert!(text.starts_with(&format!("{field}: ")), "{field}: {text}");
                assert!(text.contains(words), "{field}: {text}");
            }
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn unknown_datasets_are_named_with_those_there_are() {
    let mut engine = open(&[presets::production_records()]);
    let query = node(json!({"dataset": "x", "measures": {"n": "count"}}));
    let error = engine.aggregate(&query).expect_err("is refused");
    assert_eq!(error.code(), "NOT_FOUND");
    assert!(error.to_string().contains("production_records"), "{error}");
}

#[test]
fn aggregates_are_checked_field_by_field() {
    let number_of = |of: Json| json!({"measures": {"m": of}});
    check(
        "aggregate",
        vec![
            (json!({"groupBy": ["lines"]}), "groupBy[0]", "line, shift"),
            (json!({"groupBy": [5]}), "groupBy[0]", "{ time: 'day' }"),
            (json!({"groupBy": "line"}), "groupBy", "an array"),
            (json!({"groupBy": [{"time": "decade"}]}), "groupBy[0].time", "'month'"),
            (json!({"groupBy": [{"time": "hour"}]}), "groupBy[0].time", "day, week"),
            (json!({"groupBy": [{"bucket": "day"}]}), "groupBy[0].time", "is missing"),
            (json!({"groupBy": ["line", "line"]}), "groupBy", "'line'"),
            (json!({"groupBy": ["line"], "measures": {"line": "count"}}), "measures", "'line'"),
            (json!({"measures": {}}), "measures", "at least one"),
            (number_of(json!("sum")), "measures.m", "{ sum: 'column' }"),
            (number_of(json!(5)), "measures.m", "'count'"),
            (number_of(json!({})), "measures.m", "exactly one of count, sum"),
            (number_of(json!({"sum": "shift", "min": "shift"})), "measures.m", "exactly one"),
            (number_of(json!({"total": "shift"})), "measures.m.total", "sum, min"),
            (number_of(json!({"count": false})), "measures.m.count", "true"),
            (number_of(json!({"sum": "good"})), "measures.m.sum", "good_quantity"),
            (number_of(json!({"sum": "line"})), "measures.m.sum", "good_quantity, defect_quantity"),
            (number_of(json!({"avg": "line"})), "measures.m.avg", "good_quantity"),
            (number_of(json!({"countDistinct": "lot"})), "measures.m.countDistinct", "lot_number"),
            (number_of(json!({"sum": 5})), "measures.m.sum", "text"),
            (number_of(json!({"ratio": ["shift", "shift"]})), "measures.m.ratio[0]", "an array"),
            (number_of(json!({"ratio": [["shift"]]})), "measures.m.ratio", "[['good'], "),
            (number_of(json!({"ratio": [["shift"], []]})), "measures.m.ratio", "[['good'], "),
            (
                number_of(json!({"ratio": [["shift"], ["shift", "line"]]})),
                "measures.m.ratio[1][1]",
                "good_quantity",
            ),
            (
                number_of(json!({"count": true, "where": {"lin": 1}})),
                "measures.m.where.lin",
                "line",
            ),
            (
                number_of(json!({"countDistinct": "line", "where": {"any": [{"shift": "a"}]}})),
                "measures.m.where.any[0].shift",
                "a number",
            ),
            (json!({"having": {"m": 1}}), "having.m", "those are n"),
            (json!({"having": {"n": "many"}}), "having.n", "a number"),
            (json!({"having": {"n": {"gt": "5"}}}), "having.n.gt", "a number"),
            (json!({"having": {"n": {"prefix": "5"}}}), "having.n.prefix", "a number"),
            (json!({"groupBy": ["line"], "having": {"line": 5}}), "having.line", "text"),
            (json!({"orderBy": [{"by": "line"}]}), "orderBy[0].by", "those are n"),
            (json!({"orderBy": [{"desc": true}]}), "orderBy[0].by", "is missing"),
            (json!({"orderBy": [{"by": "n", "desc": 1}]}), "orderBy[0].desc", "true or false"),
            (json!({"limit": -1}), "limit", "a whole number from"),
            (json!({"limit": 1.5}), "limit", "a whole number from"),
            (json!({"fill": 1}), "fill", "true or false"),
            (json!({"fill": true}), "fill", "{ time: 'day' }"),
            (json!({"groupBy": ["line"], "fill": true}), "fill", "{ time: 'day' }"),
            (json!({"groupby": []}), "groupby", "groupBy"),
        ],
    );
}

#[test]
fn ranges_and_conditions_are_checked_field_by_field() {
    let wrong = || {
        vec![
            (json!({"range": "2025"}), "range", "{ from: '2025-01'"),
            (json!({"range": {"from": "2025-13"}}), "range.from", "'2025-06'"),
            (json!({"range": {"to": "2025-W54"}}), "range.to", "'2025-W24'"),
            (json!({"range": {"to": "2023-02-29"}}), "range.to", "'2025-06-10'"),
            (json!({"range": {"from": 1.5}}), "range.from", "epoch milliseconds"),
            (json!({"range": {"from": null}}), "range.from", "epoch milliseconds"),
            (json!({"range": {"until": "2025"}}), "range.until", "from, to"),
            (json!({"where": []}), "where", "an object"),
            (json!({"where": {"lines": "1"}}), "where.lines", "line, shift"),
            (json!({"where": {"shift": "1"}}), "where.shift", "a number"),
            (json!({"where": {"shift": [1, "2"]}}), "where.shift", "a number"),
            (json!({"where": {"shift": {"not": "1"}}}), "where.shift.not", "a number"),
            (json!({"where": {"shift": {"gte": "1"}}}), "where.shift.gte", "a number"),
            (json!({"where": {"line": {"lt": 5}}}), "where.line.lt", "text"),
            (json!({"where": {"line": {"gt": null}}}), "where.line.gt", "a value"),
            (json!({"where": {"line": {"prefix": 5}}}), "where.line.prefix", "text"),
            (json!({"where": {"line": {"isNull": 1}}}), "where.line.isNull", "true or false"),
            (json!({"where": {"line": {"like": "a%"}}}), "where.line.like", "prefix"),
            (json!({"where": {"line": {}}}), "where.line", "at least one operator"),
            (json!({"where": {"line": [["a"]]}}), "where.line", "a list of them"),
            (json!({"where": {"any": {"line": "a"}}}), "where.any", "an array"),
            (json!({"where": {"any": [{"line": 1}]}}), "where.any[0].line", "text"),
            (json!({"where": {"any": [{"any": [{"lin": 1}]}]}}), "where.any[0].any[0].lin", "line"),
        ]
    };
    check("aggregate", wrong());
    check("records", wrong());
    let timeless = json!({"dataset": "t", "range": {"from": 0}});
    let mut engine =
        open(&[crate::engine::dataset(json!({"name": "t", "columns": {"a": {"type": "text"}}}))]);
    let error = engine.records(&node(timeless)).expect_err("is refused");
    assert!(error.to_string().starts_with("range: "), "{error}");
}

#[test]
fn pages_are_checked_field_by_field() {
    check(
        "records",
        vec![
            (json!({"columns": ["lines"]}), "columns[0]", "line, shift"),
            (json!({"columns": ["line", "line"]}), "columns[1]", "twice"),
            (json!({"orderBy": [{"by": "lines"}]}), "orderBy[0].by", "line, shift"),
            (json!({"limit": 0}), "limit", "from 1 to 100000"),
            (json!({"limit": 100_001}), "limit", "from 1 to 100000"),
            (json!({"after": "x"}), "after", "`next` of a page"),
            (json!({"measures": {}}), "measures", "known are"),
        ],
    );
}

#[test]
fn a_name_that_is_none_is_shown() {
    check("records", vec![(json!({"": 1}), "''", "is not known")]);
}

/// A message once held all of a text of 33 KB that was no column.
#[test]
fn messages_stay_short_whatever_was_asked() {
    let mut engine = open(&[presets::production_records()]);
    let long = "日本".repeat(10_000);
    for query in [
        json!({"dataset": long, "measures": {"n": "count"}}),
        json!({"dataset": "production_records", "measures": {"n": {"sum": long}}}),
        json!({"dataset": "production_records", "measures": {"n": "count"}, "where": {long.clone(): 1}}),
    ] {
        let error = engine.aggregate(&node(query)).expect_err("is refused").to_string();
        assert!(error.len() < 4200, "{} bytes", error.len());
        assert!(error.contains('…') && error.ends_with(|c: char| c.is_ascii()), "{error}");
    }
}
