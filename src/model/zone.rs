//! A time zone as the stretches between its transitions: from instants to what clocks show, and back,
//! where clocks were put forward (a gap) or back (a fold).
//! Does not know where the transitions come from: a host's calendar is asked once, see [`Zone::probe`].

mod probe;

use std::sync::Arc;

use crate::model::calendar::DAY_MS;

/// No clock is so far from UTC, and none was ever put so far.
const OFFSET_MS_MAX: i64 = DAY_MS;

/// Finds zones by their IANA name: the host's part. None for a name that it does not know.
pub type ZoneSource = fn(&str) -> Option<Zone>;

/// A zone; of one that no host has explained yet, only the name is known.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    /// In order, without gaps between them, no two neighbours with the same offset.
    spans: Arc<[Span]>,
}

/// A stretch of time in which the offset stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First instant, epoch milliseconds.
    pub from_ms: i64,
    /// The instant after the last one.
    pub until_ms: i64,
    /// What clocks are ahead of UTC.
    pub offset_ms: i64,
}

/// Zones are the same where their names are: a host knows one zone by each name.
impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Default for Zone {
    fn default() -> Self {
        let always = Span { from_ms: i64::MIN, until_ms: i64::MAX, offset_ms: 0 };
        Self { name: "UTC".to_owned(), spans: Arc::new([always]) }
    }
}

impl Zone {
    /// The zone of a name; only UTC needs no host to be known.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let utc = Self::default();
        if name == utc.name { utc } else { Self { name: name.to_owned(), spans: Arc::new([]) } }
    }

    /// Finds the transitions by asking a host for the offset, in milliseconds, at many instants. None
    /// where it has no answer. What is known then are the years from 1970 to 2100.
    #[must_use]
    pub fn probe(name: &str, offset_at: &mut dyn FnMut(i64) -> Option<i64>) -> Option<Self> {
        Some(Self { name: name.to_owned(), spans: probe::spans(offset_at)?.into() })
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a host has explained it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.spans.is_empty()
    }

    /// Whether clocks are known around an instant.
    #[must_use]
    pub fn covers(&self, ms: i64) -> bool {
        match (self.spans.first(), self.spans.last()) {
            (Some(first), Some(last)) => {
                ms >= first.from_ms.saturating_add(OFFSET_MS_MAX)
                    && ms < last.until_ms.saturating_sub(OFFSET_MS_MAX)
            }
            _ => false,
        }
    }

    /// The stretch that an instant lies in; the nearest one where it lies outside of what is known.
    #[must_use]
    pub fn span_at(&self, ms: i64) -> Span {
        let after = self.spans.partition_point(|span| span.from_ms <= ms);
        self.spans.get(after.saturating_sub(1)).copied().unwrap_or(Span {
            from_ms: i64::MIN,
            until_ms: i64::MAX,
            offset_ms: 0,
        })
    }

    /// The stretches that meet a range of instants, both ends inclusive.
    pub fn spans_between(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = Span> {
        self.spans
            .iter()
            .copied()
            .filter(move |span| span.until_ms > from_ms && span.from_ms <= to_ms)
    }

    /// What clocks show at an instant, as milliseconds of a clock that runs in UTC.
    #[must_use]
    pub fn clock_at(&self, ms: i64) -> i64 {
        ms + self.span_at(ms).offset_ms
    }

    /// The first instant at which clocks show so much or more: the first of two where they show it
    /// twice, the end of the gap where they never do.
    #[must_use]
    pub fn first_at_clock(&self, clock_ms: i64) -> i64 {
        let mut span = self.span_at(clock_ms - OFFSET_MS_MAX);
        while span.until_ms < i64::MAX && span.until_ms + span.offset_ms <= clock_ms {
            let next = self.span_at(span.until_ms);
            if next == span {
                break;
            }
            span = next;
        }
        span.from_ms.max(clock_ms - span.offset_ms)
    }

    /// The instant after the last one at which clocks show less: so the second of two counts.
    #[must_use]
    pub fn end_before_clock(&self, clock_ms: i64) -> i64 {
        let mut span = self.span_at(clock_ms + OFFSET_MS_MAX);
        while span.from_ms > i64::MIN && span.from_ms + span.offset_ms >= clock_ms {
            let previous = self.span_at(span.from_ms - 1);
            if previous == span {
                break;
            }
            span = previous;
        }
        span.until_ms.min(clock_ms - span.offset_ms)
    }
}
