//! What a caller asks: aggregate and records queries, as data, read from foreign objects.
//! Knows their shape; whether a column exists is the planner's business.

use crate::error::{Error, Result};
use crate::model::node::{Fields, Node, blame_query};
use crate::model::range::{TIME_BUCKETS, TimeBucket, TimeRange};
use crate::model::value::Value;

/// Most rows that one page of records holds.
pub const PAGE_ROWS_MAX: u64 = 100_000;
/// Rows of a page of records where the caller does not say.
pub const PAGE_ROWS: u64 = 100;
/// More rows than any table has.
const ROWS_MAX: u64 = 1 << 53;
/// How deep `any` may nest.
pub const WHERE_DEPTH_MAX: usize = 16;
/// Most values in one condition: what SQLite binds in a statement.
pub const VALUES_MAX: usize = 30_000;

/// Measures by group.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateQuery {
    /// Name of the dataset.
    pub dataset: String,
    /// Rows outside do not count.
    pub range: TimeRange,
    /// Rows that do not match do not count.
    pub filter: Where,
    /// Columns of the result before the measures.
    pub group_by: Vec<GroupKey>,
    /// Result column and what it holds.
    pub measures: Vec<(String, Measure)>,
    /// Conditions on result columns.
    pub having: Vec<(String, Condition)>,
    /// Result columns to sort by.
    pub order_by: Vec<OrderBy>,
    /// Most rows of the result.
    pub limit: Option<u64>,
    /// Adds the empty buckets of the range.
    pub fill: bool,
}

/// One key of a grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupKey {
    /// The values of a column.
    Column(String),
    /// Buckets of the time column.
    Time(TimeBucket),
}

/// What a result column holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Only rows that also match count.
    pub filter: Where,
    /// The function.
    pub of: MeasureOf,
}

/// Aggregate functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeasureOf {
    /// Number of rows.
    Count,
    /// Sum of the values that are not null; null where there is none.
    Sum(String),
    /// Smallest value.
    Min(String),
    /// Largest value.
    Max(String),
    /// Mean of the values that are not null.
    Avg(String),
    /// Number of different values that are not null.
    CountDistinct(String),
    /// Sum of the first columns over sum of the second; null where the second is 0.
    Ratio(Vec<String>, Vec<String>),
}

/// Conditions that all have to hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Where {
    /// ANDed.
    pub terms: Vec<Term>,
}

/// One condition of a [`Where`].
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// On a column.
    Column(String, Condition),
    /// At least one of these holds; none of none.
    Any(Vec<Where>),
}

/// What a value has to be; all operators have to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// ANDed.
    pub operators: Vec<Operator>,
}

/// One operator of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// One of the values, or null where `null`.
    In {
        /// None of them null.
        values: Vec<Value>,
        /// Whether null matches.
        null: bool,
    },
    /// None of the values; null matches unless `null`.
    NotIn {
        /// None of them null.
        values: Vec<Value>,
        /// Whether null was listed, and so does not match.
        null: bool,
    },
    /// An order comparison; never true of null.
    Compare(Comparison, Value),
    /// Text that begins so, under the column's collation.
    Prefix(String),
    /// Whether it is null.
    IsNull(bool),
}

/// Order comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// >
    Gt,
    /// >=
    Gte,
    /// <
    Lt,
    /// <=
    Lte,
}

impl Comparison {
    /// As in SQL.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::Lt => "<",
            Self::Lte => "<=",
        }
    }

    /// As the end of a path.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gt => ".gt",
            Self::Gte => ".gte",
            Self::Lt => ".lt",
            Self::Lte => ".lte",
        }
    }
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    /// Column, or result column.
    pub by: String,
    /// Largest first.
    pub desc: bool,
}

/// Rows, paged by key.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordsQuery {
    /// Name of the dataset.
    pub dataset: String,
    /// Rows outside are left out.
    pub range: TimeRange,
    /// Rows that do not match are left out.
    pub filter: Where,
    /// Empty: newest first.
    pub order_by: Vec<OrderBy>,
    /// Empty: all.
    pub columns: Vec<String>,
    /// Rows of the page.
    pub limit: u64,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Where no order is given: by time and key, the newest first. Else by key.
    pub newest_first: bool,
}

