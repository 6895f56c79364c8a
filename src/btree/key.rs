//! Index keys as bytes that sort, compared as bytes, the way SQLite sorts the keys; and back into records.
//!
//! A column of a STRICT table holds values of one class, so a key needs no more than the class of each
//! column: null sorts first, then
//! - integers: a byte that counts the bytes, then those without leading zeros; negative ones inverted;
//! - reals: the eight bytes with the sign turned;
//! - text and blobs: the bytes with 0 written as 0 255, then 0 0. With NOCASE in small letters.
//!
//! Descending columns are inverted as a whole. Behind the columns stands the rowid, and then, for each
//! NOCASE text, which of its letters were large ones.

use super::record::Record;
use crate::model::value::ValueRef;

/// What an index column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// INTEGER.
    Int,
    /// REAL.
    Real,
    /// TEXT.
    Text,
    /// TEXT COLLATE NOCASE.
    TextNoCase,
    /// BLOB.
    Blob,
}

/// The columns of an index: what they hold and whether they descend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyShape(pub Vec<(KeyKind, bool)>);

/// What [`KeyShape::decode`] found beside the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Whether a column is null.
    pub has_null: bool,
    /// Bytes of the key up to the rowid.
    pub columns_bytes: usize,
    /// The rowid.
    pub rowid: i64,
}

const NULL: u8 = 0;
const VALUE: u8 = 1;
/// Below it the negative integers, from it on the others.
const ZERO: u8 = 0x80;

/// How a NOCASE text stood there before it was folded.
const ALL_SMALL: u8 = 0;
const ALL_LARGE: u8 = 1;
const MIXED: u8 = 2;

