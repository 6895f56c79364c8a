//! Questions on a connection: SQL text, aggregates and pages of records, each to one encoded answer.
//! Knows which connection it was given only as a port.

use crate::error::{Error, Result};
use crate::model::batch::encode::BatchBuilder;
use crate::model::dataset::Dataset;
use crate::model::node::Node;
use crate::model::query::{AggregateQuery, RecordsQuery};
use crate::model::value::{Value, ValueRef};
use crate::planner::aggregate::AggregatePlan;
use crate::planner::explain::{Plan, Step};
use crate::planner::finish::Groups;
use crate::planner::route::Route;
use crate::planner::sql::Sql;
use crate::planner::{aggregate, records};
use crate::storage::port::{Author, Collected, Done, Params, RowSink, SqlPort, Statement};
use crate::storage::scan::SegmentMemory;

/// The way through segments.
const COLUMNSTORE: &str = "columnstore";

/// What a question was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The rows, encoded.
    pub batch: Vec<u8>,
    /// How many.
    pub rows: usize,
    /// `columnstore`, `index`, `scan` or `write`.
    pub route: &'static str,
    /// Version of the data that it shows.
    pub data_version: i64,
    /// Where the following page begins.
    pub next: Option<String>,
}

/// The dataset of a name.
pub fn dataset<'d>(datasets: &'d [Dataset], name: &str) -> Result<&'d Dataset> {
    datasets.iter().find(|dataset| dataset.name == name).ok_or_else(|| Error::NotFound {
        kind: "dataset",
        name: name.to_owned(),
        known: datasets.iter().map(|dataset| dataset.name.clone()).collect(),
    })
}

/// A connection, what it holds, and the version of it that it shows.
#[derive(Debug)]
pub struct Reading<'a, P> {
    /// The connection.
    pub port: &'a mut P,
    /// What is known of the tables.
    pub datasets: &'a [Dataset],
    /// Read before the answer is computed.
    pub data_version: i64,
    /// Most bytes of one result.
    pub bytes_max: usize,
    /// Which way an aggregate may take.
    pub route: Route,
    /// What was read of segments.
    pub memory: &'a mut SegmentMemory,
    /// What that may be known by; none inside a transaction.
    pub state: Option<(i64, u64)>,
}

