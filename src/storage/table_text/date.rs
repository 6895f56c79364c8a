//! Dates and times of day as people write them. Whether a day or a month comes first is the file's affair;
//! years of two digits are nobody's.

use crate::model::calendar::{date_of, digits};

/// A pattern such as DD/MM/YYYY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatePattern {
    /// As it was given.
    pub text: String,
    parts: Vec<DatePart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatePart {
    Year,
    Month,
    Day,
    Literal(u8),
}

/// Where the year stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// '2025-06-10'
    YearFirst,
    /// '10/06/2025'
    YearLast,
    /// '10/06/25', which may be anything.
    ShortYear,
}

/// A date as it stands at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape<'t> {
    /// Where the year stands.
    pub order: Order,
    /// As they stand.
    numbers: [i64; 3],
    marks: (&'static str, &'static str, &'static str),
    blanks: bool,
    /// What follows: a time of day, or nothing.
    pub rest: &'t str,
}

/// What stands between year, month and day and behind them.
const MARKS: [(&str, &str, &str); 5] =
    [("-", "-", ""), ("/", "/", ""), (".", ".", ""), ("年", "月", "日"), ("년", "월", "일")];

impl<'t> Shape<'t> {
    /// Finds the date at the beginning of a text.
    pub fn of(text: &'t str) -> Option<Self> {
        let (first, length, rest) = number(text)?;
        if length == 8 {
            let numbers = [first / 10_000, first / 100 % 100, first % 100];
            let shape =
                Self { order: Order::YearFirst, numbers, marks: ("", "", ""), blanks: false, rest };
            return shape.ends().then_some(shape);
        }
        let marks = *MARKS.iter().find(|(mark, ..)| rest.starts_with(mark))?;
        let (rest, blanks) = behind(rest, marks.0)?;
        let (second, second_length, rest) = number(rest)?;
        let (rest, _) = behind(rest, marks.1)?;
        let (third, third_length, rest) = number(rest)?;
        // '2025. 6. 10.' is how Korean writes dates.
        let rest = match marks.2 {
            "" => rest.strip_prefix('.').filter(|_| marks.0 == ".").unwrap_or(rest),
            last => rest.strip_prefix(last)?,
        };
        let order = match (length, third_length) {
            (4, 1 | 2) => Order::YearFirst,
            (1 | 2, 4) if marks.2.is_empty() => Order::YearLast,
            (1 | 2, 2) if marks.2.is_empty() => Order::ShortYear,
            _ => return None,
        };
        let shape = Self { order, numbers: [first, second, third], marks, blanks, rest };
        (second_length <= 2 && shape.ends()).then_some(shape)
    }

    fn ends(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with([' ', 'T', 't'])
    }

    /// Whether the day comes before the month, where the numbers tell: a month has no more than 12.
    pub fn day_first(&self) -> Option<bool> {
        match self.numbers {
            [day, 1..=12, _] if day > 12 => Some(true),
            [1..=12, day, _] if day > 12 => Some(false),
            _ => None,
        }
    }

    /// Whether it is eight digits, and might be any number.
    pub fn is_compact(&self) -> bool {
        self.marks.0.is_empty()
    }

    /// The year, where it is known to be one.
    pub fn year(&self) -> i64 {
        if self.order == Order::YearFirst { self.numbers[0] } else { self.numbers[2] }
    }

    /// Whether it is the same day either way.
    pub fn is_same_day(&self) -> bool {
        self.numbers[0] == self.numbers[1]
    }

    /// Whether dots stand between: no country that writes them puts the month first.
    pub fn is_dotted(&self) -> bool {
        self.marks.0 == "."
    }

    /// Days since 1970.
    pub fn days(&self, day_first: bool) -> Option<i64> {
        match (self.order, self.numbers) {
            (Order::YearFirst, [year, month, day]) => date_of(year, month, day),
            (Order::YearLast, [day, month, year]) if day_first => date_of(year, month, day),
            (Order::YearLast, [month, day, year]) => date_of(year, month, day),
            (Order::ShortYear, _) => None,
        }
    }

    /// The pattern of such dates, as one may give it.
    pub fn pattern(&self, day_first: bool) -> String {
        let parts = match self.order {
            Order::YearFirst => ["YYYY", "MM", "DD"],
            _ if day_first => ["DD", "MM", "YYYY"],
            _ => ["MM", "DD", "YYYY"],
        };
        let (first, second, last) = self.marks;
        let blank = if self.blanks { " " } else { "" };
        let last = if self.blanks && self.is_dotted() { "." } else { last };
        [parts[0], first, blank, parts[1], second, blank, parts[2], last].concat()
    }
}

/// Digits at the beginning of a text: their number, how many, and what follows.
fn number(text: &str) -> Option<(i64, usize, &str)> {
    let length = text.bytes().take(9).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(length);
    Some((digits(number.as_bytes())?, length, rest))
}

/// What stands behind a mark, and whether a blank was between.
fn behind<'t>(text: &'t str, mark: &str) -> Option<(&'t str, bool)> {
    let rest = text.strip_prefix(mark)?;
    Some(rest.strip_prefix(' ').map_or((rest, false), |rest| (rest, true)))
}

/// Words for the halves of a day, before or behind the clock; those of the afternoon second.
const HALVES: [(&str, &str); 6] = [
    ("AM", "PM"),
    ("am", "pm"),
    ("a.m.", "p.m."),
    ("오전", "오후"),
    ("午前", "午後"),
    ("上午", "下午"),
];

