//! The engine of one database: questions in, batches out; writes in transactions.
//! Knows datasets and the SQL port; not workers, promises or files.
//!
//! Invariants:
//! 1. Every write is one transaction that also raises the data version; a failed one leaves no trace.
//! 2. An answer carries the data version that was read before it was computed.
//! 3. While a transaction is open between calls, calls outside of it read through other connections and see
//!    the last commit; they do not write.

use crate::columnstore::layout::Layout;
use crate::error::{Error, Result};
use crate::model::batch::decode::Batch;
use crate::model::config::Config;
use crate::model::dataset::{Dataset, Index};
use crate::model::node::Node;
use crate::model::zone::ZoneSource;
use crate::planner::explain::Plan;
use crate::planner::route::Route;
use crate::storage::columnar::catalogue;
use crate::storage::columnar::look::Sealing;
use crate::storage::ingest::{AppendRows, OnConflict, ParameterRows, insert_sql};
use crate::storage::port::{
    Author, Collected, Done, Params, SqlPort, Statement, StatementCounts, collect,
};
use crate::storage::read::{Reading, Rows, dataset};
use crate::storage::repeat;
use crate::storage::scan::SegmentMemory;
use crate::storage::schema;
use crate::storage::transaction::Open;

pub use crate::planner::route::ROUTES;
pub use crate::storage::import::{Import, ImportOptions, ImportReport, Inspection};
pub use crate::storage::read::Answer;

/// From so many changed rows on, a write asks SQLite to look at its statistics.
const STATISTICS_CHANGES_MIN: i64 = 1000;

/// Connections for reading that are kept for the next call.
const READERS_KEPT_MAX: usize = 2;

/// Most bytes of decoded columns: a million production records take 9 MB, two million events 30.
const COLUMNS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A database.
#[derive(Debug)]
pub struct Engine<P> {
    pub(super) port: P,
    readers: Vec<P>,
    pub(super) open: Option<Open>,
    pub(super) datasets: Vec<Dataset>,
    pub(super) data_version: i64,
    pub(super) call: Call,
    /// Indexes that are declared and not there: the dataset's name and its index.
    pub(super) missing: Vec<(String, Index)>,
    /// What was read of segments.
    memory: SegmentMemory,
    /// Counts how often segments were made or deleted, which changes no answer.
    pub(super) segments_changed: u64,
    pub(super) sealing: Sealing,
    zones: ZoneSource,
    pub(super) config: Config,
}

/// Where a call belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// To no transaction: it reads the last commit, and a write is a transaction of its own.
    #[default]
    Outside,
    /// To the transaction that is open: it sees what that has written, and a write is part of it.
    Inside,
}

/// How the calls that follow are to be done.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Where they belong.
    pub scope: Scope,
    /// Every statement stops after so long, counted from when this was set.
    pub timeout_ms: Option<u64>,
    /// Written in the transaction of a write; the same key again gives the first result and writes nothing.
    pub idempotency_key: Option<String>,
    /// Whether a write may resolve before it is on storage; none for what is configured.
    pub relaxed: Option<bool>,
    /// Which way an aggregate may take.
    pub route: Route,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Rows inserted, updated or deleted.
    pub changes: i64,
    /// Key of the last row inserted.
    pub last_insert_rowid: i64,
    /// Version of the data from now on.
    pub data_version: i64,
}

impl<P: SqlPort> Engine<P> {
    /// As [`Engine::open_with`] with the defaults, where the host knows no zone but UTC.
    pub fn open(port: P, datasets: &[Dataset]) -> Result<Self> {
        Self::open_with(port, datasets, Config::default(), |_| None)
    }

    /// Takes a connection, makes what is missing and migrates what is older. A database that is refused is
    /// not touched.
    pub fn open_with(
        mut port: P,
        datasets: &[Dataset],
        config: Config,
        zones: ZoneSource,
    ) -> Result<Self> {
        schema::check_format(&mut port)?;
        port.configure(&config)?;
        port.set_relaxed(false)?;
        let (data_version, known) = schema::open_catalogue(&mut port)?;
        let mut engine = Self {
            port,
            readers: Vec::new(),
            open: None,
            datasets: Vec::new(),
            data_version,
            call: Call::default(),
            missing: Vec::new(),
            memory: SegmentMemory::new(COLUMNS_BYTES_MAX),
            segments_changed: 0,
            sealing: Sealing::default(),
            zones,
            config,
        };
        for mut dataset in known {
            // One that this host does not know stops what needs it, not the whole database.
            engine.explain_zone(&mut dataset);
            engine.datasets.push(dataset);
        }
        for dataset in datasets {
            engine.define(dataset)?;
        }
        engine.port.set_relaxed(config.relaxed())?;
        engine.missing = schema::missing_indexes(&mut engine.port, &engine.datasets)?;
        Ok(engine)
    }

