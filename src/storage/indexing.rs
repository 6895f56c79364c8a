//! Secondary indexes that an import left for later: built in slices between other calls, and put in place
//! complete by one transaction.
//!
//! Invariants:
//! 1. An index is in the schema only with every row in it. Which are missing shows where the definitions are
//!    compared with the schema, so that an index under way when a process ended is begun again by the next.
//! 2. Rows are read beside other calls. If anything was written meanwhile they are read again, after some
//!    times in the transaction itself, where nobody writes.

use crate::btree::index::{IndexBuild, IndexKeys};
use crate::btree::key::{KeyKind, KeyShape};
use crate::btree::page::{PageSink, Pages};
use crate::error::{Error, Result};
use crate::model::dataset::{Column, ColumnType, Dataset, Index};
use crate::model::value::{Value, ValueRef};
use crate::planner::sql::{Sql, quote};
use crate::storage::engine::Engine;
use crate::storage::port::{
    Author, BulkPages, LongTransaction, NewIndex, NewPages, PageSpace, RowSink, SqlPort, Statement,
    collect,
};
use crate::storage::schema;
use crate::storage::transaction::Open;

/// Rows that are read in one step, some 10 ms.
const ROWS_AT_ONCE: i64 = 4096;
/// Keys that are merged in one step, less than 10 ms.
const KEYS_AT_ONCE: usize = 8192;
/// Most bytes of keys that are kept. WebAssembly's memory never shrinks; SQLite's own sorter would take
/// several times as much.
pub const KEYS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Rows of an index that its statistics are made of, as `PRAGMA optimize` takes them.
const ANALYSED_ROWS_MAX: u32 = 2000;
/// How often rows are read beside others who write.
const READINGS_MAX: u32 = 3;

/// An index under way.
#[derive(Debug)]
pub struct IndexJob {
    dataset: Dataset,
    index: Index,
    /// What the rows that were read belong to.
    data_version: i64,
    readings: u32,
    /// Where pages were written in the transaction.
    space: Option<PageSpace>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Rows are read beside other calls.
    Reading(Scan),
    /// They are read in the transaction.
    ReadingInside(Scan),
    /// All rows are read; the transaction is to begin.
    Read(Scan),
    /// Pages are written in the transaction.
    Merging(Box<IndexBuild>, PageSpace),
    /// SQLite has to do it, in one piece.
    BySql,
    /// It is in place, and the planner knows nothing of it yet.
    Placed,
    /// It is in place, or nobody wants it any more.
    Done,
}

/// Keys of the rows below one.
#[derive(Debug)]
struct Scan {
    keys: IndexKeys,
    next_rowid: i64,
}

/// Pages behind the end of a port's database.
pub(super) struct Behind<'p, P> {
    pub port: &'p mut P,
    pub space: PageSpace,
}

impl<P: BulkPages> PageSink for Behind<'_, P> {
    fn pages(&mut self, first: u32, bytes: &[u8]) -> Result<()> {
        self.port.write_pages(self.space, first, bytes)
    }
}

/// What a column holds, for a key.
pub(super) const fn key_kind(column: &Column) -> KeyKind {
    match column.kind {
        ColumnType::Integer | ColumnType::Timestamp => KeyKind::Int,
        ColumnType::Real => KeyKind::Real,
        ColumnType::Blob => KeyKind::Blob,
        _ if column.nocase => KeyKind::TextNoCase,
        _ => KeyKind::Text,
    }
}

impl IndexJob {
    /// Whether the next step belongs to a transaction, which begins with it where none is open.
    #[must_use]
    pub const fn needs_writer(&self) -> bool {
        !matches!(self.phase, Phase::Reading(_) | Phase::Done)
    }

    fn new(dataset: Dataset, index: Index, data_version: i64) -> Self {
        let phase = Phase::Reading(Scan::new(&dataset, &index));
        Self { dataset, index, data_version, readings: 1, space: None, phase }
    }
}

impl Scan {
    fn new(dataset: &Dataset, index: &Index) -> Self {
        let kind = |name: &str| dataset.column(name).map_or(KeyKind::Int, key_kind);
        let shape = index.columns.iter().map(|(name, desc)| (kind(name), *desc)).collect();
        Self { keys: IndexKeys::new(KeyShape(shape), false), next_rowid: i64::MIN }
    }

