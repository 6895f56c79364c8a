//! Time ranges and time buckets: what '2025-Q2' as an end of a range means, which bucket an instant
//! falls into, how a bucket is written. UTC throughout.
//! Does not know columns or how they store time.

use crate::error::{Error, Result};
use crate::model::calendar::{
    DAY_MS, Date, HOUR_MS, Instant, MINUTE_MS, civil_from_days, date_of, days_from_civil,
    days_in_month, digits, format_date, iso_week, monday_of_iso_week, parse_instant, weekday,
};
use crate::model::node::{Fields, Node, blame_query};

/// First instant that a range may name: 0000-01-01.
pub const FIRST_MS: i64 = -62_167_219_200_000;
/// Last instant that a range may name: the end of 9999-12-31.
pub const LAST_MS: i64 = 253_402_300_799_999;

/// A range of instants; an end that is none is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// First instant, epoch milliseconds, inclusive.
    pub from_ms: Option<i64>,
    /// Last instant, epoch milliseconds, inclusive.
    pub to_ms: Option<i64>,
}

impl TimeRange {
    /// Reads `{ from, to }`, both inclusive at the precision they are written in.
    pub fn from_node(node: &Node, path: &str) -> Result<Self> {
        let mut fields = Fields::of(node, path, blame_query)?;
        let from = fields.get("from").map(|node| end(node, &format!("{path}.from"))).transpose()?;
        let to = fields.get("to").map(|node| end(node, &format!("{path}.to"))).transpose()?;
        fields.done()?;
        Ok(Self {
            from_ms: from.map(|end| end.start_ms),
            to_ms: to.map(|end| end.start_ms + end.length_ms - 1),
        })
    }
}

fn end(node: &Node, path: &str) -> Result<Instant> {
    let found = match node {
        Node::Int(ms) if (FIRST_MS..=LAST_MS).contains(ms) => {
            Some(Instant { start_ms: *ms, length_ms: 1 })
        }
        Node::Text(text) => parse_bucket(text).or_else(|| parse_instant(text)),
        _ => None,
    };
    found.ok_or_else(|| {
        Error::query(
            path,
            "expected epoch milliseconds or text such as '2025', '2025-Q2', '2025-06', '2025-W24', '2025-06-10', '2025-06-10T14:00'",
        )
    })
}

/// Reads the bucket texts that are coarser than a day.
fn parse_bucket(text: &str) -> Option<Instant> {
    let days = |first: i64, next: i64| Instant {
        start_ms: first * DAY_MS,
        length_ms: (next - first) * DAY_MS,
    };
    let bytes = text.as_bytes();
    let year = digits(bytes.get(..4)?)?;
    match &bytes[4..] {
        [] => {
            let first = date_of(year, 1, 1)?;
            Some(days(first, date_of(year, 12, 31)? + 1))
        }
        [b'-', b'Q', q @ b'1'..=b'4'] => {
            let month = i64::from(q - b'1') * 3 + 1;
            let last = date_of(year, month + 2, days_in_month(year, month + 2))?;
            Some(days(date_of(year, month, 1)?, last + 1))
        }
        [b'-', b'W', w @ ..] if w.len() == 2 => {
            let monday = monday_of_iso_week(year, digits(w)?)?;
            Some(days(monday, monday + 7))
        }
        [b'-', m @ ..] if m.len() == 2 => {
            let month = digits(m)?;
            let first = date_of(year, month, 1)?;
            Some(days(first, first + days_in_month(year, month)))
        }
        _ => None,
    }
}

/// Sizes of time buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeBucket {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// A calendar day.
    Day,
    /// An ISO 8601 week.
    Week,
    /// A calendar month.
    Month,
    /// Three months.
    Quarter,
    /// A calendar year.
    Year,
}

/// The words of the public API.
pub const TIME_BUCKETS: [(&str, TimeBucket); 7] = [
    ("minute", TimeBucket::Minute),
    ("hour", TimeBucket::Hour),
    ("day", TimeBucket::Day),
    ("week", TimeBucket::Week),
    ("month", TimeBucket::Month),
    ("quarter", TimeBucket::Quarter),
    ("year", TimeBucket::Year),
];

