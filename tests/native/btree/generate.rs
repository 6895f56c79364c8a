//! Random tables with indexes, rows of every size, and changes to make to them afterwards.

use crate::random::Random;
use lotwise::btree::key::KeyKind;
use lotwise::model::value::{Value, ValueRef};

/// Of the rows of a case, roughly.
const BYTES_MAX: usize = 1_000_000;

#[derive(Debug)]
pub struct Table {
    kinds: Vec<KeyKind>,
    /// Where the INTEGER PRIMARY KEY stands, before that column, if the table names it.
    key_at: Option<usize>,
    pub indexes: Vec<Index>,
}

#[derive(Debug)]
pub struct Index {
    /// None is the rowid.
    pub columns: Vec<(Option<usize>, bool)>,
}

pub struct Case {
    pub page_bytes: usize,
    pub table: Table,
    pub rows: Vec<(i64, Vec<Value>)>,
    pub changes: Vec<String>,
}

impl Index {
    pub fn names(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(at, _)| column_name(*at)).collect();
        names.join(", ")
    }

    pub fn ordered(&self) -> String {
        let name = |(at, desc): &(Option<usize>, bool)| {
            format!("{}{}", column_name(*at), if *desc { " DESC" } else { "" })
        };
        self.columns.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

fn column_name(at: Option<usize>) -> String {
    at.map_or("id".to_owned(), |at| format!("c{at}"))
}

impl Table {
    fn new(random: &mut Random) -> Self {
        let all = [KeyKind::Int, KeyKind::Real, KeyKind::Text, KeyKind::TextNoCase, KeyKind::Blob];
        let width = if random.one_in(20) { 90 } else { 1 + random.below(6) };
        let kinds: Vec<_> = (0..width).map(|_| random.of(&all)).collect();
        let key_at = (!random.one_in(3)).then(|| random.below(width + 1) as usize);
        let mut indexes = Vec::new();
        for _ in 0..random.below(4) {
            let mut columns: Vec<(Option<usize>, bool)> = Vec::new();
            for _ in 0..1 + random.below(3) {
                let at = if key_at.is_some() && random.one_in(8) {
                    None
                } else {
                    Some(random.below(width) as usize)
                };
                if columns.iter().all(|(other, _)| *other != at) {
                    columns.push((at, random.one_in(3)));
                }
            }
            indexes.push(Index { columns });
        }
        Self { kinds, key_at, indexes }
    }

    pub fn ddl(&self, name: &str) -> String {
        let mut columns: Vec<String> = self
            .kinds
            .iter()
            .enumerate()
            .map(|(i, kind)| {
                let kind = match kind {
                    KeyKind::Int => "INTEGER",
                    KeyKind::Real => "REAL",
                    KeyKind::Text => "TEXT",
                    KeyKind::TextNoCase => "TEXT COLLATE NOCASE",
                    KeyKind::Blob => "BLOB",
                };
                format!("c{i} {kind}")
            })
            .collect();
        if let Some(at) = self.key_at {
            columns.insert(at, "id INTEGER PRIMARY KEY".to_owned());
        }
        let mut ddl = format!("CREATE TABLE {name} ({}) STRICT;", columns.join(", "));
        for (i, index) in self.indexes.iter().enumerate() {
            ddl.push_str(&format!("CREATE INDEX {name}_{i} ON {name} ({});", index.ordered()));
        }
        ddl
    }

    pub fn insert(&self, name: &str) -> String {
        let columns: Vec<_> = (0..self.kinds.len()).map(|i| format!("c{i}")).collect();
        let marks = vec!["?"; columns.len() + 1].join(", ");
        format!("INSERT INTO {name} (rowid, {}) VALUES ({marks})", columns.join(", "))
    }

    /// The values of a row as its record holds them.
    pub fn stored<'r>(&self, row: &'r [Value]) -> Vec<ValueRef<'r>> {
        let mut values: Vec<_> = row.iter().map(Value::as_ref).collect();
        if let Some(at) = self.key_at {
            values.insert(at, ValueRef::Null);
        }
        values
    }

    pub fn key_value<'r>(&self, at: Option<usize>, rowid: i64, row: &'r [Value]) -> ValueRef<'r> {
        at.map_or(ValueRef::Int(rowid), |at| row[at].as_ref())
    }

    pub fn shapes(&self) -> Vec<Vec<(KeyKind, bool)>> {
        let kind = |at: Option<usize>| at.map_or(KeyKind::Int, |at| self.kinds[at]);
        let shape =
            |index: &Index| index.columns.iter().map(|(at, desc)| (kind(*at), *desc)).collect();
        self.indexes.iter().map(shape).collect()
    }
}