    /// Reads the rows that follow: whether there are more, or that SQLite has to do it.
    fn read<P: SqlPort>(&mut self, port: &mut P, job: (&Dataset, &Index)) -> Result<Step> {
        let (dataset, index) = job;
        let mut sql = Sql::default();
        sql.push("SELECT rowid");
        for (name, _) in &index.columns {
            sql.push(", ").name(name);
        }
        if let Some(filter) = &index.filter {
            sql.push(&format!(", ({filter}) IS TRUE"));
        }
        // An index that has all columns would have to be sorted by the rowid first.
        sql.push(" FROM ").name(&dataset.name);
        sql.push(&format!(" NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT {ROWS_AT_ONCE}"));
        let mut take = TakeKeys {
            keys: &mut self.keys,
            width: index.columns.len(),
            rows: 0,
            last: i64::MIN,
            all_taken: true,
        };
        // The condition of a partial index is a caller's text.
        port.run(Statement::caller(&sql.text, &[Value::Int(self.next_rowid)]), &mut take)?;
        let TakeKeys { rows, last, all_taken, .. } = take;
        if !all_taken || self.keys.bytes() > KEYS_BYTES_MAX {
            return Ok(Step::BySql);
        }
        match last.checked_add(1) {
            Some(next_rowid) if rows == ROWS_AT_ONCE => {
                self.next_rowid = next_rowid;
                Ok(Step::More)
            }
            _ => Ok(Step::End),
        }
    }
}

enum Step {
    More,
    End,
    BySql,
}

struct TakeKeys<'k> {
    keys: &'k mut IndexKeys,
    width: usize,
    rows: i64,
    last: i64,
    all_taken: bool,
}

impl RowSink for TakeKeys<'_> {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        let Some(ValueRef::Int(rowid)) = row.first().copied() else {
            return Err(Error::Internal { detail: "a row without rowid".to_owned() });
        };
        self.rows += 1;
        self.last = rowid;
        let is_in = row.get(self.width + 1).is_none_or(|is_in| *is_in == ValueRef::Int(1));
        if is_in && self.all_taken {
            self.all_taken = self.keys.push(|i| row[i + 1], rowid);
        }
        Ok(())
    }
}

impl<P: LongTransaction + BulkPages> Engine<P> {
    /// The next index that is declared and missing.
    pub fn start_index(&mut self) -> Option<IndexJob> {
        self.check_writable().ok()?;
        while let Some((name, index)) = self.missing.pop() {
            // The definition may have changed since.
            let dataset = self.datasets.iter().find(|dataset| dataset.name == name);
            if let Some(dataset) = dataset.filter(|dataset| dataset.indexes.contains(&index)) {
                return Some(IndexJob::new(dataset.clone(), index, self.data_version));
            }
        }
        None
    }

    /// Goes on; true when it is in place. After an error the job is to be dropped.
    pub fn step_index(&mut self, job: &mut IndexJob) -> Result<bool> {
        let phase = std::mem::replace(&mut job.phase, Phase::Done);
        match self.next_phase(job, phase) {
            Ok(phase) => job.phase = phase,
            Err(error) => {
                self.abort_index(job);
                return Err(error);
            }
        }
        Ok(matches!(job.phase, Phase::Done))
    }

    /// As if it had not begun.
    pub fn abort_index(&mut self, job: &IndexJob) {
        if matches!(self.open, Some(Open::Index)) {
            if let Some(space) = job.space {
                self.port.discard_pages(space);
            }
            self.open = None;
            self.port.rollback();
        }
    }

