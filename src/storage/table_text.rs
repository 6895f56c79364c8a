//! Text of a file as a value of a column: numbers and dates as people write them, where that is
//! unambiguous. Does not know files or rows.

pub mod date;
pub mod number;

use crate::model::calendar::{DAY_MS, format_date, format_timestamp, parse_date, parse_instant};
use crate::model::dataset::{Column, ColumnType};
use crate::model::json;
use crate::model::value::Value;

use self::date::{DatePattern, Order, Shape, iso_clock};
use self::number::Reading;

/// What a field of a file says.
#[derive(Debug, Clone, PartialEq)]
pub enum Field<'t> {
    /// This part of its text, as it is.
    Text(&'t str),
    /// Something else than its text.
    Value(Value),
}

impl From<Field<'_>> for Value {
    fn from(field: Field<'_>) -> Self {
        match field {
            Field::Text(text) => text.into(),
            Field::Value(value) => value,
        }
    }
}

/// How a file writes numbers and dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextForm {
    decimal: Option<u8>,
    date: DateForm,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DateForm {
    /// The caller says.
    Given(DatePattern),
    /// Any form in which the year comes first, and those in which it comes last as far as it is known
    /// whether the day or the month comes first: between dots, and between other marks.
    Found { dotted_day_first: bool, day_first: Option<bool> },
}

impl TextForm {
    /// Decimal mark and date pattern, where the caller says them.
    pub fn new(decimal: Option<u8>, date_format: Option<&str>) -> Result<Self, String> {
        let date = match date_format {
            Some(text) => DateForm::Given(DatePattern::new(text)?),
            None => DateForm::Found { dotted_day_first: true, day_first: None },
        };
        Ok(Self { decimal, date })
    }

    /// The decimal mark, where it is known.
    #[must_use]
    pub const fn decimal(&self) -> Option<u8> {
        self.decimal
    }

    /// The date pattern, where the caller gave one.
    #[must_use]
    pub fn date_format(&self) -> Option<&str> {
        match &self.date {
            DateForm::Given(pattern) => Some(&pattern.text),
            DateForm::Found { .. } => None,
        }
    }

    /// What was found out about decimal marks, where the caller said nothing.
    pub fn set_decimal(&mut self, decimal: Option<u8>) {
        self.decimal = self.decimal.or(decimal);
    }

    /// What was found out about dates, where the caller said nothing.
    pub fn set_day_first(&mut self, dotted_day_first: bool, day_first: Option<bool>) {
        if matches!(self.date, DateForm::Found { .. }) {
            self.date = DateForm::Found { dotted_day_first, day_first };
        }
    }

    /// The value of a field, or why it is none. An empty field is null, but empty text in a text column
    /// that has to have a value.
    pub fn value(&self, column: &Column, text: &str) -> Result<Value, String> {
        self.field(column, text).map(Value::from)
    }

