//! Files that nobody described. What is proposed for one can be defined, and takes it: whatever row is refused
//! then is refused as a whole, never for a value that is not of the type proposed.

use super::file::{import, inspect};
use super::input::Input;
use super::refusal;
use lotwise::model::dataset::Dataset;
use lotwise::model::node::Node;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Engine, Inspection};

/// What files that people keep are made of.
const TOKENS: [&str; 40] = [
    ",",
    ",",
    ";",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "\"",
    "\"\"",
    "lot",
    "Lot No.",
    "LOT-NO",
    "品名",
    "ﾛｯﾄ",
    "id",
    "rowid",
    "a b",
    "1",
    "-2",
    "007",
    "1,5",
    "1.5",
    "1,234",
    "1.234,5",
    "1e3",
    "12-",
    "2025-06-10",
    "10/06/2025",
    "13/06/2025",
    "10.06.25",
    "20250610",
    "2025年6月10日",
    "2025-06-10 9:30",
    "1750000000000",
    "{\"a\":",
    "[",
    "}",
    "]",
    "true",
    " ",
];
/// Forms that a file of rows begins with more often than chance has it.
const BEGINNINGS: [&str; 6] =
    ["", "a,b\n", "[{\"a\":1},", "{\"a\":\"x\"}\n", "{\"a\":[1,2],\"b\":", "time;n\n"];

/// What columns hold: values of one kind, and now and then another.
const KINDS: [&[&str]; 9] = [
    &["1", "20", "-3", "4000"],
    &["1.5", "2.25", "1.234", "7", "1,234.5"],
    &["1,5", "2,25", "1,234", "7", "1.234,5"],
    &["1,234", "12,345,678", "5"],
    &["2025-06-10", "2025-06-11", "2025/6/1"],
    &["10/06/2025", "13/06/2025", "05/05/2025", "10.06.2025"],
    &["2025-06-10 9:30", "2025-06-10T09:30:00Z", "20250610093000", "2025-06-10"],
    &["007", "L1", "品名", "two\nlines"],
    &["20250610", "20251231", "20251350"],
];

/// Rows and columns as a spreadsheet or a program writes them.
fn table(input: &mut Input<'_>) -> String {
    let width = 1 + input.below(4);
    let names: Vec<&str> = (0..width).map(|_| TOKENS[9 + input.below(9)]).collect();
    let kinds: Vec<&[&str]> = (0..width).map(|_| *input.pick(&KINDS)).collect();
    let form = input.below(8);
    let delimiter = *input.pick(&[",", ";", "\t"]);
    let mut rows = vec![names.clone()];
    for _ in 0..input.below(12) {
        let row = kinds.iter().map(|kind| match input.below(24) {
            0 => "",
            1 => *input.pick(&TOKENS[17..32]),
            _ => *input.pick(kind),
        });
        rows.push(row.collect());
    }
    if form == 0 {
        // Without a header.
        rows.remove(0);
    }
    let quoted = |text: &&str| format!("\"{}\"", text.replace('"', "\"\""));
    if form > 1 {
        let line = |row: &Vec<&str>| row.iter().map(quoted).collect::<Vec<_>>().join(delimiter);
        return rows.iter().map(line).collect::<Vec<_>>().join("\n");
    }
    let member = |(name, value): (&&str, &&str)| match value.parse::<f64>() {
        Ok(number) => format!("{name:?}:{number}"),
        Err(_) => format!("{name:?}:{value:?}"),
    };
    let object = |row: &Vec<&str>| {
        let members: Vec<String> = names.iter().zip(row).map(member).collect();
        format!("{{{}}}\n", members.join(","))
    };
    rows.iter().map(object).collect()
}

/// Looks at the bytes, defines what is proposed and imports them.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let file = if input.one_in(4) {
        input.rest().to_vec()
    } else if input.one_in(2) {
        table(&mut input).into_bytes()
    } else {
        let mut file = input.pick(&BEGINNINGS).as_bytes().to_vec();
        let tokens = input.rest().iter().map(|byte| TOKENS[usize::from(*byte) % TOKENS.len()]);
        tokens.for_each(|token| file.extend_from_slice(token.as_bytes()));
        file
    };
    let port = SqlitePort::open_memory("fuzz").expect("opens");
    let mut engine = Engine::open(port, &[]).expect("opens");
    let options = Node::Map(vec![("dataset".to_owned(), Node::Text("file".to_owned()))]);
    match inspect(&mut engine, &options, &file, true) {
        Ok(found) => take(&mut engine, &file, &found.expect("all of it was there")),
        Err(error) => refusal::check(&error, &["INPUT_INVALID", "NOT_FOUND", "LIMIT_EXCEEDED"]),
    }
    // A beginning is enough, or not, and nothing worse.
    if let Err(error) = inspect(&mut engine, &options, &file[..file.len() / 2], false) {
        refusal::check(&error, &["INPUT_INVALID", "NOT_FOUND", "LIMIT_EXCEEDED"]);
    }
}

fn take(engine: &mut Engine<SqlitePort>, bytes: &[u8], found: &Inspection) {
    let dataset = Dataset::from_json(&found.dataset).expect("a sound definition");
    engine.define(&dataset).expect("can be defined");
    let word = |text: &str| Node::Text(text.to_owned());
    let mut options =
        vec![("dataset".to_owned(), word(&dataset.name)), ("onError".to_owned(), word("skip"))];
    if found.tables.is_some() {
        // Its name became one of a dataset.
        return;
    }
    options.extend(found.detected.header.map(|header| ("header".to_owned(), Node::Bool(header))));
    match import(engine, &Node::Map(options), &[bytes]) {
        Ok(report) => {
            assert_eq!(
                report.detected,
                found.detected,
                "{} {}",
                found.dataset,
                String::from_utf8_lossy(bytes)
            );
            assert_eq!(report.ignored, Vec::<String>::new());
            for error in &report.errors {
                let is_value = error.column.is_some() && !error.reason.contains("no utf-8");
                assert!(!is_value, "{error} in {}", found.dataset);
            }
        }
        Err(error) => panic!("{error}: {}", found.dataset),
    }
}
