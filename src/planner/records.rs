//! Plans a records query: rows in a total order, paged by the key of the last row seen.
//! A cursor is a position in an order: it stays right when rows are added or deleted in between.

use crate::error::{Error, Result};
use crate::model::dataset::Dataset;
use crate::model::json;
use crate::model::node::Node;
use crate::model::query::{OrderBy, RecordsQuery};
use crate::model::value::{Value, ValueRef};
use crate::planner::condition::{column_of, push_where};
use crate::planner::sql::Sql;

/// What to run, and how to read its rows.
#[derive(Debug, Clone)]
pub struct RecordsPlan {
    /// Selects one row more than the page has, so that its end is known.
    pub statement: Sql,
    /// Names and types of the result's columns: the statement's first ones.
    pub columns: Vec<(String, &'static str)>,
    /// The order; its values are the statement's columns after those of the result.
    pub order: Vec<OrderBy>,
    /// Rows of the page.
    pub limit: usize,
    label: String,
}

/// Plans a query against a dataset.
pub fn plan(query: &RecordsQuery, dataset: &Dataset) -> Result<RecordsPlan> {
    let order = total_order(query, dataset)?;
    let names =
        if query.columns.is_empty() { dataset.column_names() } else { query.columns.clone() };
    let columns = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            if names[..i].contains(name) {
                return Err(Error::query(
                    format!("columns[{i}]"),
                    format!("'{name}' stands twice"),
                ));
            }
            let column = column_of(dataset, name, &format!("columns[{i}]"))?;
            Ok((name.clone(), column.kind.word()))
        })
        .collect::<Result<Vec<_>>>()?;
    let label = order_label(dataset, &order);
    let mut sql = Sql::default();
    sql.push("SELECT ");
    let selected = names.iter().chain(order.iter().map(|order| &order.by));
    sql.separated(", ", selected, |sql, name| {
        sql.name(name);
    });
    sql.push(" FROM ").name(&dataset.name);
    push_where(&mut sql, dataset, query.range, &query.filter)?;
    if let Some(after) = &query.after {
        let values = read_cursor(after, &label, order.len())?;
        let filtered = query.range != Default::default() || !query.filter.terms.is_empty();
        sql.push(if filtered { " AND " } else { " WHERE " });
        push_after(&mut sql, dataset, &order, &values);
    }
    sql.push(" ORDER BY ").separated(", ", &order, |sql, order| {
        sql.name(&order.by).push(if order.desc { " DESC" } else { "" });
    });
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    // Of a limit that is bound SQLite looks at the value, and prepares the statement again for each call.
    sql.push(&format!(" LIMIT {}", i64::try_from(query.limit + 1).unwrap_or(i64::MAX)));
    Ok(RecordsPlan { statement: sql, columns, order, limit, label })
}

