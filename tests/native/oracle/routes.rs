//! Random writes with segments made in between, and every aggregate asked both ways: through segments with the
//! rest by SQL, and by SQL alone. Inside transactions and after they were rolled back too.

use crate::common::{batch, node, routes_suite, rows};
use crate::random::{Random, times};
use lotwise::columnstore::build::SegmentBuilder;
use lotwise::columnstore::layout::Layout;
use lotwise::error::Error;
use lotwise::model::dataset::Dataset;
use lotwise::model::value::Value;
use lotwise::planner::route::Route;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::columnar::{catalogue, verify};
use lotwise::storage::engine::{Call, Engine, Scope};
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::{Params, SqlPort, collect};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::generate::{COLUMNS, Row, Setting, aggregate_json, dataset_over, setting, table};
use super::open_with;

/// A step of a random program.
#[derive(Debug, Clone)]
enum Step {
    /// A statement, inside a transaction that is rolled back or a transaction of its own.
    Write(String, Place),
    /// Rows of the generator with other keys.
    Append(Vec<Row>, i64),
    /// Keys from the first to the last become a segment, if all are there.
    Seal(i64, i64),
    /// Both ways are compared.
    Ask(Json),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Committed,
    RolledBack,
}

fn step(setting: Setting) -> impl Strategy<Value = Step> {
    let key = -25..45_i64;
    let statement = (key.clone(), key.clone(), -3..4_i64, 0..8_u8).prop_map(|(a, b, n, kind)| {
        match kind {
            0 => format!("UPDATE t SET n = {n} WHERE id = {a}"),
            1 => format!("UPDATE t SET s = 'moved', x = x + 1 WHERE id BETWEEN {a} AND {}", a + 9),
            2 => format!("DELETE FROM t WHERE id BETWEEN {a} AND {}", a + n),
            3 => format!("INSERT OR REPLACE INTO t (id, n, c) VALUES ({a}, {n}, 'R')"),
            4 => format!("INSERT INTO t (id, n) VALUES ({a}, {n}) ON CONFLICT DO UPDATE SET n = excluded.n, s = NULL"),
            5 => format!("UPDATE OR REPLACE t SET id = {b} WHERE id = {a}"),
            6 => format!("UPDATE OR IGNORE t SET id = id + 100 WHERE id = {a}"),
            _ => format!("DELETE FROM t WHERE n = {n}"),
        }
    });
    let place = prop::sample::select(
        &[Place::Outside, Place::Outside, Place::Committed, Place::RolledBack][..],
    );
    prop_oneof![
        3 => (statement, place).prop_map(|(sql, place)| Step::Write(sql, place)),
        1 => (table(setting), 0..100_i64).prop_map(|(rows, by)| Step::Append(rows, by)),
        3 => (key, 0..40_i64).prop_map(|(first, more)| Step::Seal(first, first + more)),
        4 => aggregate_json(setting).prop_map(Step::Ask),
    ]
}

/// As the job beside calls does it, in one go: the rows are all there, or nothing happens.
fn seal(engine: &mut Engine<SqlitePort>, dataset: &Dataset, first: i64, last: i64) {
    let layout = Layout::of(dataset);
    let names: Vec<&str> = layout.columns.iter().map(|column| column.name.as_str()).collect();
    let sql = format!(
        "SELECT {} FROM t WHERE id BETWEEN {first} AND {last} ORDER BY id",
        names.join(", ")
    );
    engine
        .port()
        .transaction(|port| {
            verify::guard(port, dataset, &layout)?;
            let rows = collect(port, &sql, &[])?;
            // Rows of several segments are in none.
            let overlaps = catalogue::list(port, "t")?;
            let overlapping =
                overlaps.iter().filter(|s| s.first_key <= last && s.last_key >= first);
            for segment in overlapping {
                catalogue::delete(port, segment.id)?;
            }
            let is_dense = i64::try_from(rows.len()).ok() == Some(last - first + 1);
            if is_dense && first >> 16 == last >> 16 {
                let id = catalogue::begin(port, "t", first, last)?;
                let mut builder = SegmentBuilder::new(&layout);
                rows.iter().for_each(|row| builder.push(|at| row[at].as_ref()));
                catalogue::fill(port, id, builder.finish())?;
            }
            Ok(())
        })
        .expect("seals");
    // As the job says it, so that what was read of segments is read again.
    engine.segments_have_changed();
}