impl Case {
    pub fn new(random: &mut Random, page_bytes: usize) -> Self {
        let table = Table::new(random);
        let rows_max = random.of(&[1, 2, 5, 30, 300, 3000]);
        let count = random.below(rows_max + 1);
        let large = if count > 300 { 400 } else { random.of(&[3, 10, 60]) };
        // Many equal values make long runs of ties; few make long shared beginnings.
        let alphabet = random.of(&[1, 2, 60]);
        let mut rowid = random.of(&[0, 0, 0, -1000, i64::MIN, 1 << 40, i64::MAX - 4000]);
        let step = random.of(&[1, 1, 3, 1 << 20, 1 << 49]);
        let mut rows = Vec::new();
        let mut bytes = 0;
        for _ in 0..count {
            let by = 1 + random.below(step) as i64;
            let Some(next) = rowid.checked_add(by) else { break };
            rowid = next;
            let value = |kind: &KeyKind| value(random, *kind, page_bytes, large, alphabet);
            let row: Vec<Value> = table.kinds.iter().map(value).collect();
            bytes += row.iter().map(bytes_of).sum::<usize>();
            rows.push((rowid, row));
            if bytes > BYTES_MAX {
                break;
            }
        }
        if random.one_in(10) && rowid < i64::MAX {
            let value = |kind: &KeyKind| value(random, *kind, page_bytes, large, alphabet);
            rows.push((i64::MAX, table.kinds.iter().map(value).collect()));
        }
        let changes = changes(random, &table);
        Self { page_bytes, table, rows, changes }
    }
}

fn value(
    random: &mut Random,
    kind: KeyKind,
    page_bytes: usize,
    large: u64,
    alphabet: u64,
) -> Value {
    if random.one_in(8) {
        return Value::Null;
    }
    match kind {
        KeyKind::Int => {
            let n = random.next() as i64 >> random.below(64);
            Value::Int(if random.one_in(4) {
                random.of(&[0, 1, -1, i64::MIN, i64::MAX])
            } else {
                n
            })
        }
        KeyKind::Real => {
            let whole = (random.next() as i64 >> random.below(64)) as f64;
            let corners = [0.0, -0.0, 1.0, -1.5, 1e300, f64::INFINITY, f64::NEG_INFINITY, 5e-324];
            let around = [140_737_488_355_327.0, 140_737_488_355_328.0, -140_737_488_355_328.0];
            Value::Real(match random.below(4) {
                0 => random.of(&corners),
                1 => random.of(&around) + random.below(3) as f64 - 1.0,
                2 => whole,
                _ => whole / 7.0,
            })
        }
        KeyKind::Text | KeyKind::TextNoCase => {
            let length = length(random, page_bytes, large);
            let has_nul = kind == KeyKind::Text && random.one_in(20);
            let letter = |_| match random.below(alphabet) as u8 {
                0 if has_nul => '\0',
                1 if has_nul => '\u{e4}',
                n => char::from(b'A' + n),
            };
            Value::Text((0..length).map(letter).collect())
        }
        KeyKind::Blob => {
            let length = length(random, page_bytes, large);
            let odd = random.of(&[0_u8, 1, 0xff, 0x7f]);
            let byte = |_| if random.one_in(3) { odd } else { random.below(alphabet) as u8 };
            Value::Blob((0..length).map(byte).collect())
        }
    }
}

fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => 8,
    }
}

fn length(random: &mut Random, page_bytes: usize, large: u64) -> usize {
    let page = page_bytes as u64;
    (match random.below(large) {
        0 => random.below(page * 3),
        // Around where a payload no longer fits into its page, or a key into its quarter of one.
        1 => page - 50 + random.below(40),
        2 => (page - 12) * 64 / 255 - 60 + random.below(50),
        3 => 100 + random.below(60),
        _ => random.below(20),
    }) as usize
}

fn changes(random: &mut Random, table: &Table) -> Vec<String> {
    let columns: Vec<_> = (0..table.kinds.len()).map(|i| format!("c{i}")).collect();
    let columns = columns.join(", ");
    let some = |random: &mut Random| {
        let every = 2 + random.below(7);
        format!("abs(rowid % {every}) = {}", random.below(every))
    };
    (0..random.below(8))
        .map(|_| match random.below(5) {
            0 => format!("DELETE FROM TABLE WHERE {}", some(random)),
            1 => {
                let (to, from) = (random.below(table.kinds.len() as u64), random.below(4));
                let kind = table.kinds[to as usize];
                let same = table.kinds.iter().position(|other| *other == kind).unwrap_or(0);
                let new = if from == 0 { "NULL".to_owned() } else { format!("c{same}") };
                format!("UPDATE TABLE SET c{to} = {new} WHERE {}", some(random))
            }
            2 => format!(
                "INSERT INTO TABLE ({columns}) SELECT {columns} FROM TABLE WHERE {} AND (SELECT max(rowid) FROM TABLE) < 9223372036854770000 LIMIT 500",
                some(random)
            ),
            3 => format!(
                "INSERT OR IGNORE INTO TABLE (rowid, {columns}) SELECT rowid / 2 - 7, {columns} FROM TABLE WHERE {}",
                some(random)
            ),
            _ => "UPDATE TABLE SET rowid = rowid - 1 WHERE rowid = (SELECT min(rowid) FROM TABLE) AND rowid > -9223372036854775808".to_owned(),
        })
        .collect()
}
