//! Rows of an import on their way into the pages of an empty table, past SQL. Takes what SQL would take and
//! stores it as SQL would; the first row of which that is not certain, and all after it, go by SQL.
//!
//! Invariants:
//! 1. Nothing else is in the table, and no index of it is left out: what the database has is compared with
//!    the definition first, as text.
//! 2. The pages become part of the database in the transaction of the import, before any row goes by SQL.

mod columns;

use self::columns::{Place, TableColumn};
use crate::btree::index::{IndexBuild, IndexKeys};
use crate::btree::key::KeyShape;
use crate::btree::page::Pages;
use crate::btree::record::Record;
use crate::btree::table::TableWriter;
use crate::error::{Error, Result, RowError};
use crate::model::dataset::Dataset;
use crate::model::value::{Value, ValueRef};
use crate::planner::sql::quote;
use crate::storage::columnar::along::Along;
use crate::storage::indexing::{Behind, KEYS_BYTES_MAX, key_kind};
use crate::storage::port::{Author, BulkPages, NewPages, PageSpace, RowSource, collect};
use crate::storage::schema::{self, TableLayout};

/// Most places where line and rowid stop going hand in hand, kept to name the line of a key that is there
/// twice.
const LINE_JUMPS_MAX: usize = 64 * 1024;

/// Keys that are merged between two looks at whether there are more.
const KEYS_AT_ONCE: usize = 8192;

/// Segments that are stored between two looks, some 2 ms each.
const SEGMENTS_AT_ONCE: usize = 4;

/// How rows get into the table.
#[derive(Debug, Default)]
pub enum RowPath {
    /// As statements.
    #[default]
    Sql,
    /// As pages.
    Pages(Box<BulkTable>),
    /// No more: what was written as pages is about to become part of the database.
    Ending(Box<BulkEnd>),
    /// Not at all: a key stands twice. What follows is only looked at for rows that cannot be read.
    Refused(Option<RowError>),
}

impl RowPath {
    /// Writes rows that give those columns of the dataset; how many.
    pub fn write<P: BulkPages>(
        &mut self,
        port: &mut P,
        sql: &str,
        given: &[usize],
        rows: &mut dyn RowSource,
    ) -> Result<u64> {
        let mut is_ahead = false;
        let mut written = 0;
        if let Self::Pages(table) = self {
            let before = table.writer.rows();
            is_ahead = !table.push(port, given, rows)?;
            written = table.writer.rows() - before;
            if is_ahead {
                while !self.finish_step(port, true)? {}
            }
        }
        match self {
            Self::Sql => {
                let mut rest = Rest { rows, is_ahead };
                let done = port.run_many(sql, Author::Caller, &mut rest)?;
                written += u64::try_from(done.changes).unwrap_or(0);
            }
            Self::Refused(_) => while rows.advance()? {},
            Self::Pages(_) | Self::Ending(_) => {}
        }
        Ok(written)
    }

    /// Makes what was written as pages part of the database, if that is wanted, and finds out whether a key
    /// stands twice. Rows go by SQL from now on. False where this is to be called again.
    pub fn finish_step<P: BulkPages>(&mut self, port: &mut P, publish: bool) -> Result<bool> {
        match std::mem::take(self) {
            Self::Pages(table) => {
                let Some(end) = table.end(port, publish)? else { return Ok(true) };
                *self = Self::Ending(Box::new(end));
                Ok(false)
            }
            Self::Ending(mut end) => {
                if !end.step(port)? {
                    *self = Self::Ending(end);
                    return Ok(false);
                }
                if let Some(error) = end.refusal() {
                    *self = Self::Refused(Some(error));
                }
                Ok(true)
            }
            other => {
                *self = other;
                Ok(true)
            }
        }
    }

    /// The row whose key stood there before, once.
    pub const fn take_refusal(&mut self) -> Option<RowError> {
        match self {
            Self::Refused(error) => error.take(),
            _ => None,
        }
    }

    /// Gives the room of pages back that are not part of the database, before a rollback.
    pub fn discard<P: BulkPages>(&self, port: &mut P) {
        match self {
            Self::Pages(table) => port.discard_pages(table.space),
            Self::Ending(end) => port.discard_pages(end.space),
            Self::Sql | Self::Refused(_) => {}
        }
    }
}

/// The rows that are left, the one gone to among them where it was not taken.
struct Rest<'r> {
    rows: &'r mut dyn RowSource,
    is_ahead: bool,
}

impl RowSource for Rest<'_> {
    fn names(&self) -> Option<&[String]> {
        self.rows.names()
    }

    fn advance(&mut self) -> Result<bool> {
        if std::mem::take(&mut self.is_ahead) { Ok(true) } else { self.rows.advance() }
    }

    fn value(&self, parameter: usize) -> ValueRef<'_> {
        self.rows.value(parameter)
    }

    fn width(&self) -> usize {
        self.rows.width()
    }

    fn place(&self) -> String {
        self.rows.place()
    }

    fn rejected(&mut self, error: Error) -> Result<()> {
        self.rows.rejected(error)
    }
}

