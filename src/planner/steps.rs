//! Steps of time that SQL can group by: as coarse as a bucket's edges allow, so that no step lies on both sides
//! of one. SQL has no calendar; which bucket a step belongs to is found when groups are merged.

use crate::model::calendar::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::model::dataset::{Column, ColumnType};
use crate::model::plant::PlantTime;
use crate::model::range::{Bounds, TimeBucket};
use crate::planner::sql::quote;

/// Forms of time in partial results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredTime {
    /// 'YYYY-MM-DD'.
    Date,
    /// Whole steps.
    Steps(Steps),
    /// The beginning of a canonical ISO-8601 text.
    Text,
    /// The beginning of such a text up to the hour's colon, and the number of its quarter.
    Quarters,
}

/// Steps of so many milliseconds, counted from so many before the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Length of a step.
    pub step_ms: i64,
    /// Less than one step.
    pub shift_ms: i64,
}

/// What SQL groups a time column by, and the form of what it returns.
pub fn time_key(
    column: &Column,
    plant: &PlantTime,
    bucket: TimeBucket,
    bounds: Bounds,
) -> (String, StoredTime) {
    let name = quote(&column.name);
    if column.kind == ColumnType::Date {
        return (name, StoredTime::Date);
    }
    let steps @ Steps { step_ms, shift_ms } = steps(bucket, plant, bounds);
    if column.kind != ColumnType::TimestampText {
        // SQLite divides towards zero; this rounds down, before 1970 too.
        let sql = match shift_ms {
            0 => format!("({name} - ({name} < 0) * {}) / {step_ms}", step_ms - 1),
            shift => {
                format!("({name} + {shift} - ({name} < -{shift}) * {}) / {step_ms}", step_ms - 1)
            }
        };
        return (sql, StoredTime::Steps(steps));
    }
    // Text is cut, which cannot be shifted.
    let step_ms = gcd(step_ms, shift_ms);
    let prefixes = [(DAY_MS, 10), (HOUR_MS, 13), (QUARTER_MS, 14), (MINUTE_MS, 16), (1000, 19)];
    let fits = prefixes.iter().find(|(unit_ms, _)| step_ms % unit_ms == 0);
    match fits.map_or(23, |(_, length)| *length) {
        14 => {
            (format!("substr({name}, 1, 14) || (substr({name}, 15, 2) / 15)"), StoredTime::Quarters)
        }
        length => (format!("substr({name}, 1, {length})"), StoredTime::Text),
    }
}

/// A quarter of an hour, which no zone's offset of today divides.
pub const QUARTER_MS: i64 = 15 * MINUTE_MS;

/// The coarsest steps of which every edge of a bucket within the bounds is a multiple.
fn steps(bucket: TimeBucket, plant: &PlantTime, bounds: Bounds) -> Steps {
    let (unit_ms, day_starts_ms) = match bucket {
        TimeBucket::Minute => (MINUTE_MS, 0),
        TimeBucket::Hour => (HOUR_MS, 0),
        _ => (DAY_MS, plant.day_starts_ms),
    };
    // The first row may lie anywhere in its step.
    let from_ms = bounds.from_ms.unwrap_or(i64::MIN).saturating_sub(unit_ms);
    let to_ms = bounds.to_ms.unwrap_or(i64::MAX);
    let (mut step_ms, mut first_edge) = (unit_ms, None);
    let mut edge = |ms: i64| {
        let ms = ms.rem_euclid(unit_ms);
        let first = *first_edge.get_or_insert(ms);
        step_ms = gcd(step_ms, ms - first);
    };
    for span in plant.zone.spans_between(from_ms, to_ms) {
        edge(day_starts_ms - span.offset_ms);
        // Where clocks are changed a bucket may begin at another time than it otherwise does.
        let at = span.from_ms;
        if at > from_ms && plant.zone.covers(at) && bucket.start(plant, at) == at {
            edge(at);
        }
    }
    Steps { step_ms, shift_ms: (-first_edge.unwrap_or(0)).rem_euclid(step_ms) }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}
