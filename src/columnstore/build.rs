//! Rows into a segment: dictionaries, narrow integers with an offset, raw doubles, null bitmaps.
//! Does not know where rows come from or where segments go.
//!
//! Bytes of a column: a bitmap of the null rows where there are any; the values, each of the column's width,
//! integers as distance from the least, text as code; of text the dictionary in the order of its bytes: u32
//! offsets, one more than entries, and the bytes.

use std::rc::Rc;

use lotwise_kernels::recent::{Recent, Short};
use xxhash_rust::xxh64::xxh64;

use crate::columnstore::head::{Entry, Head};
use crate::columnstore::layout::{Form, Layout};
use crate::model::calendar::{DAY_MS, HOUR_MS, MINUTE_MS, digits, parse_date};
use crate::model::numbering::ByteNumbers;
use crate::model::value::ValueRef;

/// Most rows of a segment.
pub const SEGMENT_ROWS_MAX: usize = 65_536;
/// Most entries of a dictionary. A column with more is no dimension: codes would not make it smaller.
const ENTRIES_MAX: usize = 16_384;
/// Most bytes of a dictionary: with the codes a column stays far below what a Durable Object stores in a row.
const DICTIONARY_BYTES_MAX: usize = 1 << 20;

/// A segment under way.
#[derive(Debug)]
pub struct SegmentBuilder {
    rows: usize,
    columns: Vec<ColumnBuilder>,
}

/// A segment, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// See [`crate::columnstore::head`].
    pub head: Vec<u8>,
    /// Bytes of each column of the layout; empty of one that could not be coded.
    pub columns: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct ColumnBuilder {
    name: String,
    form: Form,
    /// Integers, bits of reals, or codes in the order in which text came; 0 of nulls.
    values: Vec<i64>,
    nulls: Vec<u32>,
    codes: ByteNumbers,
    dictionary_bytes: usize,
    recent: Recent,
    /// A value does not have the column's form.
    is_absent: bool,
}

impl SegmentBuilder {
    /// No rows yet.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let column = |name: &String, form: Form| ColumnBuilder {
            name: name.clone(),
            form,
            values: Vec::new(),
            nulls: Vec::new(),
            codes: ByteNumbers::default(),
            dictionary_bytes: 0,
            recent: Recent::default(),
            is_absent: false,
        };
        let columns = layout.columns.iter().map(|stored| column(&stored.name, stored.form));
        Self { rows: 0, columns: columns.collect() }
    }

    /// Takes a row, of which `value` gives the columns of the layout by position.
    pub fn push<'v>(&mut self, value: impl Fn(usize) -> ValueRef<'v>) {
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.push(value(i));
        }
        self.rows += 1;
    }

    /// Rows so far.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The segment.
    #[must_use]
    pub fn finish(self) -> Encoded {
        let rows = self.rows;
        let (entries, columns) =
            self.columns.into_iter().map(|column| column.finish(rows)).unzip::<_, _, Vec<_>, _>();
        Encoded { head: Head { rows, columns: entries }.encode(), columns }
    }
}

impl ColumnBuilder {
    fn push(&mut self, value: ValueRef<'_>) {
        let coded = match (self.form, value) {
            _ if self.is_absent => return,
            (_, ValueRef::Null) => {
                self.nulls.push(self.values.len() as u32);
                Some(0)
            }
            (Form::Int, ValueRef::Int(n)) => Some(n),
            (Form::Real, ValueRef::Real(x)) => Some(x.to_bits() as i64),
            (Form::Millis, ValueRef::Text(text)) => parse_canonical(text),
            (Form::Days | Form::Text, ValueRef::Text(text)) => self.text(text),
            _ => None,
        };
        match coded {
            Some(coded) => self.values.push(coded),
            None => {
                self.is_absent = true;
                self.values = Vec::new();
                self.codes = ByteNumbers::default();
            }
        }
    }

    fn text(&mut self, text: &[u8]) -> Option<i64> {
        let short = Short::of(text);
        if let Some(coded) = short.and_then(|short| self.recent.find(short)) {
            return Some(coded);
        }
        let coded = if self.form == Form::Days { parse_date(text) } else { self.code(text) };
        if let (Some(short), Some(coded)) = (short, coded) {
            self.recent.put(short, coded);
        }
        coded
    }

    fn code(&mut self, text: &[u8]) -> Option<i64> {
        let known = self.codes.keys().len();
        let code = self.codes.number(text);
        if code as usize == known {
            // Text that is no UTF-8 has other rules in SQL.
            std::str::from_utf8(text).ok()?;
            self.dictionary_bytes += text.len();
            if known == ENTRIES_MAX || self.dictionary_bytes > DICTIONARY_BYTES_MAX {
                return None;
            }
        }
        Some(i64::from(code))
    }

