//! Time ranges and time buckets in plant time: what '2025-Q2' as an end of a range means, which bucket an
//! instant falls into, how a bucket is written.
//! Does not know columns or how they store time.

use crate::error::{Error, Result};
use crate::model::calendar::{
    DAY_MS, Date, HOUR_MS, MINUTE_MS, civil_from_days, date_of, days_from_civil, days_in_month,
    digits, format_date, format_offset, iso_week, monday_of_iso_week, parse_date, parse_written,
    weekday,
};
use crate::model::node::{Fields, Node, blame_query};
use crate::model::plant::PlantTime;

/// First instant that a range may name: 0000-01-01.
pub const FIRST_MS: i64 = -62_167_219_200_000;
/// Last instant that a range may name: the end of 9999-12-31.
pub const LAST_MS: i64 = 253_402_300_799_999;

/// A range of time as it is written, both ends inclusive at their precision; an end that is none is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// What it begins with.
    pub from: Option<End>,
    /// What it ends with.
    pub to: Option<End>,
}

/// An end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Production days, counted from 1970-01-01: a day, week, month, quarter or year.
    Days {
        /// The first.
        first: i64,
        /// The one after the last.
        next: i64,
    },
    /// What the plant's clocks show.
    Clock {
        /// As milliseconds of a clock that runs in UTC.
        clock_ms: i64,
        /// How long the written precision lasts.
        length_ms: i64,
    },
    /// An instant that is the same everywhere.
    Instant {
        /// Epoch milliseconds.
        start_ms: i64,
        /// How long the written precision lasts.
        length_ms: i64,
    },
}

/// A range as milliseconds, both ends inclusive: epoch milliseconds, or, of columns that hold days, the
/// milliseconds of these days as if in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// First one, none where it is open.
    pub from_ms: Option<i64>,
    /// Last one, none where it is open.
    pub to_ms: Option<i64>,
}

impl TimeRange {
    /// Reads `{ from, to }`.
    pub fn from_node(node: &Node, path: &str) -> Result<Self> {
        if !matches!(node, Node::Map(_)) {
            let reason = format!(
                "expected an object such as {{ from: '2025-01', to: '2025-03' }}, got {}",
                node.kind()
            );
            return Err(Error::query(path, reason));
        }
        let mut fields = Fields::of(node, path, blame_query)?;
        let range = Self {
            from: fields.get("from").map(|node| end(node, &format!("{path}.from"))).transpose()?,
            to: fields.get("to").map(|node| end(node, &format!("{path}.to"))).transpose()?,
        };
        fields.done()?;
        Ok(range)
    }

    /// What it means in a plant's time. `of_days`: for a column that holds production days, which have no
    /// zone; an instant or what clocks show then stands for the day that it belongs to.
    pub fn bounds(&self, plant: &PlantTime, of_days: bool) -> Result<Bounds> {
        let check = |bound: Option<i64>, field: &str| {
            bound.filter(|ms| (FIRST_MS..=LAST_MS).contains(ms)).ok_or_else(|| {
                let name = plant.zone.name();
                let way_out = if of_days { "write a day" } else { "write an instant with its offset" };
                Error::query(
                    field,
                    format!("what clocks in '{name}' show is known for the years 1970 to 2100; {way_out}, or leave this end out"),
                )
            })
        };
        // Beyond the first and the last no row can be, and text would no longer sort in time.
        let from = self.from.map(|end| end.start(plant, of_days).map(|ms| ms.max(FIRST_MS)));
        let to = self.to.map(|end| end.end(plant, of_days).map(|ms| (ms - 1).min(LAST_MS)));
        Ok(Bounds {
            from_ms: from.map(|ms| check(ms, "range.from")).transpose()?,
            to_ms: to.map(|ms| check(ms, "range.to")).transpose()?,
        })
    }
}