    /// The same without a copy of what stands in the table as it stands in the file.
    pub fn field<'t>(&self, column: &Column, text: &'t str) -> Result<Field<'t>, String> {
        if column.kind == ColumnType::Text {
            let is_null = text.is_empty() && !column.required;
            return Ok(if is_null { Field::Value(Value::Null) } else { Field::Text(text) });
        }
        let trimmed = text.trim();
        let is_date = column.kind == ColumnType::Date && self.date_format().is_none();
        if is_date && parse_date(trimmed.as_bytes()).is_some() {
            return Ok(Field::Text(trimmed));
        }
        self.converted(column, trimmed).map(Field::Value)
    }

    fn converted(&self, column: &Column, trimmed: &str) -> Result<Value, String> {
        if trimmed.is_empty() {
            return if column.required || column.primary_key {
                Err("is empty, and the column needs a value".to_owned())
            } else {
                Ok(Value::Null)
            };
        }
        let wrong = |what: &str| {
            let shown: String = trimmed.chars().take(40).collect();
            format!("expected {what}, got '{shown}'")
        };
        match column.kind {
            ColumnType::Integer => match trimmed.parse() {
                Ok(n) => Ok(Value::Int(n)),
                Err(_) => self
                    .number(trimmed, true)?
                    .and_then(|number| number::whole(&number))
                    .map(Value::Int)
                    .ok_or_else(|| wrong("a whole number")),
            },
            ColumnType::Real => {
                self.real(trimmed)?.map(Value::Real).ok_or_else(|| wrong("a number"))
            }
            ColumnType::Date => {
                let (days, clock) = self.date(trimmed)?;
                // A time of day is dropped only where it says nothing.
                days.filter(|_| is_midnight(clock))
                    .map(|days| Value::Text(format_date(days)))
                    .ok_or_else(|| {
                        wrong(
                            self.date_format().unwrap_or("a date 'YYYY-MM-DD' (or say dateFormat)"),
                        )
                    })
            }
            ColumnType::Timestamp => match trimmed.parse() {
                Ok(ms) if self.date_format().is_none() => Ok(Value::Int(ms)),
                _ => self
                    .instant(trimmed)?
                    .map(Value::Int)
                    .ok_or_else(|| wrong("milliseconds since 1970 or an ISO-8601 time")),
            },
            ColumnType::TimestampText => self
                .instant(trimmed)?
                .map(|ms| Value::Text(format_timestamp(ms)))
                .ok_or_else(|| wrong("an ISO-8601 time")),
            ColumnType::Json => {
                json::check(trimmed.as_bytes()).map_err(|flaw| format!("is no JSON: {flaw}"))?;
                Ok(trimmed.into())
            }
            ColumnType::Blob => bytes_of_hex(trimmed)
                .map(Value::Blob)
                .ok_or_else(|| wrong("bytes in hexadecimal behind \\x")),
            ColumnType::Text => Ok(trimmed.into()),
        }
    }

    /// A number as a program writes it; none where it is no number.
    fn number(&self, text: &str, is_whole: bool) -> Result<Option<String>, String> {
        if let Some(decimal) = self.decimal {
            return Ok(number::plain(text, decimal));
        }
        match number::reading(text, is_whole) {
            Reading::None => Ok(None),
            Reading::Plain | Reading::Dot => Ok(number::plain(text, b'.')),
            Reading::Comma => Err(format!("'{text}' has a decimal comma; say decimal: ','")),
            Reading::Unclear => Err(unclear_number(text)),
        }
    }

    fn real(&self, text: &str) -> Result<Option<f64>, String> {
        // Nearly all numbers are as a program writes them.
        let point = if self.decimal == Some(b'.') { b'.' } else { b'0' };
        let is_plain =
            text.bytes().all(|b| b.is_ascii_digit() || b == point || b"+-eE".contains(&b));
        if is_plain && let Ok(x) = text.parse::<f64>() {
            return Ok(Some(x).filter(|x| x.is_finite()));
        }
        match text {
            "Infinity" => Ok(Some(f64::INFINITY)),
            "-Infinity" => Ok(Some(f64::NEG_INFINITY)),
            _ => Ok(self
                .number(text, false)?
                .and_then(|number| number.parse().ok())
                .filter(|x: &f64| x.is_finite())),
        }
    }

    /// Days since 1970 of the date at the beginning of a text, and what follows; or why it may not be read.
    fn date<'t>(&self, text: &'t str) -> Result<(Option<i64>, &'t str), String> {
        let (dotted_day_first, day_first) = match &self.date {
            DateForm::Given(pattern) => {
                return Ok(pattern
                    .read(text)
                    .map_or((None, ""), |(days, rest)| (Some(days), rest)));
            }
            DateForm::Found { dotted_day_first, day_first } => (*dotted_day_first, *day_first),
        };
        let Some(shape) = Shape::of(text) else { return Ok((None, "")) };
        let day_first = match shape.order {
            Order::YearFirst => true,
            Order::YearLast if shape.is_dotted() => dotted_day_first,
            Order::YearLast if shape.is_same_day() => true,
            Order::YearLast => day_first.ok_or_else(|| unclear_date(text))?,
            Order::ShortYear => {
                let problem = "has a year of two digits, which is not guessed; write four";
                return Err(format!("'{text}' {problem}"));
            }
        };
        Ok((shape.days(day_first), shape.rest))
    }

    /// Epoch milliseconds of a time as written; UTC where it names no offset.
    fn instant(&self, text: &str) -> Result<Option<i64>, String> {
        if self.date_format().is_none()
            && let Some(ms) = parse_instant(text)
        {
            return Ok(Some(ms));
        }
        let text = separated(text);
        let (Some(days), clock) = self.date(&text)? else { return Ok(None) };
        if clock.is_empty() {
            return Ok(Some(days * DAY_MS));
        }
        let clock = time_of_day(clock);
        Ok(clock.and_then(|clock| parse_instant(&format!("{}T{clock}", format_date(days)))))
    }
}

