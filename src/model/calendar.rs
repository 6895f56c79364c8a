//! The proleptic Gregorian calendar and ISO 8601 text, in whole days and milliseconds.
//! Knows no clock and no time zone, only offsets that are written down.
//! Day arithmetic after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// A calendar date of the years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// 0 to 9999.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

/// Days from 1970-01-01 to a date.
#[must_use]
pub const fn days_from_civil(date: Date) -> i64 {
    let y = if date.month <= 2 { date.year - 1 } else { date.year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let month = (date.month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + date.day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day counted from 1970-01-01.
#[must_use]
pub const fn civil_from_days(days: i64) -> Date {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z - era * 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    Date { year, month, day: day_of_year - (153 * mp + 2) / 5 + 1 }
}

/// 1 = Monday … 7 = Sunday.
#[must_use]
pub const fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// ISO 8601 year and week of a day.
#[must_use]
pub const fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - weekday(days) + 4;
    let year = civil_from_days(thursday).year;
    let first = days_from_civil(Date { year, month: 1, day: 1 });
    (year, (thursday - first) / 7 + 1)
}

/// The Monday of an ISO week; none where the year has no such week.
#[must_use]
pub fn monday_of_iso_week(year: i64, week: i64) -> Option<i64> {
    let fourth = days_from_civil(Date { year, month: 1, day: 4 });
    let monday = fourth - weekday(fourth) + 1 + (week - 1) * 7;
    (iso_week(monday) == (year, week)).then_some(monday)
}

/// Days of a month.
#[must_use]
pub const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads exactly 'YYYY-MM-DD'.
#[must_use]
pub fn parse_date(text: &[u8]) -> Option<i64> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text else { return None };
    date_of(digits(&[y0, y1, y2, y3])?, digits(&[m0, m1])?, digits(&[d0, d1])?)
}

/// The day of a date, none where the calendar has no such date.
#[must_use]
pub fn date_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let sound = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day);
    sound.then(|| days_from_civil(Date { year, month, day }))
}

/// 'YYYY-MM-DD' of a day.
#[must_use]
pub fn format_date(days: i64) -> String {
    let Date { year, month, day } = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// 'YYYY-MM-DDTHH:MM:SS.sssZ': the canonical form of timestampText columns.
#[must_use]
pub fn format_timestamp(ms: i64) -> String {
    let in_day = ms.rem_euclid(DAY_MS);
    format!(
        "{}T{:02}:{:02}:{:02}.{:03}Z",
        format_date(ms.div_euclid(DAY_MS)),
        in_day / HOUR_MS,
        in_day / MINUTE_MS % 60,
        in_day / 1000 % 60,
        in_day % 1000
    )
}

/// A stretch of time as it is written: a day, an hour, … a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Where it begins on the clock that it was read from, as if that clock ran in UTC.
    pub clock_ms: i64,
    /// How long the written precision lasts.
    pub length_ms: i64,
    /// How far the clock is ahead of UTC, where the text says so.
    pub offset_ms: Option<i64>,
}

/// Reads 'YYYY-MM-DD', then optionally 'T' or a blank and 'HH', 'HH:MM', 'HH:MM:SS', 'HH:MM:SS.s…',
/// then optionally 'Z', '±HH:MM' or '±HH:MM:SS' (only after a time).
#[must_use]
pub fn parse_written(text: &str) -> Option<Written> {
    let bytes = text.as_bytes();
    let day_ms = parse_date(bytes.get(..10)?)? * DAY_MS;
    let rest = &bytes[10..];
    let Some((&separator, rest)) = rest.split_first() else {
        return Some(Written { clock_ms: day_ms, length_ms: DAY_MS, offset_ms: None });
    };
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let (clock, offset_ms) = split_offset(rest)?;
    let (in_day, length_ms) = parse_clock(clock)?;
    Some(Written { clock_ms: day_ms + in_day, length_ms, offset_ms })
}

/// Epoch milliseconds at which what [`parse_written`] reads begins; UTC where it names no offset.
#[must_use]
pub fn parse_instant(text: &str) -> Option<i64> {
    parse_written(text).map(|written| written.clock_ms - written.offset_ms.unwrap_or(0))
}

fn split_offset(text: &[u8]) -> Option<(&[u8], Option<i64>)> {
    let at = text.iter().position(|byte| matches!(byte, b'+' | b'-' | b'Z' | b'z'));
    let (clock, offset) = text.split_at(at.unwrap_or(text.len()));
    match offset {
        [] => Some((clock, None)),
        [b'Z' | b'z'] => Some((clock, Some(0))),
        offset => Some((clock, Some(parse_offset(offset)?))),
    }
}

/// Reads exactly '±HH:MM' or '±HH:MM:SS': before there were zones, towns kept their own time.
#[must_use]
pub fn parse_offset(text: &[u8]) -> Option<i64> {
    let [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1, rest @ ..] = text else { return None };
    let seconds = match rest {
        [] => 0,
        [b':', s0, s1] => digits(&[*s0, *s1])?,
        _ => return None,
    };
    let (hours, minutes) = (digits(&[*h0, *h1])?, digits(&[*m0, *m1])?);
    let size_ms = hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1000;
    let is_sound = hours <= 18 && minutes < 60 && seconds < 60;
    is_sound.then_some(if *sign == b'-' { -size_ms } else { size_ms })
}

