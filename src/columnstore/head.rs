//! The head of a segment: what its columns are, what they span, and checksums of their bytes. With it a segment
//! is passed over without its columns being read.
//!
//! Layout, little endian: `LWS1`, u32 rows, u16 columns; of each column u16 length and bytes of its name, u8
//! form, u8 width, u8 flags, u8 zero, u32 nulls, i64 least, i64 most, u32 length and u64 XXH64 of its bytes; at
//! the end u64 XXH64 of all before it.

use xxhash_rust::xxh64::xxh64;

use crate::columnstore::build::SEGMENT_ROWS_MAX;
use crate::columnstore::layout::Form;
use crate::error::{Error, Result};
use crate::model::calendar::DAY_MS;
use crate::model::range::{FIRST_MS, LAST_MS};

const MAGIC: &[u8; 4] = b"LWS1";
/// Bytes of a column's entry behind its name.
const ENTRY_BYTES: usize = 36;
/// The width of a column that could not be coded.
const ABSENT: u8 = 255;
const HAS_NULLS: u8 = 1;
const IS_SORTED: u8 = 2;

/// What is known of a segment without reading its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Rows of the segment.
    pub rows: usize,
    /// Its columns.
    pub columns: Vec<Entry>,
}

/// What is known of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its form.
    pub form: Form,
    /// Bytes of a value: 1, 2, 4 or 8; 0 where all are the same. None where the column could not be coded, and
    /// has to be read from the rows.
    pub width: Option<u8>,
    /// Rows without a value.
    pub nulls: usize,
    /// Whether no value is less than the one before it, and none is null.
    pub sorted: bool,
    /// The least value; of reals its bits; of text 0.
    pub min: i64,
    /// The greatest value; of reals its bits; of text the number of entries in the dictionary.
    pub max: i64,
    /// Length of its bytes.
    pub length: usize,
    /// XXH64 of its bytes.
    pub checksum: u64,
}

impl Head {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&(self.rows as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.columns.len() as u16).to_le_bytes());
        for column in &self.columns {
            bytes.extend_from_slice(&(column.name.len() as u16).to_le_bytes());
            bytes.extend_from_slice(column.name.as_bytes());
            let flags = if column.nulls > 0 { HAS_NULLS } else { 0 }
                | if column.sorted { IS_SORTED } else { 0 };
            let width = column.width.unwrap_or(ABSENT);
            bytes.extend_from_slice(&[form_code(column.form), width, flags, 0]);
            bytes.extend_from_slice(&(column.nulls as u32).to_le_bytes());
            bytes.extend_from_slice(&column.min.to_le_bytes());
            bytes.extend_from_slice(&column.max.to_le_bytes());
            bytes.extend_from_slice(&(column.length as u32).to_le_bytes());
            bytes.extend_from_slice(&column.checksum.to_le_bytes());
        }
        bytes.extend_from_slice(&xxh64(&bytes, 0).to_le_bytes());
        bytes
    }

    /// Reads it.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let Some((body, checksum)) = bytes.split_last_chunk::<8>() else {
            return Err(corrupt("its head is cut off"));
        };
        if xxh64(body, 0) != u64::from_le_bytes(*checksum) {
            return Err(corrupt("the checksum of its head does not match"));
        }
        let mut rest = body;
        if take::<4>(&mut rest)? != *MAGIC {
            return Err(corrupt("its head has another format"));
        }
        let rows = u32::from_le_bytes(take(&mut rest)?) as usize;
        if rows > SEGMENT_ROWS_MAX {
            return Err(corrupt("it claims more rows than a segment has"));
        }
        let count = u16::from_le_bytes(take(&mut rest)?);
        let columns = (0..count).map(|_| Entry::decode(&mut rest, rows)).collect::<Result<_>>()?;
        if !rest.is_empty() {
            return Err(corrupt("its head goes on behind its end"));
        }
        Ok(Self { rows, columns })
    }

    /// Position and entry of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<(usize, &Entry)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }
}

impl Entry {
    fn decode(rest: &mut &[u8], rows: usize) -> Result<Self> {
        let name_length = usize::from(u16::from_le_bytes(take(rest)?));
        let Some((name, entry)) = rest.split_at_checked(name_length) else {
            return Err(corrupt("its head is cut off"));
        };
        *rest = entry;
        let name = String::from_utf8(name.to_vec())
            .map_err(|_| corrupt("the name of a column is no text"))?;
        if rest.len() < ENTRY_BYTES {
            return Err(corrupt("its head is cut off"));
        }
        let [form, width, flags, _] = take(rest)?;
        let form = form_of(form).ok_or_else(|| corrupt("a column has an unknown form"))?;
        let width = match width {
            ABSENT => None,
            0 | 1 | 2 | 4 | 8 => Some(width),
            _ => return Err(corrupt("a column has an unknown width")),
        };
        let nulls = u32::from_le_bytes(take(rest)?) as usize;
        let entry = Self {
            name,
            form,
            width,
            nulls,
            sorted: flags & IS_SORTED != 0,
            min: i64::from_le_bytes(take(rest)?),
            max: i64::from_le_bytes(take(rest)?),
            length: u32::from_le_bytes(take(rest)?) as usize,
            checksum: u64::from_le_bytes(take(rest)?),
        };
        if nulls > rows || (flags & HAS_NULLS != 0) != (nulls > 0) {
            return Err(corrupt("a column claims more nulls than rows"));
        }
        let fits = match entry.form {
            Form::Real => matches!(entry.width, None | Some(8)),
            Form::Text => entry.width != Some(8),
            _ => true,
        };
        if !fits {
            return Err(corrupt("a column's width does not go with its form"));
        }
        let (first, last) = match entry.form {
            Form::Days => (FIRST_MS.div_euclid(DAY_MS), LAST_MS.div_euclid(DAY_MS)),
            Form::Millis => (FIRST_MS, LAST_MS),
            _ => (i64::MIN, i64::MAX),
        };
        if entry.min < first || entry.max > last {
            return Err(corrupt("a column has times before the year 0 or after 9999"));
        }
        if entry.form != Form::Real && entry.min > entry.max {
            return Err(corrupt("a column's least value is above its greatest"));
        }
        Ok(entry)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let Some((chunk, after)) = rest.split_first_chunk::<N>() else {
        return Err(corrupt("its head is cut off"));
    };
    *rest = after;
    Ok(*chunk)
}

const fn form_code(form: Form) -> u8 {
    match form {
        Form::Int => 1,
        Form::Days => 2,
        Form::Millis => 3,
        Form::Real => 4,
        Form::Text => 5,
    }
}

const fn form_of(code: u8) -> Option<Form> {
    match code {
        1 => Some(Form::Int),
        2 => Some(Form::Days),
        3 => Some(Form::Millis),
        4 => Some(Form::Real),
        5 => Some(Form::Text),
        _ => None,
    }
}

pub(super) fn corrupt(what: &str) -> Error {
    Error::DatabaseCorrupt {
        name: "columnstore".to_owned(),
        detail: format!("a segment cannot be read: {what}. The rows themselves are not affected"),
    }
}
