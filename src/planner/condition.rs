//! Conditions: checked against the columns they name, written as SQL, and decided for single values.
//! The two have to agree; a test in `tests/native` compares them on random data.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::model::calendar::{DAY_MS, format_date, format_timestamp};
use crate::model::dataset::{Column, ColumnType, Dataset};
use crate::model::query::{Comparison, Condition, Operator, Term, Where};
use crate::model::range::{Bounds, End, TimeRange};
use crate::model::value::Value;
use crate::planner::sql::Sql;

/// Adds ` WHERE …` for a range and a filter, or nothing where both are open.
pub fn push_where(
    sql: &mut Sql,
    dataset: &Dataset,
    range: TimeRange,
    filter: &Where,
) -> Result<()> {
    let mut parts = range_terms(dataset, range)?;
    if !filter.terms.is_empty() {
        let mut part = Sql::default();
        push_filter(&mut part, dataset, filter, "where")?;
        parts.push(part);
    }
    if !parts.is_empty() {
        sql.push(" WHERE ").separated(" AND ", &parts, |sql, part| {
            sql.append(part);
        });
    }
    Ok(())
}

/// What a range means on the dataset's time column.
pub fn bounds_of(dataset: &Dataset, range: TimeRange) -> Result<Bounds> {
    if range == TimeRange::default() {
        return Ok(Bounds::default());
    }
    let of_days = time_column(dataset, "range")?.kind == ColumnType::Date;
    let needs_zone = |end: End| matches!(end, End::Instant { .. }) == of_days;
    if range.from.is_some_and(needs_zone) || range.to.is_some_and(needs_zone) {
        known_zone(dataset)?;
    }
    range.bounds(&dataset.plant, of_days)
}

/// Fails where this host does not know the dataset's zone.
pub fn known_zone(dataset: &Dataset) -> Result<()> {
    if dataset.plant.zone.is_known() {
        return Ok(());
    }
    Err(dataset.plant.unknown_zone(format!("dataset '{}', timeZone", dataset.name)))
}

/// The bounds of a range on the dataset's time column, as the column stores time.
fn range_terms(dataset: &Dataset, range: TimeRange) -> Result<Vec<Sql>> {
    let bounds = bounds_of(dataset, range)?;
    if bounds == Bounds::default() {
        return Ok(Vec::new());
    }
    let column = time_column(dataset, "range")?;
    let stored = |ms: i64| match column.kind {
        ColumnType::Date => Value::Text(format_date(ms.div_euclid(DAY_MS))),
        ColumnType::TimestampText => Value::Text(format_timestamp(ms)),
        _ => Value::Int(ms),
    };
    let term = |operator: &str, ms: i64| {
        let mut sql = Sql::default();
        sql.name(&column.name).push(operator).bind(stored(ms));
        sql
    };
    let from = bounds.from_ms.map(|ms| term(" >= ", ms));
    let to = bounds.to_ms.map(|ms| term(" <= ", ms));
    Ok(from.into_iter().chain(to).collect())
}

/// The time column, or the error of the field that needs one.
pub fn time_column<'d>(dataset: &'d Dataset, field: &str) -> Result<&'d Column> {
    dataset.time_column().ok_or_else(|| {
        Error::query(field, format!("dataset '{}' declares no time column", dataset.name))
    })
}

/// The column of a name, or the error of the field that names it.
pub fn column_of<'d>(dataset: &'d Dataset, name: &str, field: &str) -> Result<&'d Column> {
    dataset.column(name).ok_or_else(|| {
        let names = dataset.column_names().join(", ");
        Error::query(
            field,
            format!("'{name}' is no column of {}; columns are {names}", dataset.name),
        )
    })
}

/// Adds a filter; true for one without terms.
pub fn push_filter(sql: &mut Sql, dataset: &Dataset, filter: &Where, path: &str) -> Result<()> {
    if filter.terms.is_empty() {
        sql.push("1");
        return Ok(());
    }
    for (i, term) in filter.terms.iter().enumerate() {
        sql.push(if i > 0 { " AND " } else { "" });
        match term {
            Term::Column(name, condition) => {
                let path = format!("{path}.{name}");
                let column = column_of(dataset, name, &path)?;
                push_condition(sql, column, condition, &path)?;
            }
            Term::Any(items) if items.is_empty() => _ = sql.push("0"),
            Term::Any(items) => {
                sql.push("(");
                for (i, item) in items.iter().enumerate() {
                    sql.push(if i > 0 { " OR (" } else { "(" });
                    push_filter(sql, dataset, item, &format!("{path}.any[{i}]"))?;
                    sql.push(")");
                }
                sql.push(")");
            }
        }
    }
    Ok(())
}

fn push_condition(sql: &mut Sql, column: &Column, condition: &Condition, path: &str) -> Result<()> {
    check_types(&column.name, Some(column.kind), condition, path)?;
    sql.separated(" AND ", &condition.operators, |sql, operator| {
        push_operator(sql, column, operator)
    });
    Ok(())
}

