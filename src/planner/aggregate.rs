//! Plans an aggregate query: the SQL statements whose rows are its partial results, and what
//! [`crate::planner::finish`] has to know to make the answer of them.

use crate::error::{Error, Result};
use crate::model::dataset::{ColumnType, Dataset};
use crate::model::plant::PlantTime;
use crate::model::query::{AggregateQuery, GroupKey, Measure, MeasureOf, Where};
use crate::model::range::{Bounds, TimeBucket};
use crate::planner::condition::{
    bounds_of, check_types, column_of, known_zone, push_filter, push_where, time_column,
};
use crate::planner::sql::Sql;
use crate::planner::steps::{StoredTime, time_key};

/// What to run and how to finish.
#[derive(Debug, Clone)]
pub struct AggregatePlan {
    /// The query it is for.
    pub query: AggregateQuery,
    /// Its range, as milliseconds.
    pub bounds: Bounds,
    /// The time that buckets are in: UTC for a column that holds days.
    pub plant: PlantTime,
    /// Keys of the groups, in the order of `groupBy`; each statement's first columns.
    pub keys: Vec<Key>,
    /// Partial results of the main statement, after the keys.
    pub partials: Vec<Partial>,
    /// How each measure is made of the partials.
    pub outputs: Vec<Output>,
    /// The main statement; none where there are neither keys nor partials.
    pub main: Option<Sql>,
    /// Statements for countDistinct: keys and one value, each pair once.
    pub distinct: Vec<Sql>,
}

/// A key of the groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Name of the result column.
    pub name: String,
    /// Type of the result column.
    pub kind: &'static str,
    /// How to read what SQL returns; none for a plain column.
    pub bucket: Option<BucketKey>,
    /// What SQL groups by.
    pub sql: String,
}

/// A time bucket as key. SQL groups by something finer that its own indexes know; the bucket is
/// found when groups are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketKey {
    /// The bucket that is asked for.
    pub bucket: TimeBucket,
    /// What SQL returns.
    pub stored: StoredTime,
}

/// A partial result that merges by addition or comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    /// What is computed.
    pub function: PartialFunction,
    /// Of rows that also match.
    pub filter: Where,
}

/// Functions whose partial results merge exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartialFunction {
    /// Rows.
    Count,
    /// Values that are not null.
    CountOf(String),
    /// Sum.
    Sum(String),
    /// Sum of integers as two: of the upper 32 bits with their sign, and of the lower.
    SumInHalves(String),
    /// Smallest.
    Min(String),
    /// Largest.
    Max(String),
}

/// A measure of the result, by index of its partials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Name of the result column.
    pub name: String,
    /// Type of the result column.
    pub kind: &'static str,
    /// How it is made.
    pub from: OutputOf,
}

/// How a measure is made of partials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputOf {
    /// It is that partial.
    Partial(usize),
    /// First over second.
    Avg(usize, usize),
    /// Sum of sums over sum of sums.
    Ratio(Vec<usize>, Vec<usize>),
    /// Number of values in that statement of `distinct`.
    Distinct(usize),
}

/// Plans a query against a dataset.
pub fn plan(query: AggregateQuery, dataset: &Dataset) -> Result<AggregatePlan> {
    let bounds = bounds_of(dataset, query.range)?;
    let of_days = dataset.time_column().is_none_or(|column| column.kind == ColumnType::Date);
    let plant = if of_days { PlantTime::default() } else { dataset.plant.clone() };
    let keys = plan_keys(&query, dataset, &plant, bounds)?;
    let mut plan = AggregatePlan {
        bounds,
        plant,
        keys,
        partials: Vec::new(),
        outputs: Vec::new(),
        main: None,
        distinct: Vec::new(),
        query,
    };
    for (name, measure) in plan.query.measures.clone() {
        let output = plan.output(&name, &measure, dataset)?;
        plan.outputs.push(output);
    }
    if !plan.keys.is_empty() || !plan.partials.is_empty() {
        plan.main = Some(main_statement(&plan, dataset, Of::All)?);
    }
    plan.check()?;
    Ok(plan)
}

