//! Files that nobody described: what is proposed for them is sound, and takes them.

use super::file::{import, inspect};
use super::import_text::tokens;
use super::input::Input;
use super::refusal;
use super::tables::{decoded, read};
use lotwise::model::dataset::Dataset;
use lotwise::model::node::Node;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;

/// What a file may be refused with.
const CODES: &[&str] = &["INPUT_INVALID", "NOT_FOUND", "LIMIT_EXCEEDED"];

/// Looks at the bytes, defines what is proposed, and imports them into it.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let word = |text: &str| Node::Text(text.to_owned());
    let mut options = Vec::new();
    if let Some(format) = ["csv", "json", "ndjson", "sqlite"].get(input.below(8)) {
        options.push(("format".to_owned(), word(format)));
    }
    let file = if input.one_in(2) { tokens(input.rest()) } else { input.rest().to_vec() };
    let with_dataset = |name: &str| {
        let mut all = options.clone();
        all.push(("dataset".to_owned(), word(name)));
        Node::Map(all)
    };
    let port = SqlitePort::open_memory("fuzz").expect("opens");
    let mut engine = Engine::open(port, &[]).expect("opens");
    let half = inspect(&mut engine, &with_dataset("file"), &file[..file.len() / 2], false);
    if let Err(error) = half {
        refusal::check(&error, CODES);
    }
    let found = match inspect(&mut engine, &with_dataset("file"), &file, true) {
        Ok(found) => found.expect("all of it is there"),
        Err(error) => return refusal::check(&error, CODES),
    };
    let dataset = Dataset::from_json(&found.dataset).expect("a sound dataset");
    engine.define(&dataset).expect("a dataset that can be made");
    let sample = decoded(&found.sample);
    let mut options = with_dataset(&dataset.name);
    if let (Some(tables), Node::Map(entries)) = (&found.tables, &mut options) {
        // Which table was looked at, where none is called like the dataset.
        let [table] = tables.as_slice() else { return };
        entries.push(("table".to_owned(), word(table)));
    }
    match import(&mut engine, &options, &[&file]) {
        Ok(report) => {
            let columns: Vec<String> =
                dataset.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
            let sql =
                format!("SELECT {} FROM \"{}\" ORDER BY rowid", columns.join(", "), dataset.name);
            let rows = read(&mut engine, &sql);
            assert_eq!((rows.len() as u64, report.skipped), (report.rows, 0));
            assert!(rows.starts_with(&sample), "shown were {sample:?}, there are {rows:?}");
        }
        // Rows that do not belong together only show when they are imported.
        Err(error) => refusal::check(&error, CODES),
    }
}
