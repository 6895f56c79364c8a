//! Zones: transitions found by asking for offsets, against the tz database itself; and what the engine makes
//! of them.

use std::cell::Cell;
use std::sync::{LazyLock, Mutex};

use crate::common::{batch, node, rows};
use crate::engine::dataset;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use lotwise::error::Error;
use lotwise::model::calendar::{DAY_MS, parse_instant};
use lotwise::model::config::Config;
use lotwise::model::dataset::Dataset;
use lotwise::model::plant::PlantTime;
use lotwise::model::value::Value;
use lotwise::model::zone::{Span, Zone};
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::Params;
use serde_json::{Value as Json, json};

const FIRST_S: i64 = -2_678_400;
const LAST_S: i64 = 4_136_659_200;

fn database() -> &'static TimeZoneDatabase {
    static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    &DATABASE
}

/// A zone of the tz database.
pub fn listed_zone(name: &str) -> Option<TimeZone> {
    database().get(name).ok()
}

/// The same as a host with that database would explain it.
pub fn zone(name: &str) -> Option<Zone> {
    static KNOWN: Mutex<Vec<Zone>> = Mutex::new(Vec::new());
    if name == Zone::default().name() {
        return Some(Zone::default());
    }
    let mut known = KNOWN.lock().expect("no test panics here");
    if let Some(zone) = known.iter().find(|zone| zone.name() == name) {
        return Some(zone.clone());
    }
    let listed = listed_zone(name)?;
    let zone = Zone::probe(name, &mut |ms| Some(offset_ms(&listed, ms)))?;
    known.push(zone.clone());
    Some(zone)
}

pub fn offset_ms(zone: &TimeZone, ms: i64) -> i64 {
    let at = Timestamp::from_millisecond(ms).expect("an instant");
    i64::from(zone.to_offset(at).seconds()) * 1000
}

/// From the database's own list of transitions.
fn listed(zone: &TimeZone) -> Vec<Span> {
    let first = Timestamp::from_second(FIRST_S).expect("an instant");
    let mut spans = vec![Span {
        from_ms: FIRST_S * 1000,
        until_ms: i64::MAX,
        offset_ms: offset_ms(zone, FIRST_S * 1000),
    }];
    for transition in zone.following(first) {
        let from_ms = transition.timestamp().as_millisecond();
        if from_ms > LAST_S * 1000 {
            break;
        }
        let offset_ms = i64::from(transition.offset().seconds()) * 1000;
        let last = spans.last_mut().expect("one is there");
        if last.offset_ms != offset_ms {
            last.until_ms = from_ms;
            spans.push(Span { from_ms, until_ms: i64::MAX, offset_ms });
        }
    }
    let last = spans.last_mut().expect("one is there");
    if last.from_ms > 2_145_916_800_000 {
        last.until_ms = LAST_S * 1000;
    }
    spans
}

#[test]
fn every_transition_of_the_tz_database_is_found_by_asking() {
    let database = database();
    let mut zones = 0;
    for name in database.available() {
        let zone = database.get(name.as_str()).expect("is there");
        let asked = Cell::new(0);
        let found = Zone::probe(name.as_str(), &mut |ms| {
            asked.set(asked.get() + 1);
            Some(offset_ms(&zone, ms))
        });
        let spans: Vec<Span> = found.expect("answers").spans_between(i64::MIN, i64::MAX).collect();
        let differ = spans.iter().zip(listed(&zone)).find(|(found, listed)| *found != listed);
        assert_eq!((differ, spans.len()), (None, listed(&zone).len()), "{name}");
        // Each costs about a microsecond. Where Ramadan moves the clocks, no year is like the one before.
        let asks_max = if name.as_str().starts_with("Asia/") { 10_000 } else { 6_500 };
        assert!(asked.get() < asks_max, "{name}: asked {} times", asked.get());
        zones += 1;
    }
    assert!(zones > 400, "the database is there");
}

/// A day belongs to the latest time that clocks have shown: so none ends because they are put back.
#[test]
fn production_days_follow_the_clocks_minute_by_minute() {
    for (name, around) in [
        ("Europe/Berlin", "2024-03-31"),
        ("Europe/Berlin", "2024-10-27"),
        ("Australia/Lord_Howe", "2024-04-07"),
        ("America/St_Johns", "2010-11-07"),
        ("America/Sao_Paulo", "2018-02-18"),
        ("America/Havana", "2024-11-03"),
        ("Pacific/Apia", "2011-12-30"),
        ("Pacific/Kwajalein", "1993-08-21"),
    ] {
        let listed = listed_zone(name).expect("a zone");
        for starts in ["00:00", "00:30", "02:30", "06:00", "23:30"] {
            let plant = over(name, starts, "timestamp").plant;
            let plant = PlantTime { zone: zone(name).expect("a zone"), ..plant };
            let noon = parse_instant(around).expect("a day") + DAY_MS / 2;
            let mut latest = i64::MIN;
            for ms in (noon - 3 * DAY_MS..noon + 3 * DAY_MS).step_by(60_000) {
                latest = latest.max(ms + offset_ms(&listed, ms));
                let day = (latest - plant.day_starts_ms).div_euclid(DAY_MS);
                assert_eq!(plant.day_of(ms), day, "{name} {starts} at {ms}");
                assert!(
                    plant.day_begin(day) <= ms && ms < plant.day_begin(day + 1),
                    "{name} at {ms}"
                );
            }
        }
    }
}