impl AggregatePlan {
    /// The same with sums of integers in halves: SQLite gives up a sum that passes 64 bits on the way, though
    /// what is added later may bring it back.
    pub fn sum_in_halves(&mut self, dataset: &Dataset) -> Result<()> {
        for partial in &mut self.partials {
            if let PartialFunction::Sum(column) = &partial.function
                && dataset.column(column).is_some_and(|column| column.kind != ColumnType::Real)
            {
                partial.function = PartialFunction::SumInHalves(column.clone());
            }
        }
        self.main = Some(main_statement(self, dataset, Of::All)?);
        Ok(())
    }

    /// The statements over the rows of a range of keys: the main one, and those for countDistinct. Each wants
    /// the first and the last key behind its own parameters.
    pub fn of_keys(&self, dataset: &Dataset) -> Result<(Option<Sql>, Vec<Sql>)> {
        let main = self.main.as_ref().map(|_| main_statement(self, dataset, Of::Keys));
        let distinct = self.query.measures.iter().filter_map(|(_, measure)| match &measure.of {
            MeasureOf::CountDistinct(column) => {
                Some(distinct_statement(self, dataset, (column, &measure.filter), Of::Keys))
            }
            _ => None,
        });
        Ok((main.transpose()?, distinct.collect::<Result<_>>()?))
    }