/// A table that is written as pages.
#[derive(Debug)]
pub struct BulkTable {
    name: String,
    root: u32,
    space: PageSpace,
    writer: TableWriter,
    record: Record,
    columns: Vec<TableColumn>,
    unique: Vec<UniqueIndex>,
    segments: Option<Along>,
    lines: Lines,
}

#[derive(Debug)]
struct UniqueIndex {
    root: u32,
    /// Positions in the dataset.
    columns: Vec<usize>,
    keys: IndexKeys,
    /// As SQLite names it in an error.
    label: String,
}

impl BulkTable {
    /// Inside the transaction, the table is empty and its other indexes are dropped. None where rows have to
    /// go by SQL.
    pub fn begin<P: BulkPages>(port: &mut P, dataset: &Dataset) -> Result<Option<Self>> {
        let Some(layout) = schema::table_layout(port, dataset)? else { return Ok(None) };
        let TableLayout { root, columns, unique } = layout;
        let space = port.page_space()?;
        let columns = columns.into_iter().map(|at| TableColumn::new(dataset, at)).collect();
        let unique = unique
            .into_iter()
            .map(|(root, columns)| UniqueIndex::new(dataset, root, columns))
            .collect();
        Ok(Some(Self {
            name: dataset.name.clone(),
            root,
            space,
            writer: TableWriter::new(Pages::new(space.page_bytes, space.page_count + 1)),
            record: Record::default(),
            columns,
            unique,
            segments: Along::new(dataset),
            lines: Lines::default(),
        }))
    }

    /// Whether keys are kept until the end.
    pub const fn has_unique(&self) -> bool {
        !self.unique.is_empty()
    }

    /// Takes rows; false where the row gone to, and what follows, has to go by SQL.
    fn push<P: BulkPages>(
        &mut self,
        port: &mut P,
        given: &[usize],
        rows: &mut dyn RowSource,
    ) -> Result<bool> {
        let parameter = |at: Option<usize>| given.iter().position(|given| Some(*given) == at);
        let parameters: Vec<_> = self.columns.iter().map(|column| parameter(column.at)).collect();
        let places = self.places(&parameters);
        let mut sink = Behind { port, space: self.space };
        while rows.advance()? {
            let Some(rowid) = self.take(&parameters, &places, rows) else { return Ok(false) };
            self.writer.push(&mut sink, rowid, &self.record)?;
            if let Some(segments) = &mut self.segments {
                segments.push(rowid, |at| places[at].value(rows, rowid));
            }
        }
        Ok(true)
    }

    /// By position in the dataset.
    fn places(&self, parameters: &[Option<usize>]) -> Vec<Place> {
        let count = self.columns.iter().filter_map(|column| column.at).max();
        let place = |at: usize| {
            let found = self.columns.iter().position(|column| column.at == Some(at));
            match found.map(|at| (&self.columns[at], parameters[at])) {
                Some((column, _)) if column.is_rowid => Place::Key,
                Some((_, Some(parameter))) => Place::Parameter(parameter),
                Some((column, None)) => Place::Default(column.default.clone()),
                None => Place::Default(Value::Null),
            }
        };
        (0..=count.unwrap_or(0)).map(place).collect()
    }

    /// Makes the record of a row and takes its unique keys. Its rowid, or none where it is for SQL.
    fn take(
        &mut self,
        parameters: &[Option<usize>],
        places: &[Place],
        rows: &dyn RowSource,
    ) -> Option<i64> {
        let mut rowid = None;
        self.record.clear();
        for (column, parameter) in self.columns.iter().zip(parameters) {
            let value =
                parameter.map_or_else(|| column.default.as_ref(), |index| rows.value(index));
            if column.is_rowid {
                match value {
                    ValueRef::Null => {}
                    ValueRef::Int(n) => rowid = Some(n),
                    _ => return None,
                }
                self.record.push(ValueRef::Null);
            } else if column.takes(value) {
                self.record.push(value);
            } else {
                return None;
            }
        }
        let last = self.writer.last_rowid();
        let rowid = match rowid {
            Some(rowid) => Some(rowid).filter(|rowid| last.is_none_or(|last| last < *rowid))?,
            None => last.unwrap_or(0).checked_add(1)?,
        };
        if self.unique.is_empty() {
            return Some(rowid);
        }
        if self.unique.iter().map(|index| index.keys.bytes()).sum::<usize>() > KEYS_BYTES_MAX {
            return None;
        }
        if !self.lines.note(rowid, rows.line()) {
            return None;
        }
        for index in &mut self.unique {
            let value = |i: usize| places[index.columns[i]].value(rows, rowid);
            // `takes` let nothing through that cannot be a key.
            let is_key = index.keys.push(value, rowid);
            debug_assert!(is_key, "row {rowid}");
        }
        Some(rowid)
    }

    /// All rows are there. None where there are none.
    fn end<P: BulkPages>(self, port: &mut P, publish: bool) -> Result<Option<BulkEnd>> {
        let Some(last_rowid) = self.writer.last_rowid() else { return Ok(None) };
        let space = self.space;
        let (root, pages) = self.writer.finish(&mut Behind { port, space })?;
        Ok(Some(BulkEnd {
            table: quote(&self.name),
            space,
            publish,
            last_rowid,
            roots: vec![(self.root, root)],
            unique: self.unique.into_iter(),
            segments: self.segments,
            stage: Stage::Next(pages),
            lines: self.lines,
            twice: None,
        }))
    }
}

