//! Plans a records query: rows in a total order, paged by the key of the last row seen.
//! A cursor is a position in an order: it stays right when rows are added or deleted in between.

use serde_json::json;

use crate::error::{Error, Result};
use crate::model::dataset::Dataset;
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
    sql.push(" LIMIT ").bind(Value::Int(i64::try_from(query.limit + 1).unwrap_or(i64::MAX)));
    Ok(RecordsPlan { statement: sql, columns, order, limit, label })
}

impl RecordsPlan {
    /// The cursor behind a row, given the values of its order columns.
    #[must_use]
    pub fn cursor(&self, values: &[ValueRef<'_>]) -> String {
        let mut parts = vec![json!(self.label)];
        parts.extend(values.iter().map(|value| match value {
            ValueRef::Null => json!(null),
            ValueRef::Int(n) => json!(n),
            ValueRef::Real(x) if x.is_finite() => json!(x),
            ValueRef::Real(x) => json!({"inf": x.is_sign_positive()}),
            ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
            ValueRef::Blob(blob) => json!({"bytes": blob}),
        }));
        serde_json::Value::from(parts).to_string()
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
    let json: serde_json::Value = serde_json::from_slice(after.as_bytes()).map_err(|_| broken())?;
    let (first, values) = json.as_array().and_then(|a| a.split_first()).ok_or_else(broken)?;
    if first.as_str() != Some(label) {
        return Err(wrong("belongs to another dataset or order; begin again without `after`"));
    }
    if values.len() != count {
        return Err(broken());
    }
    values.iter().map(|value| cursor_value(value).ok_or_else(broken)).collect()
}

fn cursor_value(json: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match json {
        Json::Null => Value::Null,
        Json::Number(n) => {
            n.as_i64().map_or_else(|| n.as_f64().map(Value::Real), |n| Some(Value::Int(n)))?
        }
        Json::String(text) => Value::Text(text.clone()),
        Json::Object(map) => match (map.get("inf"), map.get("bytes")) {
            (Some(Json::Bool(positive)), _) => {
                Value::Real(if *positive { f64::INFINITY } else { f64::NEG_INFINITY })
            }
            (_, Some(Json::Array(bytes))) => {
                let bytes = bytes.iter().map(|b| u8::try_from(b.as_u64()?).ok());
                Value::Blob(bytes.collect::<Option<_>>()?)
            }
            _ => return None,
        },
        Json::Bool(_) | Json::Array(_) => return None,
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
