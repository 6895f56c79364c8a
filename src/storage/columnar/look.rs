//! What there is to be done for the segments of a dataset, found out without reading its rows. Remembers how
//! far rows were looked at, what failed, and what has to wait; all of it is found out again after opening.

use crate::columnstore::head::Head;
use crate::columnstore::layout::Layout;
use crate::error::{Error, Result};
use crate::model::dataset::Dataset;
use crate::storage::columnar::blocks::{Run, TAIL_ROWS_MIN};
use crate::storage::columnar::catalogue::{self, Listed, State, block_of};
use crate::storage::columnar::rows;
use crate::storage::columnar::verify::{Standing, Verified};
use crate::storage::port::SqlPort;

/// So many looks a block that is written again and again, or an engine whose work fails, waits at most.
const WAIT_MAX: u32 = 64;

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub struct Sealing {
    /// Of the tables.
    pub verified: Verified,
    /// Work that failed, since opening.
    pub failures: u64,
    /// Why it failed the last time.
    pub last_failure: Option<String>,
    known: Vec<Known>,
    /// Datasets whose segments were counted after opening, or made since.
    counted: Vec<String>,
    /// Rows that calls have changed.
    changes: u64,
    has_tables: bool,
    /// Something has to wait for later looks.
    waits: bool,
    /// Looks that are left out after a failure, and how many after the next.
    rest: u32,
    rest_next: u32,
}

/// What was found out of a dataset.
#[derive(Debug)]
struct Known {
    dataset: String,
    layout: Layout,
    /// Keys between them were looked at.
    span: Run,
    /// Rows at both ends that were too few for a segment.
    edges: (u64, u64),
    /// Rows that no segment covered when all keys were looked at, and `changes` then.
    open_rows: u64,
    changes: u64,
    /// Segments that lack a column, to be used until others take their place.
    lacking: Vec<i64>,
    patience: Vec<Patience>,
}

/// A block whose segments become stale soon after they were made.
#[derive(Debug)]
struct Patience {
    block: i64,
    /// Looks that it has to wait, and how many the next time.
    wait: u32,
    next: u32,
    /// It was given up, and has to be looked at again.
    again: bool,
}

/// What is to be done for a dataset.
#[derive(Debug)]
pub struct Work {
    /// Segments that are good for nothing.
    pub delete: Vec<i64>,
    /// Blocks that are to be looked at, from one to another, the next last.
    pub blocks: Vec<(i64, i64)>,
    /// Segments that are to be made anew, though they can be used.
    pub lacking: Vec<i64>,
    /// Whole blocks that had a segment when this was found out.
    pub full: Vec<i64>,
    /// Blocks that have to wait.
    pub skip: Vec<i64>,
    /// Segments whose rows are to be counted.
    pub count: Vec<(i64, Run)>,
    /// Rows come at the lower end.
    pub descends: bool,
    /// Keys that are there.
    pub span: Run,
    /// Rows at both ends that are too few for a segment.
    pub edges: (u64, u64),
    /// All keys are looked at.
    pub is_whole: bool,
    /// Rows that were found in no segment, and remain so.
    pub open_rows: u64,
}

impl Sealing {
    /// Rows were changed by a call.
    pub fn note_changes(&mut self, rows: i64) {
        self.changes = self.changes.saturating_add(u64::try_from(rows).unwrap_or(0));
    }

    /// Whether there is something to be done that has to wait.
    pub const fn waits(&self) -> bool {
        self.waits || self.rest > 0
    }

    /// Whether a look is to be left out, after a failure.
    pub const fn rests(&mut self) -> bool {
        let rests = self.rest > 0;
        self.rest = self.rest.saturating_sub(1);
        self.waits |= rests;
        rests
    }

    /// Work failed: nothing is lost by it, and it is tried again later and later.
    pub fn note_failure(&mut self, error: &Error) {
        self.failures += 1;
        self.last_failure = Some(error.to_string());
        self.rest_next = (self.rest_next * 2).clamp(1, WAIT_MAX);
        self.rest = self.rest_next;
        self.known.clear();
    }