impl AggregateQuery {
    /// Reads the caller's object.
    pub fn from_node(node: &Node) -> Result<Self> {
        let mut fields = Fields::of(node, "", blame_query)?;
        let query = Self {
            dataset: fields.need_text("dataset")?,
            range: range(&mut fields)?,
            filter: filter(&mut fields, 0)?,
            group_by: fields
                .list("groupBy")?
                .iter()
                .enumerate()
                .map(|(i, node)| group_key(node, &format!("groupBy[{i}]")))
                .collect::<Result<_>>()?,
            measures: {
                fields.need("measures")?;
                let measures = fields.map("measures")?;
                measures
                    .iter()
                    .map(|(name, node)| {
                        Ok((name.clone(), measure(node, &format!("measures.{name}"))?))
                    })
                    .collect::<Result<_>>()?
            },
            having: fields
                .map("having")?
                .iter()
                .map(|(name, node)| Ok((name.clone(), condition(node, &format!("having.{name}"))?)))
                .collect::<Result<_>>()?,
            order_by: order_by(&mut fields)?,
            limit: fields.whole("limit", 0, u64::from(u32::MAX))?,
            fill: fields.flag("fill")?,
        };
        fields.done()?;
        Ok(query)
    }
}

impl RecordsQuery {
    /// Reads the caller's object.
    pub fn from_node(node: &Node) -> Result<Self> {
        Self::read(node, PAGE_ROWS, PAGE_ROWS_MAX)
    }

    /// The same for all rows at once: without a limit of the caller's there is none, and without an order
    /// rows come as they lie in the table, which sorts nothing.
    pub fn unpaged(node: &Node) -> Result<Self> {
        Ok(Self { newest_first: false, ..Self::read(node, ROWS_MAX, ROWS_MAX)? })
    }

    fn read(node: &Node, limit: u64, limit_max: u64) -> Result<Self> {
        let mut fields = Fields::of(node, "", blame_query)?;
        let query = Self {
            dataset: fields.need_text("dataset")?,
            range: range(&mut fields)?,
            filter: filter(&mut fields, 0)?,
            order_by: order_by(&mut fields)?,
            columns: fields.texts("columns")?,
            limit: fields.whole("limit", 1, limit_max)?.unwrap_or(limit),
            after: fields.text("after")?,
            newest_first: true,
        };
        fields.done()?;
        Ok(query)
    }
}

fn range(fields: &mut Fields<'_>) -> Result<TimeRange> {
    let path = fields.path_of("range");
    fields.get("range").map_or(Ok(TimeRange::default()), |node| TimeRange::from_node(node, &path))
}

fn filter(fields: &mut Fields<'_>, depth: usize) -> Result<Where> {
    let path = fields.path_of("where");
    fields.get("where").map_or(Ok(Where::default()), |node| where_of(node, &path, depth))
}

fn order_by(fields: &mut Fields<'_>) -> Result<Vec<OrderBy>> {
    let path = fields.path_of("orderBy");
    fields
        .list("orderBy")?
        .iter()
        .enumerate()
        .map(|(i, node)| {
            let mut item = Fields::of(node, &format!("{path}[{i}]"), blame_query)?;
            let order = OrderBy { by: item.need_text("by")?, desc: item.flag("desc")? };
            item.done()?;
            Ok(order)
        })
        .collect()
}

fn group_key(node: &Node, path: &str) -> Result<GroupKey> {
    if let Node::Text(column) = node {
        return Ok(GroupKey::Column(column.clone()));
    }
    if !matches!(node, Node::Map(_)) {
        let reason = format!("expected a column or {{ time: 'day' }}, got {}", node.kind());
        return Err(Error::query(path, reason));
    }
    let mut fields = Fields::of(node, path, blame_query)?;
    let bucket = fields.word("time", &TIME_BUCKETS)?;
    let bucket = bucket.ok_or_else(|| fields.error("time", "is missing"))?;
    fields.done()?;
    Ok(GroupKey::Time(bucket))
}

