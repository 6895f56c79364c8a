//! Plant time by another library: what clocks show, when production days begin, what ends of ranges mean.

use crate::zones::listed_zone;
use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday, date};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};
use lotwise::model::range::TimeBucket;
use serde_json::Value as Json;

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const DAY_MS: i64 = 86_400_000;

/// The clocks of a plant, and when its days begin.
pub struct Clock {
    zone: TimeZone,
    day_starts: Time,
}

pub fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).expect("an instant")
}

impl Clock {
    pub fn new(zone: &str, day_starts_at: &str) -> Self {
        let zone = listed_zone(zone).expect("a zone");
        Self { zone, day_starts: day_starts_at.parse().expect("a time of day") }
    }

    /// The last change of the clocks before or at an instant.
    fn change_before(&self, at: Timestamp) -> Option<Timestamp> {
        self.zone
            .preceding(at + SECOND)
            .map(|transition| transition.timestamp())
            .filter(|change| *change <= at)
            .find(|change| self.offset(*change) != self.offset(*change - SECOND))
    }

    fn offset(&self, at: Timestamp) -> Offset {
        self.zone.to_offset(at)
    }

    fn shown(&self, at: Timestamp) -> DateTime {
        self.offset(at).to_datetime(at)
    }

    /// When clocks show a time first, or jump past it.
    fn first(&self, shown: DateTime) -> Timestamp {
        let at = |offset: Offset| offset.to_timestamp(shown).expect("an instant");
        match self.zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset),
            AmbiguousOffset::Fold { before, .. } => at(before),
            AmbiguousOffset::Gap { before, .. } => {
                self.change_before(at(before)).expect("a change makes a gap")
            }
        }
    }

    /// The instant after the last at which clocks show less.
    fn end_before(&self, shown: DateTime) -> Timestamp {
        let last = shown - 1.millisecond();
        let at = |offset: Offset| offset.to_timestamp(last).expect("an instant") + 1.millisecond();
        match self.zone.to_ambiguous_timestamp(last).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset),
            AmbiguousOffset::Fold { after, .. } => at(after),
            AmbiguousOffset::Gap { before, .. } => {
                self.change_before(at(before)).expect("a change makes a gap")
            }
        }
    }

    fn begin(&self, day: Date) -> Timestamp {
        self.first(day.to_datetime(self.day_starts))
    }

    fn day_of_shown(&self, shown: DateTime) -> Date {
        if shown.time() < self.day_starts {
            shown.date().yesterday().expect("a day")
        } else {
            shown.date()
        }
    }

    fn day_of(&self, at: Timestamp) -> Date {
        let mut day = self.day_of_shown(self.shown(at));
        loop {
            let next = day.tomorrow().expect("a day");
            if self.begin(next) > at {
                return day;
            }
            day = next;
        }
    }

    /// The bucket of an instant, as text.
    pub fn bucket(&self, bucket: TimeBucket, ms: i64) -> String {
        let at = instant(ms);
        let unit_s = match bucket {
            TimeBucket::Minute => 60,
            TimeBucket::Hour => 3600,
            _ => return day_bucket(bucket, self.day_of(at)),
        };
        let shown = self.shown(at);
        let past = shown.time().duration_since(Time::midnight()).as_millis() % (unit_s * 1000);
        let round = at - SignedDuration::from_millis(past as i64);
        let start = self.change_before(at).map_or(round, |change| change.max(round));
        start.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M%:z").to_string()
    }

    /// First and last millisecond of a range: of instants, or of days as if in UTC.
    pub fn bounds(&self, range: &Json, of_days: bool) -> (i64, i64) {
        let from = range.get("from").map(|end| self.end(end, of_days).0);
        let to = range.get("to").map(|end| self.end(end, of_days).1 - 1);
        (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX))
    }

    /// Beginning and end of what a text or number means.
    fn end(&self, end: &Json, of_days: bool) -> (i64, i64) {
        let of_day = |day: Date| day_ms(day);
        let text = match end {
            Json::Number(ms) => {
                let ms = ms.as_i64().expect("whole");
                return if of_days {
                    let day = of_day(self.day_of(instant(ms)));
                    (day, day + DAY_MS)
                } else {
                    (ms, ms + 1)
                };
            }
            other => other.as_str().expect("text"),
        };
        if let Some((first, next)) = whole_days(text) {
            return if of_days {
                (of_day(first), of_day(next))
            } else {
                (self.begin(first).as_millisecond(), self.begin(next).as_millisecond())
            };
        }
        let clock_end = text[11..].find(['+', '-', 'Z']).map_or(text.len(), |at| at + 11);
        let (clock, offset) = text.split_at(clock_end);
        let length_ms = match clock.len() {
            13 => 3_600_000,
            16 => 60_000,
            19 => 1000,
            _ => 1,
        };
        let shown: DateTime = clock.parse().expect("a time");
        let length = SignedDuration::from_millis(length_ms);
        let (start, end) = if offset.is_empty() {
            if of_days {
                let last = self.day_of_shown(shown + length - 1.millisecond());
                return (of_day(self.day_of_shown(shown)), of_day(last) + DAY_MS);
            }
            (self.first(shown), self.end_before(shown + length))
        } else {
            let start = format!("{shown}{offset}").parse().expect("an instant");
            (start, start + length)
        };
        if of_days {
            let last = self.day_of(end - 1.millisecond());
            return (of_day(self.day_of(start)), of_day(last) + DAY_MS);
        }
        (start.as_millisecond(), end.as_millisecond())
    }
}

pub fn day_ms(day: Date) -> i64 {
    day.to_zoned(TimeZone::UTC).expect("an instant").timestamp().as_millisecond()
}

/// The bucket of a production day.
pub fn day_bucket(bucket: TimeBucket, day: Date) -> String {
    let (year, month) = (day.year(), day.month());
    match bucket {
        TimeBucket::Week => {
            let week = day.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }
        TimeBucket::Month => format!("{year:04}-{month:02}"),
        TimeBucket::Quarter => format!("{year:04}-Q{}", (month + 2) / 3),
        TimeBucket::Year => format!("{year:04}"),
        _ => day.to_string(),
    }
}

fn whole_days(text: &str) -> Option<(Date, Date)> {
    let number = |part: &str| part.parse::<i16>().expect("a number");
    let year = number(&text[..4]);
    let (first, length) = match (text.len(), &text[4..text.len().min(6)]) {
        (4, _) => (date(year, 1, 1), 1.year()),
        (_, "-Q") => (date(year, number(&text[6..]) as i8 * 3 - 2, 1), 3.months()),
        (_, "-W") => {
            let week = ISOWeekDate::new(year, number(&text[6..]) as i8, Weekday::Monday);
            (week.expect("a week").date(), 1.week())
        }
        (7, _) => (date(year, number(&text[5..]) as i8, 1), 1.month()),
        (10, _) => (text.parse().expect("a date"), 1.day()),
        _ => return None,
    };
    Some((first, first + length))
}
