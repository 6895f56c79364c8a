//! Every built-in query with the index that it has to use (P2, P3, P5). A scan or a temporary sort that
//! is not written down here with its reason fails.

use crate::common::node;
use crate::engine::open;
use lotwise::model::presets;
use lotwise::planner::explain::Plan;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::port::Params;
use serde_json::{Value as Json, json};

/// The shape of the benchmark data, 1/20 of its size: enough for ANALYZE to see what it would see.
const DATA: &str = "
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49999)
    INSERT INTO production_records (production_date, item_code, lot_number, line, shift, good_quantity, defect_quantity, defect_code)
    SELECT date('2023-01-01', '+' || (i * 1096 / 50000) || ' days'),
           'ITEM-' || printf('%04d', CAST(pow(500, abs(i * 7919 % 10007) / 10007.0) AS INTEGER) - 1),
           'L' || strftime('%Y%m%d', date('2023-01-01', '+' || (i * 1096 / 50000) || ' days')) || '-' || printf('%02d', i % 12) || '-' || i,
           'LINE-' || printf('%02d', i % 12), 1 + i % 3, 100 + i % 900,
           CASE WHEN i % 3 = 0 THEN 1 + i % 39 ELSE 0 END,
           CASE WHEN i % 3 = 0 THEN 'D' || printf('%02d', i % 20) ELSE '' END
    FROM n;
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49999)
    INSERT INTO events (change_group_id, component_name, timestamp, value, flag)
    SELECT i / 5, 'CMP-' || printf('%03d', i * 7 % 40), 1767571200000 + i * 30, i % 100, i % 50 = 0 FROM n;
    ANALYZE;";

fn engine() -> Engine<SqlitePort> {
    let mut engine = open(&[presets::production_records(), presets::change_events()]);
    engine.execute(DATA, Params::Positional(&[])).expect("fills");
    engine
}

/// What a plan may do.
struct Expected {
    indexes: &'static [&'static str],
    /// Why a table or index is read from one end to the other.
    scan: Option<&'static str>,
    /// How many temporary sorts, and why.
    sorts: (u32, &'static str),
}

const fn index(name: &'static [&'static str]) -> Expected {
    Expected { indexes: name, scan: None, sorts: (0, "") }
}

const ALL_ROWS: Option<&str> = Some("all rows are asked for");
const BY_DATE: &[&str] = &["idx_production_date_item"];

fn aggregate(range: Json, group: Json, measures: Json) -> Json {
    json!({"dataset": "production_records", "range": range, "groupBy": group, "measures": measures})
}