fn over(zone: &str, day_starts_at: &str, kind: &str) -> Dataset {
    dataset(json!({
        "name": "t", "time": "at", "timeZone": zone, "dayStartsAt": day_starts_at,
        "columns": {"at": {"type": kind}, "n": {"type": "integer"}}
    }))
}

#[test]
fn a_zone_that_a_host_does_not_know_stops_what_needs_it_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("live.db");
    let datasets = [over("Asia/Seoul", "06:00", "timestamp")];
    let port = || SqlitePort::open_file(&path).expect("opens");
    let mut engine = Engine::open_with(port(), &datasets, Config::default(), zone).expect("opens");
    let rows_in = [vec![Value::Int(75_600_000 - 1)], vec![Value::Int(75_600_000)]];
    engine.append("t", &batch(&["at"], &rows_in), OnConflict::Error).expect("appends");
    engine.into_port().close().expect("closes");

    let by_day = json!({"dataset": "t", "groupBy": [{"time": "day"}], "measures": {"n": "count"}});
    let mut engine = Engine::open_with(port(), &[], Config::default(), zone).expect("opens");
    let answer = engine.aggregate(&node(by_day.clone())).expect("the zone is found again");
    let day = |text: &str| vec![Value::from(text), Value::Int(1)];
    assert_eq!(rows(&answer), [day("1970-01-01"), day("1970-01-02")]);
    engine.into_port().close().expect("closes");

    let mut elsewhere = Engine::open(port(), &[]).expect("opens");
    let mut check = |query: Json, field: Option<&str>| {
        let result = elsewhere.records(&node(query)).map(|answer| answer.rows);
        match (result, field) {
            (Ok(rows), None) => assert_eq!(rows, 2),
            (Err(Error::ConfigInvalid { problems }), Some(expected)) => {
                let field = &problems[0].0;
                assert_eq!(field, expected);
            }
            other => panic!("{other:?}"),
        }
    };
    check(json!({"dataset": "t"}), None);
    check(json!({"dataset": "t", "range": {"from": 0, "to": "1970-01-02T00:00Z"}}), None);
    check(json!({"dataset": "t", "range": {"from": "1970"}}), Some("dataset 't', timeZone"));
    let error = elsewhere.aggregate(&node(by_day)).expect_err("needs the zone");
    assert_eq!(error.code(), "CONFIG_INVALID", "{error}");
    elsewhere.into_port().close().expect("closes");
    let refused = Engine::open(port(), &[over("Mars/Olympus", "00:00", "timestamp")]);
    assert_eq!(refused.map(drop).map_err(|error| error.code()), Err("CONFIG_INVALID"));
}

#[test]
fn another_zone_or_day_is_another_definition() {
    let mut engine = open_in(&over("Asia/Seoul", "06:00", "timestamp"));
    for (version, zone, starts) in [(1, "Asia/Tokyo", "06:00"), (2, "Asia/Tokyo", "07:00")] {
        let same = Dataset { version, ..over(zone, starts, "timestamp") };
        assert_eq!(engine.define(&same).map_err(|error| error.code()), Err("CONFIG_INVALID"));
        let newer = Dataset { version: version + 1, ..same };
        engine.define(&newer).expect("migrates");
        assert_eq!(engine.dataset("t").map(|now| now.plant.clone()), Ok(newer.plant));
    }
}

fn open_in(dataset: &Dataset) -> Engine<SqlitePort> {
    let port = SqlitePort::open_memory("test").expect("opens");
    Engine::open_with(port, std::slice::from_ref(dataset), Config::default(), zone).expect("opens")
}

