//! What the beginning of a file tells about how it writes numbers and dates: which mark is the decimal one,
//! whether the day or the month comes first. Nothing is guessed: where no value decides, the error names
//! one of them and the option that does.

use crate::error::{Error, Result};
use crate::model::dataset::ColumnType;
use crate::storage::table_text::date::{Order, Shape};
use crate::storage::table_text::number::{Reading, reading};
use crate::storage::table_text::{TextForm, unclear_date, unclear_number};

/// A value and where it stands.
#[derive(Debug, Clone)]
struct Example {
    column: String,
    text: String,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Of '.' as the decimal mark, and of ','.
    dot: Option<Example>,
    comma: Option<Example>,
    /// Numbers that could be read either way, one of a column.
    unclear: Vec<Example>,
    /// Columns with whole numbers of more than three digits that are not grouped.
    ungrouped: Vec<String>,
    dotted_dates: DateEvidence,
    other_dates: DateEvidence,
    /// The pattern of the first date, for either order.
    pattern: Option<(String, String, bool)>,
}

#[derive(Debug, Default)]
struct DateEvidence {
    day_first: Option<Example>,
    month_first: Option<Example>,
    unclear: Option<Example>,
}

/// What came of it.
#[derive(Debug)]
pub struct Settled {
    /// The form to read the file by.
    pub form: TextForm,
    /// Pattern of its dates, if it has any.
    pub date_format: Option<String>,
}

impl Evidence {
    /// Takes a value of a column.
    pub fn add(&mut self, column: &str, kind: ColumnType, text: &str) {
        let text = text.trim();
        match kind {
            ColumnType::Integer => self.number(column, text, true),
            ColumnType::Real => self.number(column, text, false),
            // A whole number is an instant already.
            ColumnType::Timestamp if text.parse::<i64>().is_ok() => {}
            ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampText => {
                self.date(column, text);
            }
            ColumnType::Text | ColumnType::Blob | ColumnType::Json => {}
        }
    }

    fn number(&mut self, column: &str, text: &str, is_whole: bool) {
        let example = || Example { column: column.to_owned(), text: text.to_owned() };
        match reading(text, is_whole) {
            Reading::Dot => _ = self.dot.get_or_insert_with(example),
            Reading::Comma => _ = self.comma.get_or_insert_with(example),
            Reading::Unclear if self.unclear.iter().all(|e| e.column != column) => {
                self.unclear.push(example());
            }
            Reading::Plain if !is_whole => {
                let digits = text.trim_start_matches(['+', '-']);
                let is_long = digits.len() > 3 && digits.bytes().all(|b| b.is_ascii_digit());
                if is_long && self.ungrouped.iter().all(|name| name != column) {
                    self.ungrouped.push(column.to_owned());
                }
            }
            Reading::None | Reading::Plain | Reading::Unclear => {}
        }
    }

    fn date(&mut self, column: &str, text: &str) {
        let Some(shape) = Shape::of(text) else { return };
        if shape.order == Order::ShortYear {
            return;
        }
        if self.pattern.is_none() {
            self.pattern = Some((shape.pattern(true), shape.pattern(false), shape.is_dotted()));
        }
        if shape.order == Order::YearFirst || shape.is_same_day() {
            return;
        }
        let found = if shape.is_dotted() { &mut self.dotted_dates } else { &mut self.other_dates };
        let place = match shape.day_first() {
            Some(true) => &mut found.day_first,
            Some(false) => &mut found.month_first,
            None => &mut found.unclear,
        };
        place.get_or_insert_with(|| Example { column: column.to_owned(), text: text.to_owned() });
    }

    /// How to read the file, or which value does not let it be told. What the caller said stands.
    pub fn settle(&self, given: &TextForm, has_points: bool) -> Result<Settled> {
        let mut form = given.clone();
        if given.decimal().is_none() {
            form.set_decimal(self.decimal(has_points)?);
        }
        let mut date_format = given.date_format().map(str::to_owned);
        if date_format.is_none() {
            let dotted = self.dotted_dates.settle()?.unwrap_or(true);
            let other = match (self.other_dates.settle()?, &self.other_dates.unclear) {
                (None, Some(example)) => return Err(example.blame(unclear_date(&example.text))),
                (day_first, _) => day_first,
            };
            form.set_day_first(dotted, other);
            date_format = self.pattern.clone().map(|(day_first, month_first, is_dotted)| {
                let is_day_first = if is_dotted { dotted } else { other.unwrap_or(true) };
                if is_day_first { day_first } else { month_first }
            });
        }
        Ok(Settled { form, date_format })
    }

    /// `has_points`: where a comma has another meaning in the file, a point can only be the decimal mark.
    fn decimal(&self, has_points: bool) -> Result<Option<u8>> {
        let decided = |mark: u8| {
            self.unclear.iter().find(|Example { column, text }| {
                // Who groups digits groups those of every long number.
                let decides = self.ungrouped.contains(column) || (has_points && mark == b'.');
                decides && text.contains(char::from(mark))
            })
        };
        let unclear = |example: &Example| Err(example.blame(unclear_number(&example.text)));
        match (&self.dot, &self.comma) {
            (Some(dot), Some(comma)) => Err(comma.blame(format!(
                "'{}' has a decimal comma, and '{}' in column '{}' a decimal point; say which is right: decimal: '.' or ','",
                comma.text, dot.text, dot.column
            ))),
            (Some(_), None) => Ok(Some(b'.')),
            (None, Some(_)) => Ok(Some(b',')),
            (None, None) => match (decided(b'.'), decided(b','), self.unclear.first()) {
                (Some(_), Some(comma), _) => unclear(comma),
                (Some(_), None, _) => Ok(Some(b'.')),
                (None, Some(_), _) => Ok(Some(b',')),
                (None, None, Some(example)) => unclear(example),
                (None, None, None) => Ok(None),
            },
        }
    }
}

impl DateEvidence {
    fn settle(&self) -> Result<Option<bool>> {
        match (&self.day_first, &self.month_first) {
            (Some(day), Some(month)) => Err(month.blame(format!(
                "'{}' begins with the month, and '{}' in column '{}' with the day; say which is right: dateFormat",
                month.text, day.text, day.column
            ))),
            (day, month) => Ok(day.as_ref().map(|_| true).or(month.as_ref().map(|_| false))),
        }
    }
}

impl Example {
    fn blame(&self, reason: String) -> Error {
        Error::input(format!("column '{}'", self.column), reason)
    }
}