/// Refuses values that a column of that type cannot hold.
pub fn check_types(
    name: &str,
    kind: Option<ColumnType>,
    condition: &Condition,
    path: &str,
) -> Result<()> {
    let Some(kind) = kind else { return Ok(()) };
    let check = |operator: &str, value: &Value| {
        if kind.takes(value) {
            return Ok(());
        }
        let right = match kind {
            _ if kind.is_number() => "a number",
            ColumnType::Blob => "bytes",
            _ => "text",
        };
        let (word, class) = (kind.word(), value.class());
        Err(Error::query(
            format!("{path}{operator}"),
            format!("'{name}' is {word} and cannot be compared with {class}; expected {right}"),
        ))
    };
    condition.operators.iter().try_for_each(|operator| match operator {
        Operator::In { values, .. } => values.iter().try_for_each(|value| check("", value)),
        Operator::NotIn { values, .. } => values.iter().try_for_each(|value| check(".not", value)),
        Operator::Compare(comparison, value) => check(comparison.word(), value),
        Operator::Prefix(text) => check(".prefix", &Value::Text(text.clone())),
        Operator::IsNull(_) => Ok(()),
    })
}

fn push_operator(sql: &mut Sql, column: &Column, operator: &Operator) {
    let name = column.name.as_str();
    match operator {
        Operator::In { values, null } => match (values.as_slice(), null) {
            ([], false) => _ = sql.push("0"),
            ([], true) => _ = sql.name(name).push(" IS NULL"),
            ([value], false) => _ = sql.name(name).push(" = ").bind(value.clone()),
            (values, false) => _ = sql.name(name).bind_list(values),
            (values, true) => {
                sql.push("(").name(name).bind_list(values);
                sql.push(" OR ").name(name).push(" IS NULL)");
            }
        },
        Operator::NotIn { values, null } => match (values.as_slice(), null) {
            ([], false) => _ = sql.push("1"),
            ([], true) => _ = sql.name(name).push(" IS NOT NULL"),
            (values, true) => {
                sql.push("(").name(name).push(" NOT").bind_list(values);
                sql.push(" AND ").name(name).push(" IS NOT NULL)");
            }
            (values, false) => {
                sql.push("(").name(name).push(" NOT").bind_list(values);
                sql.push(" OR ").name(name).push(" IS NULL)");
            }
        },
        Operator::Compare(comparison, value) => {
            sql.name(name).push(" ").push(comparison.sql()).push(" ").bind(value.clone());
        }
        Operator::Prefix(prefix) => push_prefix(sql, column, prefix),
        Operator::IsNull(true) => _ = sql.name(name).push(" IS NULL"),
        Operator::IsNull(false) => _ = sql.name(name).push(" IS NOT NULL"),
    }
}

/// A range that an index serves, and the exact test, because a range under NOCASE can be too wide.
fn push_prefix(sql: &mut Sql, column: &Column, prefix: &str) {
    let name = column.name.as_str();
    if prefix.is_empty() {
        sql.name(name).push(" IS NOT NULL");
        return;
    }
    let folded = if column.nocase { prefix.to_ascii_lowercase() } else { prefix.to_owned() };
    sql.push("(").name(name).push(" >= ").bind(folded.as_str().into());
    if let Some(after) = successor(&folded) {
        sql.push(" AND ").name(name).push(" < ").bind(after.as_str().into());
    }
    let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
    sql.push(" AND substr(").name(name).push(", 1, ").bind(length.into()).push(") = ");
    sql.bind(prefix.into()).push(if column.nocase { " COLLATE NOCASE)" } else { ")" });
}

/// The smallest text that is greater than every text with the prefix, in byte order.
fn successor(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// Whether a value meets a condition, with the BINARY collation. As SQL would decide it.
#[must_use]
pub fn matches(condition: &Condition, value: &Value) -> bool {
    condition.operators.iter().all(|operator| {
        let is_null = *value == Value::Null;
        let among = |values: &[Value]| values.iter().any(|v| v.compare(value) == Ordering::Equal);
        match operator {
            Operator::In { values, null } => {
                if is_null {
                    *null
                } else {
                    among(values)
                }
            }
            Operator::NotIn { values, null } => {
                if is_null {
                    !null
                } else {
                    !among(values)
                }
            }
            Operator::Compare(comparison, other) => {
                let order = value.compare(other);
                !is_null
                    && match comparison {
                        Comparison::Gt => order == Ordering::Greater,
                        Comparison::Gte => order != Ordering::Less,
                        Comparison::Lt => order == Ordering::Less,
                        Comparison::Lte => order != Ordering::Greater,
                    }
            }
            Operator::Prefix(prefix) => {
                matches!(value, Value::Text(text) if text.starts_with(prefix.as_str()))
            }
            Operator::IsNull(expected) => is_null == *expected,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_of_a_prefix_is_above_all_that_begin_so() {
        let check = |prefix: &str, expected: Option<&str>| {
            assert_eq!(successor(prefix).as_deref(), expected, "{prefix:?}");
        };
        check("L24", Some("L25"));
        check("a\u{10FFFF}", Some("b"));
        check("\u{10FFFF}", None);
        check("\u{D7FF}", Some("\u{E000}"));
        check("z", Some("{"));
    }
}