    fn finish(mut self, rows: usize) -> (Entry, Vec<u8>) {
        let dictionary = self.sort_dictionary();
        let (min, max) = self.span(dictionary.len());
        let sorted = self.form != Form::Real
            && self.form != Form::Text
            && !self.is_absent
            && self.nulls.is_empty()
            && self.values.is_sorted();
        let mut entry = Entry {
            name: std::mem::take(&mut self.name),
            form: self.form,
            width: None,
            nulls: self.nulls.len(),
            sorted,
            min,
            max,
            length: 0,
            checksum: 0,
        };
        if self.is_absent {
            return (Entry { nulls: 0, ..entry }, Vec::new());
        }
        let width = match self.form {
            Form::Real => 8,
            Form::Text => width_of(dictionary.len().saturating_sub(1) as u64),
            _ => width_of(max.abs_diff(min)),
        };
        entry.width = Some(width);
        let mut bytes = Vec::with_capacity(rows * usize::from(width) + 64);
        if !self.nulls.is_empty() {
            bytes.resize(rows.div_ceil(8), 0);
            for row in &self.nulls {
                bytes[*row as usize / 8] |= 1 << (row % 8);
                // Anything would do; this is within the width.
                self.values[*row as usize] = if self.form == Form::Text { 0 } else { min };
            }
        }
        let offset = if matches!(self.form, Form::Real | Form::Text) { 0 } else { min };
        let distances = self.values.iter().map(|value| value.wrapping_sub(offset));
        match width {
            0 => {}
            1 => bytes.extend(distances.map(|n| n as u8)),
            2 => distances.for_each(|n| bytes.extend_from_slice(&(n as u16).to_le_bytes())),
            4 => distances.for_each(|n| bytes.extend_from_slice(&(n as u32).to_le_bytes())),
            _ => distances.for_each(|n| bytes.extend_from_slice(&n.to_le_bytes())),
        }
        if self.form == Form::Text {
            let mut end = 0_u32;
            bytes.extend_from_slice(&end.to_le_bytes());
            for text in &dictionary {
                end += text.len() as u32;
                bytes.extend_from_slice(&end.to_le_bytes());
            }
            dictionary.iter().for_each(|text| bytes.extend_from_slice(text));
        }
        entry.length = bytes.len();
        entry.checksum = xxh64(&bytes, 0);
        (entry, bytes)
    }

    /// The entries in the order of their bytes; the codes follow it from now on.
    fn sort_dictionary(&mut self) -> Vec<Rc<[u8]>> {
        let entries = self.codes.keys();
        let mut order: Vec<u32> = (0..entries.len() as u32).collect();
        order.sort_unstable_by(|a, b| entries[*a as usize].cmp(&entries[*b as usize]));
        let mut codes = vec![0_i64; entries.len()];
        for (new, old) in order.iter().enumerate() {
            codes[*old as usize] = new as i64;
        }
        if self.form == Form::Text && !codes.is_empty() {
            for value in &mut self.values {
                *value = codes[*value as usize];
            }
        }
        order.iter().map(|old| Rc::clone(&entries[*old as usize])).collect()
    }

    /// What stands in the head as least and greatest.
    fn span(&self, entries: usize) -> (i64, i64) {
        if self.form == Form::Text {
            return (0, entries as i64);
        }
        let mut nulls = self.nulls.iter().peekable();
        let mut least_and_most: Option<(i64, i64)> = None;
        for (row, &value) in self.values.iter().enumerate() {
            if nulls.next_if(|null| **null as usize == row).is_some() {
                continue;
            }
            least_and_most = Some(match (least_and_most, self.form) {
                (None, _) => (value, value),
                (Some((least, most)), Form::Real) => {
                    let (x, a, b) = (real(value), real(least), real(most));
                    (if x < a { value } else { least }, if x > b { value } else { most })
                }
                (Some((least, most)), _) => (least.min(value), most.max(value)),
            });
        }
        least_and_most.unwrap_or((0, 0))
    }
}

const fn real(bits: i64) -> f64 {
    f64::from_bits(bits as u64)
}

const fn width_of(most: u64) -> u8 {
    match most {
        0 => 0,
        1..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFFFF_FFFF => 4,
        _ => 8,
    }
}

/// Reads exactly 'YYYY-MM-DDTHH:MM:SS.sssZ'.
fn parse_canonical(text: &[u8]) -> Option<i64> {
    let (date, time) = text.split_at_checked(10)?;
    let [b'T', h0, h1, b':', m0, m1, b':', s0, s1, b'.', f0, f1, f2, b'Z'] = *time else {
        return None;
    };
    let (hour, minute) = (digits(&[h0, h1])?, digits(&[m0, m1])?);
    let (second, ms) = (digits(&[s0, s1])?, digits(&[f0, f1, f2])?);
    let is_sound = hour < 24 && minute < 60 && second < 60;
    let in_day = hour * HOUR_MS + minute * MINUTE_MS + second * 1000 + ms;
    parse_date(date).filter(|_| is_sound).map(|days| days * DAY_MS + in_day)
}
