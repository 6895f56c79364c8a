//! Which rows of a block of keys are worth a segment. Pure: knows keys, not who reads them.

use crate::storage::columnar::catalogue::BLOCK_BITS;

/// Fewer rows are read from their table as fast.
pub const RUN_ROWS_MIN: u64 = 256;
/// So many rows have to have come where rows are still coming.
pub const TAIL_ROWS_MIN: u64 = 4096;
/// A block that begins with key 1 has no more.
const FULL_ROWS: u64 = (1 << BLOCK_BITS) - 1;

/// Keys from one to another, each of them there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// The least.
    pub first: i64,
    /// The greatest.
    pub last: i64,
}

impl Run {
    /// How many.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.last.abs_diff(self.first) + 1
    }

    /// All keys of a block.
    #[must_use]
    pub const fn of_block(block: i64) -> Self {
        let first = block << BLOCK_BITS;
        Self { first, last: first + ((1 << BLOCK_BITS) - 1) }
    }

    const fn is_before(&self, next: &Self) -> bool {
        self.last < i64::MAX && self.last + 1 == next.first
    }
}

/// The keys of a block that no segment covers, as they are read in their order.
#[derive(Debug)]
pub struct BlockScan {
    /// The block.
    pub block: i64,
    /// Where its segments are, in order.
    sealed: Vec<Run>,
    /// Keys that are to be looked for, the next last.
    gaps: Vec<Run>,
    /// What was found, but for runs that are too short and touch no segment.
    open: Vec<Run>,
    /// Keys that were found.
    pub rows: u64,
}

impl BlockScan {
    /// Nothing is read yet of a block with those segments.
    #[must_use]
    pub fn new(block: i64, sealed: Vec<Run>) -> Self {
        let Run { first, last } = Run::of_block(block);
        let mut gaps = Vec::new();
        // None where keys have ended.
        let mut from = Some(first);
        for segment in &sealed {
            if let Some(from) = from.filter(|from| *from < segment.first) {
                gaps.push(Run { first: from, last: segment.first - 1 });
            }
            from = segment.last.checked_add(1);
        }
        gaps.extend(from.filter(|from| *from <= last).map(|first| Run { first, last }));
        gaps.reverse();
        Self { block, sealed, gaps, open: Vec::new(), rows: 0 }
    }

    /// Where keys are to be looked for next.
    pub fn next_gap(&mut self) -> Option<Run> {
        self.gaps.pop()
    }

    /// The rest of a gap is to be looked at too.
    pub fn go_on_behind(&mut self, key: i64, gap: Run) {
        if key < gap.last {
            self.gaps.push(Run { first: key + 1, last: gap.last });
        }
    }

    /// The next key.
    pub fn found(&mut self, key: i64) {
        self.rows += 1;
        let here = Run { first: key, last: key };
        match self.open.last_mut() {
            Some(run) if run.is_before(&here) => run.last = key,
            _ => {
                self.drop_short();
                self.open.push(here);
            }
        }
    }

    fn drop_short(&mut self) {
        let Some(run) = self.open.last() else { return };
        let next = self.sealed.partition_point(|segment| segment.first < run.first);
        let after = self.sealed.get(next).is_some_and(|segment| run.is_before(segment));
        let before = next.checked_sub(1).map(|at| &self.sealed[at]);
        if run.rows() < RUN_ROWS_MIN && !after && !before.is_some_and(|it| it.is_before(run)) {
            self.open.pop();
        }
    }

    /// Rows up to a key, or from it on, that no segment covers.
    #[must_use]
    pub fn rows_at(&self, key: i64) -> u64 {
        let run = self.open.iter().find(|run| run.first == key || run.last == key);
        run.map_or(0, Run::rows)
    }

