//! Builds a batch row by row; each column finds its narrowest encoding by itself.

use super::{
    ColumnHeader, ENCODINGS, Encoding, MAGIC, Part, TAG_BLOB, TAG_INT, TAG_NULL, TAG_REAL,
    TAG_TEXT, UNITS, Units,
};
use crate::model::json;
use crate::model::node::Node;
use crate::model::numbering::ByteNumbers;
use crate::model::value::{Value, ValueRef};

/// Largest integer that a double holds exactly, with all smaller ones.
const SAFE_MAX: i64 = (1 << 53) - 1;
/// Below this many rows a dictionary does not pay.
const DICTIONARY_ROWS_MIN: usize = 64;

/// Collects rows and encodes them.
#[derive(Debug)]
pub struct BatchBuilder {
    rows: usize,
    bytes: usize,
    columns: Vec<ColumnBuilder>,
}

#[derive(Debug)]
struct ColumnBuilder {
    name: String,
    kind: Option<&'static str>,
    nulls: Vec<u8>,
    null_count: usize,
    data: Data,
}

#[derive(Debug)]
enum Data {
    /// Only nulls so far.
    Nulls,
    Ints(Vec<i64>),
    Reals(Vec<f64>),
    Text {
        ends: Vec<u32>,
        bytes: Vec<u8>,
    },
    Blobs {
        ends: Vec<u32>,
        bytes: Vec<u8>,
    },
    Mixed(Vec<Value>),
}

impl BatchBuilder {
    /// Starts a batch; a column without a declared type is described by what it turns out to hold.
    pub fn new(columns: impl IntoIterator<Item = (String, Option<&'static str>)>) -> Self {
        let columns = columns
            .into_iter()
            .map(|(name, kind)| ColumnBuilder {
                name,
                kind,
                nulls: Vec::new(),
                null_count: 0,
                data: Data::Nulls,
            })
            .collect();
        Self { rows: 0, bytes: 0, columns }
    }

    /// Adds a row; `value` is asked for each column in order.
    pub fn push<'v>(&mut self, mut value: impl FnMut(usize) -> ValueRef<'v>) {
        for (i, column) in self.columns.iter_mut().enumerate() {
            self.bytes += column.push(self.rows, value(i));
        }
        self.rows += 1;
    }

    /// Rows so far.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes the batch has, before dictionaries make it smaller.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The encoded batch.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let rows = self.rows;
        let mut data = Parts(Vec::with_capacity(self.bytes + 64));
        let columns = self.columns.into_iter().map(|c| c.encode(rows, &mut data)).collect();
        let header = json::write(&header(rows, columns));
        let mut out = Vec::with_capacity(16 + header.len() + data.0.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(header.as_bytes());
        out.resize(out.len().next_multiple_of(8), 0);
        out.extend_from_slice(&data.0);
        out
    }
}

fn header(rows: usize, columns: Vec<ColumnHeader>) -> Node {
    let whole = |n: u32| Node::Int(i64::from(n));
    let part = |Part(offset, length): Part| Node::List(vec![whole(offset), whole(length)]);
    let column = |column: ColumnHeader| {
        Node::object([
            ("name", Node::Text(column.name)),
            ("type", Node::Text(column.kind)),
            ("encoding", word_of(&ENCODINGS, column.encoding)),
            ("nulls", column.nulls.map_or(Node::Undefined, part)),
            ("parts", Node::List(column.parts.into_iter().map(part).collect())),
            ("units", column.units.map_or(Node::Undefined, |units| word_of(&UNITS, units))),
        ])
    };
    Node::object([
        ("rows", whole(u32::try_from(rows).unwrap_or(u32::MAX))),
        ("columns", Node::List(columns.into_iter().map(column).collect())),
    ])
}

fn word_of<T: PartialEq>(words: &[(&str, T)], wanted: T) -> Node {
    words.iter().find(|(_, known)| *known == wanted).map(|(word, _)| *word).into()
}

/// The data section under construction.
struct Parts(Vec<u8>);

impl Parts {
    fn add<const N: usize>(&mut self, items: impl Iterator<Item = [u8; N]>) -> Part {
        let start = self.0.len();
        items.for_each(|item| self.0.extend_from_slice(&item));
        self.close(start)
    }

    fn add_bytes(&mut self, bytes: &[u8]) -> Part {
        let start = self.0.len();
        self.0.extend_from_slice(bytes);
        self.close(start)
    }

    fn close(&mut self, start: usize) -> Part {
        let length = self.0.len() - start;
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        // Results are bounded far below 4 GiB, and so are wasm memories.
        Part(u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(length).unwrap_or(u32::MAX))
    }
}