fn ask(engine: &mut Engine<SqlitePort>, scope: Scope, route: Route, query: &Json) -> Vec<Row> {
    engine.set_call(Call { scope, route, ..Call::default() });
    let answer = engine.aggregate(&node(query.clone())).unwrap_or_else(|e| panic!("{query}: {e}"));
    engine.set_call(Call::default());
    assert_eq!(answer.route == "columnstore", route == Route::Columnstore, "{query}");
    rows(&answer)
}

fn compare(engine: &mut Engine<SqlitePort>, scope: Scope, query: &Json) {
    let by_segments = ask(engine, scope, Route::Columnstore, query);
    assert_eq!(by_segments, ask(engine, scope, Route::Sql, query), "{query}");
}

fn run(setting: Setting, table: &[Row], steps: &[Step]) {
    let mut engine = open_with(&dataset_over(setting), table);
    let dataset = engine.dataset("t").expect("is there").clone();
    let mut last_query =
        json!({"dataset": "t", "groupBy": ["s"], "measures": {"n": {"sum": "n"}, "all": "count"}});
    for step in steps {
        match step {
            Step::Append(rows, by) => {
                let mut rows = rows.clone();
                for row in &mut rows {
                    if let Value::Int(key) = &mut row[0] {
                        *key += by;
                    }
                }
                let replaced = OnConflict::Replace;
                engine.append("t", &batch(&COLUMNS, &rows), replaced).expect("appends");
            }
            Step::Seal(first, last) => seal(&mut engine, &dataset, *first, *last),
            Step::Ask(query) => last_query = query.clone(),
            Step::Write(sql, Place::Outside) => write(&mut engine, sql),
            Step::Write(sql, place) => {
                engine.begin().expect("begins");
                engine.set_call(Call { scope: Scope::Inside, ..Call::default() });
                write(&mut engine, sql);
                compare(&mut engine, Scope::Inside, &last_query);
                compare(&mut engine, Scope::Outside, &last_query);
                if *place == Place::Committed {
                    engine.set_call(Call { scope: Scope::Inside, ..Call::default() });
                    engine.commit("").expect("commits");
                } else {
                    engine.rollback();
                }
                engine.set_call(Call::default());
            }
        }
        compare(&mut engine, Scope::Outside, &last_query);
    }
}

fn write(engine: &mut Engine<SqlitePort>, sql: &str) {
    match engine.execute(sql, Params::Positional(&[])) {
        Ok(_) | Err(Error::ConstraintViolation { .. }) => {}
        Err(error) => panic!("{sql}: {error}"),
    }
}

fn programs(time: &'static str) -> impl Strategy<Value = (Setting, Vec<Row>, Vec<Step>)> {
    setting(time).prop_flat_map(|s| (Just(s), table(s), prop::collection::vec(step(s), 4..24)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_routes_agree_over_dates((setting, table, steps) in programs("date")) {
        run(setting, &table, &steps);
    }

    #[test]
    fn both_routes_agree_over_timestamps((setting, table, steps) in programs("timestamp")) {
        run(setting, &table, &steps);
    }

    #[test]
    fn both_routes_agree_over_time_text((setting, table, steps) in programs("timestampText")) {
        run(setting, &table, &steps);
    }
}

#[test]
fn both_routes_agree_while_the_job_makes_segments() {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() as u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let port = SqlitePort::open_memory("test").expect("opens");
    let mut engine = Engine::open(port, &[routes_suite::dataset()]).expect("opens");
    let rounds = u32::try_from(times(150)).expect("a number of rounds");
    routes_suite::run(&mut engine, rounds, &mut |end| random.below(end) as i64);
}