/// '+09:00', with seconds only where there are any.
#[must_use]
pub fn format_offset(offset_ms: i64) -> String {
    let (sign, size) = (if offset_ms < 0 { '-' } else { '+' }, offset_ms.abs() / 1000);
    let mut text = format!("{sign}{:02}:{:02}", size / 3600, size / 60 % 60);
    if size % 60 != 0 {
        text.push_str(&format!(":{:02}", size % 60));
    }
    text
}

/// Milliseconds into the day and the precision.
fn parse_clock(text: &[u8]) -> Option<(i64, i64)> {
    let hours = digits(text.get(..2)?)?;
    let (minutes, rest) = match text.get(2..)? {
        [] => return (hours < 24).then_some((hours * HOUR_MS, HOUR_MS)),
        [b':', m0, m1, rest @ ..] => (digits(&[*m0, *m1])?, rest),
        _ => return None,
    };
    let (seconds, rest) = match rest {
        [] => (None, &[][..]),
        [b':', s0, s1, rest @ ..] => (Some(digits(&[*s0, *s1])?), rest),
        _ => return None,
    };
    let millis = match rest {
        [] => None,
        [b'.' | b',', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
            digits(fraction)?;
            let padded: Vec<u8> = fraction.iter().copied().chain(*b"000").take(3).collect();
            Some(digits(&padded)?)
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 || seconds.unwrap_or(0) > 59 {
        return None;
    }
    let start = hours * HOUR_MS + minutes * MINUTE_MS;
    Some(match (seconds, millis) {
        (None, _) => (start, MINUTE_MS),
        (Some(s), None) => (start + s * 1000, 1000),
        (Some(s), Some(ms)) => (start + s * 1000 + ms, 1),
    })
}

/// The number of a run of ASCII digits.
#[must_use]
pub fn digits(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_round_trips() {
        let first = days_from_civil(Date { year: 0, month: 1, day: 1 });
        let last = days_from_civil(Date { year: 9999, month: 12, day: 31 });
        for days in first..=last {
            let text = format_date(days);
            assert_eq!(parse_date(text.as_bytes()), Some(days), "{text}");
            let (year, week) = iso_week(days);
            let monday = monday_of_iso_week(year, week).expect("a week that has a day exists");
            assert!((monday..monday + 7).contains(&days), "{text} is not in {year}-W{week}");
        }
    }

    #[test]
    fn iso_weeks_at_the_turn_of_the_year() {
        let check = |text: &str, expected| {
            let days = parse_date(text.as_bytes()).expect("a date");
            assert_eq!(iso_week(days), expected, "{text}");
        };
        check("2020-12-31", (2020, 53));
        check("2021-01-03", (2020, 53));
        check("2021-01-04", (2021, 1));
        check("2024-12-30", (2025, 1));
        check("2005-01-01", (2004, 53));
        assert_eq!(monday_of_iso_week(2021, 53), None);
        assert_eq!(monday_of_iso_week(2021, 0), None);
    }

    #[test]
    fn times_carry_their_precision_and_offset() {
        let check = |text: &str, expected: Option<(i64, i64, Option<i64>)>| {
            let got = parse_written(text).map(|w| (w.clock_ms, w.length_ms, w.offset_ms));
            assert_eq!(got, expected, "{text}");
        };
        check("1970-01-01", Some((0, DAY_MS, None)));
        check("1970-01-01T01", Some((HOUR_MS, HOUR_MS, None)));
        check("1970-01-01 01:30", Some((90 * MINUTE_MS, MINUTE_MS, None)));
        check("1970-01-01T09:00+09:00", Some((9 * HOUR_MS, MINUTE_MS, Some(9 * HOUR_MS))));
        check("1970-01-01T09+05:45", Some((9 * HOUR_MS, HOUR_MS, Some(345 * MINUTE_MS))));
        check("1970-01-01T00:00-00:44:30", Some((0, MINUTE_MS, Some(-2_670_000))));
        check("1970-01-01T00:00:00.5Z", Some((500, 1, Some(0))));
        check("1969-12-31T23:59:59.999", Some((-1, 1, None)));
        check("2023-02-29", None);
        check("2024-02-29", Some((19_782 * DAY_MS, DAY_MS, None)));
        for text in [
            "1970-01-01T24:00",
            "1970-01-01T",
            "1970-1-1",
            "1970-01-01T00:00:60",
            "1970-01-01Z",
            "1970-01-01+09:00",
            "1970-01-01T00:00+9:00",
            "1970-01-01T00:00+09",
            "1970-01-01T00:00+09:60",
            "1970-01-01T00:00+19:00",
            "1970-01-01T00:00+09:00:60",
            "1970-01-01T00:00+09:00:00:00",
            "1970-01-01T00:00ZZ",
        ] {
            check(text, None);
        }
        assert_eq!(parse_instant("1969-12-31T19:00:00-05:00"), Some(0));
        assert_eq!(parse_instant("1970-01-01T00:00"), Some(0));
    }

    #[test]
    fn offsets_are_written_as_they_are_read() {
        for (ms, text) in [
            (0, "+00:00"),
            (9 * HOUR_MS, "+09:00"),
            (-210 * MINUTE_MS, "-03:30"),
            (-2_670_000, "-00:44:30"),
            (3_208_000, "+00:53:28"),
        ] {
            assert_eq!(format_offset(ms), text);
            let read = parse_written(&format!("2000-01-01T00:00{text}"));
            assert_eq!(read.and_then(|written| written.offset_ms), Some(ms));
        }
    }

    #[test]
    fn timestamps_before_the_epoch_are_written_right() {
        assert_eq!(format_timestamp(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(format_timestamp(0), "1970-01-01T00:00:00.000Z");
    }
}