    /// A segment was made.
    pub const fn note_success(&mut self) {
        self.rest_next = 0;
    }

    /// Before the looks at all datasets.
    pub fn begin<P: SqlPort>(&mut self, port: &mut P) -> Result<()> {
        self.waits = false;
        if self.verified.refresh(port)? {
            self.known.clear();
        }
        Ok(())
    }

    /// What is to be done for a dataset; none where there is nothing.
    pub fn look<P: SqlPort>(
        &mut self,
        port: &mut P,
        dataset: &Dataset,
        layout: &Layout,
    ) -> Result<Option<Work>> {
        let listed = self.list(port, dataset)?;
        let standing = self.verified.standing(port, dataset, layout)?;
        let span = if standing == Standing::Unfit { None } else { rows::span(port, dataset)? };
        let Some(span) = span.filter(|_| standing == Standing::Guarded || listed.is_empty()) else {
            self.forget(dataset);
            if listed.is_empty() && !self.counted.contains(&dataset.name) {
                // Whatever comes to be there is made by this process.
                self.counted.push(dataset.name.clone());
            }
            let delete = listed.iter().map(|segment| segment.id).collect();
            return Ok(Work::new(Run { first: 0, last: 0 }).deleting(delete));
        };
        self.learn(port, dataset, layout, span)?;
        let counted = self.counted.contains(&dataset.name);
        let changes = self.changes;
        let Some(known) = self.known.iter_mut().find(|known| known.dataset == dataset.name) else {
            return Ok(None);
        };
        let mut work = Work::new(span);
        known.plan(&mut work, &listed, changes);
        self.waits |= known.patience.iter().any(|one| one.wait > 0);
        let begun = listed.iter().filter(|segment| segment.state == State::Begun);
        let begun = begun.map(|segment| segment.id).collect();
        if !counted {
            let fresh = listed.iter().filter(|segment| segment.state == State::Fresh);
            work.count = fresh.map(|one| (one.id, one.run())).collect();
        }
        Ok(work.deleting(begun))
    }

    /// A definition has changed, or the table is another one.
    fn forget(&mut self, dataset: &Dataset) {
        self.known.retain(|known| known.dataset != dataset.name);
    }

    fn list<P: SqlPort>(&mut self, port: &mut P, dataset: &Dataset) -> Result<Vec<Listed>> {
        self.has_tables = self.has_tables || catalogue::exists(port)?;
        if self.has_tables { catalogue::list(port, &dataset.name) } else { Ok(Vec::new()) }
    }

    /// Of a dataset that was not looked at before, or has another layout now.
    fn learn<P: SqlPort>(
        &mut self,
        port: &mut P,
        dataset: &Dataset,
        layout: &Layout,
        span: Run,
    ) -> Result<()> {
        let is_known = |known: &Known| known.dataset == dataset.name && known.layout == *layout;
        if self.known.iter().any(is_known) {
            return Ok(());
        }
        self.forget(dataset);
        let has_all = |head: &[u8]| {
            let head = Head::decode(head);
            head.is_ok_and(|head| layout.columns.iter().all(|one| head.column(&one.name).is_some()))
        };
        let mut lacking = Vec::new();
        if self.has_tables {
            let fresh = catalogue::fresh_segments(port, dataset)?;
            lacking = fresh.iter().filter(|one| !has_all(&one.head)).map(|one| one.id).collect();
        }
        self.known.push(Known {
            dataset: dataset.name.clone(),
            layout: layout.clone(),
            span,
            edges: (0, 0),
            open_rows: 0,
            changes: u64::MAX,
            lacking,
            patience: Vec::new(),
        });
        Ok(())
    }