    /// What is in force.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Brings a configuration into force, from the next call on.
    pub fn configure(&mut self, config: Config) -> Result<()> {
        self.check_idle()?;
        // They have the old limits, and would be in the way of another journal mode.
        self.readers.clear();
        self.port.configure(&config)?;
        self.config = config;
        Ok(())
    }

    /// Callers' prepared statements.
    pub fn statement_counts(&self) -> StatementCounts {
        self.port.statement_counts()
    }

    /// The connection that writes.
    pub const fn port(&mut self) -> &mut P {
        &mut self.port
    }

    /// Gives the connection back, to be closed; the others are.
    pub fn into_port(self) -> P {
        drop(self.readers);
        self.port
    }

    /// How calls are to be done from now on.
    pub fn set_call(&mut self, call: Call) {
        self.port.set_timeout(call.timeout_ms);
        self.call = call;
    }

    /// Adds a dataset or migrates one.
    pub fn define(&mut self, dataset: &Dataset) -> Result<()> {
        self.check_idle()?;
        let mut dataset = dataset.clone();
        if !self.explain_zone(&mut dataset) {
            let field = format!("dataset '{}', timeZone", dataset.name);
            return Err(dataset.plant.unknown_zone(field));
        }
        let at = self.datasets.iter().position(|known| known.name == dataset.name);
        let known = at.map(|at| &self.datasets[at]);
        self.port.set_relaxed(false)?;
        let now = schema::define(&mut self.port, known, &dataset)?;
        match at {
            Some(at) => self.datasets[at] = now,
            None => self.datasets.push(now),
        }
        self.segments_changed += 1;
        Ok(())
    }

    /// Asks the host for the transitions of a dataset's zone, once for all datasets; false where it does
    /// not know it.
    fn explain_zone(&self, dataset: &mut Dataset) -> bool {
        let zone = &mut dataset.plant.zone;
        if !zone.is_known() {
            let mut zones = self.datasets.iter().map(|other| &other.plant.zone);
            let known = zones.find(|other| other.is_known() && *other == zone);
            if let Some(found) = known.cloned().or_else(|| (self.zones)(zone.name())) {
                *zone = found;
            }
        }
        zone.is_known()
    }

    /// The dataset of a name.
    pub fn dataset(&self, name: &str) -> Result<&Dataset> {
        dataset(&self.datasets, name)
    }

    /// Segments were made or deleted: what was read of them is read again.
    pub const fn segments_have_changed(&mut self) {
        self.segments_changed += 1;
    }

    /// What the segments of each dataset come to that has a columnstore.
    pub fn segment_counts(&mut self) -> Result<Vec<catalogue::Counts>> {
        self.read(|reading| {
            let datasets = reading.datasets.iter();
            let kept = datasets.filter(|dataset| !Layout::of(dataset).columns.is_empty());
            kept.map(|dataset| catalogue::counts(reading.port, &dataset.name)).collect()
        })
    }

    /// Version of the data.
    pub const fn data_version(&self) -> i64 {
        self.data_version
    }

    /// Whether a statement writes, and so has to wait while a transaction is open.
    pub fn writes(&mut self, sql: &str) -> Result<bool> {
        self.read(|reading| {
            reading.port.only_reads(sql, Author::Caller).map(|only_reads| !only_reads)
        })
    }

    /// One statement. It may write.
    pub fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Answer> {
        let only_reads =
            |reading: &mut Reading<'_, P>| reading.port.only_reads(sql, Author::Caller);
        if self.read(only_reads)? {
            return self.read(|reading| reading.query(sql, params));
        }
        let statement = Statement { sql, params, author: Author::Caller };
        let mut rows = Rows::new(self.config.result_bytes_max());
        let written = self.write(|port, _| port.run(statement, &mut rows))?;
        Ok(rows.answer("write", written.data_version))
    }

    /// Statements that write, in one transaction.
    pub fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<Written> {
        let without = match params {
            Params::Positional(values) => values.is_empty(),
            Params::Named(values) => values.is_empty(),
        };
        if without {
            return self.write(|port, _| port.script(sql, Author::Caller));
        }
        let statement = Statement { sql, params, author: Author::Caller };
        self.write(|port, _| port.run(statement, &mut Collected::default()))
    }

    /// One statement for each row of a batch, in one transaction.
    pub fn execute_many(&mut self, sql: &str, batch: &[u8], named: bool) -> Result<Written> {
        let batch = Batch::decode(batch)?;
        let mut rows = ParameterRows::new(&batch, named);
        self.write(|port, _| port.run_many(sql, Author::Caller, &mut rows))
    }