impl End {
    /// Its first millisecond; none where the zone's clocks are not known.
    fn start(self, plant: &PlantTime, of_days: bool) -> Option<i64> {
        let zone = &plant.zone;
        match (self, of_days) {
            (Self::Days { first, .. }, true) => Some(first * DAY_MS),
            (Self::Days { first, .. }, false) => {
                zone.covers(first * DAY_MS).then(|| plant.day_begin(first))
            }
            (Self::Clock { clock_ms, .. }, true) => Some(plant.day_of_clock(clock_ms) * DAY_MS),
            (Self::Clock { clock_ms, .. }, false) => {
                zone.covers(clock_ms).then(|| zone.first_at_clock(clock_ms))
            }
            (Self::Instant { start_ms, .. }, true) => {
                zone.covers(start_ms).then(|| plant.day_of(start_ms) * DAY_MS)
            }
            (Self::Instant { start_ms, .. }, false) => Some(start_ms),
        }
    }

    /// The millisecond after its last one; none where the zone's clocks are not known.
    fn end(self, plant: &PlantTime, of_days: bool) -> Option<i64> {
        let zone = &plant.zone;
        match (self, of_days) {
            (Self::Days { next, .. }, _) => Self::Days { first: next, next }.start(plant, of_days),
            (Self::Clock { clock_ms, length_ms }, true) => {
                Some((plant.day_of_clock(clock_ms + length_ms - 1) + 1) * DAY_MS)
            }
            (Self::Clock { clock_ms, length_ms }, false) => {
                zone.covers(clock_ms).then(|| zone.end_before_clock(clock_ms + length_ms))
            }
            (Self::Instant { start_ms, length_ms }, true) => {
                let last_ms = start_ms + length_ms - 1;
                zone.covers(last_ms).then(|| (plant.day_of(last_ms) + 1) * DAY_MS)
            }
            (Self::Instant { start_ms, length_ms }, false) => Some(start_ms + length_ms),
        }
    }
}

fn end(node: &Node, path: &str) -> Result<End> {
    let found = match node {
        Node::Int(ms) => Some(End::Instant { start_ms: *ms, length_ms: 1 }),
        Node::Text(text) => parse_days(text).or_else(|| parse_time(text)),
        _ => None,
    };
    let is_sound = |end: &End| match end {
        End::Instant { start_ms, .. } => (FIRST_MS..=LAST_MS).contains(start_ms),
        _ => true,
    };
    found.filter(is_sound).ok_or_else(|| {
        Error::query(
            path,
            "expected epoch milliseconds or text such as '2025', '2025-Q2', '2025-06', '2025-W24', '2025-06-10', '2025-06-10T14:00'",
        )
    })
}

fn parse_time(text: &str) -> Option<End> {
    let written = parse_written(text)?;
    let (clock_ms, length_ms) = (written.clock_ms, written.length_ms);
    Some(match written.offset_ms {
        Some(offset_ms) => End::Instant { start_ms: clock_ms - offset_ms, length_ms },
        None => End::Clock { clock_ms, length_ms },
    })
}

