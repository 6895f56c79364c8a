//! Segments made from rows in slices, between other calls. Knows when a step needs what; when there is time for
//! one is somebody else's business.
//!
//! Invariants:
//! 1. No transaction is open between two steps, and none begins while another is open.
//! 2. The segment is entered before its first row is read. It is filled only if no row of it was written since, and
//!    each row had the key that was expected. Who takes its triggers away takes it away with them.
//! 3. Answers do not change: the data version does not rise.

use crate::columnstore::build::{Encoded, SegmentBuilder};
use crate::columnstore::layout::Layout;
use crate::error::Result;
use crate::model::dataset::Dataset;
use crate::storage::columnar::blocks::{BlockScan, Run};
use crate::storage::columnar::catalogue::{self, Listed, State, block_of};
use crate::storage::columnar::look::Work;
use crate::storage::columnar::rows::{self, Slice};
use crate::storage::columnar::verify;
use crate::storage::engine::Engine;
use crate::storage::port::SqlPort;

/// How often a block is looked at anew because a row of it was missing.
const TRIES_MAX: u32 = 3;

/// Segments of a dataset under way.
#[derive(Debug)]
pub struct SealJob {
    dataset: Dataset,
    layout: Layout,
    work: Work,
    phase: Phase,
    /// Of the block that is worked on.
    tries: u32,
}

#[derive(Debug)]
enum Phase {
    /// What is good for nothing is deleted, then the next block is looked for.
    Between,
    /// Keys of a block are looked at.
    Scanning(BlockScan),
    /// Segments of a block are to be made, the next last; it had stale ones.
    Next(Block),
    /// Rows of one are read.
    Reading(Block, Segment, SegmentBuilder),
    /// All of them are there.
    Encoding(Block, Segment, SegmentBuilder),
    /// They are to be stored.
    Storing(Block, Segment, Box<Encoded>),
    /// Rows of segments are counted.
    Counting,
    Done,
}

#[derive(Debug)]
struct Block {
    block: i64,
    targets: Vec<Run>,
    had_stale: bool,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    id: i64,
    run: Run,
}

impl<P: SqlPort> Engine<P> {
    /// What is to be done next for segments; none where there is nothing, or it has to wait.
    pub fn start_seal(&mut self) -> Option<SealJob> {
        if self.check_writable().is_err() || self.open.is_some() || self.sealing.rests() {
            return None;
        }
        let found = self.find_work();
        found.unwrap_or_else(|error| {
            self.sealing.note_failure(&error);
            None
        })
    }

    fn find_work(&mut self) -> Result<Option<SealJob>> {
        self.sealing.begin(&mut self.port)?;
        for dataset in &self.datasets {
            let layout = Layout::of(dataset);
            if layout.columns.is_empty() {
                continue;
            }
            if let Some(work) = self.sealing.look(&mut self.port, dataset, &layout)? {
                let (dataset, phase) = (dataset.clone(), Phase::Between);
                return Ok(Some(SealJob { dataset, layout, work, phase, tries: 0 }));
            }
        }
        Ok(None)
    }

    /// How often work on segments has failed since opening, and why the last time.
    pub fn seal_failures(&self) -> (u64, Option<&str>) {
        (self.sealing.failures, self.sealing.last_failure.as_deref())
    }

    /// Whether there is something to be done for segments that has to wait: it is to be asked for again.
    pub const fn seal_waits(&self) -> bool {
        self.sealing.waits()
    }

    /// Goes on for some milliseconds; true when all is done. After an error the job is to be dropped, as it may
    /// be at any time.
    pub fn step_seal(&mut self, job: &mut SealJob) -> Result<bool> {
        if self.open.is_some() {
            return Ok(false);
        }
        let phase = std::mem::replace(&mut job.phase, Phase::Done);
        // Nobody wants it any more.
        if !self.datasets.contains(&job.dataset) {
            return Ok(true);
        }
        match self.next_seal_phase(job, phase) {
            Ok(phase) => job.phase = phase,
            Err(error) => {
                self.sealing.note_failure(&error);
                return Err(error);
            }
        }
        if matches!(job.phase, Phase::Done) {
            self.sealing.note_end(&job.dataset, &job.work);
            return Ok(true);
        }
        Ok(false)
    }

