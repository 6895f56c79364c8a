//! Finds the transitions of a zone by asking for the offset at few instants.
//!
//! What the search relies on, checked against the whole tz database by a test: clocks that are changed and
//! changed back stay so for longer than [`GRID_S`]; and after [`RULES_S`], a zone whose last year came
//! round as the one before keeps to its rule. Asking costs about a microsecond: 4,000 times, not 20,000.

use super::Span;

/// Midnight of 1969-12-01 and 2101-02-01: every instant of the years from 1970 to 2100, wherever.
const FIRST_S: i64 = -2_678_400;
const LAST_S: i64 = 4_136_659_200;
/// The shortest time for which clocks were put forward or back, and are meant to be: 6 days and 23 hours.
const GRID_S: i64 = 13 * 43_200;
/// 2038-01-01: the tz database lists few transitions beyond, and gives rules instead.
const RULES_S: i64 = 2_145_916_800;
const WEEK_S: i64 = 7 * 86_400;
/// 'The last Sunday of March' comes round after so many weeks, or one more.
const YEAR_S: i64 = 52 * WEEK_S;

/// The stretches between transitions; none where `offset_at` (milliseconds to milliseconds) has no answer.
pub(super) fn spans(offset_at: &mut dyn FnMut(i64) -> Option<i64>) -> Option<Vec<Span>> {
    let mut search = Search { offset_at, found: Vec::new() };
    let first = search.offset(FIRST_S)?;
    search.found.push((FIRST_S, first));
    let (mut at, mut look_until) = (FIRST_S, RULES_S);
    while at < LAST_S {
        let by_rule = if at < look_until { None } else { search.year_as_before(at)? };
        if at >= look_until && by_rule.is_none() {
            look_until = at + YEAR_S;
        }
        at = match by_rule {
            Some(end) => end,
            None => search.cell(at, (at + GRID_S).min(LAST_S))?,
        };
    }
    let mut found = search.found;
    found.retain(|(at, _)| *at < LAST_S);
    let last_change = found.last()?.0;
    // A zone that has given up changing its clocks is known for all time to come.
    let is_settled = last_change < RULES_S;
    let ends = found.iter().skip(1).map(|(at, _)| at * 1000);
    let end = if is_settled { i64::MAX } else { LAST_S * 1000 };
    let spans = found.iter().zip(ends.chain([end])).map(|(&(from_s, offset_ms), until_ms)| Span {
        from_ms: from_s * 1000,
        until_ms,
        offset_ms,
    });
    Some(spans.collect())
}

struct Search<'f> {
    offset_at: &'f mut dyn FnMut(i64) -> Option<i64>,
    /// Instants in seconds, and the offset in milliseconds from there on.
    found: Vec<(i64, i64)>,
}

impl Search<'_> {
    fn offset(&mut self, at_s: i64) -> Option<i64> {
        (self.offset_at)(at_s * 1000)
    }

    fn last_offset(&self) -> i64 {
        self.found.last().map_or(0, |(_, offset)| *offset)
    }

    /// Finds what changes between two instants; returns the second.
    fn cell(&mut self, mut from_s: i64, to_s: i64) -> Option<i64> {
        let target = self.offset(to_s)?;
        while self.last_offset() != target {
            from_s = self.change(from_s, to_s)?;
            let offset = self.offset(from_s)?;
            self.found.push((from_s, offset));
        }
        Some(to_s)
    }

    /// A transition between two instants: where the year before makes expect it, or by halving.
    fn change(&mut self, from_s: i64, to_s: i64) -> Option<i64> {
        let before = self.last_offset();
        for i in self.found.len().saturating_sub(6)..self.found.len() {
            for at in self.expected(i) {
                if from_s < at
                    && at <= to_s
                    && self.offset(at)? != before
                    && self.offset(at - 1)? == before
                {
                    return Some(at);
                }
            }
        }
        let (mut low, mut high) = (from_s, to_s);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.offset(middle)? == before { low = middle } else { high = middle }
        }
        Some(high)
    }

    fn expected(&self, index: usize) -> [i64; 2] {
        let at = self.found[index].0 + YEAR_S;
        [at, at + WEEK_S]
    }

    /// Takes over the transitions of the year before, where they all come round and nothing shows in
    /// between; returns how far that goes. None where they do not.
    fn year_as_before(&mut self, from_s: i64) -> Option<Option<i64>> {
        let mut end = from_s + YEAR_S;
        let known = self.found.len();
        let first = self.found.partition_point(|(at, _)| *at <= from_s - YEAR_S);
        for i in first.max(1)..known {
            let (before, after) = (self.last_offset(), self.found[i].1);
            let [at, later] = self.expected(i);
            let at = if self.offset(at)? == after { at } else { later };
            if self.offset(at)? != after || self.offset(at - 1)? != before {
                self.found.truncate(known);
                return Some(None);
            }
            self.found.push((at, after));
            end = end.max(at);
        }
        for part in 1..=4 {
            let at = from_s + (end - from_s) * part / 4;
            let after = self.found.partition_point(|(known, _)| *known <= at);
            if self.offset(at)? != self.found[after - 1].1 {
                self.found.truncate(known);
                return Some(None);
            }
        }
        Some(Some(end.min(LAST_S)))
    }
}
