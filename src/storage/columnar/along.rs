//! Segments of rows that go past SQL into the pages of an empty table, made as they go, and stored in the same
//! transaction. Does not know where the rows come from.

use crate::columnstore::build::{Encoded, SegmentBuilder};
use crate::columnstore::layout::Layout;
use crate::error::Result;
use crate::model::dataset::Dataset;
use crate::model::value::ValueRef;
use crate::storage::columnar::blocks::{RUN_ROWS_MIN, Run, TAIL_ROWS_MIN};
use crate::storage::columnar::catalogue::{self, block_of};
use crate::storage::columnar::verify;
use crate::storage::port::SqlPort;

/// Most bytes that wait for the rows to be there: more than two million production records. Segments of further
/// rows are made beside calls.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Segments under way.
#[derive(Debug)]
pub struct Along {
    dataset: Dataset,
    layout: Layout,
    builder: SegmentBuilder,
    /// Keys of the rows that the builder has.
    run: Option<Run>,
    ready: Vec<(Run, Encoded)>,
    bytes: usize,
    /// Tables and triggers are there.
    is_guarded: bool,
}

impl Along {
    /// None yet. Nothing where the dataset has no columns to keep.
    pub fn new(dataset: &Dataset) -> Option<Self> {
        let layout = Layout::of(dataset);
        (!layout.columns.is_empty()).then(|| Self {
            dataset: dataset.clone(),
            builder: SegmentBuilder::new(&layout),
            layout,
            run: None,
            ready: Vec::new(),
            bytes: 0,
            is_guarded: false,
        })
    }

    /// The next row: its key is larger than all before. `value` gives what it has in a column of the dataset.
    pub fn push<'v>(&mut self, key: i64, value: impl Fn(usize) -> ValueRef<'v>) {
        if self.bytes > BYTES_MAX {
            return;
        }
        match &mut self.run {
            Some(run) if run.last + 1 == key && block_of(run.first) == block_of(key) => {
                run.last = key;
            }
            _ => {
                self.end_run(RUN_ROWS_MIN);
                self.run = Some(Run { first: key, last: key });
            }
        }
        self.builder.push(|at| value(self.layout.columns[at].source));
    }

    fn end_run(&mut self, rows_min: u64) {
        let builder = std::mem::replace(&mut self.builder, SegmentBuilder::new(&self.layout));
        let Some(run) = self.run.take().filter(|run| run.rows() >= rows_min) else { return };
        let encoded = builder.finish();
        self.bytes += encoded.columns.iter().map(Vec::len).sum::<usize>();
        self.ready.push((run, encoded));
    }

    /// All rows are there.
    pub fn end(&mut self) {
        self.end_run(TAIL_ROWS_MIN);
        self.ready.reverse();
    }

    /// Stores the next one; false where there are no more. The rows are in the table, by the same transaction, and
    /// it had none before.
    pub fn store_next<P: SqlPort>(&mut self, port: &mut P) -> Result<bool> {
        let Some((run, encoded)) = self.ready.pop() else { return Ok(false) };
        if !std::mem::replace(&mut self.is_guarded, true) {
            verify::guard(port, &self.dataset, &self.layout)?;
            catalogue::delete_all(port, &self.dataset.name)?;
        }
        let id = catalogue::begin(port, &self.dataset.name, run.first, run.last)?;
        catalogue::fill(port, id, encoded)?;
        Ok(true)
    }
}