    /// Ranges that are to become segments, in place of those in them. `edge` is the key behind which more rows
    /// are expected, where it is in this block: small segments are left there until the block is full.
    #[must_use]
    pub fn targets(&self, edge: Option<i64>) -> Vec<Run> {
        let sealed = self.sealed.iter().map(|run| (*run, true));
        let mut parts: Vec<_> = self.open.iter().map(|run| (*run, false)).chain(sealed).collect();
        parts.sort_unstable();
        let mut targets = Vec::new();
        for chain in parts.chunk_by(|(run, _), (next, _)| run.is_before(next)) {
            let whole = Run { first: chain[0].0.first, last: chain[chain.len() - 1].0.last };
            let open = chain.iter().filter(|(_, is_sealed)| !is_sealed).map(|(run, _)| *run);
            let rows: u64 = open.clone().map(|run| run.rows()).sum();
            let is_worth = rows >= RUN_ROWS_MIN || chain.len() as u64 > 1 + u64::from(rows > 0);
            let merges = whole.rows() >= FULL_ROWS || (edge.is_none() && is_worth);
            if chain.len() > 1 && merges {
                targets.push(whole);
                continue;
            }
            targets.extend(open.filter(|run| {
                let at_edge = edge.is_some_and(|key| key == run.first || key == run.last);
                run.rows() >= if at_edge { TAIL_ROWS_MIN } else { RUN_ROWS_MIN }
            }));
        }
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranges `from..to`, both inclusive, separated by spaces.
    fn runs(text: &str) -> Vec<Run> {
        let number = |text: &str| text.parse::<i64>().expect("a number");
        let run = |text: &str| {
            let (first, last) = text.split_once("..").expect("a range");
            Run { first: number(first), last: number(last) }
        };
        text.split_whitespace().map(run).collect()
    }

    fn check(block: i64, sealed: &str, rows: &str, edge: Option<i64>, expected: &str) {
        let mut scan = BlockScan::new(block, runs(sealed));
        let rows = runs(rows);
        while let Some(gap) = scan.next_gap() {
            let keys = rows.iter().flat_map(|run| run.first..=run.last);
            for key in keys.filter(|key| (gap.first..=gap.last).contains(key)) {
                scan.found(key);
            }
        }
        assert_eq!(scan.targets(edge), runs(expected), "{sealed} | {rows:?} | {edge:?}");
    }

    #[test]
    fn a_block_becomes_one_segment_where_it_can() {
        check(0, "", "1..65535", None, "1..65535");
        check(0, "", "1..65535", Some(65_535), "1..65535");
        check(-1, "", "-65536..-1", None, "-65536..-1");
        check(0, "1..4096 4097..60000", "1..65535", None, "1..65535");
        check(0, "1..65535", "1..65535", None, "");
        check(0, "1..30000 30002..65535", "1..65535", None, "1..65535");
        check(1, "65536..131071", "65536..131071", None, "");
        check(0, "5..4096 4097..9000", "5..9000", None, "5..9000");
        check(0, "", "0..100 200..65535", None, "200..65535");
        check(
            i64::MAX >> 16,
            "",
            "9223372036854775000..9223372036854775807",
            None,
            "9223372036854775000..9223372036854775807",
        );
    }

    #[test]
    fn short_runs_are_left_to_their_rows() {
        check(0, "", "1..255", None, "");
        check(0, "", "1..256", None, "1..256");
        check(0, "", "1..255 300..700 702..800", None, "300..700");
        check(0, "1000..2000", "900..2000", None, "");
        check(0, "1000..2000", "700..2000", None, "700..2000");
        check(0, "1000..2000", "1000..2000 2002..2300", None, "2002..2300");
    }

    #[test]
    fn where_rows_are_coming_segments_stay_small_until_the_block_is_full() {
        check(0, "", "1..4095", Some(4095), "");
        check(0, "", "1..4096", Some(4096), "1..4096");
        check(0, "1..4096", "1..8191", Some(8191), "");
        check(0, "1..4096", "1..8192", Some(8192), "4097..8192");
        check(0, "1..4096 4097..8192", "1..8192", Some(8192), "");
        check(0, "5000..9000", "1..300 5000..9000", Some(9000), "1..300");
        check(0, "1..61440", "1..65535", Some(65_535), "1..65535");
        check(-1, "-5000..-1", "-9096..-1", Some(-9096), "-9096..-5001");
        check(-1, "-5000..-1", "-9000..-1", Some(-9000), "");
    }
}
