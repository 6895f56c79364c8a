//! What a column of a file that nobody described seems to hold, from the values at its beginning.

use super::names::folded;
use crate::model::dataset::ColumnType;
use crate::model::json;
use crate::model::numbering::ByteNumbers;
use crate::model::value::Value;
use crate::storage::table_text::date::{Order, Shape};
use crate::storage::table_text::number::{plain, whole};
use crate::storage::table_text::{is_midnight, separated, time_of_day};

/// A text column of at most so many different values may be grouped by.
const WORDS_MAX: usize = 256;
/// The same of whole numbers, which are more often counted than grouped by.
const CODES_MAX: usize = 32;
/// Epoch milliseconds of the years 2000 to 2040.
const EPOCH_MS: std::ops::Range<i64> = 946_684_800_000..2_208_988_800_000;
/// Parts of names of columns that hold times.
const TIME_WORDS: [&str; 9] =
    ["time", "date", "stamp", "zeit", "日時", "時刻", "时间", "시간", "일시"];

/// A value of the file.
#[derive(Debug, Clone)]
pub enum Cell {
    /// As it stands: all fields of a CSV are text.
    Value(Value),
    /// An object or an array of a JSON file.
    Json(String),
}

/// What the file itself says about a column.
#[derive(Debug, Clone, Copy, Default)]
pub struct Declared {
    /// Its numbers are kept as text.
    pub is_text: bool,
    /// It has no nulls.
    pub is_required: bool,
    /// It is the primary key.
    pub is_key: bool,
}

/// Numbers by one decimal mark: whether all values so far are some, and whole ones.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    all: bool,
    whole: bool,
}

/// What a column seems to hold.
#[derive(Debug)]
pub struct Guess {
    declared: Declared,
    /// Whether its name speaks of time.
    is_named_time: bool,
    is_named_id: bool,
    values: usize,
    empties: usize,
    dot: Numbers,
    comma: Numbers,
    all_dates: bool,
    has_clock: bool,
    all_json: bool,
    has_blobs: bool,
    all_epochs: bool,
    /// Each greater than the one before, as keys are.
    is_ascending: bool,
    last: Option<i64>,
    /// Different values, until there are too many.
    different: ByteNumbers,
}

impl Guess {
    /// Of a column of that name.
    pub fn new(name: &str, declared: Declared) -> Self {
        let name = name.to_lowercase();
        let numbers = Numbers { all: true, whole: true };
        Self {
            declared,
            is_named_time: TIME_WORDS.iter().any(|word| folded(&name).contains(word)),
            is_named_id: name == "id" || name.ends_with("_id"),
            values: 0,
            empties: 0,
            dot: numbers,
            comma: numbers,
            all_dates: true,
            has_clock: false,
            all_json: true,
            has_blobs: false,
            all_epochs: true,
            is_ascending: true,
            last: None,
            different: ByteNumbers::default(),
        }
    }

    /// Takes a value.
    pub fn add(&mut self, cell: &Cell) {
        let is_json = matches!(cell, Cell::Json(_));
        let key = match cell {
            Cell::Value(Value::Null) => None,
            Cell::Value(Value::Text(text)) if text.trim().is_empty() => None,
            Cell::Value(Value::Text(text)) => {
                self.text(text.trim());
                Some(text.trim().to_owned())
            }
            Cell::Json(text) => {
                self.no_number();
                self.all_dates = false;
                Some(text.clone())
            }
            Cell::Value(Value::Int(n)) => {
                self.number(Some(*n));
                self.date(&n.to_string());
                Some(n.to_string())
            }
            Cell::Value(Value::Real(x)) => {
                self.number(None);
                self.all_dates = false;
                Some(x.to_string())
            }
            Cell::Value(Value::Blob(_)) => {
                self.has_blobs = true;
                Some(String::new())
            }
        };
        match key {
            None => self.empties += 1,
            Some(key) => {
                self.values += 1;
                self.all_json &= is_json;
                if self.different.keys().len() <= WORDS_MAX {
                    self.different.number(key.as_bytes());
                }
            }
        }
    }

    /// Of CSV and SQLite: structured text is JSON there.
    pub fn add_plain(&mut self, cell: &Cell) {
        match cell {
            Cell::Value(Value::Text(text)) if is_structure(text) => {
                self.add(&Cell::Json(text.clone()));
            }
            cell => self.add(cell),
        }
    }

