//! Random datasets, and files for them in which most rows are good.

use crate::random::Random;
use serde_json::{Map, Value as Json, json};

pub struct Case {
    pub definition: Json,
    pub options: Json,
    pub files: Vec<Vec<u8>>,
    pub chunk: usize,
}

const KINDS: [&str; 8] =
    ["integer", "real", "text", "date", "timestamp", "timestampText", "blob", "json"];

struct Column {
    name: String,
    kind: &'static str,
    primary_key: bool,
}

/// How good a file is.
struct Quality {
    /// One row in so many is bad; 0 for none.
    bad: u64,
    /// One key in so many stands twice.
    twice: u64,
    /// One row in so many has a rowid out of order.
    unordered: u64,
}

impl Case {
    pub fn new(random: &mut Random) -> Self {
        let mut columns = Vec::new();
        let key = random.below(4);
        let width = 1 + random.below(5);
        for at in 0..width {
            let kind = random.of(&KINDS);
            columns.push(Column { name: format!("c{at}"), kind, primary_key: false });
        }
        if key < 3 {
            let kind = random.of(&["integer", "integer", "integer", "text", "timestamp", "real"]);
            let at = random.below(width + 1) as usize;
            columns.insert(at, Column { name: "k".to_owned(), kind, primary_key: true });
        }
        let definition = definition(random, &columns);
        let quality = Quality {
            bad: random.of(&[0, 0, 0, 4, 50]),
            twice: random.of(&[0, 0, 5, 100]),
            unordered: random.of(&[0, 0, 0, 7, 100]),
        };
        let format = random.of(&["csv", "csv", "ndjson"]);
        let mut options = json!({"dataset": "t", "format": format});
        if random.one_in(3) {
            options["onError"] = json!("skip");
        }
        let files = (0..1 + random.below(2))
            .map(|_| {
                let rows = random.of(&[0, 1, 3, 40, 400]);
                let rows = random.below(rows + 1);
                if format == "csv" {
                    csv(random, &columns, rows, &quality)
                } else {
                    ndjson(random, &columns, rows, &quality)
                }
            })
            .collect();
        Self { definition, options, files, chunk: random.of(&[100, 3000, 1 << 20]) }
    }
}

fn definition(random: &mut Random, columns: &[Column]) -> Json {
    let mut fields = Map::new();
    for column in columns {
        let mut field = json!({"type": column.kind});
        if column.primary_key {
            field["primaryKey"] = json!(true);
        } else if random.one_in(3) {
            field["required"] = json!(true);
        }
        if column.kind == "text" && random.one_in(2) {
            field["collate"] = json!("nocase");
        }
        let default = match column.kind {
            "integer" => json!(5),
            "real" => random.of(&[0, 1]).into(),
            "text" => json!("none"),
            "date" => json!("2024-02-29"),
            "timestampText" => json!("2024-02-29T00:00:00.000Z"),
            "json" => json!("{}"),
            _ => Json::Null,
        };
        if random.one_in(3) && !default.is_null() && !column.primary_key {
            field["default"] = default;
        }
        fields.insert(column.name.clone(), field);
    }
    let mut indexes = Vec::new();
    for at in 0..random.below(4) {
        let mut named: Vec<Json> = Vec::new();
        for _ in 0..1 + random.below(2) {
            let column = &columns[random.below(columns.len() as u64) as usize];
            let part = json!({"column": column.name, "desc": random.one_in(3)});
            if named.iter().all(|other| other["column"] != part["column"]) {
                named.push(part);
            }
        }
        indexes
            .push(json!({"name": format!("i{at}"), "columns": named, "unique": random.one_in(3)}));
    }
    json!({"name": "t", "columns": fields, "indexes": indexes})
}

/// The field of a row as text; none for nothing.
fn field(random: &mut Random, column: &Column, row: u64, quality: &Quality) -> Option<String> {
    let bad = quality.bad > 0 && random.one_in(quality.bad * 4);
    let twice = quality.twice > 0 && random.one_in(quality.twice);
    // Mostly different, so that unique keys mostly are.
    let n = if twice { random.below(row + 1) } else { row };
    if column.primary_key && (column.kind == "integer" || column.kind == "timestamp") {
        let unordered = quality.unordered > 0 && random.one_in(quality.unordered);
        return match (unordered, random.below(40)) {
            (true, _) => Some((random.below(row * 3 + 20) as i64 - 10).to_string()),
            (_, 0) => None,
            _ => Some((n * 7 + random.below(3)).to_string()),
        };
    }
    if random.one_in(15) {
        return None;
    }
    Some(match column.kind {
        _ if bad => {
            random.of(&["oops", "1.5.2", "2024-02-30", "9999999999999999999", "{"]).to_owned()
        }
        "integer" => format!("{}", n as i64 - 20),
        "real" => random.of(&["0", "-0", "1e3", "7.25"]).to_owned() + &format!("{n}"),
        "date" => format!("{:04}-{:02}-{:02}", 2000 + n % 40, 1 + n % 12, 1 + n % 28),
        "timestamp" => format!("{}", n * 1_000_003),
        "timestampText" => {
            format!("2024-01-{:02}T{:02}:30:{:02}.{:03}Z", 1 + n % 28, n % 24, n % 60, n)
        }
        "blob" => format!("\\x{n:04x}"),
        "json" => random
            .of(&["null", "[1, 2.50, \"a\\u00e4\"]", "{\"a\": {}}", "\"\"", "1e400"])
            .to_owned(),
        _ => {
            let longest = if random.one_in(30) { 9000 } else { 10 };
            let tail = "y".repeat(random.below(longest) as usize);
            format!("{}{n}{tail}", random.of(&["A", "a", "Ä", " x", "\u{1f600}"]))
        }
    })
}

fn csv(random: &mut Random, columns: &[Column], rows: u64, quality: &Quality) -> Vec<u8> {
    let given: Vec<&Column> = columns.iter().filter(|_| !random.one_in(12)).collect();
    let names: Vec<&str> = given.iter().map(|column| column.name.as_str()).collect();
    let mut text = names.join(",") + "\n";
    for row in 0..rows {
        let fields: Vec<String> = given
            .iter()
            .map(|column| field(random, column, row, quality).unwrap_or_default())
            .map(|field| format!("\"{}\"", field.replace('"', "\"\"")))
            .collect();
        let line = match random.below(200) {
            0 => "\n\n".to_owned() + &fields.join(","),
            1 if quality.bad > 0 => fields.join(",") + ",more",
            _ => fields.join(","),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text.into_bytes()
}

fn ndjson(random: &mut Random, columns: &[Column], rows: u64, quality: &Quality) -> Vec<u8> {
    let mut text = String::new();
    for row in 0..rows {
        let mut members = Map::new();
        for column in columns {
            let Some(field) = field(random, column, row, quality) else {
                if random.one_in(2) {
                    members.insert(column.name.clone(), Json::Null);
                }
                continue;
            };
            let number = ["integer", "real", "timestamp"].contains(&column.kind);
            let value = match field.parse::<f64>() {
                Ok(_) if number => serde_json::from_str(&field).unwrap_or(json!(field)),
                _ => json!(field),
            };
            members.insert(column.name.clone(), value);
        }
        text.push_str(&Json::Object(members).to_string());
        text.push('\n');
    }
    text.into_bytes()
}