/// UTC as it ever was; elsewhere whole days where no clock is changed, and never finer than it has to be.
#[test]
fn sql_groups_by_steps_as_coarse_as_the_clocks_allow() {
    let check = |(zone, starts, kind): (&str, &str, &str), bucket: &str, range: Json, key: &str| {
        let mut engine = open_in(&over(zone, starts, kind));
        let query = json!({"dataset": "t", "range": range, "groupBy": [{"time": bucket}], "measures": {"n": "count"}});
        let plan = engine.explain(&node(query), Params::Positional(&[])).expect("explains");
        let found = plan.sql.strip_prefix("SELECT ").and_then(|sql| sql.split_once(", count(*)"));
        assert_eq!(found.map(|(key, _)| key), Some(key), "{zone} {starts} {bucket} {range}");
    };
    let (all, year) = (json!({}), json!({"from": "2025", "to": "2025"}));
    let summer = json!({"from": "2025-06", "to": "2025-08"});
    let ms = "timestamp";
    let plain = r#"("at" - ("at" < 0) * 86399999) / 86400000"#;
    check(("UTC", "00:00", ms), "month", all.clone(), plain);
    check(("UTC", "00:00", ms), "hour", all.clone(), r#"("at" - ("at" < 0) * 3599999) / 3600000"#);
    let shifted = |shift: i64, step: i64| {
        format!(r#"("at" + {shift} - ("at" < -{shift}) * {}) / {step}"#, step - 1)
    };
    let day = 86_400_000;
    let quarters_ms = r#"("at" - ("at" < 0) * 899999) / 900000"#;
    check(("UTC", "06:00", ms), "day", all.clone(), &shifted(64_800_000, day));
    check(("Asia/Seoul", "00:00", ms), "day", year.clone(), &shifted(32_400_000, day));
    check(("Asia/Seoul", "06:00", ms), "day", year.clone(), &shifted(10_800_000, day));
    check(("Asia/Kathmandu", "00:00", ms), "day", year.clone(), &shifted(20_700_000, day));
    check(("Asia/Kathmandu", "00:00", ms), "hour", year.clone(), &shifted(2_700_000, 3_600_000));
    check(("Asia/Kathmandu", "00:00", ms), "day", all.clone(), quarters_ms);
    check(("Europe/Berlin", "00:00", ms), "day", summer.clone(), &shifted(7_200_000, day));
    let hours = r#"("at" - ("at" < 0) * 3599999) / 3600000"#;
    check(("Europe/Berlin", "00:00", ms), "day", year.clone(), hours);
    let halves = r#"("at" - ("at" < 0) * 1799999) / 1800000"#;
    check(("Australia/Lord_Howe", "00:00", ms), "day", year.clone(), halves);
    let text = |zone, starts| (zone, starts, "timestampText");
    check(text("UTC", "00:00"), "day", all.clone(), r#"substr("at", 1, 10)"#);
    check(text("Asia/Seoul", "00:00"), "day", year.clone(), r#"substr("at", 1, 13)"#);
    let quarters = r#"substr("at", 1, 14) || (substr("at", 15, 2) / 15)"#;
    check(text("Asia/Kathmandu", "00:00"), "day", year.clone(), quarters);
    check(text("UTC", "06:10"), "day", year, r#"substr("at", 1, 16)"#);
    check(text("Africa/Monrovia", "00:00"), "day", all, r#"substr("at", 1, 19)"#);
}

#[test]
fn rows_of_years_that_no_host_was_asked_about_are_refused_in_buckets_only() {
    let mut engine = open_in(&over("Europe/Berlin", "00:00", "timestamp"));
    let rows_in = [vec![Value::Int(-2_600_000_000_000)], vec![Value::Int(0)]];
    engine.append("t", &batch(&["at"], &rows_in), OnConflict::Error).expect("appends");
    let mut ask = |range: Json, fill: bool| {
        let query = json!({"dataset": "t", "range": range, "fill": fill, "groupBy": [{"time": "year"}], "measures": {"n": "count"}});
        engine.aggregate(&node(query)).map(|answer| rows(&answer))
    };
    assert_eq!(ask(json!({"from": "1970"}), false), Ok(vec![vec!["1970".into(), Value::Int(1)]]));
    let error = ask(json!({}), false).expect_err("clocks of 1887 are not known");
    assert_eq!(error.code(), "INPUT_INVALID");
    assert!(error.to_string().contains("1887-08-"), "{error}");
    for range in [json!({"from": "1960"}), json!({"from": 0, "to": "2200"})] {
        let error = ask(range, false).expect_err("clocks then are not known");
        assert_eq!(error.code(), "QUERY_INVALID", "{error}");
    }
    let error = ask(json!({"from": -100_000_000_000_i64, "to": 0}), true).expect_err("fills 1966");
    assert!(error.to_string().starts_with("range.from: fill"), "{error}");
    assert_eq!(engine.records(&node(json!({"dataset": "t"}))).map(|answer| answer.rows), Ok(2));
}

/// Within the range clocks are not changed, but the day that it begins in is one on which they were.
#[test]
fn a_range_that_begins_after_a_change_keeps_its_first_day() {
    let mut engine = open_in(&over("Europe/Berlin", "00:00", "timestamp"));
    let at = |text: &str| Value::Int(parse_instant(text).expect("an instant"));
    let rows_in = [vec![at("2024-03-31T03:00Z")], vec![at("2024-03-31T22:00Z")]];
    engine.append("t", &batch(&["at"], &rows_in), OnConflict::Error).expect("appends");
    let query = json!({
        "dataset": "t", "groupBy": [{"time": "day"}], "measures": {"n": "count"},
        "range": {"from": "2024-03-31T02:00Z", "to": "2024-06"},
    });
    let answer = engine.aggregate(&node(query)).expect("reads");
    let day = |text: &str| vec![Value::from(text), Value::Int(1)];
    assert_eq!(rows(&answer), [day("2024-03-31"), day("2024-04-01")]);
}