    /// A block was given up, since rows were written while they were read; or it was sealed in place of segments
    /// that were stale. In a while it may be looked at again.
    pub fn wait(&mut self, dataset: &Dataset, block: i64, again: bool) {
        let Some(known) = self.known.iter_mut().find(|known| known.dataset == dataset.name) else {
            return;
        };
        self.waits = true;
        match known.patience.iter_mut().find(|one| one.block == block) {
            Some(one) => {
                *one =
                    Patience { wait: one.next, next: (one.next * 2).min(WAIT_MAX), again, block };
            }
            None => known.patience.push(Patience { block, wait: 1, next: 2, again }),
        }
    }

    /// All that was to be done has been done.
    pub fn note_end(&mut self, dataset: &Dataset, work: &Work) {
        if !self.counted.contains(&dataset.name) {
            self.counted.push(dataset.name.clone());
        }
        if let Some(known) = self.known.iter_mut().find(|known| known.dataset == dataset.name) {
            (known.span, known.edges) = (work.span, work.edges);
            if work.is_whole {
                (known.open_rows, known.changes) = (work.open_rows, self.changes);
            }
        }
    }
}

impl Known {
    /// Which blocks are to be looked at.
    fn plan(&mut self, work: &mut Work, listed: &[Listed], changes: u64) {
        self.lacking.retain(|id| listed.iter().any(|one| one.id == *id));
        work.lacking.clone_from(&self.lacking);
        let is_stale = |one: &&Listed| one.state == State::Stale || self.lacking.contains(&one.id);
        let stale: Vec<i64> =
            listed.iter().filter(is_stale).map(|one| block_of(one.first_key)).collect();
        let mut blocks = stale.clone();
        self.patience.retain_mut(|one| {
            one.wait = one.wait.saturating_sub(1);
            let (waits, again) = (one.wait > 0, one.again);
            if waits {
                work.skip.push(one.block);
            } else if again {
                blocks.push(one.block);
                one.again = false;
            }
            waits || again || stale.contains(&one.block)
        });
        blocks.sort_unstable();
        blocks.dedup();
        blocks.retain(|block| !work.skip.contains(block));
        let (low, high) = (block_of(work.span.first), block_of(work.span.last));
        let (now, then) = (work.span, self.span);
        work.descends = now.first < then.first;
        // Rows may have come anywhere.
        let again = TAIL_ROWS_MIN.max(self.open_rows / 4);
        work.is_whole = changes.wrapping_sub(self.changes) >= again || self.changes == u64::MAX;
        if work.is_whole {
            work.blocks.push((low, high));
        } else {
            let grown = |by: u64, rows: u64| by > 0 && by.saturating_add(rows) >= TAIL_ROWS_MIN;
            let above = if now.last > then.last { now.last.abs_diff(then.last) } else { 0 };
            let below = if work.descends { then.first.abs_diff(now.first) } else { 0 };
            (work.span, work.edges) = (then, self.edges);
            if grown(above, self.edges.1) {
                work.blocks.push((block_of(then.last), high));
                (work.span.last, work.edges.1) = (now.last, 0);
            }
            if grown(below, self.edges.0) {
                work.blocks.push((low, block_of(then.first)));
                (work.span.first, work.edges.0) = (now.first, 0);
            }
        }
        work.blocks.extend(blocks.into_iter().map(|block| (block, block)));
        let fresh = listed.iter().filter(|one| one.state == State::Fresh && !is_stale(one));
        let full = fresh.filter(|one| one.run() == Run::of_block(block_of(one.first_key)));
        work.full = full.map(|one| block_of(one.first_key)).collect();
        work.full.sort_unstable();
    }
}

impl Work {
    const fn new(span: Run) -> Self {
        Self {
            delete: Vec::new(),
            blocks: Vec::new(),
            lacking: Vec::new(),
            full: Vec::new(),
            skip: Vec::new(),
            count: Vec::new(),
            descends: false,
            span,
            edges: (0, 0),
            is_whole: false,
            open_rows: 0,
        }
    }

    fn deleting(self, delete: Vec<i64>) -> Option<Self> {
        let is_nothing = delete.is_empty() && self.blocks.is_empty() && self.count.is_empty();
        (!is_nothing).then_some(Self { delete, ..self })
    }
}