    fn next_seal_phase(&mut self, job: &mut SealJob, phase: Phase) -> Result<Phase> {
        match phase {
            Phase::Between => match job.work.delete.pop() {
                Some(id) => {
                    self.apart(|port| catalogue::delete(port, id))?;
                    Ok(Phase::Between)
                }
                None => self.next_block(job),
            },
            Phase::Scanning(mut scan) => {
                if rows::scan(&mut self.port, &job.dataset, &mut scan)? {
                    return Ok(Phase::Scanning(scan));
                }
                self.choose(job, scan)
            }
            Phase::Next(mut block) => match block.targets.pop() {
                Some(run) => {
                    let (dataset, layout) = (&job.dataset, &job.layout);
                    let id = self.apart(|port| {
                        verify::guard(port, dataset, layout)?;
                        catalogue::begin(port, &dataset.name, run.first, run.last)
                    })?;
                    let builder = SegmentBuilder::new(layout);
                    Ok(Phase::Reading(block, Segment { id, run }, builder))
                }
                None => {
                    if block.had_stale {
                        self.sealing.wait(&job.dataset, block.block, false);
                    }
                    Ok(Phase::Between)
                }
            },
            Phase::Reading(block, segment, mut builder) => {
                if !catalogue::is_unmarked(&mut self.port, segment.id)? {
                    return self.give_up(job, &block, segment);
                }
                let of = (&job.dataset, &job.layout);
                Ok(match rows::encode(&mut self.port, of, segment.run, &mut builder)? {
                    Slice::More => Phase::Reading(block, segment, builder),
                    Slice::All => Phase::Encoding(block, segment, builder),
                    Slice::Gap => return self.retry(job, &block, segment),
                })
            }
            Phase::Encoding(block, segment, builder) => {
                Ok(Phase::Storing(block, segment, Box::new(builder.finish())))
            }
            Phase::Storing(block, segment, encoded) => {
                if self.store(job, segment, *encoded)? {
                    self.sealing.note_success();
                    self.segments_changed += 1;
                    return Ok(Phase::Next(block));
                }
                self.give_up(job, &block, segment)
            }
            Phase::Counting => self.count(job),
            Phase::Done => Ok(Phase::Done),
        }
    }

    fn next_block(&mut self, job: &mut SealJob) -> Result<Phase> {
        job.tries = 0;
        while let Some((block, last)) = job.work.blocks.pop() {
            let mut from = block;
            while from <= last && job.work.full.binary_search(&from).is_ok() {
                from += 1;
            }
            if from > last {
                continue;
            }
            if from < last {
                // Blocks without rows may be many.
                let key = rows::next_key(&mut self.port, &job.dataset, Run::of_block(from).first)?;
                match key.map(block_of) {
                    Some(found) if found <= last => from = found,
                    _ => continue,
                }
            }
            if from < last {
                job.work.blocks.push((from + 1, last));
            }
            if !job.work.skip.contains(&from) {
                return self.scan_block(job, from);
            }
        }
        Ok(Phase::Counting)
    }

    fn scan_block(&mut self, job: &SealJob, block: i64) -> Result<Phase> {
        let segments = self.segments_of(job, block)?;
        let is_good =
            |one: &&Listed| one.state == State::Fresh && !job.work.lacking.contains(&one.id);
        let sealed = segments.iter().filter(is_good).map(Listed::run).collect();
        Ok(Phase::Scanning(BlockScan::new(block, sealed)))
    }

    fn segments_of(&mut self, job: &SealJob, block: i64) -> Result<Vec<Listed>> {
        if !catalogue::exists(&mut self.port)? {
            return Ok(Vec::new());
        }
        catalogue::list_block(&mut self.port, &job.dataset.name, block)
    }

