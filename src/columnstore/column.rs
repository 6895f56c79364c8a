//! A column of a segment, decoded: as narrow as it is stored. Knows nothing of the others.

use lotwise_kernels::Word;
use xxhash_rust::xxh64::xxh64;

use crate::columnstore::head::{Entry, corrupt};
use crate::columnstore::layout::Form;
use crate::columnstore::select::Rows;
use crate::error::Result;

/// A decoded column.
#[derive(Debug)]
pub struct Column {
    /// What its values are.
    pub form: Form,
    /// One for each row; distances from `min`, or codes.
    pub data: Data,
    /// 1 for each row without a value; none where all have one.
    pub nulls: Option<Vec<u8>>,
    /// The least value; of reals its bits; of text 0.
    pub min: i64,
    /// The greatest; of text the number of entries.
    pub max: i64,
    /// Whether no value is less than the one before it, and none is null.
    pub sorted: bool,
    /// Of text.
    pub dictionary: Dictionary,
}

/// Values as they are stored.
#[derive(Debug)]
pub enum Data {
    /// All are 0.
    Same,
    /// In one byte each.
    U8(Vec<u8>),
    /// In two.
    U16(Vec<u16>),
    /// In four.
    U32(Vec<u32>),
    /// In eight, without an offset that fits.
    U64(Vec<u64>),
    /// Doubles.
    F64(Vec<f64>),
}

/// Texts by code, in the order of their bytes.
#[derive(Debug, Default)]
pub struct Dictionary {
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// Code of each entry among all segments of the database.
    pub shared: Vec<u32>,
}

impl Dictionary {
    /// Number of entries.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.ends.len()
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, code: usize) -> &[u8] {
        let start = if code == 0 { 0 } else { self.ends[code - 1] as usize };
        &self.bytes[start..self.ends[code] as usize]
    }
}

impl Column {
    /// Reads the bytes that belong to an entry of a head with so many rows.
    pub fn decode(entry: &Entry, rows: usize, bytes: &[u8]) -> Result<Self> {
        if bytes.len() != entry.length || xxh64(bytes, 0) != entry.checksum {
            return Err(corrupt(&format!("the checksum of '{}' does not match", entry.name)));
        }
        let Some(width) = entry.width else {
            return Err(corrupt(&format!("'{}' is not in it", entry.name)));
        };
        let short = || corrupt(&format!("'{}' is cut off", entry.name));
        let bitmap_length = if entry.nulls > 0 { rows.div_ceil(8) } else { 0 };
        let (bitmap, rest) = bytes.split_at_checked(bitmap_length).ok_or_else(short)?;
        let (values, rest) = rest.split_at_checked(rows * usize::from(width)).ok_or_else(short)?;
        let is_null = |row: usize| bitmap[row / 8] >> (row % 8) & 1;
        let nulls: Option<Vec<u8>> = (entry.nulls > 0).then(|| (0..rows).map(is_null).collect());
        let count = nulls.iter().flatten().map(|null| usize::from(*null)).sum::<usize>();
        if count != entry.nulls {
            return Err(corrupt(&format!("'{}' has other nulls than its head says", entry.name)));
        }
        let dictionary = match entry.form {
            Form::Text => Dictionary::decode(rest, entry.max).ok_or_else(short)?,
            _ => Dictionary::default(),
        };
        let data = Data::decode(values, width, entry.form);
        let entries = dictionary.entries();
        let codes_max = data.max().max(u64::from(rows > entry.nulls && entries == 0));
        if entry.form == Form::Text && codes_max >= (entries.max(1) as u64) {
            return Err(corrupt(&format!("'{}' has codes that its dictionary lacks", entry.name)));
        }
        let is_integer = !matches!(entry.form, Form::Text | Form::Real);
        if is_integer && data.max() > entry.max.abs_diff(entry.min) {
            return Err(corrupt(&format!("'{}' holds more than its head says", entry.name)));
        }
        let sorted = entry.sorted && is_integer && entry.nulls == 0 && data.is_sorted();
        let Entry { form, min, max, .. } = *entry;
        Ok(Self { form, data, nulls, min, max, sorted, dictionary })
    }