/// Reads the bucket texts of whole days.
fn parse_days(text: &str) -> Option<End> {
    let bytes = text.as_bytes();
    let year = digits(bytes.get(..4)?)?;
    let (first, next) = match &bytes[4..] {
        [] => (date_of(year, 1, 1)?, date_of(year, 12, 31)? + 1),
        [b'-', b'Q', q @ b'1'..=b'4'] => {
            let month = i64::from(q - b'1') * 3 + 1;
            let last = date_of(year, month + 2, days_in_month(year, month + 2))?;
            (date_of(year, month, 1)?, last + 1)
        }
        [b'-', b'W', w @ ..] if w.len() == 2 => {
            let monday = monday_of_iso_week(year, digits(w)?)?;
            (monday, monday + 7)
        }
        [b'-', m0, m1] => {
            let month = digits(&[*m0, *m1])?;
            let first = date_of(year, month, 1)?;
            (first, first + days_in_month(year, month))
        }
        _ => {
            let day = parse_date(bytes)?;
            (day, day + 1)
        }
    };
    Some(End::Days { first, next })
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

    /// Start of the bucket that an instant falls into. Hours and minutes are those of the plant's clocks, and
    /// end where clocks are changed; the larger ones are made of production days.
    #[must_use]
    pub fn start(self, plant: &PlantTime, ms: i64) -> i64 {
        match self.clock_unit() {
            Some(unit_ms) => {
                let span = plant.zone.span_at(ms);
                span.from_ms.max(ms - (ms + span.offset_ms).rem_euclid(unit_ms))
            }
            None => plant.day_begin(self.first_day(plant.day_of(ms))),
        }
    }

    /// Start of the bucket after the one that starts at `start_ms`.
    #[must_use]
    pub fn next(self, plant: &PlantTime, start_ms: i64) -> i64 {
        if let Some(unit_ms) = self.clock_unit() {
            let span = plant.zone.span_at(start_ms);
            let past_ms = (start_ms + span.offset_ms).rem_euclid(unit_ms);
            return span.until_ms.min(start_ms - past_ms + unit_ms);
        }
        let longest_days = match self {
            Self::Week => 7,
            Self::Month => 31,
            Self::Quarter => 92,
            Self::Year => 366,
            _ => 1,
        };
        // A day of the following bucket: the longest bucket later is never beyond that one.
        let first = self.first_day(plant.day_of(start_ms));
        plant.day_begin(self.first_day(first + longest_days))
    }

    /// The bucket that starts at `start_ms`, as text.
    #[must_use]
    pub fn format(self, plant: &PlantTime, start_ms: i64) -> String {
        if self.clock_unit().is_some() {
            let offset_ms = plant.zone.span_at(start_ms).offset_ms;
            let clock_ms = start_ms + offset_ms;
            let minutes = clock_ms.rem_euclid(DAY_MS) / MINUTE_MS;
            let date = format_date(clock_ms.div_euclid(DAY_MS));
            let offset = format_offset(offset_ms);
            return format!("{date}T{:02}:{:02}{offset}", minutes / 60, minutes % 60);
        }
        let day = plant.day_of(start_ms);
        let Date { year, month, .. } = civil_from_days(day);
        match self {
            Self::Week => {
                let (year, week) = iso_week(day);
                format!("{year:04}-W{week:02}")
            }
            Self::Month => format!("{year:04}-{month:02}"),
            Self::Quarter => format!("{year:04}-Q{}", (month - 1) / 3 + 1),
            Self::Year => format!("{year:04}"),
            _ => format_date(day),
        }
    }

    const fn first_day(self, day: i64) -> i64 {
        let Date { year, month, .. } = civil_from_days(day);
        match self {
            Self::Week => day - weekday(day) + 1,
            Self::Month => days_from_civil(Date { year, month, day: 1 }),
            Self::Quarter => {
                let month = (month - 1) / 3 * 3 + 1;
                days_from_civil(Date { year, month, day: 1 })
            }
            Self::Year => days_from_civil(Date { year, month: 1, day: 1 }),
            _ => day,
        }
    }

    /// Of buckets that follow the clock.
    const fn clock_unit(self) -> Option<i64> {
        match self {
            Self::Minute => Some(MINUTE_MS),
            Self::Hour => Some(HOUR_MS),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::calendar::parse_instant;
    use crate::model::zone::Zone;

    /// UTC but for 1970-01-02 to 1970-01-04, when clocks were an hour and a half ahead.
    fn changing(day_starts_ms: i64) -> PlantTime {
        let zone = Zone::probe("Test/Changing", &mut |ms| {
            Some(if (DAY_MS..3 * DAY_MS).contains(&ms) { 90 * MINUTE_MS } else { 0 })
        });
        PlantTime { zone: zone.expect("answers"), day_starts_ms }
    }

    fn bounds(plant: &PlantTime, of_days: bool, from: &str, to: &str) -> Result<Bounds> {
        let map = vec![
            ("from".to_owned(), Node::Text(from.to_owned())),
            ("to".to_owned(), Node::Text(to.to_owned())),
        ];
        TimeRange::from_node(&Node::Map(map), "range")?.bounds(plant, of_days)
    }

    fn ms(text: &str) -> i64 {
        parse_instant(text).expect("an instant")
    }

    #[test]
    fn ends_are_inclusive_at_their_written_precision() {
        let check = |end: &str, first: &str, last: &str| {
            for of_days in [false, true] {
                let got = bounds(&PlantTime::default(), of_days, end, end)
                    .unwrap_or_else(|e| panic!("{end}: {e}"));
                assert_eq!(got.from_ms, Some(ms(first)), "{end}");
                assert_eq!(got.to_ms, Some(ms(last) + DAY_MS - 1), "{end}");
            }
        };
        check("2025", "2025-01-01", "2025-12-31");
        check("2024", "2024-01-01", "2024-12-31");
        check("2025-Q1", "2025-01-01", "2025-03-31");
        check("2025-Q2", "2025-04-01", "2025-06-30");
        check("2025-Q3", "2025-07-01", "2025-09-30");
        check("2025-Q4", "2025-10-01", "2025-12-31");
        check("2024-02", "2024-02-01", "2024-02-29");
        check("2023-02", "2023-02-01", "2023-02-28");
        check("1900-02", "1900-02-01", "1900-02-28");
        check("2000-02", "2000-02-01", "2000-02-29");
        check("2025-04", "2025-04-01", "2025-04-30");
        check("2025-12", "2025-12-01", "2025-12-31");
        check("2020-W53", "2020-12-28", "2021-01-03");
        check("2025-W01", "2024-12-30", "2025-01-05");
        check("2025-W24", "2025-06-09", "2025-06-15");
        check("2025-06-10", "2025-06-10", "2025-06-10");
        check("0000", "0000-01-01", "0000-12-31");
        check("9999", "9999-01-01", "9999-12-31");
        let length = |end: &str| {
            let got = bounds(&PlantTime::default(), false, end, end).expect("a range");
            got.to_ms.expect("has an end") - got.from_ms.expect("has a start") + 1
        };
        assert_eq!(length("2025-06-10T14"), HOUR_MS);
        assert_eq!(length("2025-06-10 14:00"), MINUTE_MS);
        assert_eq!(length("2025-06-10T14:00+09:00"), MINUTE_MS);
        assert_eq!(length("2025-06-10T14:00:00Z"), 1000);
        assert_eq!(length("2025-06-10T14:00:00.5"), 1);
    }

    #[test]
    fn ends_that_mean_nothing_are_refused() {
        for end in [
            "",
            "25",
            "2025-13",
            "2025-00",
            "2025-W54",
            "2021-W53",
            "2025-W00",
            "2025-W1",
            "2025-Q5",
            "2025-Q0",
            "2025-Q",
            "2025-02-30",
            "2023-02-29",
            "2025-6-1",
            "2025-06-10T",
            "2025-06-10T24:00",
            "2025-06-10Z",
            "0000-01-01T00:00+09:00",
            "tomorrow",
        ] {
            let error = bounds(&PlantTime::default(), false, end, "2025").expect_err(end);
            assert!(error.to_string().starts_with("range.from: "), "{error}");
        }
    }

    #[test]
    fn ends_are_those_of_the_plants_clocks_where_these_are_changed() {
        let plant = changing(0);
        let check = |from: &str, to: &str, first: &str, last: &str| {
            let got = bounds(&plant, false, from, to).unwrap_or_else(|e| panic!("{from}: {e}"));
            let expected = Bounds { from_ms: Some(ms(first)), to_ms: Some(ms(last) - 1) };
            assert_eq!(got, expected, "{from} to {to}");
        };
        // Days: of 22 hours and a half, of 24, of 25 and a half.
        check("1970-01-02", "1970-01-02", "1970-01-02", "1970-01-02T22:30");
        check("1970-01-03", "1970-01-03", "1970-01-02T22:30", "1970-01-03T22:30");
        check("1970-01-04", "1970-01-04", "1970-01-03T22:30", "1970-01-05");
        // From 00:00 to 01:30 clocks jumped on the 2nd; what they never showed ends and begins there.
        check("1970-01-02T00:30", "1970-01-02T00:30", "1970-01-02", "1970-01-02");
        check("1970-01-02T01:30", "1970-01-02T01:30", "1970-01-02", "1970-01-02T00:01");
        // From 01:30 back to 00:00 on the 4th: both times that they showed it.
        check("1970-01-04T00:30", "1970-01-04T00:30", "1970-01-03T23:00", "1970-01-04T00:31");
        // An instant is one, whatever clocks show.
        check(
            "1970-01-04T00:30Z",
            "1970-01-04T00:30+01:30",
            "1970-01-04T00:30",
            "1970-01-03T23:01",
        );
    }

    #[test]
    fn days_in_a_column_are_production_days_already() {
        let plant = changing(6 * HOUR_MS);
        let check = |from: &str, to: &str, first: &str, last: &str| {
            let got = bounds(&plant, true, from, to).unwrap_or_else(|e| panic!("{from}: {e}"));
            let expected = Bounds { from_ms: Some(ms(first)), to_ms: Some(ms(last) + DAY_MS - 1) };
            assert_eq!(got, expected, "{from} to {to}");
        };
        check("1970-01-02", "1970-01-02", "1970-01-02", "1970-01-02");
        check("1970-02", "1970-Q1", "1970-02-01", "1970-03-31");
        // What clocks show, and instants, belong to a day that begins at six.
        check("1970-01-02T05:59", "1970-01-02T06:00", "1970-01-01", "1970-01-02");
        check("1970-01-02T05", "1970-01-02T05", "1970-01-01", "1970-01-01");
        check("1970-01-03T04:29Z", "1970-01-03T04:30Z", "1970-01-02", "1970-01-03");
    }

    #[test]
    fn what_clocks_show_in_years_that_no_host_was_asked_about_is_refused() {
        let yearly = Zone::probe("Test/Yearly", &mut |ms| {
            Some((ms.div_euclid(182 * DAY_MS)).rem_euclid(2) * HOUR_MS)
        });
        let yearly = PlantTime { zone: yearly.expect("answers"), day_starts_ms: 0 };
        for (plant, end, sound) in [
            (&yearly, "1969-12-31", true),
            (&yearly, "1970", true),
            (&yearly, "2100", true),
            (&yearly, "2101", false),
            (&yearly, "9999-12-31", false),
            (&yearly, "9999-12-31T00:00Z", true),
            (&yearly, "1969", false),
            (&yearly, "1969-01-01T00:00Z", true),
            // A zone that has given up changing its clocks is known for ever.
            (&changing(0), "9999", true),
            (&changing(0), "1969", false),
        ] {
            let result = bounds(plant, false, end, end);
            assert_eq!(result.is_ok(), sound, "{end}: {result:?}");
        }
    }

    #[test]
    fn buckets_tile_time_without_gaps() {
        for plant in [PlantTime::default(), changing(0), changing(90 * MINUTE_MS)] {
            for (word, bucket) in TIME_BUCKETS {
                let mut at = bucket.start(&plant, DAY_MS / 2);
                let until =
                    if bucket <= TimeBucket::Hour { 5 * DAY_MS } else { at + 4_000 * DAY_MS };
                while at < until {
                    let next = bucket.next(&plant, at);
                    assert!(next > at, "{word}");
                    assert_eq!(bucket.start(&plant, next - 1), at, "{word} at {at}");
                    assert_eq!(bucket.start(&plant, next), next, "{word} at {at}");
                    let text = bucket.format(&plant, at);
                    assert_ne!(text, bucket.format(&plant, next), "{word} tells them apart");
                    at = next;
                }
            }
        }
        let text = |bucket: TimeBucket, at: &str| {
            bucket.format(&changing(0), bucket.start(&changing(0), ms(at)))
        };
        assert_eq!(text(TimeBucket::Hour, "1970-01-02T00:10"), "1970-01-02T01:30+01:30");
        assert_eq!(text(TimeBucket::Hour, "1970-01-03T23:10"), "1970-01-04T00:00+01:30");
        assert_eq!(text(TimeBucket::Hour, "1970-01-04T00:10"), "1970-01-04T00:00+00:00");
        assert_eq!(text(TimeBucket::Week, "2021-01-03T12:00"), "2020-W53");
    }
}