    /// All keys of a block are known: which segments to make.
    fn choose(&mut self, job: &mut SealJob, scan: BlockScan) -> Result<Phase> {
        let (block, found) = (scan.block, scan.rows);
        let span = rows::span(&mut self.port, &job.dataset)?;
        let at_edge = |key: i64| Some(key).filter(|key| block_of(*key) == block);
        let low = span.and_then(|span| at_edge(span.first));
        let high = span.and_then(|span| at_edge(span.last));
        let targets = scan.targets(high.or_else(|| low.filter(|_| job.work.descends)));
        let left = |key: i64| {
            let is_left = !targets.iter().any(|run| run.first == key || run.last == key);
            if is_left { scan.rows_at(key) } else { 0 }
        };
        job.work.edges.0 = low.map_or(job.work.edges.0, left);
        job.work.edges.1 = high.map_or(job.work.edges.1, left);
        let sealed: u64 = targets.iter().map(Run::rows).sum();
        job.work.open_rows += found.saturating_sub(sealed);
        let segments = self.segments_of(job, block)?;
        let is_stale = |one: &&Listed| one.state == State::Stale;
        if targets.is_empty() {
            // Segments that are not made anew go; with others they go as their successors are stored.
            job.work.delete.extend(segments.iter().filter(is_stale).map(|one| one.id));
            return Ok(Phase::Between);
        }
        let had_stale = segments.iter().any(|one| is_stale(&one));
        Ok(Phase::Next(Block { block, targets, had_stale }))
    }

    /// Stores a segment in place of those that it covers; false where it is not what its rows are.
    fn store(&mut self, job: &SealJob, segment: Segment, encoded: Encoded) -> Result<bool> {
        let Segment { id, run } = segment;
        let dataset = &job.dataset;
        self.apart(|port| {
            if !catalogue::is_unmarked(port, id)? {
                return Ok(false);
            }
            for other in catalogue::list_block(port, &dataset.name, block_of(run.first))? {
                let overlaps = other.first_key <= run.last && other.last_key >= run.first;
                if other.id != id && (overlaps || other.state == State::Stale) {
                    catalogue::delete(port, other.id)?;
                }
            }
            catalogue::fill(port, id, encoded)?;
            Ok(true)
        })
    }

    /// Somebody writes into the range: later.
    fn give_up(&mut self, job: &SealJob, block: &Block, segment: Segment) -> Result<Phase> {
        self.sealing.wait(&job.dataset, block.block, true);
        self.apart(|port| catalogue::delete(port, segment.id))?;
        Ok(Phase::Between)
    }

    /// A row is missing that was there when keys were looked at.
    fn retry(&mut self, job: &mut SealJob, block: &Block, segment: Segment) -> Result<Phase> {
        job.tries += 1;
        if job.tries == TRIES_MAX {
            return self.give_up(job, block, segment);
        }
        self.apart(|port| catalogue::delete(port, segment.id))?;
        self.scan_block(job, block.block)
    }

    /// Whether a segment has as many rows as its table: another program may have written the file.
    fn count(&mut self, job: &mut SealJob) -> Result<Phase> {
        let Some((id, run)) = job.work.count.pop() else { return Ok(Phase::Done) };
        let (is_dense, rest) = rows::count(&mut self.port, &job.dataset, run)?;
        if !is_dense {
            self.apart(|port| catalogue::mark(port, id))?;
            self.segments_changed += 1;
        } else if let Some(rest) = rest {
            job.work.count.push((id, rest));
        }
        Ok(Phase::Counting)
    }

    /// In a transaction of its own, which need not wait for storage: what is lost is made again.
    fn apart<T>(&mut self, work: impl FnOnce(&mut P) -> Result<T>) -> Result<T> {
        self.port.set_relaxed(true)?;
        let result = self.port.transaction(work);
        let restored = self.port.set_relaxed(self.config.relaxed());
        result.and_then(|value| restored.map(|()| value))
    }
}
