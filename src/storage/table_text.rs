//! Text of a file as a value of a column: numbers and dates as people write them, where that is
//! unambiguous. Does not know files or rows.

use crate::model::calendar::{
    DAY_MS, date_of, digits, format_date, format_timestamp, parse_instant,
};
use crate::model::dataset::{Column, ColumnType};
use crate::model::value::Value;

/// How a file writes numbers and dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextForm {
    decimal: u8,
    date: Option<DatePattern>,
}

/// A pattern such as DD/MM/YYYY.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DatePattern {
    text: String,
    parts: Vec<DatePart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatePart {
    Year,
    Month,
    Day,
    Literal(u8),
}

impl TextForm {
    /// Decimal separator ('.' where none is given) and date pattern.
    pub fn new(decimal: Option<u8>, date_format: Option<&str>) -> Result<Self, String> {
        let date = date_format.map(DatePattern::new).transpose()?;
        Ok(Self { decimal: decimal.unwrap_or(b'.'), date })
    }

    /// The decimal separator.
    #[must_use]
    pub fn decimal(&self) -> String {
        char::from(self.decimal).to_string()
    }

    /// The date pattern, where there is one.
    #[must_use]
    pub fn date_format(&self) -> Option<String> {
        self.date.as_ref().map(|pattern| pattern.text.clone())
    }

    /// The value of a field, or why it is none. An empty field is null, but empty text in a text column
    /// that has to have a value.
    pub fn value(&self, column: &Column, text: &str) -> Result<Value, String> {
        let trimmed = text.trim();
        if column.kind == ColumnType::Text {
            return Ok(if text.is_empty() && !column.required { Value::Null } else { text.into() });
        }
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
            ColumnType::Integer => {
                trimmed.parse().map(Value::Int).map_err(|_| wrong("a whole number"))
            }
            ColumnType::Real => {
                self.real(trimmed).map(Value::Real).ok_or_else(|| wrong("a number"))
            }
            ColumnType::Date => {
                self.date(trimmed).map(|days| Value::Text(format_date(days))).ok_or_else(|| {
                    wrong(
                        self.date
                            .as_ref()
                            .map_or("a date 'YYYY-MM-DD' (or say dateFormat)", |p| p.text.as_str()),
                    )
                })
            }
            ColumnType::Timestamp => {
                let ms = trimmed.parse().ok().or_else(|| self.instant(trimmed));
                ms.map(Value::Int)
                    .ok_or_else(|| wrong("milliseconds since 1970 or an ISO-8601 time"))
            }
            ColumnType::TimestampText => {
                let ms = self.instant(trimmed);
                ms.map(|ms| Value::Text(format_timestamp(ms)))
                    .ok_or_else(|| wrong("an ISO-8601 time"))
            }
            ColumnType::Json => match serde_json::from_str::<serde::de::IgnoredAny>(trimmed) {
                Ok(_) => Ok(trimmed.into()),
                Err(error) => Err(format!("is no JSON: {error}")),
            },
            ColumnType::Blob => bytes_of_hex(trimmed)
                .map(Value::Blob)
                .ok_or_else(|| wrong("bytes in hexadecimal behind \\x")),
            ColumnType::Text => Ok(text.into()),
        }
    }

    fn real(&self, text: &str) -> Option<f64> {
        match text {
            "Infinity" => return Some(f64::INFINITY),
            "-Infinity" => return Some(f64::NEG_INFINITY),
            _ => {}
        }
        let sound =
            text.bytes().all(|b| b.is_ascii_digit() || b"+-eE".contains(&b) || b == self.decimal);
        if !sound {
            return None;
        }
        let parsed: Result<f64, _> =
            if self.decimal == b'.' { text.parse() } else { text.replace(',', ".").parse() };
        parsed.ok().filter(|x| x.is_finite())
    }

    /// Days since 1970. Without a pattern: the year comes first, so that it cannot be misread.
    fn date(&self, text: &str) -> Option<i64> {
        if let Some(pattern) = &self.date {
            return pattern.read(text.as_bytes());
        }
        match text.as_bytes() {
            [y @ .., m0, m1, d0, d1] if y.len() == 4 && digits(text.as_bytes()).is_some() => {
                date_of(digits(y)?, digits(&[*m0, *m1])?, digits(&[*d0, *d1])?)
            }
            bytes => {
                let separator = *bytes.get(4)?;
                if !b"-/.".contains(&separator) {
                    return None;
                }
                let (date, clock) = bytes.split_at_checked(10).unwrap_or((bytes, &[]));
                let mut parts = date.split(|b| *b == separator);
                let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
                let short = |part: &[u8]| (1..=2).contains(&part.len());
                // A date with a time of day is a date only at midnight: nothing is dropped in silence.
                let midnight = clock.iter().all(|b| b"0:. TZ".contains(b));
                let sound = year.len() == 4
                    && short(month)
                    && short(day)
                    && parts.next().is_none()
                    && midnight;
                sound.then(|| date_of(digits(year)?, digits(month)?, digits(day)?)).flatten()
            }
        }
    }

    /// Epoch milliseconds of a time as written; UTC where it names no offset.
    fn instant(&self, text: &str) -> Option<i64> {
        if let Some(pattern) = &self.date {
            let (date, clock) = text.split_once([' ', 'T']).unwrap_or((text, ""));
            let days = pattern.read(date.as_bytes())?;
            if clock.is_empty() {
                return Some(days * DAY_MS);
            }
            return parse_instant(&format!("{}T{clock}", format_date(days)));
        }
        parse_instant(text)
    }
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

impl DatePattern {
    fn new(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            let (part, length) = match rest {
                [b'Y', b'Y', b'Y', b'Y', ..] => (DatePart::Year, 4),
                [b'M', b'M', ..] => (DatePart::Month, 2),
                [b'D', b'D', ..] => (DatePart::Day, 2),
                _ => (DatePart::Literal(*first), 1),
            };
            parts.push(part);
            rest = if length == 1 { after } else { &rest[length..] };
        }
        let once = |part| parts.iter().filter(|p| **p == part).count() == 1;
        let letters =
            parts.iter().any(|p| matches!(p, DatePart::Literal(b) if b.is_ascii_alphanumeric()));
        if !letters && once(DatePart::Year) && once(DatePart::Month) && once(DatePart::Day) {
            Ok(Self { text: text.to_owned(), parts })
        } else {
            Err(format!(
                "expected YYYY, MM and DD once each with separators, such as 'DD/MM/YYYY', got '{text}'"
            ))
        }
    }

    /// Month and day may have one digit where a separator follows or the text ends.
    fn read(&self, text: &[u8]) -> Option<i64> {
        let (mut year, mut month, mut day) = (None, None, None);
        let mut rest = text;
        for part in &self.parts {
            let mut number = |most: usize| {
                let length = rest.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
                let (field, after) = rest.split_at(length);
                rest = after;
                digits(field)
            };
            match part {
                DatePart::Year => year = Some(number(4).filter(|_| true)?),
                DatePart::Month => month = Some(number(2)?),
                DatePart::Day => day = Some(number(2)?),
                DatePart::Literal(byte) => rest = rest.strip_prefix(&[*byte])?,
            }
        }
        if rest.is_empty() { date_of(year?, month?, day?) } else { None }
    }
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
        check(None, ColumnType::Integer, "1,234", None);
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