    /// Memory that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let data = match &self.data {
            Data::Same => 0,
            Data::U8(values) => values.len(),
            Data::U16(values) => values.len() * 2,
            Data::U32(values) => values.len() * 4,
            Data::U64(values) => values.len() * 8,
            Data::F64(values) => values.len() * 8,
        };
        let Dictionary { ends, bytes, shared } = &self.dictionary;
        let dictionary = (ends.len() + shared.len()) * 4 + bytes.len();
        size_of::<Self>() + data + self.nulls.as_ref().map_or(0, Vec::len) + dictionary
    }

    /// Number of different values that there can be, where it is at most `max`.
    #[must_use]
    pub fn domain(&self, max: usize) -> Option<usize> {
        match self.form {
            Form::Real => None,
            Form::Text => Some(self.dictionary.entries()),
            _ => usize::try_from(self.max.abs_diff(self.min)).ok()?.checked_add(1),
        }
        .filter(|domain| *domain <= max)
    }

    /// Of a sorted column: the first row whose value is not less.
    #[must_use]
    pub fn first_at(&self, value: i64) -> usize {
        if value <= self.min {
            return 0;
        }
        let distance = value.wrapping_sub(self.min) as u64;
        match &self.data {
            Data::Same => usize::MAX,
            Data::U8(values) => values.partition_point(|v| u64::from(*v) < distance),
            Data::U16(values) => values.partition_point(|v| u64::from(*v) < distance),
            Data::U32(values) => values.partition_point(|v| u64::from(*v) < distance),
            Data::U64(values) => values.partition_point(|v| *v < distance),
            Data::F64(values) => values.len(),
        }
    }

    /// Whether a row has no value.
    #[must_use]
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls[row] != 0)
    }
}

impl Data {
    fn decode(values: &[u8], width: u8, form: Form) -> Self {
        match width {
            0 => Self::Same,
            1 => Self::U8(values.to_vec()),
            2 => Self::U16(values.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)).collect()),
            4 => Self::U32(values.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect()),
            _ if form == Form::Real => {
                Self::F64(values.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
            }
            _ => Self::U64(values.as_chunks().0.iter().map(|b| u64::from_le_bytes(*b)).collect()),
        }
    }

    /// The value of a row, as distance or code; of reals its bits.
    #[must_use]
    pub fn at(&self, row: usize) -> u64 {
        match self {
            Self::Same => 0,
            Self::U8(values) => u64::from(values[row]),
            Self::U16(values) => u64::from(values[row]),
            Self::U32(values) => u64::from(values[row]),
            Self::U64(values) => values[row],
            Self::F64(values) => values[row].to_bits(),
        }
    }

    /// The values of rows as codes, or distances below 2^32.
    #[must_use]
    pub fn codes(&self, rows: &Rows) -> Vec<u32> {
        match (self, rows) {
            (Self::U8(values), Rows::Span(first, end)) => Word::codes(&values[*first..*end]),
            (Self::U16(values), Rows::Span(first, end)) => Word::codes(&values[*first..*end]),
            (Self::U32(values), Rows::Span(first, end)) => values[*first..*end].to_vec(),
            (Self::U8(values), Rows::List(rows)) => Word::codes_of(values, rows),
            (Self::U16(values), Rows::List(rows)) => Word::codes_of(values, rows),
            (Self::U32(values), Rows::List(rows)) => Word::codes_of(values, rows),
            (Self::Same | Self::U64(_) | Self::F64(_), rows) => vec![0; rows.len()],
        }
    }

    /// The values of rows as distances.
    #[must_use]
    pub fn distances(&self, rows: &Rows) -> Vec<u64> {
        let rows = rows.list();
        match self {
            Self::Same | Self::F64(_) => vec![0; rows.len()],
            Self::U8(values) => Word::distances_of(values, &rows),
            Self::U16(values) => Word::distances_of(values, &rows),
            Self::U32(values) => Word::distances_of(values, &rows),
            Self::U64(values) => Word::distances_of(values, &rows),
        }
    }

    fn max(&self) -> u64 {
        match self {
            Self::Same | Self::F64(_) => 0,
            Self::U8(values) => values.iter().copied().max().map_or(0, u64::from),
            Self::U16(values) => values.iter().copied().max().map_or(0, u64::from),
            Self::U32(values) => values.iter().copied().max().map_or(0, u64::from),
            Self::U64(values) => values.iter().copied().max().unwrap_or(0),
        }
    }

    fn is_sorted(&self) -> bool {
        match self {
            Self::Same => true,
            Self::U8(values) => values.is_sorted(),
            Self::U16(values) => values.is_sorted(),
            Self::U32(values) => values.is_sorted(),
            Self::U64(values) => values.is_sorted(),
            Self::F64(_) => false,
        }
    }
}

impl Dictionary {
    fn decode(bytes: &[u8], entries: i64) -> Option<Self> {
        let entries = usize::try_from(entries).ok()?;
        let (offsets, bytes) = bytes.split_at_checked(entries.checked_add(1)?.checked_mul(4)?)?;
        let offsets: Vec<u32> =
            offsets.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        let is_sound = offsets.first() == Some(&0)
            && offsets.is_sorted()
            && offsets.last().map(|end| *end as usize) == Some(bytes.len());
        let ends = offsets[1..].to_vec();
        is_sound.then(|| Self { ends, bytes: bytes.to_vec(), shared: Vec::new() })
    }
}