impl KeyShape {
    /// Appends the key of a row. False, and nothing of use is appended, where a value is not of its column's
    /// class, or where text with a NUL character stands in a NOCASE column: SQLite compares no further.
    pub fn encode<'v>(
        &self,
        value: impl Fn(usize) -> ValueRef<'v>,
        rowid: i64,
        out: &mut Vec<u8>,
    ) -> bool {
        for (at, &(kind, descending)) in self.0.iter().enumerate() {
            let start = out.len();
            match (kind, value(at)) {
                (_, ValueRef::Null) => out.push(NULL),
                (KeyKind::Int, ValueRef::Int(n)) => put_int(out, n),
                (KeyKind::Real, ValueRef::Real(x)) if !x.is_nan() => put_real(out, x),
                (KeyKind::Text, ValueRef::Text(bytes)) | (KeyKind::Blob, ValueRef::Blob(bytes)) => {
                    put_bytes(out, bytes);
                }
                (KeyKind::TextNoCase, ValueRef::Text(text)) if !text.contains(&0) => {
                    put_bytes(out, text);
                    out[start..].make_ascii_lowercase();
                }
                _ => return false,
            }
            if descending {
                out[start..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        put_int(out, rowid);
        for (at, (kind, _)) in self.0.iter().enumerate() {
            if let (KeyKind::TextNoCase, ValueRef::Text(text)) = (kind, value(at)) {
                put_case(out, text);
            }
        }
        true
    }

    /// Makes the record of a key.
    pub fn decode(&self, key: &[u8], record: &mut Record) -> Decoded {
        record.clear();
        let mut reader = Reader { key, at: 0, invert: 0 };
        let mut has_null = false;
        let mut folded: [(usize, usize); 4] = [(0, 0); 4];
        let mut more_folded = Vec::new();
        let mut folded_count = 0;
        for &(kind, descending) in &self.0 {
            reader.invert = if descending { 0xff } else { 0 };
            match (reader.byte(), kind) {
                (NULL, _) => {
                    has_null = true;
                    record.push(ValueRef::Null);
                }
                (tag, KeyKind::Int) => record.push(ValueRef::Int(reader.int(tag))),
                (_, KeyKind::Real) => record.push(ValueRef::Real(reader.real())),
                (_, kind) => {
                    let start = record.body().len();
                    reader.bytes(record.body());
                    let length = record.body().len() - start;
                    if kind == KeyKind::Blob {
                        record.note_blob(length);
                    } else {
                        record.note_text(length);
                    }
                    if kind == KeyKind::TextNoCase {
                        match folded.get_mut(folded_count) {
                            Some(place) => *place = (start, length),
                            None => more_folded.push((start, length)),
                        }
                        folded_count += 1;
                    }
                }
            }
        }
        let columns_bytes = reader.at;
        reader.invert = 0;
        let tag = reader.byte();
        let rowid = reader.int(tag);
        let few = &folded[..folded_count.min(folded.len())];
        for &(start, length) in few.iter().chain(&more_folded) {
            reader.case(&mut record.body()[start..start + length]);
        }
        record.push(ValueRef::Int(rowid));
        Decoded { has_null, columns_bytes, rowid }
    }
}

fn put_int(out: &mut Vec<u8>, n: i64) {
    let size = if n < 0 { !n } else { n };
    let width = 8 - size.leading_zeros() as usize / 8;
    out.push(if n < 0 { ZERO - 1 - width as u8 } else { ZERO + width as u8 });
    out.extend_from_slice(&n.to_be_bytes()[8 - width..]);
}

fn put_real(out: &mut Vec<u8>, x: f64) {
    // Minus zero equals zero, and SQLite stores either as 0.
    let bits = if x == 0.0 { 0 } else { x.to_bits() };
    let sortable = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    out.push(VALUE);
    out.extend_from_slice(&sortable.to_be_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(VALUE);
    for (i, part) in bytes.split(|byte| *byte == 0).enumerate() {
        if i > 0 {
            out.extend_from_slice(&[0, 0xff]);
        }
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&[0, 0]);
}

fn put_case(out: &mut Vec<u8>, text: &[u8]) {
    let has = |large: fn(&u8) -> bool| text.iter().any(large);
    if !has(u8::is_ascii_uppercase) {
        out.push(ALL_SMALL);
    } else if !has(u8::is_ascii_lowercase) {
        out.push(ALL_LARGE);
    } else {
        out.push(MIXED);
        out.extend(text.chunks(8).map(|chunk| {
            let bits = chunk.iter().enumerate();
            bits.fold(0, |bits, (i, byte)| bits | u8::from(byte.is_ascii_uppercase()) << i)
        }));
    }
}

/// Reads what was put; a key is always whole, as it never leaves memory.
struct Reader<'k> {
    key: &'k [u8],
    at: usize,
    invert: u8,
}

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let byte = self.key[self.at] ^ self.invert;
        self.at += 1;
        byte
    }

    fn int(&mut self, tag: u8) -> i64 {
        let (width, filler) = if tag < ZERO { (ZERO - 1 - tag, -1) } else { (tag - ZERO, 0) };
        (0..width).fold(filler, |n: i64, _| n << 8 | i64::from(self.byte()))
    }

    fn real(&mut self) -> f64 {
        let sortable = (0..8).fold(0, |bits: u64, _| bits << 8 | u64::from(self.byte()));
        f64::from_bits(if sortable >> 63 == 1 { sortable & !(1 << 63) } else { !sortable })
    }

    fn bytes(&mut self, out: &mut Vec<u8>) {
        loop {
            let rest = &self.key[self.at..];
            let zero = rest.iter().position(|byte| *byte == self.invert).unwrap_or(rest.len());
            out.extend(rest[..zero].iter().map(|byte| byte ^ self.invert));
            self.at += zero + 1;
            if self.byte() == 0 {
                return;
            }
            out.push(0);
        }
    }

    fn case(&mut self, text: &mut [u8]) {
        match self.byte() {
            ALL_LARGE => text.make_ascii_uppercase(),
            MIXED => {
                for chunk in text.chunks_mut(8) {
                    let bits = self.byte();
                    for (i, byte) in chunk.iter_mut().enumerate() {
                        if bits >> i & 1 == 1 {
                            byte.make_ascii_uppercase();
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_values_do() {
        let check = |kind: KeyKind, values: &[ValueRef<'_>]| {
            for descending in [false, true] {
                let shape = KeyShape(vec![(kind, descending)]);
                let key = |value: ValueRef<'_>| {
                    let mut key = Vec::new();
                    assert!(shape.encode(|_| value, 7, &mut key), "{value:?}");
                    key
                };
                for pair in values.windows(2) {
                    let (less, more) = if descending { (1, 0) } else { (0, 1) };
                    assert!(key(pair[less]) < key(pair[more]), "{pair:?} {descending}");
                }
            }
        };
        let ints = [i64::MIN, -65_537, -256, -255, -1, 0, 1, 127, 128, 255, 256, 1 << 40, i64::MAX];
        let ints: Vec<_> = std::iter::once(ValueRef::Null).chain(ints.map(ValueRef::Int)).collect();
        check(KeyKind::Int, &ints);
        let reals =
            [f64::NEG_INFINITY, -1e300, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1.5, f64::INFINITY];
        let reals: Vec<_> =
            std::iter::once(ValueRef::Null).chain(reals.map(ValueRef::Real)).collect();
        check(KeyKind::Real, &reals);
        let texts: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"\0a", b"\x01", b"a", b"a\0", b"ab"];
        check(KeyKind::Text, &texts.map(ValueRef::Text));
        check(KeyKind::Blob, &texts.map(ValueRef::Blob));
        let folded: [&[u8]; 5] = [b"", b"A", b"a_", b"AB", "Ä".as_bytes()];
        check(KeyKind::TextNoCase, &folded.map(ValueRef::Text));
    }

    #[test]
    fn what_cannot_be_a_key_is_told() {
        let tell =
            |kind, value| KeyShape(vec![(kind, false)]).encode(|_| value, 1, &mut Vec::new());
        assert!(!tell(KeyKind::TextNoCase, ValueRef::Text(b"a\0b")));
        assert!(!tell(KeyKind::Int, ValueRef::Text(b"a")));
        assert!(!tell(KeyKind::Real, ValueRef::Real(f64::NAN)));
        assert!(!tell(KeyKind::Real, ValueRef::Int(1)));
    }
}
