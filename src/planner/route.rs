//! Which way an aggregate is likely to be answered soonest: through segments, or by SQL along an index.
//! Works on estimates only. Does not know segments or SQLite; costs are in nanoseconds, measured in WebAssembly.

use crate::model::dataset::{Dataset, Index};
use crate::model::query::{AggregateQuery, Operator, Term, Where};

/// Which way a caller lets an aggregate take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Route {
    /// Whichever is likely to be sooner.
    #[default]
    Auto,
    /// Through segments, the rows that are in none by SQL.
    Columnstore,
    /// By SQL alone.
    Sql,
}

/// The words of a route.
pub const ROUTES: [(&str, Route); 3] =
    [("auto", Route::Auto), ("columnstore", Route::Columnstore), ("sql", Route::Sql)];

/// A value of a column in memory.
const VALUE_NS: f64 = 1.0;
/// A row that SQL aggregates, wherever it finds it.
const SQL_ROW_NS: f64 = 700.0;
/// A row that SQL finds by an index, and then has to look up.
const SQL_LOOKUP_NS: f64 = 2500.0;

/// What segments would have to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmentWork {
    /// Rows of segments that may have what is asked for.
    pub rows: u64,
    /// Rows of all segments.
    pub all: u64,
    /// Columns that are read.
    pub columns: usize,
    /// Keys that are in no segment.
    pub rest: u64,
    /// The part of all rows that is within the range of time; 1 where there is none.
    pub time_share: f64,
}

/// Whether segments are likely to be the sooner way. `distinct` tells about how many different values a column has;
/// what SQLite has counted is no use here, for after a look at some rows of an index it counts too few.
#[must_use]
pub fn prefers_segments(
    query: &AggregateQuery,
    dataset: &Dataset,
    work: SegmentWork,
    distinct: impl Fn(&str) -> Option<f64>,
) -> bool {
    let columns = work.columns.max(1) as f64;
    let by_segments = work.rows as f64 * columns * VALUE_NS + work.rest as f64 * SQL_ROW_NS;
    let used = used_columns(query, dataset);
    let by_index = dataset.indexes.iter().filter(|index| index.filter.is_none()).map(|index| {
        let covers = |column: &&str| index.columns.iter().any(|(known, _)| known == column);
        let row_ns = if used.iter().all(covers) { SQL_ROW_NS } else { SQL_LOOKUP_NS };
        rows_found(query, dataset, index, work, &distinct) * row_ns
    });
    // Without an index that serves it SQL reads everything.
    let everything = (work.all + work.rest) as f64 * SQL_ROW_NS;
    by_segments <= by_index.fold(everything, f64::min)
}

/// Rows that an index leads to.
fn rows_found(
    query: &AggregateQuery,
    dataset: &Dataset,
    index: &Index,
    work: SegmentWork,
    distinct: &impl Fn(&str) -> Option<f64>,
) -> f64 {
    let mut found = (work.all + work.rest) as f64;
    for (column, _) in &index.columns {
        match (equal_values(&query.filter, column), distinct(column)) {
            (Some(values), Some(distinct)) => found *= (values as f64 / distinct).min(1.0),
            (None, _) if dataset.time.as_ref() == Some(column) => return found * work.time_share,
            _ => break,
        }
    }
    found
}

/// Number of values that a column is asked to equal.
fn equal_values(filter: &Where, wanted: &str) -> Option<usize> {
    filter.terms.iter().find_map(|term| match term {
        Term::Column(name, condition) if name == wanted => {
            condition.operators.iter().find_map(|operator| match operator {
                Operator::In { values, null } => Some(values.len() + usize::from(*null)),
                _ => None,
            })
        }
        _ => None,
    })
}

/// Columns that a query names.
fn used_columns<'q>(query: &'q AggregateQuery, dataset: &'q Dataset) -> Vec<&'q str> {
    use crate::model::query::{GroupKey, MeasureOf as Of};
    fn filtered<'q>(filter: &'q Where, used: &mut Vec<&'q str>) {
        for term in &filter.terms {
            match term {
                Term::Column(name, _) => used.push(name),
                Term::Any(items) => items.iter().for_each(|item| filtered(item, used)),
            }
        }
    }
    let mut used = Vec::new();
    filtered(&query.filter, &mut used);
    let has_range = query.range != crate::model::range::TimeRange::default();
    let by_time = query.group_by.iter().any(|key| matches!(key, GroupKey::Time(_)));
    used.extend(dataset.time.as_deref().filter(|_| has_range || by_time));
    used.extend(query.group_by.iter().filter_map(|key| match key {
        GroupKey::Column(name) => Some(name.as_str()),
        GroupKey::Time(_) => None,
    }));
    for (_, measure) in &query.measures {
        filtered(&measure.filter, &mut used);
        match &measure.of {
            Of::Count => {}
            Of::Sum(name) | Of::Min(name) | Of::Max(name) | Of::Avg(name) => used.push(name),
            Of::CountDistinct(name) => used.push(name),
            Of::Ratio(over, under) => used.extend(over.iter().chain(under).map(String::as_str)),
        }
    }
    used
}
