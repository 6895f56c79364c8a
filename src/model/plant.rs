//! Plant time: the zone of a plant and the time of day at which its production day begins.
//!
//! A production day is the stretch from the first instant at which the plant's clocks show its date and
//! `dayStartsAt`, or more, to the first instant of the next one. So days follow each other without gaps, also
//! where clocks are put forward over that time, or back to before it; and a day that the plant skipped is empty.

use crate::error::{Error, Result};
use crate::model::calendar::{DAY_MS, HOUR_MS, MINUTE_MS, digits};
use crate::model::node::Fields;
use crate::model::zone::Zone;

/// A zone, and when its days begin. By default UTC and midnight.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlantTime {
    /// The zone.
    pub zone: Zone,
    /// What clocks show when a production day begins, in milliseconds from midnight.
    pub day_starts_ms: i64,
}

impl PlantTime {
    /// Reads `timeZone` and `dayStartsAt`.
    pub fn from_fields(fields: &mut Fields<'_>) -> Result<Self> {
        let zone = match fields.text("timeZone")? {
            None => Zone::default(),
            Some(name) if is_zone_name(&name) => Zone::named(&name),
            Some(name) => {
                let reason = format!("'{name}' is no IANA zone; expected one such as 'Asia/Seoul'");
                return Err(fields.error("timeZone", &reason));
            }
        };
        let day_starts_ms = match fields.text("dayStartsAt")? {
            None => 0,
            Some(text) => time_of_day(&text).ok_or_else(|| {
                let reason = format!("expected 'HH:MM' from '00:00' to '23:59', got '{text}'");
                fields.error("dayStartsAt", &reason)
            })?,
        };
        Ok(Self { zone, day_starts_ms })
    }

    /// `timeZone` as it is kept; none for the default.
    #[must_use]
    pub fn zone_text(&self) -> Option<&str> {
        (self.zone != Zone::default()).then(|| self.zone.name())
    }

    /// `dayStartsAt` as it is kept; none for the default.
    #[must_use]
    pub fn day_start_text(&self) -> Option<String> {
        let at = self.day_starts_ms;
        (at != 0).then(|| format!("{:02}:{:02}", at / HOUR_MS, at / MINUTE_MS % 60))
    }

    /// The first instant of a production day, counted from 1970-01-01.
    #[must_use]
    pub fn day_begin(&self, day: i64) -> i64 {
        self.zone.first_at_clock(day * DAY_MS + self.day_starts_ms)
    }

    /// The production day that an instant belongs to.
    #[must_use]
    pub fn day_of(&self, ms: i64) -> i64 {
        let span = self.zone.span_at(ms);
        let mut day = self.day_of_clock(ms + span.offset_ms);
        // Where clocks were put back, a day that had begun goes on while they show the one before.
        if ms.saturating_sub(span.from_ms) < DAY_MS {
            while self.day_begin(day + 1) <= ms {
                day += 1;
            }
        }
        day
    }

    /// The production day of what clocks show.
    #[must_use]
    pub const fn day_of_clock(&self, clock_ms: i64) -> i64 {
        (clock_ms - self.day_starts_ms).div_euclid(DAY_MS)
    }

    /// The error of a zone that this host does not know.
    #[must_use]
    pub fn unknown_zone(&self, field: impl Into<String>) -> Error {
        let name = self.zone.name();
        Error::config(
            field,
            format!(
                "'{name}' is no time zone that this host knows; expected an IANA name such as 'Asia/Seoul'"
            ),
        )
    }
}

/// Offsets such as '+09:00' are zones for some hosts only, and have no name.
fn is_zone_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-+".contains(&b))
}

fn time_of_day(text: &str) -> Option<i64> {
    let [h0, h1, b':', m0, m1] = *text.as_bytes() else { return None };
    let (hours, minutes) = (digits(&[h0, h1])?, digits(&[m0, m1])?);
    (hours < 24 && minutes < 60).then_some(hours * HOUR_MS + minutes * MINUTE_MS)
}
