//! The engine in a dedicated worker of a real browser: the port's conformance suite on OPFS and in
//! memory, and what only exists there.
#![cfg(target_arch = "wasm32")]

#[path = "../common/mod.rs"]
mod common;

use common::{batch, port_suite, routes_suite, rows};
use lotwise::model::config::Config;
use lotwise::model::presets;
use lotwise::model::value::Value;
use lotwise::platform::opfs::Pool;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::ingest::OnConflict;
use lotwise::storage::port::{Params, SqlPort};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

mod storage;

wasm_bindgen_test_configure!(run_in_dedicated_worker);

mod on_opfs {
    use super::*;

    macro_rules! case {
        ($name:ident) => {
            #[wasm_bindgen_test]
            async fn $name() {
                let name = concat!("case-", stringify!($name));
                let pool = Pool::open(name).await.expect("opens the pool");
                let mut port = pool.connect().expect("opens the database");
                port.configure(&Config::default()).expect("configures");
                port_suite::$name(&mut port);
                port.close().expect("closes");
                pool.release().expect("releases");
            }
        };
    }
    for_each_port_case!(case);
}

mod in_memory {
    use super::*;

    macro_rules! case {
        ($name:ident) => {
            #[wasm_bindgen_test]
            fn $name() {
                let mut port = SqlitePort::open_memory("test").expect("opens");
                port.configure(&Config::default()).expect("configures");
                port_suite::$name(&mut port);
            }
        };
    }
    for_each_port_case!(case);
}

#[wasm_bindgen_test]
async fn settings_are_read_back() {
    let pool = Pool::open("settings").await.expect("opens the pool");
    let mut port = pool.connect().expect("opens the database");
    port.configure(&Config::default()).expect("configures");
    let settings = port.settings().expect("reads");
    assert_eq!(settings.journal_mode, "wal");
    assert_eq!(settings.synchronous, "full");
    assert_eq!(settings.page_bytes, 8192);
    assert_eq!(settings.page_cache_bytes, 64 * 1024 * 1024);
    port.close().expect("closes");
    pool.release().expect("releases");
}

#[wasm_bindgen_test]
async fn data_is_there_after_closing() {
    let row = |i: i64| {
        vec!["2025-01-01".into(), "I".into(), "L".into(), "1".into(), Value::Int(1), Value::Int(i)]
    };
    let names = ["production_date", "item_code", "lot_number", "line", "shift", "good_quantity"];
    for round in 1..4_i64 {
        let pool = Pool::open("kept").await.expect("opens the pool");
        let datasets = [presets::production_records()];
        let mut engine = Engine::open(pool.connect().expect("connects"), &datasets).expect("opens");
        let bytes = batch(&names, &(0..1000).map(row).collect::<Vec<_>>());
        engine.append("production_records", &bytes, OnConflict::Error).expect("appends");
        let sql = "SELECT count(*), sum(good_quantity) FROM production_records";
        let answer = engine.query(sql, Params::Positional(&[])).expect("reads");
        assert_eq!(rows(&answer), [[Value::Int(round * 1000), Value::Int(round * 499_500)]]);
        assert_eq!(engine.data_version(), round);
        engine.into_port().close().expect("closes");
        pool.release().expect("releases");
    }
}

#[wasm_bindgen_test]
fn compile_options_are_those_written_down() {
    let mut port = SqlitePort::open_memory("test").expect("opens");
    let found: Vec<String> =
        lotwise::storage::port::collect(&mut port, "PRAGMA compile_options", &[])
            .expect("reads")
            .into_iter()
            .filter_map(
                |mut row| if let Some(Value::Text(text)) = row.pop() { Some(text) } else { None },
            )
            .collect();
    let mut seen = 0;
    for line in include_str!("../../docs/sqlite-options.md").lines() {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`')).skip(1);
        if let (Some(option), Some(state @ ("on" | "off"))) = (cells.next(), cells.next())
            && option.starts_with(char::is_uppercase)
            // Settings of a connection stand there too.
            && !option.starts_with("SQLITE_")
        {
            seen += 1;
            let is_there = found.iter().any(|f| f == option);
            assert_eq!(is_there, state == "on", "{option} in {found:?}");
        }
    }
    assert!(seen > 15, "the table was read");
}

#[wasm_bindgen_test]
async fn both_ways_of_an_aggregate_agree() {
    let pool = Pool::open("routes").await.expect("opens the pool");
    let port = pool.connect().expect("opens the database");
    let mut engine = Engine::open(port, &[routes_suite::dataset()]).expect("opens");
    let mut state = js_sys::Math::random().to_bits();
    let seed = state;
    let mut below = |end: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % end) as i64
    };
    web_sys::console::log_1(&format!("seed {seed}").into());
    routes_suite::run(&mut engine, 60, &mut below);
    engine.into_port().close().expect("closes");
    pool.release().expect("releases");
}