    /// Names of the result columns, in order.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.keys
            .iter()
            .map(|key| key.name.as_str())
            .chain(self.outputs.iter().map(|o| o.name.as_str()))
    }

    fn output(&mut self, name: &str, measure: &Measure, dataset: &Dataset) -> Result<Output> {
        let path = format!("measures.{name}");
        let filter = &measure.filter;
        // Checked under its own name; statements take it as it is.
        push_filter(&mut Sql::default(), dataset, filter, &format!("{path}.where"))?;
        let numeric = |column: &str, path: &str| {
            let column = column_of(dataset, column, path)?;
            if column.kind.is_number() {
                return Ok(column);
            }
            let numeric = dataset.columns.iter().filter(|column| column.kind.is_number());
            let names: Vec<&str> = numeric.map(|column| column.name.as_str()).collect();
            let (name, kind) = (&column.name, column.kind.word());
            Err(Error::query(
                path,
                format!(
                    "'{name}' is a {kind} column, not a numeric one; those are {}",
                    names.join(", ")
                ),
            ))
        };
        let mut partial = |function| self.partial(function, filter);
        let (kind, from) = match &measure.of {
            MeasureOf::Count => ("integer", OutputOf::Partial(partial(PartialFunction::Count))),
            MeasureOf::Sum(column) => {
                let is_real = numeric(column, &format!("{path}.sum"))?.kind == ColumnType::Real;
                let index = partial(PartialFunction::Sum(column.clone()));
                (if is_real { "real" } else { "integer" }, OutputOf::Partial(index))
            }
            MeasureOf::Min(column) => {
                let kind = column_of(dataset, column, &format!("{path}.min"))?.kind.word();
                (kind, OutputOf::Partial(partial(PartialFunction::Min(column.clone()))))
            }
            MeasureOf::Max(column) => {
                let kind = column_of(dataset, column, &format!("{path}.max"))?.kind.word();
                (kind, OutputOf::Partial(partial(PartialFunction::Max(column.clone()))))
            }
            MeasureOf::Avg(column) => {
                numeric(column, &format!("{path}.avg"))?;
                let sum = partial(PartialFunction::Sum(column.clone()));
                let count = partial(PartialFunction::CountOf(column.clone()));
                ("real", OutputOf::Avg(sum, count))
            }
            MeasureOf::Ratio(over, under) => {
                let mut sums = |columns: &[String], side: usize| {
                    columns
                        .iter()
                        .enumerate()
                        .map(|(i, column)| {
                            numeric(column, &format!("{path}.ratio[{side}][{i}]"))?;
                            Ok(partial(PartialFunction::Sum(column.clone())))
                        })
                        .collect::<Result<Vec<_>>>()
                };
                ("real", OutputOf::Ratio(sums(over, 0)?, sums(under, 1)?))
            }
            MeasureOf::CountDistinct(column) => {
                column_of(dataset, column, &format!("{path}.countDistinct"))?;
                let statement = distinct_statement(self, dataset, (column, filter), Of::All)?;
                self.distinct.push(statement);
                ("integer", OutputOf::Distinct(self.distinct.len() - 1))
            }
        };
        Ok(Output { name: name.to_owned(), kind, from })
    }

    /// Index of a partial; the same one is computed once.
    fn partial(&mut self, function: PartialFunction, filter: &Where) -> usize {
        let wanted = Partial { function, filter: filter.clone() };
        self.partials.iter().position(|known| *known == wanted).unwrap_or_else(|| {
            self.partials.push(wanted);
            self.partials.len() - 1
        })
    }

    fn check(&self) -> Result<()> {
        let names: Vec<&str> = self.column_names().collect();
        if names.is_empty() {
            return Err(Error::query("measures", "expected at least one measure or group"));
        }
        if let Some((i, name)) =
            names.iter().enumerate().find(|(i, name)| names[..*i].contains(name))
        {
            let _ = i;
            return Err(Error::query(
                if self.outputs.iter().any(|o| o.name == **name) { "measures" } else { "groupBy" },
                format!("two result columns would be called '{name}'"),
            ));
        }
        let known = |name: &str, field: String| {
            if names.contains(&name) {
                return Ok(());
            }
            Err(Error::query(
                field,
                format!("'{name}' is no result column; those are {}", names.join(", ")),
            ))
        };
        for (i, order) in self.query.order_by.iter().enumerate() {
            known(&order.by, format!("orderBy[{i}].by"))?;
        }
        for (name, condition) in &self.query.having {
            let path = format!("having.{name}");
            known(name, path.clone())?;
            let kinds =
                self.keys.iter().map(|key| key.kind).chain(self.outputs.iter().map(|o| o.kind));
            let kind =
                names.iter().zip(kinds).find(|(known, _)| *known == name).map(|(_, kind)| kind);
            check_types(name, kind.and_then(ColumnType::of_word), condition, &path)?;
        }
        if self.query.fill && !matches!(self.query.group_by.as_slice(), [GroupKey::Time(_)]) {
            return Err(Error::query(
                "fill",
                "needs groupBy to be a single time bucket, such as [{ time: 'day' }]",
            ));
        }
        let ends = [("range.from", self.bounds.from_ms), ("range.to", self.bounds.to_ms)];
        match ends.iter().find(|(_, ms)| ms.is_some_and(|ms| !self.plant.zone.covers(ms))) {
            Some((field, _)) if self.query.fill => {
                let zone = self.plant.zone.name();
                Err(Error::query(
                    *field,
                    format!(
                        "fill needs an end between 1970 and 2100, for which the clocks of '{zone}' are known"
                    ),
                ))
            }
            _ => Ok(()),
        }
    }
}

fn plan_keys(
    query: &AggregateQuery,
    dataset: &Dataset,
    plant: &PlantTime,
    bounds: Bounds,
) -> Result<Vec<Key>> {
    let keys = query.group_by.iter().enumerate().map(|(i, key)| match key {
        GroupKey::Column(name) => {
            let column = column_of(dataset, name, &format!("groupBy[{i}]"))?;
            let sql = by_bytes(dataset, name);
            Ok(Key { name: name.clone(), kind: column.kind.word(), bucket: None, sql })
        }
        GroupKey::Time(bucket) => {
            let field = format!("groupBy[{i}].time");
            let column = time_column(dataset, &field)?;
            if column.kind == ColumnType::Date && *bucket < TimeBucket::Day {
                let reason = format!(
                    "'{}' holds whole days; use day, week, month, quarter or year",
                    column.name
                );
                return Err(Error::query(field, reason));
            }
            if column.kind != ColumnType::Date {
                known_zone(dataset)?;
            }
            let (sql, stored) = time_key(column, plant, *bucket, bounds);
            let bucket_key = Some(BucketKey { bucket: *bucket, stored });
            Ok(Key { name: bucket.word().to_owned(), kind: "text", bucket: bucket_key, sql })
        }
    });
    keys.collect()
}

