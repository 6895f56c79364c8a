//! The datasets that come with the package, as data: the same JSON is read by Rust and by TypeScript.

use crate::model::dataset::Dataset;
use crate::model::json;
use crate::model::node::{Fields, blame_config};

const PRODUCTION_RECORDS: &str = include_str!("production_records.json");
const CHANGE_EVENTS: &str = include_str!("change_events.json");

/// Production records by date, item, lot, line and shift.
#[must_use]
pub fn production_records() -> Dataset {
    read(PRODUCTION_RECORDS)
}

/// Machine change events at 33 Hz.
#[must_use]
pub fn change_events() -> Dataset {
    read(CHANGE_EVENTS)
}

fn read(json: &str) -> Dataset {
    let preset = json::read(json.as_bytes()).expect("presets are checked by a test");
    let mut fields = Fields::of(&preset, "", blame_config).expect("presets are checked by a test");
    fields
        .need("dataset")
        .and_then(|node| Dataset::from_node(node, "preset"))
        .expect("presets are checked by a test")
}

#[cfg(test)]
mod tests {
    #[test]
    fn presets_are_valid_datasets() {
        assert_eq!(super::production_records().name, "production_records");
        assert_eq!(super::change_events().name, "events");
    }
}
