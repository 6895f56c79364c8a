//! The datasets that come with the package, as data: the same JSON is read by Rust and by TypeScript.

use crate::model::dataset::Dataset;
use crate::model::node::Node;

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
    let json: serde_json::Value =
        serde_json::from_slice(json.as_bytes()).expect("presets are checked by a test");
    Dataset::from_node(&Node::from_json(&json["dataset"]), "preset")
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