impl RecordsPlan {
    /// The cursor behind a row, given the values of its order columns.
    #[must_use]
    pub fn cursor(&self, values: &[ValueRef<'_>]) -> String {
        let mut parts = vec![self.label.as_str().into()];
        parts.extend(values.iter().map(|value| match value {
            ValueRef::Real(x) if x.is_infinite() => {
                Node::object([("inf", Node::Bool(x.is_sign_positive()))])
            }
            ValueRef::Blob(blob) => {
                let bytes = blob.iter().map(|byte| Node::Int(i64::from(*byte)));
                Node::object([("bytes", Node::List(bytes.collect()))])
            }
            value => Node::of_value(*value),
        }));
        json::write(&Node::List(parts))
    }
}

/// The order asked for, or newest first, made total by the table's key.
fn total_order(query: &RecordsQuery, dataset: &Dataset) -> Result<Vec<OrderBy>> {
    let mut order: Vec<OrderBy> = Vec::new();
    for (i, item) in query.order_by.iter().enumerate() {
        column_of(dataset, &item.by, &format!("orderBy[{i}].by"))?;
        if !order.iter().any(|known| known.by == item.by) {
            order.push(item.clone());
        }
    }
    if order.is_empty() && query.newest_first {
        order.extend(dataset.time.iter().map(|time| OrderBy { by: time.clone(), desc: true }));
    }
    let key = dataset.key();
    if !order.iter().any(|item| item.by == key) {
        let desc = order.last().map_or(query.newest_first, |last| last.desc);
        order.push(OrderBy { by: key.to_owned(), desc });
    }
    Ok(order)
}

fn order_label(dataset: &Dataset, order: &[OrderBy]) -> String {
    let keys: Vec<String> =
        order.iter().map(|o| format!("{}{}", if o.desc { "-" } else { "+" }, o.by)).collect();
    format!("{}{}", dataset.name, keys.concat())
}

fn read_cursor(after: &str, label: &str, count: usize) -> Result<Vec<Value>> {
    let wrong = |reason: &str| Error::query("after", reason.to_owned());
    let broken = || wrong("is no cursor; pass `next` of a page as it is");
    let Ok(Node::List(parts)) = json::read(after.as_bytes()) else { return Err(broken()) };
    let (first, values) = parts.split_first().ok_or_else(broken)?;
    if !matches!(first, Node::Text(text) if text == label) {
        return Err(wrong("belongs to another dataset or order; begin again without `after`"));
    }
    if values.len() != count {
        return Err(broken());
    }
    values.iter().map(|value| cursor_value(value).ok_or_else(broken)).collect()
}

fn cursor_value(node: &Node) -> Option<Value> {
    Some(match node {
        Node::Null => Value::Null,
        Node::Int(n) => Value::Int(*n),
        Node::Real(x) => Value::Real(*x),
        Node::Text(text) => Value::Text(text.clone()),
        Node::Map(members) => match members.as_slice() {
            [(name, Node::Bool(positive))] if name == "inf" => {
                Value::Real(if *positive { f64::INFINITY } else { f64::NEG_INFINITY })
            }
            [(name, Node::List(bytes))] if name == "bytes" => {
                let byte = |node: &Node| match node {
                    Node::Int(n) => u8::try_from(*n).ok(),
                    _ => None,
                };
                Value::Blob(bytes.iter().map(byte).collect::<Option<_>>()?)
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// Rows behind a position: the first key that differs decides. A bound on the first key alone goes
/// in front, because an index can serve that.
fn push_after(sql: &mut Sql, dataset: &Dataset, order: &[OrderBy], values: &[Value]) {
    let nullable = |name: &str| {
        name != dataset.key() && dataset.column(name).is_none_or(|column| !column.required)
    };
    sql.push("(");
    if let (Some(first), Some(value)) = (order.first(), values.first())
        && *value != Value::Null
        && (!first.desc || !nullable(&first.by))
    {
        let operator = if first.desc { " <= " } else { " >= " };
        sql.name(&first.by).push(operator).bind(value.clone()).push(" AND ");
    }
    sql.push("(");
    for (i, (item, value)) in order.iter().zip(values).enumerate() {
        sql.push(if i > 0 { " OR (" } else { "(" });
        for (same, value) in order[..i].iter().zip(values) {
            match value {
                Value::Null => sql.name(&same.by).push(" IS NULL"),
                value => sql.name(&same.by).push(" = ").bind(value.clone()),
            };
            sql.push(" AND ");
        }
        match (value, item.desc) {
            // Nulls come first in ascending order and last in descending order.
            (Value::Null, false) => _ = sql.name(&item.by).push(" IS NOT NULL"),
            (Value::Null, true) => _ = sql.push("0"),
            (value, false) => _ = sql.name(&item.by).push(" > ").bind(value.clone()),
            (value, true) if nullable(&item.by) => {
                sql.push("(").name(&item.by).push(" < ").bind(value.clone());
                sql.push(" OR ").name(&item.by).push(" IS NULL)");
            }
            (value, true) => _ = sql.name(&item.by).push(" < ").bind(value.clone()),
        }
        sql.push(")");
    }
    sql.push("))");
}