    /// Rows of a batch into a dataset, in one transaction.
    pub fn append(
        &mut self,
        dataset: &str,
        batch: &[u8],
        on_conflict: OnConflict,
    ) -> Result<Written> {
        let batch = Batch::decode(batch)?;
        self.write(|port, datasets| {
            let dataset = crate::storage::read::dataset(datasets, dataset)?;
            let mut rows = AppendRows::new(dataset, &batch)?;
            let sql = insert_sql(dataset, rows.columns(), on_conflict);
            port.run_many(&sql, Author::Caller, &mut rows)
        })
    }

    /// Measures by group.
    pub fn aggregate(&mut self, query: &Node) -> Result<Answer> {
        self.read(|reading| reading.aggregate(query))
    }

    /// A page of rows.
    pub fn records(&mut self, query: &Node) -> Result<Answer> {
        self.read(|reading| reading.records(query))
    }

    /// How SQL text, an aggregate query or a records query would be answered.
    pub fn explain(&mut self, target: &Node, params: Params<'_>) -> Result<Plan> {
        self.read(|reading| reading.explain(target, params))
    }

    /// Reads what the scope sees: through the connection that writes, whose page cache is warm, unless a
    /// transaction of somebody else is open on it.
    pub(super) fn read<T>(
        &mut self,
        work: impl FnOnce(&mut Reading<'_, P>) -> Result<T>,
    ) -> Result<T> {
        self.check_scope()?;
        let is_inside = self.call.scope == Scope::Inside;
        let mut reading = Reading {
            port: &mut self.port,
            datasets: self.datasets.as_slice(),
            data_version: self.data_version + i64::from(is_inside),
            bytes_max: self.config.result_bytes_max(),
            route: self.call.route,
            memory: &mut self.memory,
            state: (!is_inside).then_some((self.data_version, self.segments_changed)),
        };
        if is_inside || self.open.is_none() {
            return work(&mut reading);
        }
        let mut reader = match self.readers.pop() {
            Some(reader) => reader,
            None => another(reading.port)?,
        };
        reader.set_timeout(self.call.timeout_ms);
        reading.port = &mut reader;
        let result = work(&mut reading);
        reader.set_timeout(None);
        self.keep_reader(reader);
        result
    }

    /// A connection that reads, for longer than a call.
    pub(super) fn take_reader(&mut self) -> Result<P> {
        self.readers.pop().map_or_else(|| another(&mut self.port), Ok)
    }

    /// Takes it back.
    pub(super) fn keep_reader(&mut self, reader: P) {
        if self.readers.len() < READERS_KEPT_MAX {
            self.readers.push(reader);
        }
    }

    pub(super) fn check_writable(&self) -> Result<()> {
        if self.config.read_only() {
            return Err(Error::ReadOnly { what: "this database".to_owned() });
        }
        Ok(())
    }

    /// For the transaction that begins next.
    pub(super) fn apply_durability(&mut self) -> Result<()> {
        self.port.set_relaxed(self.call.relaxed.unwrap_or(self.config.relaxed()))
    }

    fn write(&mut self, work: impl FnOnce(&mut P, &[Dataset]) -> Result<Done>) -> Result<Written> {
        self.check_scope()?;
        self.check_writable()?;
        if self.call.scope == Scope::Inside {
            return self.write_inside(work);
        }
        if self.open.is_some() {
            return Err(Error::Internal { detail: "a write did not wait its turn".to_owned() });
        }
        self.apply_durability()?;
        let (datasets, key) = (self.datasets.as_slice(), self.call.idempotency_key.as_deref());
        let next_version = self.data_version + 1;
        let (written, is_new) = self.port.transaction(|port| {
            if let Some(first) = repeat::find(port, key)? {
                return Ok((first, false));
            }
            let done = work(port, datasets)?;
            let Done { changes, last_insert_rowid, .. } = catalogue::note_write(port, done)?;
            let written = Written { changes, last_insert_rowid, data_version: next_version };
            repeat::keep(port, key, written)?;
            schema::raise_data_version(port)?;
            Ok((written, true))
        })?;
        if is_new {
            self.data_version = next_version;
            self.sealing.note_changes(written.changes);
            self.refresh_statistics(written.changes);
        }
        Ok(written)
    }

    /// Without statistics SQLite sorts a year of rows rather than walk an index. It decides itself
    /// whether a table has grown enough to be looked at again.
    pub(super) fn refresh_statistics(&mut self, changes: i64) {
        if changes >= STATISTICS_CHANGES_MIN {
            // Whether this succeeds or not, the write stands, and only plans depend on it.
            _ = collect(&mut self.port, "PRAGMA optimize = 0x10002", &[]);
        }
    }
}

fn another<P: SqlPort>(port: &mut P) -> Result<P> {
    port.reader()?.ok_or_else(|| Error::Internal {
        detail: "the host has one connection, and it is in a transaction".to_owned(),
    })
}