fn built_in() -> Vec<(&'static str, Json, Expected)> {
    let year = json!({"from": "2024", "to": "2024"});
    let both = json!({"good": {"sum": "good_quantity"}, "defects": {"sum": "defect_quantity"}});
    let good = json!({"good": {"sum": "good_quantity"}});
    let records = |extra: Json| {
        let mut query = json!({"dataset": "production_records", "limit": 50});
        query
            .as_object_mut()
            .expect("an object")
            .extend(extra.as_object().expect("an object").clone());
        query
    };
    let events = |extra: Json| {
        let mut query = json!({"dataset": "events"});
        query
            .as_object_mut()
            .expect("an object")
            .extend(extra.as_object().expect("an object").clone());
        query
    };
    let groups_in_memory =
        |indexes, scan| Expected { indexes, scan, sorts: (1, "groups that no index has in order") };
    let stats = json!({"n": "count", "mean": {"avg": "value"}, "low": {"min": "value"}, "high": {"max": "value"}});
    let five_minutes = json!({"from": 1_767_571_200_000_i64, "to": 1_767_571_500_000_i64});
    vec![
        (
            "Q01",
            aggregate(json!({"from": "2024-03-05", "to": "2024-03-05"}), json!([]), both.clone()),
            index(BY_DATE),
        ),
        (
            "Q02",
            aggregate(
                json!({"from": "2024-03-01", "to": "2024-03-30"}),
                json!([{"time": "day"}]),
                both.clone(),
            ),
            index(BY_DATE),
        ),
        (
            "Q03",
            aggregate(json!({}), json!([{"time": "month"}]), both.clone()),
            Expected { indexes: BY_DATE, scan: ALL_ROWS, sorts: (0, "") },
        ),
        (
            "Q04",
            aggregate(
                json!({}),
                json!(["item_code"]),
                json!({"defects": {"sum": "defect_quantity"}}),
            ),
            Expected { indexes: &["idx_agg_covering"], scan: ALL_ROWS, sorts: (0, "") },
        ),
        (
            "Q05",
            aggregate(
                json!({"from": "2024-01-01", "to": "2024-03-30"}),
                json!(["defect_code"]),
                json!({"defects": {"sum": "defect_quantity"}}),
            ),
            groups_in_memory(BY_DATE, None),
        ),
        (
            "Q06",
            aggregate(year.clone(), json!(["line", "shift"]), both.clone()),
            groups_in_memory(BY_DATE, None),
        ),
        (
            "Q07",
            {
                let mut query = aggregate(year.clone(), json!([{"time": "day"}]), good.clone());
                query["where"] = json!({"item_code": "ITEM-0007"});
                query
            },
            index(&["idx_agg_covering"]),
        ),
        (
            "Q08",
            records(
                json!({"where": {"lot_number": {"prefix": "L202403"}}, "orderBy": [{"by": "lot_number"}], "limit": 100}),
            ),
            index(&["idx_lot_number"]),
        ),
        (
            "Q09",
            records(
                json!({"where": {"lot_number": "L20240305-01-19501"}, "orderBy": [{"by": "lot_number"}]}),
            ),
            index(&["idx_lot_number"]),
        ),
        (
            "Q10",
            records(json!({})),
            Expected {
                indexes: BY_DATE,
                scan: Some("ends after one page"),
                sorts: (1, "rows of one day, by key"),
            },
        ),
        (
            "Q12",
            {
                let mut query = aggregate(
                    year.clone(),
                    json!(["item_code"]),
                    json!({"good": {"sum": "good_quantity"}, "rate": {"ratio": [["defect_quantity"], ["good_quantity", "defect_quantity"]]}}),
                );
                query["having"] = json!({"good": {"gt": 10000}});
                query
            },
            index(&["idx_agg_covering"]),
        ),
        (
            "Q13",
            aggregate(year.clone(), json!([]), json!({"items": {"countDistinct": "item_code"}})),
            index(&["idx_agg_covering"]),
        ),
        (
            "Q14",
            aggregate(year.clone(), json!(["line"]), good.clone()),
            groups_in_memory(BY_DATE, None),
        ),
        ("Q15", aggregate(year, json!([{"time": "day"}]), good), index(BY_DATE)),
        (
            "Q16",
            aggregate(json!({}), json!([]), both),
            Expected { indexes: &[], scan: ALL_ROWS, sorts: (0, "") },
        ),
        (
            "E01",
            events(json!({"groupBy": ["component_name"], "measures": stats})),
            Expected { indexes: &["idx_component_time"], scan: ALL_ROWS, sorts: (0, "") },
        ),
        (
            "E02",
            events(
                json!({"where": {"component_name": "CMP-003"}, "range": five_minutes, "orderBy": [{"by": "timestamp"}], "limit": 1000}),
            ),
            index(&["idx_component_time"]),
        ),
        (
            "E03",
            events(
                json!({"where": {"component_name": "CMP-003"}, "range": five_minutes, "groupBy": [{"time": "minute"}], "measures": stats}),
            ),
            groups_in_memory(&["idx_component_time"], None),
        ),
        (
            "E04",
            events(json!({"where": {"change_group_id": 1234}, "orderBy": [{"by": "timestamp"}]})),
            index(&["idx_time_range"]),
        ),
        (
            "E05",
            events(
                json!({"where": {"flag": 1}, "groupBy": [{"time": "hour"}], "measures": {"alarms": "count"}}),
            ),
            groups_in_memory(&[], ALL_ROWS),
        ),
    ]
}

/// What the dashboard asks when it opens: the last 90 days.
fn of_the_dashboard() -> Vec<(&'static str, Json, Expected)> {
    let range = json!({"from": "2025-10-03", "to": "2025-12-31"});
    let quantities = json!({
        "records": "count", "good": {"sum": "good_quantity"}, "defects": {"sum": "defect_quantity"},
        "defectRate": {"ratio": [["defect_quantity"], ["good_quantity", "defect_quantity"]]}
    });
    let grouped = |group: Json| aggregate(range.clone(), group, quantities.clone());
    let sorted = || Expected {
        indexes: BY_DATE,
        scan: None,
        sorts: (1, "groups that no index has in order"),
    };
    let extent = json!({"records": "count", "first": {"min": "production_date"}, "last": {"max": "production_date"}});
    let covered = |indexes| Expected { indexes, scan: ALL_ROWS, sorts: (0, "") };
    vec![
        ("extent", aggregate(json!({}), json!([]), extent), covered(&["idx_agg_covering"])),
        (
            "items to choose from",
            aggregate(json!({}), json!(["item_code"]), json!({"records": "count"})),
            covered(&["idx_agg_covering"]),
        ),
        (
            "lines to choose from",
            aggregate(json!({}), json!(["line"]), json!({"records": "count"})),
            Expected {
                indexes: &[],
                scan: ALL_ROWS,
                sorts: (1, "groups that no index has in order"),
            },
        ),
        ("totals", grouped(json!([])), index(BY_DATE)),
        (
            "lots",
            aggregate(range.clone(), json!([]), json!({"lots": {"countDistinct": "lot_number"}})),
            Expected { indexes: BY_DATE, scan: None, sorts: (1, "the lots seen") },
        ),
        ("days", grouped(json!([{"time": "day"}])), index(BY_DATE)),
        ("months", grouped(json!([{"time": "month"}])), index(BY_DATE)),
        ("line by shift", grouped(json!(["line", "shift"])), sorted()),
        ("worst lots", grouped(json!(["lot_number"])), sorted()),
        ("worst weeks", grouped(json!([{"time": "week"}])), index(BY_DATE)),
    ]
}

