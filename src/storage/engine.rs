//! The engine of one database: questions in, batches out; writes in transactions.
//! Knows datasets and the SQL port; not workers, promises or files.
//!
//! Invariants:
//! 1. Every write is one transaction that also raises the data version; a failed one leaves no trace.
//! 2. An answer carries the data version that was read before it was computed.

use crate::error::{Error, Result};
use crate::model::batch::decode::Batch;
use crate::model::batch::encode::BatchBuilder;
use crate::model::dataset::Dataset;
use crate::model::node::Node;
use crate::model::query::{AggregateQuery, RecordsQuery};
use crate::model::value::{Value, ValueRef};
use crate::planner::aggregate::AggregatePlan;
use crate::planner::explain::{Plan, Step};
use crate::planner::finish::Groups;
use crate::planner::sql::Sql;
use crate::planner::{aggregate, records};
use crate::storage::ingest::{AppendRows, OnConflict, ParameterRows, insert_sql};
use crate::storage::port::{
    Author, Collected, Done, ForeignFiles, LongTransaction, Params, RowSink, SqlPort, Statement,
    collect,
};
use crate::storage::schema;

pub use crate::storage::import::{Import, ImportOptions, ImportReport};

/// Most bytes of one result.
pub const RESULT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// From so many changed rows on, a write asks SQLite to look at its statistics.
const STATISTICS_CHANGES_MIN: i64 = 1000;

/// A database.
#[derive(Debug)]
pub struct Engine<P> {
    port: P,
    datasets: Vec<Dataset>,
    data_version: i64,
}