    fn text(&mut self, text: &str) {
        self.date(separated(text).as_ref());
        if text.trim_start_matches('-') == "Infinity" {
            return self.number(None);
        }
        // 00123 is a code, and so is what no number holds exactly.
        let digits = text.trim_start_matches(['+', '-']).as_bytes();
        let is_code = matches!(digits, [b'0', b'0'..=b'9', ..])
            || (digits.len() > 15
                && digits.iter().all(u8::is_ascii_digit)
                && whole(text).is_none());
        for (numbers, decimal) in [(&mut self.dot, b'.'), (&mut self.comma, b',')] {
            let number = plain(text, decimal).filter(|_| !is_code);
            let value = number.as_deref().and_then(whole);
            numbers.all &= number.is_some();
            numbers.whole &= value.is_some() && !text.contains(char::from(decimal));
        }
        let value = whole(text).filter(|_| digits.iter().all(u8::is_ascii_digit));
        self.order(value);
    }

    fn number(&mut self, value: Option<i64>) {
        self.dot.whole &= value.is_some();
        self.comma.whole &= value.is_some();
        self.order(value);
    }

    fn no_number(&mut self) {
        self.dot.all = false;
        self.comma.all = false;
    }

    fn order(&mut self, value: Option<i64>) {
        self.all_epochs &= value.is_some_and(|n| EPOCH_MS.contains(&n));
        self.is_ascending &= value.is_some_and(|n| self.last.is_none_or(|last| n > last));
        self.last = value;
    }

    fn date(&mut self, text: &str) {
        let Some(shape) = Shape::of(text).filter(|shape| shape.order != Order::ShortYear) else {
            self.all_dates = false;
            return;
        };
        let is_day = shape.days(true).or_else(|| shape.days(false)).is_some();
        let is_likely = !shape.is_compact() || (1900..=2100).contains(&shape.year());
        let has_clock = !is_midnight(shape.rest);
        let is_sound = !has_clock || time_of_day(shape.rest).is_some();
        self.all_dates &= is_day && is_likely && is_sound;
        self.has_clock |= has_clock;
    }

    /// Whether its numbers tell something about the decimal mark.
    pub const fn may_be_number(&self) -> bool {
        self.values > 0 && (self.dot.all || self.comma.all) && !self.all_dates && !self.has_blobs
    }

    /// Whether its values tell something about dates.
    pub const fn may_be_date(&self) -> bool {
        self.values > 0 && self.all_dates && !self.has_blobs
    }

    /// Whether a name at the head of the column would be told from its values.
    pub const fn is_telling(&self) -> bool {
        self.may_be_number() || self.may_be_date()
    }

    /// The type, once the decimal mark is known.
    pub fn kind(&self, decimal: Option<u8>) -> ColumnType {
        let numbers = if decimal == Some(b',') { self.comma } else { self.dot };
        match self {
            Self { values: 0, .. } => ColumnType::Text,
            Self { has_blobs: true, .. } => ColumnType::Blob,
            Self { all_json: true, .. } => ColumnType::Json,
            Self { all_dates: true, has_clock: true, .. } => ColumnType::TimestampText,
            Self { all_dates: true, .. } => ColumnType::Date,
            Self { declared: Declared { is_text: true, .. }, .. } => ColumnType::Text,
            _ if numbers.all && numbers.whole && self.all_epochs && self.is_named_time => {
                ColumnType::Timestamp
            }
            _ if numbers.all && numbers.whole => ColumnType::Integer,
            _ if numbers.all => ColumnType::Real,
            _ => ColumnType::Text,
        }
    }

    /// Whether every row had a value, and there were some.
    pub const fn is_complete(&self) -> bool {
        self.empties == 0 && self.values > 0
    }

    /// Whether the file says that it has no nulls.
    pub const fn is_declared_required(&self) -> bool {
        self.declared.is_required
    }

    /// Whether it is the key of its table.
    pub const fn is_key(&self) -> bool {
        self.declared.is_key
    }

    /// Whether rows are likely to be grouped by it.
    pub fn is_dimension(&self, kind: ColumnType) -> bool {
        let max = match kind {
            ColumnType::Text => WORDS_MAX,
            ColumnType::Integer => CODES_MAX,
            _ => return false,
        };
        let different = self.different.keys().len();
        let is_few = different <= max && 2 * different <= self.values;
        self.values > 0 && is_few && !self.is_like_key(kind)
    }

    /// Whether sums of it are likely to mean something.
    pub fn is_measure(&self, kind: ColumnType) -> bool {
        matches!(kind, ColumnType::Integer | ColumnType::Real) && !self.is_like_key(kind)
    }

    fn is_like_key(&self, kind: ColumnType) -> bool {
        let counts_up = kind == ColumnType::Integer && self.is_ascending && self.values > 2;
        self.is_key() || self.is_named_id || counts_up
    }
}

fn is_structure(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && json::check(text.as_bytes()).is_ok()
}
