//! Reads a batch. The bytes are checked once, on decoding; reading a cell then cannot fail.

use super::{
    ColumnHeader, ENCODINGS, Encoding, MAGIC, Part, TAG_ABSENT, TAG_BLOB, TAG_INT, TAG_NULL,
    TAG_REAL, TAG_TEXT, UNITS, Units,
};
use crate::error::{Error, Result};
use crate::model::json;
use crate::model::node::{Fields, Node, blame_input};
use crate::model::value::ValueRef;

/// A decoded batch; cells borrow from its bytes.
#[derive(Debug)]
pub struct Batch<'a> {
    rows: usize,
    columns: Vec<Column<'a>>,
}

/// One column of a batch.
#[derive(Debug)]
pub struct Column<'a> {
    /// Its name.
    pub name: String,
    /// Declared type, or storage class.
    pub kind: String,
    nulls: Option<&'a [u8]>,
    data: Data<'a>,
}

#[derive(Debug)]
enum Data<'a> {
    Null,
    I32(&'a [u8]),
    F64(&'a [u8]),
    Int53(&'a [u8]),
    I64(&'a [u8]),
    Text(Strings<'a>),
    Blob(Strings<'a>),
    Dict { codes: &'a [u8], dictionary: Strings<'a> },
    Any { tags: &'a [u8], slots: &'a [u8], bytes: &'a [u8] },
}

/// Byte strings by offset; `offsets` has one item more than there are strings.
#[derive(Debug)]
struct Strings<'a> {
    offsets: Vec<u32>,
    bytes: &'a [u8],
}

/// A cell of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// The row does not name the column.
    Absent,
    /// A value.
    Value(ValueRef<'a>),
}

impl<'a> Batch<'a> {
    /// Reads and checks a batch.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let broken = |reason: &str| Error::input("batch", format!("is not LWB1: {reason}"));
        let (head, rest) = bytes.split_at_checked(8).ok_or_else(|| broken("too short"))?;
        if head[..4] != MAGIC {
            return Err(broken("wrong first bytes"));
        }
        let length = u32_at(head, 1) as usize;
        let header = rest.get(..length).ok_or_else(|| broken("the header is cut off"))?;
        let header = json::read(header).map_err(|flaw| broken(&flaw.to_string()))?;
        let mut header = Fields::of(&header, "batch", blame_input)?;
        let data = rest.get(length.next_multiple_of(8)..).unwrap_or(&[]);
        let rows = header.whole("rows", 0, u64::from(u32::MAX))?;
        let rows = rows.ok_or_else(|| header.error("rows", "is missing"))? as usize;
        let columns = header
            .list("columns")?
            .iter()
            .map(|column| {
                let column = ColumnHeader::read(column)?;
                Column::decode(column, rows, data).ok_or_else(|| broken("a part is out of place"))
            })
            .collect::<Result<_>>()?;
        Ok(Self { rows, columns })
    }

    /// Number of rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column<'a>] {
        &self.columns
    }
}

impl ColumnHeader {
    fn read(node: &Node) -> Result<Self> {
        let mut fields = Fields::of(node, "batch.columns[]", blame_input)?;
        Ok(Self {
            name: fields.need_text("name")?,
            kind: fields.text("type")?.unwrap_or_default(),
            encoding: fields
                .word("encoding", &ENCODINGS)?
                .ok_or_else(|| fields.error("encoding", "is missing"))?,
            nulls: fields.get("nulls").map(|node| part(&fields, "nulls", node)).transpose()?,
            parts: fields
                .list("parts")?
                .iter()
                .map(|node| part(&fields, "parts", node))
                .collect::<Result<_>>()?,
            units: fields.word("units", &UNITS)?,
        })
    }
}

fn part(fields: &Fields<'_>, name: &str, node: &Node) -> Result<Part> {
    let number = |node: &Node| if let Node::Int(n) = node { u32::try_from(*n).ok() } else { None };
    let read = || {
        let Node::List(pair) = node else { return None };
        let [offset, length] = pair.as_slice() else { return None };
        Some(Part(number(offset)?, number(length)?))
    };
    read().ok_or_else(|| fields.error(name, "expected an offset and a length"))
}

impl<'a> Column<'a> {
    fn decode(header: ColumnHeader, rows: usize, data: &'a [u8]) -> Option<Self> {
        let part = |i: usize| slice(data, *header.parts.get(i)?);
        let sized = |i: usize, size: usize| part(i).filter(|bytes| bytes.len() == rows * size);
        let nulls = match header.nulls {
            None => None,
            Some(at) => Some(slice(data, at).filter(|bytes| bytes.len() >= rows.div_ceil(8))?),
        };
        let text = Some(header.units.unwrap_or(Units::Utf8));
        let strings = |i: usize, count: Option<usize>, units: Option<Units>| {
            let strings = Strings::decode(part(i)?, part(i + 1)?, units)?;
            count.is_none_or(|count| strings.len() == count).then_some(strings)
        };
        let data = match header.encoding {
            Encoding::Null => Data::Null,
            Encoding::I32 => Data::I32(sized(0, 4)?),
            Encoding::F64 => Data::F64(sized(0, 8)?),
            Encoding::Int53 => Data::Int53(sized(0, 8)?),
            Encoding::I64 => Data::I64(sized(0, 8)?),
            Encoding::Text => Data::Text(strings(0, Some(rows), text)?),
            Encoding::Blob => Data::Blob(strings(0, Some(rows), None)?),
            Encoding::Dict => {
                let (codes, dictionary) = (sized(0, 4)?, strings(1, None, text)?);
                if (0..rows).any(|row| u32_at(codes, row) as usize >= dictionary.len()) {
                    return None;
                }
                Data::Dict { codes, dictionary }
            }
            Encoding::Any => Self::decode_any(sized(0, 1)?, sized(1, 8)?, part(2)?)?,
        };
        Some(Self { name: header.name, kind: header.kind, nulls, data })
    }

    fn decode_any(tags: &'a [u8], slots: &'a [u8], bytes: &'a [u8]) -> Option<Data<'a>> {
        for (row, &tag) in tags.iter().enumerate() {
            let sound = match tag {
                TAG_TEXT => std::str::from_utf8(slot(slots, bytes, row)?).is_ok(),
                TAG_BLOB => slot(slots, bytes, row).is_some(),
                tag => matches!(tag, TAG_NULL | TAG_INT | TAG_REAL | TAG_ABSENT),
            };
            if !sound {
                return None;
            }
        }
        Some(Data::Any { tags, slots, bytes })
    }

    /// The cell of a row below the batch's row count.
    #[must_use]
    pub fn cell(&self, row: usize) -> Cell<'_> {
        if self.nulls.is_some_and(|bits| bits[row / 8] & (1 << (row % 8)) != 0) {
            return Cell::Value(ValueRef::Null);
        }
        Cell::Value(match &self.data {
            Data::Null => ValueRef::Null,
            Data::I32(all) => ValueRef::Int(i64::from(u32_at(all, row).cast_signed())),
            Data::F64(all) => real(f64::from_bits(u64_at(all, row))),
            Data::Int53(all) => ValueRef::Int(f64::from_bits(u64_at(all, row)) as i64),
            Data::I64(all) => ValueRef::Int(u64_at(all, row).cast_signed()),
            Data::Text(all) => ValueRef::Text(all.get(row)),
            Data::Blob(all) => ValueRef::Blob(all.get(row)),
            Data::Dict { codes, dictionary } => {
                ValueRef::Text(dictionary.get(u32_at(codes, row) as usize))
            }
            Data::Any { tags, slots, bytes } => match tags[row] {
                TAG_INT => ValueRef::Int(u64_at(slots, row).cast_signed()),
                TAG_REAL => real(f64::from_bits(u64_at(slots, row))),
                TAG_TEXT => ValueRef::Text(slot(slots, bytes, row).unwrap_or(&[])),
                TAG_BLOB => ValueRef::Blob(slot(slots, bytes, row).unwrap_or(&[])),
                TAG_ABSENT => return Cell::Absent,
                _ => ValueRef::Null,
            },
        })
    }
}

impl<'a> Strings<'a> {
    /// Offsets count bytes, or UTF-16 units, which are turned into bytes here. All text is checked
    /// to be UTF-8 that is cut only between characters.
    fn decode(offsets: &[u8], bytes: &'a [u8], units: Option<Units>) -> Option<Self> {
        if offsets.len() < 4 || !offsets.len().is_multiple_of(4) {
            return None;
        }
        let mut offsets: Vec<u32> = (0..offsets.len() / 4).map(|i| u32_at(offsets, i)).collect();
        if !offsets.is_sorted() || offsets[0] != 0 {
            return None;
        }
        if let Some(units) = units {
            let text = std::str::from_utf8(bytes).ok()?;
            if units == Units::Utf16 && !bytes.is_ascii() {
                to_byte_offsets(text, &mut offsets)?;
            }
            if !offsets.iter().all(|&at| text.is_char_boundary(at as usize)) {
                return None;
            }
        }
        (*offsets.last()? as usize <= bytes.len()).then_some(Self { offsets, bytes })
    }

    const fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn get(&self, i: usize) -> &'a [u8] {
        &self.bytes[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }
}

fn to_byte_offsets(text: &str, offsets: &mut [u32]) -> Option<()> {
    let mut chars = text.char_indices();
    let mut units = 0;
    let mut at = 0;
    for offset in offsets {
        while units < *offset {
            let (start, c) = chars.next()?;
            units += u32::try_from(c.len_utf16()).ok()?;
            at = start + c.len_utf8();
        }
        if units != *offset {
            return None;
        }
        *offset = u32::try_from(at).ok()?;
    }
    Some(())
}

/// SQLite has no NaN: it is null.
const fn real<'a>(x: f64) -> ValueRef<'a> {
    if x.is_nan() { ValueRef::Null } else { ValueRef::Real(x) }
}

fn slice(data: &[u8], Part(offset, length): Part) -> Option<&[u8]> {
    let start = offset as usize;
    data.get(start..start.checked_add(length as usize)?)
}

fn slot<'a>(slots: &[u8], bytes: &'a [u8], row: usize) -> Option<&'a [u8]> {
    slice(bytes, Part(u32_at(slots, row * 2), u32_at(slots, row * 2 + 1)))
}

fn u32_at(bytes: &[u8], i: usize) -> u32 {
    u32::from_le_bytes(bytes[i * 4..i * 4 + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], i: usize) -> u64 {
    u64::from_le_bytes(bytes[i * 8..i * 8 + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::super::encode::BatchBuilder;
    use super::*;
    use crate::model::value::Value;

    fn round_trip(values: &[Value]) {
        let mut builder = BatchBuilder::new([("c".to_owned(), None)]);
        for value in values {
            builder.push(|_| value.as_ref());
        }
        let bytes = builder.finish();
        let batch = Batch::decode(&bytes).expect("decodes");
        assert_eq!(batch.rows(), values.len());
        for (row, value) in values.iter().enumerate() {
            assert_eq!(batch.columns()[0].cell(row), Cell::Value(value.as_ref()), "row {row}");
        }
    }

    #[test]
    fn every_kind_of_column_round_trips() {
        let int = |n: i64| Value::Int(n);
        round_trip(&[]);
        round_trip(&[Value::Null]);
        round_trip(&[int(1), Value::Null, int(i64::from(i32::MIN))]);
        round_trip(&[Value::Null, Value::Null, int((1 << 53) - 1)]);
        round_trip(&[int(i64::MAX), int(i64::MIN)]);
        round_trip(&[Value::Real(0.5), Value::Null, Value::Real(f64::INFINITY)]);
        round_trip(&[Value::from("a"), Value::from(""), Value::Null, Value::from("日本\0𝄞é")]);
        round_trip(&[Value::Blob(vec![1, 2]), Value::Null, Value::Blob(Vec::new())]);
        round_trip(&[
            Value::Null,
            int(1),
            Value::Real(1.5),
            Value::from("x"),
            Value::Blob(vec![9]),
        ]);
        let many: Vec<_> = (0..1000).map(|i| Value::Text(format!("ü{}", i % 7))).collect();
        round_trip(&many);
        let nine_nulls: Vec<_> =
            (0..20).map(|i| if i < 9 || i == 17 { Value::Null } else { int(i) }).collect();
        round_trip(&nine_nulls);
        let late_null: Vec<_> = [int(1), Value::from("x"), Value::Null].to_vec();
        round_trip(&late_null);
    }

    /// Without units the bytes were taken as they came.
    #[test]
    fn text_is_text_whatever_its_units() {
        let batch = |encoding: &str, units: &str| {
            let parts = if encoding == "dict" { "[[0,4],[8,8],[16,1]]" } else { "[[8,8],[16,1]]" };
            let header = format!(
                r#"{{"rows":1,"columns":[{{"name":"c","encoding":"{encoding}","parts":{parts}{units}}}]}}"#
            );
            let mut bytes = b"LWB1".to_vec();
            bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
            bytes.extend_from_slice(header.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xff]);
            Batch::decode(&bytes).is_ok()
        };
        for units in ["", r#","units":"utf8""#, r#","units":"utf16""#] {
            assert!(!batch("text", units) && !batch("dict", units), "{units}");
            assert!(batch("blob", units), "{units}");
        }
    }

    #[test]
    fn hostile_bytes_are_refused_without_a_panic() {
        let mut builder = BatchBuilder::new([("c".to_owned(), None), ("d".to_owned(), None)]);
        for i in 0..100 {
            let text = format!("t{}", i % 3);
            builder
                .push(|c| if c == 0 { ValueRef::Int(i) } else { ValueRef::Text(text.as_bytes()) });
        }
        let good = builder.finish();
        for at in 0..good.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                if let Ok(batch) = Batch::decode(&bad) {
                    for column in batch.columns() {
                        (0..batch.rows()).for_each(|row| _ = column.cell(row));
                    }
                }
            }
            assert!(Batch::decode(&good[..at]).is_err() || at + 8 > good.len(), "cut at {at}");
        }
    }
}