const MEASURE: &str = "expected 'count' or an object such as { sum: 'column' }";
const RATIO: &str = "expected two arrays of columns, such as [['good'], ['good', 'bad']]";

fn measure(node: &Node, path: &str) -> Result<Measure> {
    if let Node::Text(word) = node {
        if word == "count" {
            return Ok(Measure { filter: Where::default(), of: MeasureOf::Count });
        }
        return Err(Error::query(path, format!("{MEASURE}, got '{word}'")));
    }
    if !matches!(node, Node::Map(_)) {
        return Err(Error::query(path, format!("{MEASURE}, got {}", node.kind())));
    }
    let mut fields = Fields::of(node, path, blame_query)?;
    let filter = filter(&mut fields, 0)?;
    let mut found = Vec::new();
    if fields.get("count").is_some() {
        if !fields.flag("count")? {
            return Err(fields.error("count", "expected true"));
        }
        found.push(MeasureOf::Count);
    }
    type OfColumn = fn(String) -> MeasureOf;
    let functions: [(&'static str, OfColumn); 5] = [
        ("sum", MeasureOf::Sum),
        ("min", MeasureOf::Min),
        ("max", MeasureOf::Max),
        ("avg", MeasureOf::Avg),
        ("countDistinct", MeasureOf::CountDistinct),
    ];
    for (name, make) in functions {
        found.extend(fields.text(name)?.map(make));
    }
    if let Some(node) = fields.get("ratio") {
        let path = fields.path_of("ratio");
        let Node::List(parts) = node else {
            return Err(Error::query(path, RATIO));
        };
        let [over, under] = parts.as_slice() else {
            return Err(Error::query(path, RATIO));
        };
        let over = crate::model::node::texts(over, &format!("{path}[0]"), blame_query)?;
        let under = crate::model::node::texts(under, &format!("{path}[1]"), blame_query)?;
        if over.is_empty() || under.is_empty() {
            return Err(Error::query(path, RATIO));
        }
        found.push(MeasureOf::Ratio(over, under));
    }
    fields.done()?;
    match found.len() {
        1 => Ok(Measure { filter, of: found.remove(0) }),
        _ => Err(Error::query(
            path,
            "expected exactly one of count, sum, min, max, avg, countDistinct, ratio",
        )),
    }
}

fn where_of(node: &Node, path: &str, depth: usize) -> Result<Where> {
    if depth > WHERE_DEPTH_MAX {
        return Err(Error::query(path, format!("`any` nests deeper than {WHERE_DEPTH_MAX}")));
    }
    let Node::Map(entries) = node else {
        let reason = format!("expected an object of columns and conditions, got {}", node.kind());
        return Err(Error::query(path, reason));
    };
    let mut terms = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        let path = format!("{path}.{name}");
        if name == "any" {
            let Node::List(items) = node else {
                return Err(Error::query(path, format!("expected an array, got {}", node.kind())));
            };
            let items = items
                .iter()
                .enumerate()
                .map(|(i, node)| where_of(node, &format!("{path}[{i}]"), depth + 1))
                .collect::<Result<_>>()?;
            terms.push(Term::Any(items));
        } else {
            terms.push(Term::Column(name.clone(), condition(node, &path)?));
        }
    }
    Ok(Where { terms })
}

/// Reads a condition: a value, a list of values, or an object of operators.
pub fn condition(node: &Node, path: &str) -> Result<Condition> {
    let operators = match node {
        Node::Map(entries) => {
            if entries.is_empty() {
                return Err(Error::query(
                    path,
                    "expected a value, a list or at least one operator",
                ));
            }
            entries
                .iter()
                .map(|(name, node)| operator(name, node, &format!("{path}.{name}")))
                .collect::<Result<_>>()?
        }
        node => {
            let (values, null) = values(node, path)?;
            vec![Operator::In { values, null }]
        }
    };
    Ok(Condition { operators })
}

