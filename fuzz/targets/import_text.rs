//! Files of text: CSV, JSON, NDJSON with any options. However a file is cut into pieces, the same rows come in;
//! what is there afterwards is of the declared types; and a refused file leaves nothing.

use super::file::import;
use super::input::Input;
use super::tables::{self, COLUMNS};
use super::{refusal, with_engine};
use lotwise::error::Error;
use lotwise::model::calendar::{format_date, format_timestamp, parse_date, parse_instant};
use lotwise::model::node::Node;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Engine, ImportReport};
use lotwise::storage::port::Params;

/// What files of text are made of.
const TOKENS: [&str; 40] = [
    "id",
    "at",
    "n",
    "x",
    "s",
    "the lot",
    "day",
    "raw",
    "extra",
    "select",
    ",",
    ";",
    "\t",
    "|",
    "\"",
    "\"\"",
    "\n",
    "\r\n",
    "\r",
    "{",
    "}",
    "[",
    "]",
    ":",
    "\"id\":",
    "\"n\":1",
    "null",
    "true",
    "1",
    "-2.5",
    "1,5",
    "2025-06-10",
    "10/06/2025",
    "2025-06-10T14:00:00Z",
    "L1",
    "é",
    "\\u00e9",
    "{\"a\":[1]}",
    "\u{FEFF}",
    " ",
];

/// Imports the same bytes in one piece and in several.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let options = options(&mut input);
    let sizes = [1 + input.below(8), 1 + input.below(200), 1 + 256 * input.below(256)];
    let flags = input.below(4);
    let (made_of_tokens, into_empty) = (flags & 1 == 1, flags & 2 == 2);
    let file = if made_of_tokens { tokens(input.rest()) } else { input.rest().to_vec() };
    let whole = with_engine(|engine| imported(engine, into_empty, &options, &[&file]));
    let pieces = pieces(&file, sizes);
    let cut = with_engine(|engine| imported(engine, into_empty, &options, &pieces));
    assert_eq!(whole, cut, "cut into {sizes:?} bytes");
}

type Imported = Result<(ImportReport, Vec<Vec<Value>>), Error>;

/// Imports into one of the tables, which goes another way where it is empty, and checks what has to hold
/// whatever came.
pub fn imported(
    engine: &mut Engine<SqlitePort>,
    into_empty: bool,
    options: &Node,
    pieces: &[&[u8]],
) -> Imported {
    let is_daily = matches!(super::query::member(options, "dataset"), Some(Node::Text(name)) if name == "per day");
    let table = if is_daily {
        "SELECT * FROM \"per day\" ORDER BY lotwise_rowid"
    } else {
        "SELECT * FROM t ORDER BY id"
    };
    if into_empty {
        let sql = "DELETE FROM t; DELETE FROM \"per day\"";
        engine.execute(sql, Params::Positional(&[])).expect("empties");
    }
    let before = tables::read(engine, table);
    let result = import(engine, options, pieces);
    let after = tables::read(engine, table);
    assert_eq!(tables::read(engine, "PRAGMA integrity_check"), [[Value::from("ok")]]);
    match result {
        Ok(report) => {
            let replaces = matches!(super::query::member(options, "onConflict"), Some(Node::Text(word)) if word == "replace");
            let grown = (after.len() - before.len().min(after.len())) as u64;
            assert!(
                replaces && grown <= report.rows || grown == report.rows,
                "{grown} rows came, {report:?}"
            );
            assert!(report.errors.len() as u64 <= report.skipped, "{report:?}");
            if !is_daily {
                after.iter().for_each(|row| check_row(row));
            }
            Ok((report, after))
        }
        Err(error) => {
            refusal::check(&error, &["INPUT_INVALID", "NOT_FOUND", "LIMIT_EXCEEDED"]);
            assert_eq!(after, before, "a refused import left a trace: {error}");
            Err(error)
        }
    }
}

/// What the column types promise.
fn check_row(row: &[Value]) {
    for (name, value) in COLUMNS.iter().zip(row) {
        let sound = match (*name, value) {
            (_, Value::Null) => *name != "id",
            ("id" | "n" | "at", value) => matches!(value, Value::Int(_)),
            ("x", Value::Real(x)) => !x.is_nan(),
            ("day", Value::Text(text)) => {
                parse_date(text.as_bytes()).is_some_and(|days| format_date(days) == *text)
            }
            ("select", Value::Text(text)) => {
                parse_instant(text).is_some_and(|at| format_timestamp(at) == *text)
            }
            ("extra", Value::Text(text)) => {
                serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
            }
            ("s" | "the lot", value) => matches!(value, Value::Text(_)),
            ("raw", value) => matches!(value, Value::Blob(_)),
            _ => false,
        };
        assert!(sound, "{name} holds {value:?}");
    }
}

/// Options, mostly sound ones.
fn options(input: &mut Input<'_>) -> Node {
    let word = |text: &str| Node::Text(text.to_owned());
    let dataset = if input.one_in(6) { "per day" } else { "t" };
    let mut members = vec![("dataset", word(dataset))];
    let mut one_of = |name: &'static str, words: &[&str]| {
        let at = input.below(words.len() * 2);
        members.extend(words.get(at).map(|text| (name, word(text))));
    };
    one_of("format", &["csv", "csv", "json", "ndjson"]);
    one_of("onError", &["skip", "skip", "abort"]);
    one_of("onConflict", &["ignore", "replace", "error"]);
    one_of("delimiter", &[",", ";", "\t", "x", "\n"]);
    one_of("decimal", &[",", "."]);
    one_of("dateFormat", &["DD/MM/YYYY", "YYYY-MM-DD", "MMDDYYYY", "YYYY"]);
    match input.below(6) {
        0 => members.push(("header", Node::Bool(false))),
        1 => members.push(("header", Node::Bool(true))),
        2 => {
            members.push((
                "columns",
                Node::Map(input.list(2, |input| {
                    (input.text(), Node::Text((*input.pick(&COLUMNS)).to_owned()))
                })),
            ))
        }
        3 if input.one_in(8) => members.push(("colour", input.node(1))),
        _ => {}
    }
    Node::Map(members.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
}

/// Text of the tokens whose numbers the bytes are.
pub fn tokens(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| TOKENS[usize::from(*byte) % TOKENS.len()].bytes()).collect()
}

fn pieces(file: &[u8], sizes: [usize; 3]) -> Vec<&[u8]> {
    let mut rest = file;
    let mut pieces = Vec::new();
    for size in sizes.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