/// Rows that a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    /// Those of a range of keys.
    Keys,
}

fn main_statement(plan: &AggregatePlan, dataset: &Dataset, of: Of) -> Result<Sql> {
    let mut sql = Sql::default();
    sql.push("SELECT ").push(&key_columns(plan).join(", "));
    for (i, partial) in plan.partials.iter().enumerate() {
        sql.push(if i == 0 && plan.keys.is_empty() { "" } else { ", " });
        push_partial(&mut sql, dataset, partial)?;
    }
    push_rows(&mut sql, dataset, (plan, &plan.query.filter), of)?;
    push_group_by(&mut sql, plan.keys.len());
    Ok(sql)
}

/// Adds FROM and WHERE.
fn push_rows(
    sql: &mut Sql,
    dataset: &Dataset,
    (plan, filter): (&AggregatePlan, &Where),
    of: Of,
) -> Result<()> {
    sql.push(" FROM ").name(&dataset.name);
    if of == Of::All {
        return push_where(sql, dataset, plan.query.range, filter);
    }
    // Few rows that follow each other: another index would have to find them among all.
    sql.push(" NOT INDEXED");
    let mut conditions = Sql::default();
    push_where(&mut conditions, dataset, plan.query.range, filter)?;
    let and = if conditions.text.is_empty() { " WHERE " } else { " AND " };
    sql.append(&conditions).push(and).name(dataset.key()).push(" BETWEEN ? AND ?");
    Ok(())
}

fn push_partial(sql: &mut Sql, dataset: &Dataset, partial: &Partial) -> Result<()> {
    match &partial.function {
        PartialFunction::Count => sql.push("count(*)"),
        PartialFunction::CountOf(column) => sql.push("count(").name(column).push(")"),
        PartialFunction::Sum(column) => sql.push("sum(").name(column).push(")"),
        PartialFunction::SumInHalves(column) => {
            sql.push("sum(").name(column).push(" >> 32)");
            push_only(sql, dataset, &partial.filter)?;
            sql.push(", sum(").name(column).push(" & 4294967295)")
        }
        PartialFunction::Min(column) => sql.push("min(").push(&by_bytes(dataset, column)).push(")"),
        PartialFunction::Max(column) => sql.push("max(").push(&by_bytes(dataset, column)).push(")"),
    };
    push_only(sql, dataset, &partial.filter)
}

fn push_only(sql: &mut Sql, dataset: &Dataset, filter: &Where) -> Result<()> {
    if !filter.terms.is_empty() {
        sql.push(" FILTER (WHERE ");
        push_filter(sql, dataset, filter, "where")?;
        sql.push(")");
    }
    Ok(())
}

fn distinct_statement(
    plan: &AggregatePlan,
    dataset: &Dataset,
    (column, filter): (&str, &Where),
    of: Of,
) -> Result<Sql> {
    let value = by_bytes(dataset, column);
    let mut columns = key_columns(plan);
    columns.push(&value);
    let mut both = plan.query.filter.clone();
    both.terms.extend_from_slice(&filter.terms);
    let mut sql = Sql::default();
    // DISTINCT looks each row up in an index of what it has seen; GROUP BY would sort all rows.
    sql.push("SELECT DISTINCT ").push(&columns.join(", "));
    push_rows(&mut sql, dataset, (plan, &both), of)?;
    Ok(sql)
}

fn key_columns(plan: &AggregatePlan) -> Vec<&str> {
    plan.keys.iter().map(|key| key.sql.as_str()).collect()
}

/// A column whose text is told apart by its bytes, whatever its collation.
fn by_bytes(dataset: &Dataset, name: &str) -> String {
    let nocase = dataset.column(name).is_some_and(|column| column.nocase);
    let name = crate::planner::sql::quote(name);
    if nocase { format!("{name} COLLATE BINARY") } else { name }
}

fn push_group_by(sql: &mut Sql, count: usize) {
    if count > 0 {
        let ordinals: Vec<String> = (1..=count).map(|n| n.to_string()).collect();
        sql.push(" GROUP BY ").push(&ordinals.join(", "));
    }
}