/// What a question was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The rows, encoded.
    pub batch: Vec<u8>,
    /// How many.
    pub rows: usize,
    /// `index`, `scan` or `write`.
    pub route: &'static str,
    /// Version of the data that it shows.
    pub data_version: i64,
    /// Where the following page begins.
    pub next: Option<String>,
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
    /// Takes a connection, makes what is missing and migrates what is older.
    pub fn open(mut port: P, datasets: &[Dataset]) -> Result<Self> {
        let (data_version, known) = schema::open_catalogue(&mut port)?;
        let mut engine = Self { port, datasets: known, data_version };
        for dataset in datasets {
            engine.define(dataset)?;
        }
        Ok(engine)
    }

    /// The connection.
    pub const fn port(&mut self) -> &mut P {
        &mut self.port
    }

    /// Gives the connection back, to be closed.
    pub fn into_port(self) -> P {
        self.port
    }

    /// Adds a dataset or migrates one.
    pub fn define(&mut self, dataset: &Dataset) -> Result<()> {
        let at = self.datasets.iter().position(|known| known.name == dataset.name);
        let known = at.map(|at| &self.datasets[at]);
        let now = schema::define(&mut self.port, known, dataset)?;
        match at {
            Some(at) => self.datasets[at] = now,
            None => self.datasets.push(now),
        }
        Ok(())
    }

    /// The dataset of a name.
    pub fn dataset(&self, name: &str) -> Result<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.name == name).ok_or_else(|| Error::NotFound {
            kind: "dataset",
            name: name.to_owned(),
            known: self.datasets.iter().map(|dataset| dataset.name.clone()).collect(),
        })
    }

    /// Version of the data.
    pub const fn data_version(&self) -> i64 {
        self.data_version
    }

    /// One statement. It may write.
    pub fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Answer> {
        let statement = Statement { sql, params, author: Author::Caller };
        let mut rows = Rows::default();
        if self.port.only_reads(sql, Author::Caller)? {
            let data_version = self.data_version;
            let done = self.port.run(statement, &mut rows)?;
            return Ok(rows.answer(route(done), data_version));
        }
        let written = self.write(|port| port.run(statement, &mut rows))?;
        Ok(rows.answer("write", written.data_version))
    }

    /// Statements that write, in one transaction.
    pub fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<Written> {
        let without = match params {
            Params::Positional(values) => values.is_empty(),
            Params::Named(values) => values.is_empty(),
        };
        if without {
            return self.write(|port| port.script(sql, Author::Caller));
        }
        let statement = Statement { sql, params, author: Author::Caller };
        self.write(|port| port.run(statement, &mut Collected::default()))
    }

    /// One statement for each row of a batch, in one transaction.
    pub fn execute_many(&mut self, sql: &str, batch: &[u8], named: bool) -> Result<Written> {
        let batch = Batch::decode(batch)?;
        let mut rows = ParameterRows::new(&batch, named);
        self.write(|port| port.run_many(sql, Author::Caller, &mut rows))
    }

    /// Rows of a batch into a dataset, in one transaction.
    pub fn append(
        &mut self,
        dataset: &str,
        batch: &[u8],
        on_conflict: OnConflict,
    ) -> Result<Written> {
        let batch = Batch::decode(batch)?;
        let dataset = self.dataset(dataset)?.clone();
        let mut rows = AppendRows::new(&dataset, &batch)?;
        let sql = insert_sql(&dataset, rows.columns(), on_conflict);
        self.write(|port| port.run_many(&sql, Author::Caller, &mut rows))
    }

    /// Measures by group.
    pub fn aggregate(&mut self, query: &Node) -> Result<Answer> {
        let query = AggregateQuery::from_node(query)?;
        let plan = aggregate::plan(query.clone(), self.dataset(&query.dataset)?)?;
        let data_version = self.data_version;
        let mut groups = Groups::new(&plan);
        let mut full_scan = false;
        if let Some(main) = &plan.main {
            let mut add = Each(|row: &[ValueRef<'_>]| groups.add_main(row));
            full_scan |=
                self.port.run(Statement::caller(&main.text, &main.params), &mut add)?.full_scan;
        }
        for (i, statement) in plan.distinct.iter().enumerate() {
            let mut add = Each(|row: &[ValueRef<'_>]| groups.add_distinct(i, row));
            let done =
                self.port.run(Statement::caller(&statement.text, &statement.params), &mut add)?;
            full_scan |= done.full_scan;
        }
        let batch = groups.finish()?;
        check_size(&batch)?;
        let rows = Rows { batch: Some(batch) };
        Ok(rows.answer(if full_scan { "scan" } else { "index" }, data_version))
    }

    /// A page of rows.
    pub fn records(&mut self, query: &Node) -> Result<Answer> {
        let query = RecordsQuery::from_node(query)?;
        let plan = records::plan(&query, self.dataset(&query.dataset)?)?;
        let data_version = self.data_version;
        let columns = plan.columns.iter().map(|(name, kind)| (name.clone(), Some(*kind)));
        let mut page =
            RecordsPage { plan: &plan, batch: BatchBuilder::new(columns), last: None, more: false };
        let statement = Statement::caller(&plan.statement.text, &plan.statement.params);
        let done = self.port.run(statement, &mut page)?;
        let next = page.last.filter(|_| page.more);
        let rows = Rows { batch: Some(page.batch) };
        Ok(Answer { next, ..rows.answer(route(done), data_version) })
    }

    /// How SQL text, an aggregate query or a records query would be answered.
    pub fn explain(&mut self, target: &Node, params: Params<'_>) -> Result<Plan> {
        let statements = match target {
            Node::Text(sql) => {
                let writes = !self.port.only_reads(sql, Author::Caller)?;
                let steps = self.steps(sql, params)?;
                return Ok(Plan::of(sql.clone(), steps, writes));
            }
            Node::Map(entries) if entries.iter().any(|(name, _)| name == "measures") => {
                let query = AggregateQuery::from_node(target)?;
                let plan = aggregate::plan(query.clone(), self.dataset(&query.dataset)?)?;
                let AggregatePlan { main, distinct, .. } = plan;
                main.into_iter().chain(distinct).collect()
            }
            _ => {
                let query = RecordsQuery::from_node(target)?;
                vec![records::plan(&query, self.dataset(&query.dataset)?)?.statement]
            }
        };
        let mut steps = Vec::new();
        for Sql { text, params } in &statements {
            steps.extend(self.steps(text, Params::Positional(params))?);
        }
        let texts: Vec<String> = statements.into_iter().map(|sql| sql.text).collect();
        Ok(Plan::of(texts.join(";\n"), steps, false))
    }

    fn steps(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Step>> {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let mut collected = Collected::default();
        self.port.run(Statement { sql: &sql, params, author: Author::Caller }, &mut collected)?;
        let number = |value: &Value| if let Value::Int(n) = value { *n } else { 0 };
        Ok(collected
            .rows
            .iter()
            .filter_map(|row| match row.as_slice() {
                [id, parent, _, Value::Text(detail)] => {
                    Some(Step { id: number(id), parent: number(parent), detail: detail.clone() })
                }
                _ => None,
            })
            .collect())
    }

    fn write(&mut self, work: impl FnOnce(&mut P) -> Result<Done>) -> Result<Written> {
        let done = self.port.transaction(|port| {
            let done = work(port)?;
            schema::raise_data_version(port)?;
            Ok(done)
        })?;
        let written = self.written(done);
        self.refresh_statistics(done.changes);
        Ok(written)
    }

    /// Without statistics SQLite sorts a year of rows rather than walk an index. It decides itself
    /// whether a table has grown enough to be looked at again.
    fn refresh_statistics(&mut self, changes: i64) {
        if changes >= STATISTICS_CHANGES_MIN {
            // Whether this succeeds or not, the write stands, and only plans depend on it.
            _ = collect(&mut self.port, "PRAGMA optimize = 0x10002", &[]);
        }
    }

    const fn written(&mut self, done: Done) -> Written {
        self.data_version += 1;
        Written {
            changes: done.changes,
            last_insert_rowid: done.last_insert_rowid,
            data_version: self.data_version,
        }
    }
}

impl<P: LongTransaction + ForeignFiles> Engine<P> {
    /// Begins an import: a transaction that stays open until [`Engine::finish_import`] or
    /// [`Engine::abort_import`].
    pub fn start_import(&mut self, options: &Node) -> Result<Import> {
        let options = ImportOptions::from_node(options)?;
        let mut import = Import::new(self.dataset(&options.dataset)?.clone(), options)?;
        self.port.begin()?;
        match import.start(&mut self.port) {
            Ok(()) => Ok(import),
            Err(error) => {
                self.port.rollback();
                Err(error)
            }
        }
    }

    /// The next bytes of the file.
    pub fn push_import(&mut self, import: &mut Import, chunk: &[u8]) -> Result<()> {
        import.push(&mut self.port, chunk)
    }

    /// The file has ended: commits, or rolls back and fails.
    pub fn finish_import(&mut self, mut import: Import) -> Result<ImportReport> {
        let result = import.finish(&mut self.port).and_then(|report| {
            schema::raise_data_version(&mut self.port)?;
            self.port.commit()?;
            Ok(report)
        });
        match &result {
            Ok(report) => {
                self.data_version += 1;
                self.refresh_statistics(i64::try_from(report.rows).unwrap_or(i64::MAX));
            }
            Err(_) => self.port.rollback(),
        }
        result
    }

    /// As if it had not begun.
    pub fn abort_import(&mut self) {
        self.port.rollback();
    }
}

const fn route(done: Done) -> &'static str {
    if done.full_scan { "scan" } else { "index" }
}

fn check_size(batch: &BatchBuilder) -> Result<()> {
    if batch.bytes() <= RESULT_BYTES_MAX {
        return Ok(());
    }
    Err(Error::LimitExceeded {
        limit: format!("the result is larger than {} MiB", RESULT_BYTES_MAX / 1024 / 1024),
        way_out: "Ask for fewer rows or columns, or page through records()".to_owned(),
    })
}

/// Rows of a statement of which nothing is known but what it returns.
#[derive(Debug, Default)]
struct Rows {
    batch: Option<BatchBuilder>,
}

impl Rows {
    fn answer(self, route: &'static str, data_version: i64) -> Answer {
        let batch = self.batch.unwrap_or_else(|| BatchBuilder::new([]));
        let rows = batch.rows();
        Answer { batch: batch.finish(), rows, route, data_version, next: None }
    }
}

impl RowSink for Rows {
    fn columns(&mut self, names: Vec<String>) -> Result<()> {
        self.batch = Some(BatchBuilder::new(names.into_iter().map(|name| (name, None))));
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        let Some(batch) = &mut self.batch else { return Ok(()) };
        batch.push(|i| row[i]);
        check_size(batch)
    }
}

/// Hands each row to a closure.
struct Each<F>(F);

impl<F: FnMut(&[ValueRef<'_>]) -> Result<()>> RowSink for Each<F> {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        (self.0)(row)
    }
}

/// Keeps a page of records and learns whether there is another one.
struct RecordsPage<'p> {
    plan: &'p records::RecordsPlan,
    batch: BatchBuilder,
    last: Option<String>,
    more: bool,
}

impl RowSink for RecordsPage<'_> {
    fn columns(&mut self, _: Vec<String>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        if self.batch.rows() == self.plan.limit {
            self.more = true;
            return Ok(());
        }
        self.batch.push(|i| row[i]);
        if self.batch.rows() == self.plan.limit {
            self.last = Some(self.plan.cursor(&row[self.plan.columns.len()..]));
        }
        check_size(&self.batch)
    }
}