/// Whether a time of day behind a date says nothing more than the date.
pub fn is_midnight(clock: &str) -> bool {
    clock.bytes().all(|b| b"0:. TZ".contains(&b))
}

/// The time of day that follows a date, in a form that the calendar reads.
pub fn time_of_day(clock: &str) -> Option<String> {
    let clock = iso_clock(clock.get(1..)?)?;
    parse_instant(&format!("1970-01-01T{clock}")).map(|_| clock)
}

/// 'YYYYMMDDhhmmss', as machines write it, with a T before the time of day; other text as it is.
pub fn separated(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("{}T{}", &text[..8], &text[8..]).into();
    }
    text.into()
}

/// Why a number cannot be read.
pub fn unclear_number(text: &str) -> String {
    let shown = |decimal| number::plain(text, decimal).unwrap_or_default();
    format!(
        "'{text}' may be {} or {}; say which mark is the decimal one: decimal: '.' or ','",
        shown(b'.'),
        shown(b',')
    )
}

/// Why a date cannot be read.
pub fn unclear_date(text: &str) -> String {
    let shape = Shape::of(text);
    let shown = |day_first| shape.map(|shape| shape.pattern(day_first)).unwrap_or_default();
    format!(
        "'{text}' may begin with the day or with the month; say dateFormat: '{}' or '{}'",
        shown(true),
        shown(false)
    )
}

/// Bytes as our CSV files have them: `\x00ff`.
fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16);
    digits
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => Some((value(high)? << 4 | value(low)?) as u8),
            _ => None,
        })
        .collect()
}