fn operator(name: &str, node: &Node, path: &str) -> Result<Operator> {
    let compare = |comparison| match node.to_value() {
        Some(Value::Null) | None => {
            Err(Error::query(path, format!("expected a value, got {}", node.kind())))
        }
        Some(value) => Ok(Operator::Compare(comparison, value)),
    };
    match name {
        "not" => values(node, path).map(|(values, null)| Operator::NotIn { values, null }),
        "gt" => compare(Comparison::Gt),
        "gte" => compare(Comparison::Gte),
        "lt" => compare(Comparison::Lt),
        "lte" => compare(Comparison::Lte),
        "prefix" => match node {
            Node::Text(text) if !text.contains('\0') => Ok(Operator::Prefix(text.clone())),
            _ => Err(Error::query(path, "expected text without NUL characters")),
        },
        "isNull" => match node {
            Node::Bool(flag) => Ok(Operator::IsNull(*flag)),
            _ => Err(Error::query(path, "expected true or false")),
        },
        _ => {
            Err(Error::query(path, "is not known; known are not, gt, gte, lt, lte, prefix, isNull"))
        }
    }
}

/// The values of a list or of a single value, and whether null was among them.
fn values(node: &Node, path: &str) -> Result<(Vec<Value>, bool)> {
    let items = match node {
        Node::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    if items.len() > VALUES_MAX {
        return Err(Error::LimitExceeded {
            limit: format!("{path} lists {} values, more than {VALUES_MAX}", items.len()),
            way_out: "Ask in several queries, or by a range or prefix".to_owned(),
        });
    }
    let mut values = Vec::with_capacity(items.len());
    let mut null = false;
    for item in items {
        match item.to_value() {
            Some(Value::Null) => null = true,
            Some(value) => values.push(value),
            None => {
                let reason = format!(
                    "expected null, a number, text, bytes or a list of them, got {}",
                    item.kind()
                );
                return Err(Error::query(path, reason));
            }
        }
    }
    Ok((values, null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: serde_json::Value) -> Result<AggregateQuery> {
        let node = crate::model::json::read(json.to_string().as_bytes()).expect("is JSON");
        AggregateQuery::from_node(&node)
    }

    #[test]
    fn wrong_queries_name_the_field() {
        let check = |json, field: &str| match read(json) {
            Err(Error::QueryInvalid { field: got, .. }) => assert_eq!(got, field),
            other => panic!("{field}: {other:?}"),
        };
        check(json!({"measures": {}}), "dataset");
        check(json!({"dataset": "t"}), "measures");
        check(json!({"dataset": "t", "measures": {"a": "sum"}}), "measures.a");
        check(json!({"dataset": "t", "measures": {"a": {"sum": "x", "min": "x"}}}), "measures.a");
        check(json!({"dataset": "t", "measures": {"a": {"ratio": [["x"]]}}}), "measures.a.ratio");
        check(
            json!({"dataset": "t", "measures": {}, "groupBy": [{"time": "decade"}]}),
            "groupBy[0].time",
        );
        check(json!({"dataset": "t", "measures": {}, "where": {"x": {}}}), "where.x");
        check(
            json!({"dataset": "t", "measures": {}, "where": {"x": {"like": "a"}}}),
            "where.x.like",
        );
        check(
            json!({"dataset": "t", "measures": {}, "where": {"any": [{"x": {"gt": null}}]}}),
            "where.any[0].x.gt",
        );
        check(json!({"dataset": "t", "measures": {}, "limit": -1}), "limit");
        check(
            json!({"dataset": "t", "measures": {}, "orderBy": [{"desc": true}]}),
            "orderBy[0].by",
        );
        check(json!({"dataset": "t", "measures": {}, "groupby": []}), "groupby");
    }

    #[test]
    fn undefined_columns_of_a_where_are_refused() {
        let filter = Node::Map(vec![("x".to_owned(), Node::Undefined)]);
        assert!(
            matches!(where_of(&filter, "where", 0), Err(Error::QueryInvalid { field, .. }) if field == "where.x")
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let mut filter = Node::Map(Vec::new());
        for _ in 0..WHERE_DEPTH_MAX + 2 {
            filter = Node::Map(vec![("any".to_owned(), Node::List(vec![filter]))]);
        }
        assert!(where_of(&filter, "where", 0).is_err());
    }
}