impl ColumnBuilder {
    /// Returns the bytes that the value takes.
    fn push(&mut self, row: usize, value: ValueRef<'_>) -> usize {
        if row.is_multiple_of(8) {
            self.nulls.push(0);
        }
        if value == ValueRef::Null {
            self.nulls[row / 8] |= 1 << (row % 8);
            self.null_count += 1;
        }
        match (&mut self.data, value) {
            (Data::Nulls, ValueRef::Null) => return 0,
            (Data::Ints(all), ValueRef::Int(n)) => all.push(n),
            (Data::Ints(all), ValueRef::Null) => all.push(0),
            (Data::Reals(all), ValueRef::Real(x)) => all.push(x),
            (Data::Reals(all), ValueRef::Null) => all.push(0.0),
            (Data::Text { ends, bytes }, ValueRef::Text(text)) => {
                return push_text(ends, bytes, text);
            }
            (Data::Blobs { ends, bytes }, ValueRef::Blob(blob)) => {
                bytes.extend_from_slice(blob);
                ends.push(end_of(bytes));
                return blob.len() + 4;
            }
            (Data::Text { ends, .. } | Data::Blobs { ends, .. }, ValueRef::Null) => {
                ends.push(ends.last().copied().unwrap_or(0));
            }
            (Data::Mixed(all), value) => {
                all.push(value.to_value());
                if let ValueRef::Text(b) | ValueRef::Blob(b) = value {
                    return b.len() + 9;
                }
            }
            (_, value) => {
                // Never a null: those fit everywhere.
                self.widen(row, value);
                let null_bytes = self.nulls.len();
                let bytes = self.push(row, value);
                self.nulls.truncate(null_bytes);
                return bytes;
            }
        }
        8
    }

    /// Changes the representation so that `value` fits, keeping the `row` values before it.
    fn widen(&mut self, row: usize, value: ValueRef<'_>) {
        self.data = match (std::mem::replace(&mut self.data, Data::Nulls), value) {
            (Data::Nulls, ValueRef::Int(_)) => Data::Ints(vec![0; row]),
            (Data::Nulls, ValueRef::Real(_)) => Data::Reals(vec![0.0; row]),
            (Data::Nulls, ValueRef::Text(_)) => {
                Data::Text { ends: vec![0; row], bytes: Vec::new() }
            }
            (Data::Nulls, ValueRef::Blob(_)) => {
                Data::Blobs { ends: vec![0; row], bytes: Vec::new() }
            }
            (data, _) => {
                let null = |i: usize| self.nulls[i / 8] & (1 << (i % 8)) != 0;
                let value = |i: usize| if null(i) { Value::Null } else { data.value(i) };
                Data::Mixed((0..row).map(value).collect())
            }
        };
    }

    fn encode(self, rows: usize, data: &mut Parts) -> ColumnHeader {
        let nulls = (self.null_count > 0 && !matches!(self.data, Data::Nulls | Data::Mixed(_)))
            .then(|| data.add_bytes(&self.nulls));
        let (encoding, class, parts, units) = match self.data {
            Data::Nulls => (Encoding::Null, "null", Vec::new(), None),
            Data::Ints(all) => {
                let (encoding, part) = encode_ints(&all, data);
                (encoding, "integer", vec![part], None)
            }
            Data::Reals(all) => {
                let part = data.add(all.iter().map(|x| x.to_le_bytes()));
                (Encoding::F64, "real", vec![part], None)
            }
            Data::Text { ends, bytes } => {
                let (encoding, parts) = encode_text(&ends, &bytes, rows, data);
                (encoding, "text", parts, Some(Units::Utf16))
            }
            Data::Blobs { ends, bytes } => {
                let offsets = add_offsets(data, ends.iter().copied());
                (Encoding::Blob, "blob", vec![offsets, data.add_bytes(&bytes)], None)
            }
            Data::Mixed(values) => (Encoding::Any, "mixed", encode_mixed(&values, data), None),
        };
        ColumnHeader {
            name: self.name,
            kind: self.kind.unwrap_or(class).to_owned(),
            encoding,
            nulls,
            parts,
            units,
        }
    }
}

impl Data {
    fn value(&self, i: usize) -> Value {
        let slice = |ends: &[u32], bytes: &[u8]| {
            let start = if i == 0 { 0 } else { ends[i - 1] as usize };
            bytes[start..ends[i] as usize].to_vec()
        };
        match self {
            Self::Nulls => Value::Null,
            Self::Ints(all) => Value::Int(all[i]),
            Self::Reals(all) => Value::Real(all[i]),
            Self::Text { ends, bytes } => {
                Value::Text(String::from_utf8_lossy(&slice(ends, bytes)).into_owned())
            }
            Self::Blobs { ends, bytes } => Value::Blob(slice(ends, bytes)),
            Self::Mixed(all) => all[i].clone(),
        }
    }
}

