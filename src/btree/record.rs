//! Rows and index keys as SQLite stores them: a header of serial types, then the values.

use crate::model::value::ValueRef;

/// Integers that a REAL column stores in place of whole reals: those of at most six bytes.
const WHOLE_REAL_MAX: f64 = 140_737_488_355_327.0;

/// A record under way; its memory serves one row after another.
#[derive(Debug, Default)]
pub struct Record {
    types: Vec<u8>,
    body: Vec<u8>,
}

impl Record {
    /// Begins the next record.
    pub fn clear(&mut self) {
        self.types.clear();
        self.body.clear();
    }

    /// Adds a value. A NaN is stored as NULL, as SQLite does.
    pub fn push(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.types.push(0),
            ValueRef::Int(n) => self.push_int(n),
            ValueRef::Real(x) => self.push_real(x),
            ValueRef::Text(text) => self.push_bytes(text, 13),
            ValueRef::Blob(bytes) => self.push_bytes(bytes, 12),
        }
    }

    fn push_int(&mut self, n: i64) {
        let bytes = n.to_be_bytes();
        let (code, width) = match n {
            0 => (8, 0),
            1 => (9, 0),
            -0x80..=0x7f => (1, 1),
            -0x8000..=0x7fff => (2, 2),
            -0x80_0000..=0x7f_ffff => (3, 3),
            -0x8000_0000..=0x7fff_ffff => (4, 4),
            -0x8000_0000_0000..=0x7fff_ffff_ffff => (5, 6),
            _ => (6, 8),
        };
        self.types.push(code);
        self.body.extend_from_slice(&bytes[8 - width..]);
    }

    fn push_real(&mut self, x: f64) {
        if x.is_nan() {
            self.types.push(0);
        } else if x.fract() == 0.0 && (-WHOLE_REAL_MAX - 1.0..=WHOLE_REAL_MAX).contains(&x) {
            self.push_int(x as i64);
        } else {
            self.types.push(7);
            self.body.extend_from_slice(&x.to_be_bytes());
        }
    }

    fn push_bytes(&mut self, bytes: &[u8], code: u64) {
        put_varint(&mut self.types, bytes.len() as u64 * 2 + code);
        self.body.extend_from_slice(bytes);
    }

    /// The bytes of the values so far, to be changed in place.
    pub(super) const fn body(&mut self) -> &mut Vec<u8> {
        &mut self.body
    }

    /// Adds text whose bytes are at the end of the body already.
    pub(super) fn note_text(&mut self, length: usize) {
        put_varint(&mut self.types, length as u64 * 2 + 13);
    }

    /// Adds a blob whose bytes are at the end of the body already.
    pub(super) fn note_blob(&mut self, length: usize) {
        put_varint(&mut self.types, length as u64 * 2 + 12);
    }

    /// Bytes of the whole record.
    #[must_use]
    pub fn length(&self) -> usize {
        self.header_length() + self.body.len()
    }

    /// Appends the record.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        put_varint(out, self.header_length() as u64);
        out.extend_from_slice(&self.types);
        out.extend_from_slice(&self.body);
    }

    /// The header's length counts itself.
    const fn header_length(&self) -> usize {
        let types = self.types.len();
        let own = varint_length(types as u64 + 1);
        types + varint_length((types + own) as u64)
    }
}

/// Appends SQLite's variable-length integer.
pub fn put_varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    let length = varint_length(value);
    // The ninth byte, where there is one, holds eight bits.
    let last = if length == 9 { 8 } else { 7 };
    for i in (1..length).rev() {
        out.push((value >> (last + (i - 1) * 7)) as u8 | 0x80);
    }
    out.push(if length == 9 { value as u8 } else { value as u8 & 0x7f });
}

const fn varint_length(value: u64) -> usize {
    let bits = (64 - (value | 1).leading_zeros()) as usize;
    if bits > 56 { 9 } else { bits.div_ceil(7) }
}