impl TimeBucket {
    /// The word of the public API, which is also the name of the result column.
    #[must_use]
    pub fn word(self) -> &'static str {
        TIME_BUCKETS.iter().find(|(_, bucket)| *bucket == self).map_or("", |(word, _)| word)
    }

    /// Start of the bucket that an instant falls into.
    #[must_use]
    pub const fn start(self, ms: i64) -> i64 {
        let days = ms.div_euclid(DAY_MS);
        let Date { year, month, .. } = civil_from_days(days);
        match self {
            Self::Minute => ms - ms.rem_euclid(MINUTE_MS),
            Self::Hour => ms - ms.rem_euclid(HOUR_MS),
            Self::Day => days * DAY_MS,
            Self::Week => (days - weekday(days) + 1) * DAY_MS,
            Self::Month => days_from_civil(Date { year, month, day: 1 }) * DAY_MS,
            Self::Quarter => {
                let month = (month - 1) / 3 * 3 + 1;
                days_from_civil(Date { year, month, day: 1 }) * DAY_MS
            }
            Self::Year => days_from_civil(Date { year, month: 1, day: 1 }) * DAY_MS,
        }
    }

    /// Start of the bucket after the one that starts at `start_ms`.
    #[must_use]
    pub const fn next(self, start_ms: i64) -> i64 {
        let longest_days = match self {
            Self::Minute => return start_ms + MINUTE_MS,
            Self::Hour => return start_ms + HOUR_MS,
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
            Self::Quarter => 92,
            Self::Year => 366,
        };
        // A day of the following bucket: the longest bucket later is never beyond that one.
        self.start(start_ms + longest_days * DAY_MS)
    }

    /// The bucket that starts at `start_ms`, as text that sorts in time.
    #[must_use]
    pub fn format(self, start_ms: i64) -> String {
        let days = start_ms.div_euclid(DAY_MS);
        let Date { year, month, .. } = civil_from_days(days);
        match self {
            Self::Minute | Self::Hour => {
                let minutes = start_ms.rem_euclid(DAY_MS) / MINUTE_MS;
                format!("{}T{:02}:{:02}+00:00", format_date(days), minutes / 60, minutes % 60)
            }
            Self::Day => format_date(days),
            Self::Week => {
                let (year, week) = iso_week(days);
                format!("{year:04}-W{week:02}")
            }
            Self::Month => format!("{year:04}-{month:02}"),
            Self::Quarter => format!("{year:04}-Q{}", (month - 1) / 3 + 1),
            Self::Year => format!("{year:04}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> Result<TimeRange> {
        let map = vec![
            ("from".to_owned(), Node::Text(from.to_owned())),
            ("to".to_owned(), Node::Text(to.to_owned())),
        ];
        TimeRange::from_node(&Node::Map(map), "range")
    }

    #[test]
    fn ends_are_inclusive_at_their_written_precision() {
        let check = |end: &str, first: &str, last: &str| {
            let got = range(end, end).unwrap_or_else(|e| panic!("{end}: {e}"));
            let day = |text: &str| parse_instant(text).expect("a date").start_ms;
            assert_eq!(got.from_ms, Some(day(first)), "{end}");
            assert_eq!(got.to_ms, Some(day(last) + DAY_MS - 1), "{end}");
        };
        check("2025", "2025-01-01", "2025-12-31");
        check("2025-Q1", "2025-01-01", "2025-03-31");
        check("2024-02", "2024-02-01", "2024-02-29");
        check("2020-W53", "2020-12-28", "2021-01-03");
        check("2025-06-10", "2025-06-10", "2025-06-10");
        let hour = range("2025-06-10T14", "2025-06-10T14:00").expect("a range");
        assert_eq!(hour.to_ms.unwrap() - hour.from_ms.unwrap(), MINUTE_MS - 1);
    }

    #[test]
    fn ends_that_mean_nothing_are_refused() {
        for end in
            ["", "25", "2025-13", "2025-W54", "2021-W53", "2025-Q5", "2025-02-30", "tomorrow"]
        {
            assert!(range(end, "2025").is_err(), "{end}");
        }
    }

    #[test]
    fn buckets_tile_time_without_gaps() {
        for (word, bucket) in TIME_BUCKETS {
            let mut at = bucket.start(-400 * DAY_MS + 12_345_678);
            let until =
                if bucket <= TimeBucket::Hour { at + 3 * DAY_MS } else { at + 4_000 * DAY_MS };
            while at < until {
                let next = bucket.next(at);
                assert!(next > at, "{word}");
                assert_eq!(bucket.start(next - 1), at, "{word} at {at}");
                assert_eq!(bucket.start(next), next, "{word} at {at}");
                assert!(bucket.format(at) < bucket.format(next), "{word} sorts");
                at = next;
            }
        }
    }
}