    fn next_phase(&mut self, job: &mut IndexJob, phase: Phase) -> Result<Phase> {
        let of = (&job.dataset, &job.index);
        match phase {
            Phase::Reading(_) if job.data_version != self.data_version => {
                job.data_version = self.data_version;
                job.readings += 1;
                let scan = Scan::new(&job.dataset, &job.index);
                let is_last = job.readings > READINGS_MAX;
                Ok(if is_last { Phase::Read(scan) } else { Phase::Reading(scan) })
            }
            Phase::Reading(mut scan) => match self.read(|reading| scan.read(reading.port, of))? {
                Step::More => Ok(Phase::Reading(scan)),
                Step::End => Ok(Phase::Read(scan)),
                Step::BySql => Ok(Phase::BySql),
            },
            Phase::Read(scan) => self.begin_index(job, scan),
            Phase::ReadingInside(mut scan) => match scan.read(&mut self.port, of)? {
                Step::More => Ok(Phase::ReadingInside(scan)),
                Step::End => self.merge(job, scan),
                Step::BySql => {
                    self.abort_index(job);
                    Ok(Phase::BySql)
                }
            },
            Phase::Merging(mut build, space) => {
                let mut sink = Behind { port: &mut self.port, space };
                if !build.step(&mut sink, KEYS_AT_ONCE)? {
                    return Ok(Phase::Merging(build, space));
                }
                self.publish_index(job, *build, space)?;
                Ok(Phase::Placed)
            }
            Phase::BySql => {
                self.check_idle()?;
                if self.is_missing(job)? {
                    let (dataset, index) = (&job.dataset, std::slice::from_ref(&job.index));
                    self.port.transaction(|port| schema::build_indexes(port, dataset, index))?;
                    return Ok(Phase::Placed);
                }
                Ok(Phase::Done)
            }
            Phase::Placed => {
                self.look_at(&job.index);
                Ok(Phase::Done)
            }
            Phase::Done => Ok(Phase::Done),
        }
    }

    /// The definition may have changed since, or somebody built the index.
    fn is_missing(&mut self, job: &IndexJob) -> Result<bool> {
        let known = self.dataset(&job.dataset.name).is_ok_and(|dataset| *dataset == job.dataset);
        let missing = schema::missing_indexes(&mut self.port, std::slice::from_ref(&job.dataset))?;
        Ok(known && missing.iter().any(|(_, index)| *index == job.index))
    }

    fn begin_index(&mut self, job: &mut IndexJob, scan: Scan) -> Result<Phase> {
        self.check_idle()?;
        if !self.port.can_write_pages()? {
            return Ok(Phase::BySql);
        }
        if !self.is_missing(job)? {
            return Ok(Phase::Done);
        }
        self.check_writable()?;
        self.apply_durability()?;
        self.port.begin()?;
        self.open = Some(Open::Index);
        if job.data_version == self.data_version && job.readings <= READINGS_MAX {
            return self.merge(job, scan);
        }
        Ok(Phase::ReadingInside(Scan::new(&job.dataset, &job.index)))
    }

    fn merge(&mut self, job: &mut IndexJob, scan: Scan) -> Result<Phase> {
        let space = self.port.declare_index(&NewIndex {
            name: job.index.name.clone(),
            table: job.dataset.name.clone(),
            sql: schema::index_ddl(&job.dataset, &job.index),
        })?;
        let pages = Pages::new(space.page_bytes, space.next_page() + 1);
        job.space = Some(space);
        Ok(Phase::Merging(Box::new(scan.keys.build(pages)), space))
    }

    fn publish_index(&mut self, job: &IndexJob, build: IndexBuild, space: PageSpace) -> Result<()> {
        let mut sink = Behind { port: &mut self.port, space };
        let (content, pages) = build.finish(&mut sink)?;
        let last = pages.finish(&mut sink)?;
        let root = (space.next_page(), content);
        let last = last.or_else(|| Some(root.clone()));
        self.port.publish_pages(space, &NewPages { roots: vec![root], last })?;
        // A pragma does not notice that the schema has changed; a statement on the table does.
        let any = format!("SELECT 1 FROM {} LIMIT 1", quote(&job.dataset.name));
        collect(&mut self.port, &any, &[])?;
        let name = &job.index.name;
        let info = format!("PRAGMA index_info({})", quote(name));
        if collect(&mut self.port, &info, &[])?.len() != job.index.columns.len() {
            let detail = format!("index '{name}' is not found where it was put");
            return Err(Error::Internal { detail });
        }
        self.port.commit()?;
        self.open = None;
        Ok(())
    }

    /// The planner hardly uses an index of which it knows nothing. A look at some rows serves it as well as one
    /// at all of them, but SQLite reads all pages of an index to count it: so each is looked at in its turn.
    fn look_at(&mut self, index: &Index) {
        let analyse =
            format!("PRAGMA analysis_limit = {ANALYSED_ROWS_MAX}; ANALYZE {}", quote(&index.name));
        // Whether this succeeds or not, the index stands, and only plans depend on it.
        _ = self.port.script(&analyse, Author::Engine);
        _ = collect(&mut self.port, "PRAGMA analysis_limit = 0", &[]);
    }
}