/// A time of day as ISO 8601 has it, with two digits for the hour of a day of 24; what the calendar does
/// not know is left for it to refuse.
pub fn iso_clock(text: &str) -> Option<String> {
    let mut text = text.trim();
    let mut afternoon = None;
    for (morning_word, afternoon_word) in HALVES {
        for (word, is_afternoon) in [(morning_word, false), (afternoon_word, true)] {
            if let Some(rest) = text.strip_prefix(word).or_else(|| text.strip_suffix(word)) {
                text = rest.trim();
                afternoon = Some(is_afternoon);
            }
        }
    }
    let (hour, length, rest) = number(text)?;
    if length > 2 {
        // 'hhmm' and 'hhmmss' of compact times.
        let (hours, minutes) = text.split_at_checked(2)?;
        let (minutes, seconds) = minutes.split_at_checked(2)?;
        let colon = if length == 4 { "" } else { ":" };
        return (length % 2 == 0 && afternoon.is_none())
            .then(|| [hours, ":", minutes, colon, seconds].concat());
    }
    let hour = match afternoon {
        None => hour,
        Some(is_afternoon) if (1..=12).contains(&hour) => {
            hour % 12 + if is_afternoon { 12 } else { 0 }
        }
        Some(_) => return None,
    };
    Some(format!("{hour:02}{rest}"))
}

impl DatePattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Result<Self, String> {
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

    /// Days since 1970 of the date at the beginning of a text, and what follows. Month and day may have one
    /// digit where a separator follows or the text ends.
    pub fn read<'t>(&self, text: &'t str) -> Option<(i64, &'t str)> {
        let (mut year, mut month, mut day) = (None, None, None);
        let mut rest = text.as_bytes();
        for part in &self.parts {
            let mut number = |most: usize| {
                let length = rest.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
                let (field, after) = rest.split_at(length);
                rest = after;
                digits(field)
            };
            match part {
                DatePart::Year => year = Some(number(4)?),
                DatePart::Month => month = Some(number(2)?),
                DatePart::Day => day = Some(number(2)?),
                DatePart::Literal(byte) => rest = rest.strip_prefix(&[*byte])?,
            }
        }
        let rest = std::str::from_utf8(rest).ok()?;
        let ends = rest.is_empty() || rest.starts_with([' ', 'T', 't']);
        if ends { Some((date_of(year?, month?, day?)?, rest)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::calendar::format_date;

    #[test]
    fn dates_have_a_shape() {
        let check = |text: &str, expected: Option<(Order, &str, Option<&str>, &str)>| {
            let shape = Shape::of(text);
            let got = shape.as_ref().map(|shape| {
                (shape.order, shape.days(true).map(format_date), shape.pattern(true), shape.rest)
            });
            let expected = expected.map(|(order, rest, date, pattern)| {
                (order, date.map(str::to_owned), pattern.to_owned(), rest)
            });
            assert_eq!(got, expected, "{text}");
            // What is found can be given.
            if let (Some((_, Some(date), pattern, _)), Some(_)) = (got, &expected) {
                let pattern = DatePattern::new(&pattern).expect("a pattern");
                assert_eq!(pattern.read(text).map(|(days, _)| format_date(days)), Some(date));
            }
        };
        let first = Order::YearFirst;
        check("2025-06-10", Some((first, "", Some("2025-06-10"), "YYYY-MM-DD")));
        check("2025/6/1 9:30", Some((first, " 9:30", Some("2025-06-01"), "YYYY/MM/DD")));
        check("20250610T1430", Some((first, "T1430", Some("2025-06-10"), "YYYYMMDD")));
        check("2025年6月10日", Some((first, "", Some("2025-06-10"), "YYYY年MM月DD日")));
        check("2025년 6월 10일", Some((first, "", Some("2025-06-10"), "YYYY년 MM월 DD일")));
        check("2025. 6. 10.", Some((first, "", Some("2025-06-10"), "YYYY. MM. DD.")));
        check("10.6.2025", Some((Order::YearLast, "", Some("2025-06-10"), "DD.MM.YYYY")));
        check("10/06/2025", Some((Order::YearLast, "", Some("2025-06-10"), "DD/MM/YYYY")));
        check("06-13-2025", Some((Order::YearLast, "", None, "DD-MM-YYYY")));
        check("10.06.25", Some((Order::ShortYear, "", None, "DD.MM.YYYY")));
        for wrong in [
            "",
            "x",
            "2025",
            "2025-06",
            "202506101",
            "2025-6-100",
            "2025-06/10",
            "2025-06-10x",
            "1.2.3.4",
            "2025年6月10",
            "6月10日",
            "10年6月2025日",
            "2025-006-10",
            "1234567",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn clocks_of_twelve_hours_become_clocks_of_24() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(iso_clock(text).as_deref(), expected, "{text}");
        };
        check(" 9:05", Some("09:05"));
        check("12:00 AM", Some("00:00"));
        check("12:30:15 pm", Some("12:30:15"));
        check("오후 2:30:00", Some("14:30:00"));
        check("上午10:00", Some("10:00"));
        check("14:30+09:00", Some("14:30+09:00"));
        check("143005", Some("14:30:05"));
        check("1430", Some("14:30"));
        check("13:00 PM", None);
        check("14300", None);
        check("noon", None);
    }
}