/// Bytes as JSON files have them: base64, padded or not.
pub fn bytes_of_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        let whole = group.len() * 6 / 8;
        let spare = group.len() * 6 % 8;
        // One digit alone is no byte, and bits behind the last byte are zero.
        if whole == 0 || bits & ((1 << spare) - 1) != 0 {
            return None;
        }
        bytes.extend_from_slice(&(bits >> spare).to_be_bytes()[4 - whole..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ColumnType, required: bool) -> Column {
        Column {
            name: "c".to_owned(),
            kind,
            required,
            primary_key: false,
            default: None,
            references: None,
            nocase: false,
            label: None,
            unit: None,
        }
    }

    #[test]
    fn dates_are_read_only_where_they_cannot_be_misread() {
        let check = |format: Option<&str>, text: &str, expected: Option<&str>| {
            let form = TextForm::new(None, format).expect("a pattern");
            let got = form.value(&column(ColumnType::Date, true), text).ok();
            assert_eq!(got, expected.map(Value::from), "{text} as {format:?}");
        };
        check(None, "2025.3.4", Some("2025-03-04"));
        check(None, " 2025/3/4 ", Some("2025-03-04"));
        check(None, "2025.3.4", Some("2025-03-04"));
        check(None, "20250304", Some("2025-03-04"));
        check(None, "2025-03-04 00:00:00", Some("2025-03-04"));
        check(None, "2025-03-04T12:00", None);
        check(None, "03/04/2025", None);
        check(None, "2025-02-29", None);
        check(None, "2025-3-4-5", None);
        check(None, "", None);
        check(Some("DD/MM/YYYY"), "03/04/2025", Some("2025-04-03"));
        check(Some("MM/DD/YYYY"), "3/4/2025", Some("2025-03-04"));
        check(Some("DD/MM/YYYY"), "13/13/2025", None);
        check(Some("DD/MM/YYYY"), "03/04/2025x", None);
        check(Some("DD/MM/YYYY"), "2025-04-03", None);
    }

    #[test]
    fn patterns_have_each_part_once() {
        for pattern in ["", "YYYY", "DD/MM", "DD/MM/YYYY/DD", "D/M/Y", "hello"] {
            assert!(TextForm::new(None, Some(pattern)).is_err(), "{pattern}");
        }
    }

    #[test]
    fn numbers_are_whole_or_refused() {
        let check = |decimal: Option<u8>, kind, text: &str, expected: Option<Value>| {
            let form = TextForm::new(decimal, None).expect("no pattern");
            assert_eq!(form.value(&column(kind, true), text).ok(), expected, "{text}");
        };
        check(None, ColumnType::Integer, "12", Some(Value::Int(12)));
        check(None, ColumnType::Integer, " -12 ", Some(Value::Int(-12)));
        check(None, ColumnType::Integer, "12.5", None);
        check(None, ColumnType::Integer, "1,234", Some(Value::Int(1234)));
        check(None, ColumnType::Integer, "1,000", None);
        check(None, ColumnType::Real, "1.234", None);
        check(Some(b'.'), ColumnType::Real, "1,234.5", Some(Value::Real(1234.5)));
        check(Some(b','), ColumnType::Integer, "1.234,00", Some(Value::Int(1234)));
        check(Some(b','), ColumnType::Integer, "1,234", None);
        check(None, ColumnType::Integer, "9223372036854775808", None);
        check(None, ColumnType::Real, "1.5e3", Some(Value::Real(1500.0)));
        check(None, ColumnType::Real, "1,5", None);
        check(Some(b','), ColumnType::Real, "1,5", Some(Value::Real(1.5)));
        check(Some(b','), ColumnType::Real, "1.5", None);
        check(None, ColumnType::Real, "NaN", None);
        check(None, ColumnType::Real, "1e999", None);
        check(None, ColumnType::Real, "-Infinity", Some(Value::Real(f64::NEG_INFINITY)));
        check(None, ColumnType::Real, "infinity", None);
        check(None, ColumnType::Timestamp, "1970-01-01T00:00:01Z", Some(Value::Int(1000)));
    }

    #[test]
    fn bytes_come_from_hexadecimal_or_base64_and_nothing_else() {
        let hex = |text: &str| bytes_of_hex(text);
        assert_eq!(hex("\\x00ffAb"), Some(vec![0, 255, 0xab]));
        assert_eq!(hex("\\x"), Some(vec![]));
        for wrong in ["00ff", "\\x0", "\\x0g", "\\x+1", "x00"] {
            assert_eq!(hex(wrong), None, "{wrong}");
        }
        let base64 = |text: &str| bytes_of_base64(text);
        assert_eq!(base64(""), Some(vec![]));
        assert_eq!(base64("+/8="), Some(vec![251, 255]));
        assert_eq!(base64("+/8"), Some(vec![251, 255]));
        assert_eq!(base64("AA=="), Some(vec![0]));
        assert_eq!(base64("AQID"), Some(vec![1, 2, 3]));
        assert_eq!(base64("AQIDBA=="), Some(vec![1, 2, 3, 4]));
        for wrong in ["A", "AQIDB", "A*==", "A A=", "AB==", "-_8=", "é"] {
            assert_eq!(base64(wrong), None, "{wrong}");
        }
    }
}