fn end_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn push_text(ends: &mut Vec<u32>, bytes: &mut Vec<u8>, text: &[u8]) -> usize {
    // A foreign file may hold text that is not UTF-8; whoever reads it must get text all the same.
    match std::str::from_utf8(text) {
        Ok(_) => bytes.extend_from_slice(text),
        Err(_) => bytes.extend_from_slice(String::from_utf8_lossy(text).as_bytes()),
    }
    ends.push(end_of(bytes));
    text.len() + 4
}

fn encode_ints(all: &[i64], data: &mut Parts) -> (Encoding, Part) {
    let (low, high) =
        all.iter().fold((i64::MAX, i64::MIN), |(low, high), &n| (low.min(n), high.max(n)));
    if low >= i64::from(i32::MIN) && high <= i64::from(i32::MAX) {
        (Encoding::I32, data.add(all.iter().map(|&n| (n as i32).to_le_bytes())))
    } else if low >= -SAFE_MAX && high <= SAFE_MAX {
        (Encoding::Int53, data.add(all.iter().map(|&n| (n as f64).to_le_bytes())))
    } else {
        (Encoding::I64, data.add(all.iter().map(|n| n.to_le_bytes())))
    }
}

fn add_offsets(data: &mut Parts, ends: impl Iterator<Item = u32>) -> Part {
    data.add(std::iter::once(0).chain(ends).map(u32::to_le_bytes))
}

/// Ends in UTF-16 code units, which is what JavaScript slices by.
fn utf16_ends<'t>(texts: impl Iterator<Item = &'t [u8]>) -> impl Iterator<Item = u32> {
    texts.scan(0_u32, |end, text| {
        // Every code point is one unit, but two from U+10000 on (four bytes in UTF-8).
        let units =
            text.iter().map(|&b| u32::from(b & 0xC0 != 0x80) + u32::from(b >= 0xF0)).sum::<u32>();
        *end += units;
        Some(*end)
    })
}

fn encode_text(ends: &[u32], bytes: &[u8], rows: usize, data: &mut Parts) -> (Encoding, Vec<Part>) {
    let text = |i: usize| {
        let start = if i == 0 { 0 } else { ends[i - 1] as usize };
        &bytes[start..ends[i] as usize]
    };
    if let Some((codes, words)) = dictionary(rows, text) {
        let distinct = words.keys();
        let codes = data.add(codes.into_iter().map(u32::to_le_bytes));
        let offsets = add_offsets(data, utf16_ends(distinct.iter().map(|word| &**word)));
        return (Encoding::Dict, vec![codes, offsets, data.add_bytes(&distinct.concat())]);
    }
    let offsets = if bytes.is_ascii() {
        add_offsets(data, ends.iter().copied())
    } else {
        add_offsets(data, utf16_ends((0..rows).map(text)))
    };
    (Encoding::Text, vec![offsets, data.add_bytes(bytes)])
}

/// Codes and dictionary, where a quarter of the rows or fewer are different.
fn dictionary<'t>(
    rows: usize,
    text: impl Fn(usize) -> &'t [u8],
) -> Option<(Vec<u32>, ByteNumbers)> {
    if rows < DICTIONARY_ROWS_MIN {
        return None;
    }
    let mut words = ByteNumbers::default();
    let mut codes = Vec::with_capacity(rows);
    for i in 0..rows {
        codes.push(words.number(text(i)));
        if words.keys().len() > rows / 4 {
            return None;
        }
    }
    Some((codes, words))
}

fn encode_mixed(values: &[Value], data: &mut Parts) -> Vec<Part> {
    let tag = |value: &Value| match value {
        Value::Null => TAG_NULL,
        Value::Int(_) => TAG_INT,
        Value::Real(_) => TAG_REAL,
        Value::Text(_) => TAG_TEXT,
        Value::Blob(_) => TAG_BLOB,
    };
    let tags = data.add(values.iter().map(|value| [tag(value)]));
    let mut bytes = Vec::new();
    let slots = data.add(values.iter().map(|value| match value {
        Value::Null => [0; 8],
        Value::Int(n) => n.to_le_bytes(),
        Value::Real(x) => x.to_le_bytes(),
        Value::Text(_) | Value::Blob(_) => {
            let part = match value {
                Value::Text(text) => text.as_bytes(),
                Value::Blob(blob) => blob.as_slice(),
                _ => &[],
            };
            let mut slot = [0; 8];
            slot[..4].copy_from_slice(&end_of(&bytes).to_le_bytes());
            slot[4..].copy_from_slice(&end_of(part).to_le_bytes());
            bytes.extend_from_slice(part);
            slot
        }
    }));
    vec![tags, slots, data.add_bytes(&bytes)]
}