/// A table whose rows are all there, on its way into the database.
#[derive(Debug)]
pub struct BulkEnd {
    table: String,
    space: PageSpace,
    publish: bool,
    last_rowid: i64,
    roots: Vec<(u32, Vec<u8>)>,
    /// Not built yet.
    unique: std::vec::IntoIter<UniqueIndex>,
    segments: Option<Along>,
    stage: Stage,
    lines: Lines,
    /// Rowid of a row whose key another one before it has, and of which columns.
    twice: Option<(i64, String)>,
}

#[derive(Debug)]
enum Stage {
    /// The next index is to be built.
    Next(Pages),
    /// One is, with this root and these columns.
    Building(Box<IndexBuild>, u32, String),
    /// The rows are in the database.
    Published,
    Done,
}

impl BulkEnd {
    /// Goes on; true when all is done.
    fn step<P: BulkPages>(&mut self, port: &mut P) -> Result<bool> {
        let space = self.space;
        let mut sink = Behind { port, space };
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Next(pages) => {
                if let Some(UniqueIndex { root, keys, label, .. }) = self.unique.next() {
                    self.stage = Stage::Building(Box::new(keys.build(pages)), root, label);
                    return Ok(false);
                }
                let last = pages.finish(&mut sink)?;
                if !self.publish || self.twice.is_some() {
                    port.discard_pages(space);
                    return Ok(true);
                }
                let roots = std::mem::take(&mut self.roots);
                port.publish_pages(space, &NewPages { roots, last })?;
                self.check(port)?;
                if let Some(segments) = &mut self.segments {
                    segments.end();
                }
                self.stage = Stage::Published;
                Ok(false)
            }
            Stage::Published => {
                let Some(segments) = &mut self.segments else { return Ok(true) };
                for _ in 0..SEGMENTS_AT_ONCE {
                    if !segments.store_next(port)? {
                        return Ok(true);
                    }
                }
                self.stage = Stage::Published;
                Ok(false)
            }
            Stage::Building(mut build, root, label) => {
                if !build.step(&mut sink, KEYS_AT_ONCE)? {
                    self.stage = Stage::Building(build, root, label);
                    return Ok(false);
                }
                if let Some(rowid) = build.duplicate()
                    && self.twice.as_ref().is_none_or(|(first, _)| rowid < *first)
                {
                    self.twice = Some((rowid, label));
                }
                let (content, pages) = build.finish(&mut sink)?;
                self.roots.push((root, content));
                self.stage = Stage::Next(pages);
                Ok(false)
            }
            Stage::Done => Ok(true),
        }
    }

    fn check<P: BulkPages>(&self, port: &mut P) -> Result<()> {
        let found = collect(port, &format!("SELECT max(rowid) FROM {}", self.table), &[])?;
        if found == [[Value::Int(self.last_rowid)]] {
            return Ok(());
        }
        let detail = format!("the rows written to {} are not found again", self.table);
        Err(Error::Internal { detail })
    }

    /// The first row whose key another one before it has.
    fn refusal(self) -> Option<RowError> {
        let (rowid, label) = self.twice?;
        let reason = format!("UNIQUE constraint failed: {label}");
        Some(RowError { line: self.lines.of(rowid), column: None, reason })
    }
}

impl UniqueIndex {
    fn new(dataset: &Dataset, root: u32, columns: Vec<(usize, bool)>) -> Self {
        let shape = columns.iter().map(|(at, desc)| (key_kind(&dataset.columns[*at]), *desc));
        let label: Vec<String> = columns
            .iter()
            .map(|(at, _)| format!("{}.{}", dataset.name, dataset.columns[*at].name))
            .collect();
        Self {
            root,
            keys: IndexKeys::new(KeyShape(shape.collect()), true),
            columns: columns.into_iter().map(|(at, _)| at).collect(),
            label: label.join(", "),
        }
    }
}

/// Which rowid came from which line. Mostly both count by one.
#[derive(Debug, Default)]
struct Lines {
    /// Where that is not so: the rowid from which on, and what the line is more than the rowid.
    jumps: Vec<(i64, i128)>,
}

impl Lines {
    /// False where it is too much to remember.
    fn note(&mut self, rowid: i64, line: u64) -> bool {
        let ahead = i128::from(line) - i128::from(rowid);
        if self.jumps.last().is_none_or(|(_, last)| *last != ahead) {
            self.jumps.push((rowid, ahead));
        }
        self.jumps.len() <= LINE_JUMPS_MAX
    }

    fn of(&self, rowid: i64) -> u64 {
        let after = self.jumps.partition_point(|(from, _)| *from <= rowid);
        let ahead = after.checked_sub(1).map_or(0, |at| self.jumps[at].1);
        u64::try_from(i128::from(rowid) + ahead).unwrap_or(0)
    }
}