impl<P: SqlPort> Reading<'_, P> {
    /// One statement that reads.
    pub fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Answer> {
        let mut rows = Rows::new(self.bytes_max);
        let done = self.port.run(Statement { sql, params, author: Author::Caller }, &mut rows)?;
        Ok(rows.answer(route(done), self.data_version))
    }

    /// Measures by group.
    pub fn aggregate(&mut self, query: &Node) -> Result<Answer> {
        let query = AggregateQuery::from_node(query)?;
        let dataset = dataset(self.datasets, &query.dataset)?;
        let mut plan = aggregate::plan(query, dataset)?;
        let (batch, route) = match self.merged(&plan, dataset) {
            Err(Error::SumOverflow) => {
                plan.sum_in_halves(dataset)?;
                self.merged(&plan, dataset)?
            }
            merged => merged?,
        };
        check_size(&batch, self.bytes_max)?;
        let rows = Rows { batch: Some(batch), bytes_max: self.bytes_max };
        Ok(rows.answer(route, self.data_version))
    }

    /// The answer to a plan, and the way it took.
    fn merged(
        &mut self,
        plan: &AggregatePlan,
        dataset: &Dataset,
    ) -> Result<(BatchBuilder, &'static str)> {
        let way = (self.route, self.state);
        if let Some(scanned) = self.memory.aggregate(self.port, (plan, dataset), way)? {
            return Ok((scanned.batch, COLUMNSTORE));
        }
        let (batch, full_scan) = self.merged_by_sql(plan)?;
        Ok((batch, if full_scan { "scan" } else { "index" }))
    }

    /// The answer to a plan, and whether a table or index was read in full.
    fn merged_by_sql(&mut self, plan: &AggregatePlan) -> Result<(BatchBuilder, bool)> {
        let mut groups = Groups::new(plan);
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
        Ok((groups.finish()?, full_scan))
    }

    /// A page of rows.
    pub fn records(&mut self, query: &Node) -> Result<Answer> {
        let query = RecordsQuery::from_node(query)?;
        let plan = records::plan(&query, dataset(self.datasets, &query.dataset)?)?;
        let columns = plan.columns.iter().map(|(name, kind)| (name.clone(), Some(*kind)));
        let mut page = RecordsPage {
            plan: &plan,
            batch: BatchBuilder::new(columns),
            bytes_max: self.bytes_max,
            last: None,
            more: false,
        };
        let statement = Statement::caller(&plan.statement.text, &plan.statement.params);
        let done = self.port.run(statement, &mut page)?;
        let next = page.last.filter(|_| page.more);
        let rows = Rows { batch: Some(page.batch), bytes_max: self.bytes_max };
        Ok(Answer { next, ..rows.answer(route(done), self.data_version) })
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
                let dataset = dataset(self.datasets, &query.dataset)?;
                let plan = aggregate::plan(query, dataset)?;
                if self.memory.would_take(self.port, (&plan, dataset), self.state)? {
                    return self.explain_rest(&plan, dataset);
                }
                let AggregatePlan { main, distinct, .. } = plan;
                main.into_iter().chain(distinct).collect()
            }
            _ => {
                let query = RecordsQuery::from_node(target)?;
                vec![records::plan(&query, dataset(self.datasets, &query.dataset)?)?.statement]
            }
        };
        self.explain_all(statements)
    }

    fn explain_all(&mut self, statements: Vec<Sql>) -> Result<Plan> {
        let mut steps = Vec::new();
        for Sql { text, params } in &statements {
            steps.extend(self.steps(text, Params::Positional(params))?);
        }
        let texts: Vec<String> = statements.into_iter().map(|sql| sql.text).collect();
        Ok(Plan::of(texts.join(";\n"), steps, false))
    }

    /// What SQL does where segments answer: it reads the rows that are in none.
    fn explain_rest(&mut self, plan: &AggregatePlan, dataset: &Dataset) -> Result<Plan> {
        let (main, distinct) = plan.of_keys(dataset)?;
        let statements = main.into_iter().chain(distinct).map(|mut sql| {
            sql.params.extend([Value::Int(0), Value::Int(0)]);
            sql
        });
        let rest = self.explain_all(statements.collect())?;
        Ok(Plan { route: COLUMNSTORE, ..rest })
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
}

const fn route(done: Done) -> &'static str {
    if done.full_scan { "scan" } else { "index" }
}

/// Refuses a result that is too large.
pub fn check_size(batch: &BatchBuilder, bytes_max: usize) -> Result<()> {
    if batch.bytes() <= bytes_max {
        return Ok(());
    }
    Err(Error::LimitExceeded {
        limit: format!("the result is larger than {bytes_max} bytes, the limit in query.resultBytesMax"),
        way_out: "Ask for fewer rows or columns, page through records(), stream() the rows, or raise the limit with configure()".to_owned(),
    })
}

/// Rows of a statement of which nothing is known but what it returns.
#[derive(Debug)]
pub struct Rows {
    batch: Option<BatchBuilder>,
    bytes_max: usize,
}

impl Rows {
    /// None yet, and of no more than so many bytes.
    pub const fn new(bytes_max: usize) -> Self {
        Self { batch: None, bytes_max }
    }

    /// The answer.
    pub fn answer(self, route: &'static str, data_version: i64) -> Answer {
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
        check_size(batch, self.bytes_max)
    }
}

/// Hands each row to a closure.
pub struct Each<F>(pub F);

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
    bytes_max: usize,
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
        check_size(&self.batch, self.bytes_max)
    }
}