fn check(name: &str, plan: &Plan, expected: &Expected) {
    let details: Vec<_> = plan.steps.iter().map(|step| step.detail.as_str()).collect();
    assert_eq!(plan.indexes, expected.indexes, "{name}: {details:#?}");
    assert_eq!(!plan.full_scans.is_empty(), expected.scan.is_some(), "{name}: {details:#?}");
    assert_eq!(
        plan.temporary_sorts, expected.sorts.0,
        "{name} ({}): {details:#?}",
        expected.sorts.1
    );
}

#[test]
fn every_built_in_query_uses_the_index_meant_for_it() {
    let mut engine = engine();
    for (name, query, expected) in built_in().into_iter().chain(of_the_dashboard()) {
        let plan = engine
            .explain(&node(query), Params::Positional(&[]))
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        check(name, &plan, &expected);
    }
}

#[test]
fn following_pages_use_the_index_too() {
    let mut engine = engine();
    for (order, used) in
        [(json!([]), "idx_production_date_item"), (json!([{"by": "lot_number"}]), "idx_lot_number")]
    {
        let mut query = json!({"dataset": "production_records", "orderBy": order, "limit": 50});
        let next =
            engine.records(&node(query.clone())).expect("reads").next.expect("there is more");
        query["after"] = json!(next);
        let plan = engine.explain(&node(query), Params::Positional(&[])).expect("explains");
        assert_eq!(
            (plan.indexes.as_slice(), plan.full_scans.len()),
            (&[used.to_owned()][..], 0),
            "{:#?}",
            plan.steps
        );
    }
}

#[test]
fn lots_are_found_by_prefix_however_it_is_written() {
    let mut engine = engine();
    let mut check = |sql: &str, params: Params<'_>| {
        let plan = engine.explain(&node(json!(sql)), params).expect("explains");
        assert_eq!(
            (plan.indexes.as_slice(), plan.full_scans.len()),
            (&["idx_lot_number".to_owned()][..], 0),
            "{sql}: {:#?}",
            plan.steps
        );
        let answer = engine.query(sql, params).expect("reads");
        assert!(answer.rows > 100, "{sql}: {} rows", answer.rows);
        assert_eq!(answer.route, "index", "{sql}");
    };
    let bound = ["l202403%".into()];
    check(
        "SELECT * FROM production_records WHERE lot_number LIKE 'L202403%'",
        Params::Positional(&[]),
    );
    check("SELECT * FROM production_records WHERE lot_number LIKE ?", Params::Positional(&bound));
    let named = [("lot".to_owned(), "L202403%".into())];
    check("SELECT * FROM production_records WHERE lot_number LIKE :lot", Params::Named(&named));
}

#[test]
fn raw_sql_is_explained_with_its_route() {
    let mut engine = engine();
    let mut route =
        |sql: &str| engine.explain(&node(json!(sql)), Params::Positional(&[])).expect(sql).route;
    assert_eq!(route("SELECT * FROM production_records WHERE id = 7"), "index");
    assert_eq!(route("SELECT * FROM production_records WHERE good_quantity = 7"), "scan");
    assert_eq!(route("DELETE FROM production_records WHERE id = 7"), "write");
    assert_eq!(
        engine
            .query("SELECT sum(good_quantity) FROM production_records", Params::Positional(&[]))
            .expect("reads")
            .route,
        "scan"
    );
}

#[test]
fn an_index_hint_is_followed_or_refused_by_name() {
    let mut engine = engine();
    let sql = |index: &str| {
        format!(
            "SELECT count(*) FROM production_records INDEXED BY {index} WHERE line = 'LINE-01' AND production_date > ''"
        )
    };
    let target = lotwise::model::node::Node::Text(sql("idx_agg_covering"));
    let plan = engine.explain(&target, Params::Positional(&[])).expect("is followed");
    assert_eq!(plan.indexes, ["idx_agg_covering"]);
    let refused = engine.query(&sql("idx_nowhere"), Params::Positional(&[])).expect_err("is none");
    assert_eq!(refused.code(), "SQL_INVALID");
    assert!(refused.to_string().contains("idx_nowhere"), "{refused}");
}
