//! The scripts of `tests/conformance`, natively and quickly: the browsers play them too, and more.
//! `ours.test` is left to them: what it shows depends on how SQLite was compiled.

use crate::common::rows;
use crate::engine::open;
use lotwise::model::value::Value;
use lotwise::storage::port::Params;

const NONE: Params<'_> = Params::Positional(&[]);

struct Record<'s> {
    line: usize,
    sql: String,
    expect: Expect<'s>,
}

enum Expect<'s> {
    Ok,
    Error,
    Rows { types: &'s str, sorted: bool, values: Vec<&'s str> },
}

fn parse(text: &str) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, head)) = lines.next() {
        let words: Vec<&str> = head.split_whitespace().collect();
        let body: Vec<&str> = match words.first() {
            Some(&("statement" | "query")) => {
                lines.by_ref().map(|(_, line)| line).take_while(|line| !line.is_empty()).collect()
            }
            _ => continue,
        };
        let rule = body.iter().position(|line| *line == "----").unwrap_or(body.len());
        let expect = match words.as_slice() {
            ["statement", "ok"] => Expect::Ok,
            ["statement", "error"] => Expect::Error,
            ["query", types, sort] => Expect::Rows {
                types,
                sorted: *sort == "rowsort",
                values: body[rule..].iter().skip(1).copied().collect(),
            },
            _ => panic!("line {}: {head}", at + 1),
        };
        records.push(Record { line: at + 1, sql: body[..rule].join("\n"), expect });
    }
    records
}

fn shown(value: &Value) -> String {
    let plain = |bytes: &[u8]| -> String {
        let sign = |b: &u8| if (0x20..0x7f).contains(b) { char::from(*b) } else { '@' };
        if bytes.is_empty() { "(empty)".to_owned() } else { bytes.iter().map(sign).collect() }
    };
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Real(x) => format!("{x:?}"),
        Value::Text(text) => plain(text.as_bytes()),
        Value::Blob(blob) => plain(blob),
    }
}

/// Reals stand in the scripts with 15 digits.
fn agrees(kind: char, expected: &str, got: &Value) -> bool {
    match (got, expected.parse::<f64>()) {
        (Value::Real(x), Ok(_)) if kind == 'I' => shown(&Value::Int(*x as i64)) == expected,
        (Value::Real(x), Ok(y)) => (x - y).abs() <= y.abs() * 1e-14 || *x == y,
        _ => shown(got) == expected,
    }
}

fn play(name: &str, text: &str) {
    let mut engine = open(&[]);
    let mut records = 0;
    for Record { line, sql, expect } in parse(text) {
        let place = format!("{name}, line {line}: {sql}");
        records += 1;
        match expect {
            Expect::Ok => _ = engine.execute(&sql, NONE).unwrap_or_else(|e| panic!("{place}: {e}")),
            Expect::Error => assert!(engine.execute(&sql, NONE).is_err(), "{place}"),
            Expect::Rows { types, sorted, values } => {
                let answer = engine.query(&sql, NONE).unwrap_or_else(|e| panic!("{place}: {e}"));
                let mut got = rows(&answer);
                if sorted {
                    got.sort_by_key(|row| row.iter().map(shown).collect::<Vec<_>>());
                }
                let got: Vec<Value> = got.concat();
                let same = got.len() == values.len()
                    && got
                        .iter()
                        .zip(&values)
                        .zip(types.chars().cycle())
                        .all(|((got, expected), kind)| agrees(kind, expected, got));
                assert!(same, "{place}: got {got:?}, expected {values:?}");
            }
        }
    }
    assert!(records > 10, "{name} was read");
}

#[test]
fn scripts_say_what_plain_sqlite_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/scripts");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).expect("the scripts").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "ours.test" {
            play(&name, &std::fs::read_to_string(entry.path()).expect("is text"));
            played += 1;
        }
    }
    assert!(played >= 9);
}
