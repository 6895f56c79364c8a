//! What a query means, said plainly over rows in memory. Knows no SQL.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use super::generate::{COLUMNS, Row};
use lotwise::model::calendar::{DAY_MS, parse_date, parse_instant};
use lotwise::model::dataset::{Column, ColumnType, Dataset};
use lotwise::model::query::{
    AggregateQuery, Comparison, GroupKey, MeasureOf, Operator, Term, Where,
};
use lotwise::model::range::TimeRange;
use lotwise::model::value::{Value, compare_nocase};

pub fn column(name: &str) -> usize {
    COLUMNS.iter().position(|c| *c == name).expect("a column")
}

pub fn compare_as(column: &Column, a: &Value, b: &Value) -> Ordering {
    match (column.nocase, a, b) {
        (true, Value::Text(a), Value::Text(b)) => compare_nocase(a.as_bytes(), b.as_bytes()),
        _ => a.compare(b),
    }
}

pub fn holds(dataset: &Dataset, filter: &Where, row: &Row) -> bool {
    filter.terms.iter().all(|term| match term {
        Term::Any(alternatives) => alternatives.iter().any(|filter| holds(dataset, filter, row)),
        Term::Column(name, condition) => {
            let of = dataset.column(name).expect("a column");
            let value = &row[column(name)];
            condition.operators.iter().all(|operator| operator_holds(of, operator, value))
        }
    })
}

fn operator_holds(column: &Column, operator: &Operator, value: &Value) -> bool {
    let is_null = *value == Value::Null;
    let same = |other: &Value| compare_as(column, value, other) == Ordering::Equal;
    match operator {
        Operator::In { values, null } => {
            if is_null {
                *null
            } else {
                values.iter().any(same)
            }
        }
        Operator::NotIn { values, null } => {
            if is_null {
                !*null
            } else {
                !values.iter().any(same)
            }
        }
        Operator::IsNull(wanted) => is_null == *wanted,
        Operator::Prefix(prefix) => match value {
            Value::Text(text) if column.nocase => {
                text.to_ascii_lowercase().starts_with(&prefix.to_ascii_lowercase())
            }
            Value::Text(text) => text.starts_with(prefix.as_str()),
            _ => false,
        },
        Operator::Compare(..) if is_null => false,
        Operator::Compare(comparison, other) => {
            let order = compare_as(column, value, other);
            match comparison {
                Comparison::Gt => order.is_gt(),
                Comparison::Gte => order.is_ge(),
                Comparison::Lt => order.is_lt(),
                Comparison::Lte => order.is_le(),
            }
        }
    }
}

/// First and last millisecond of what a time value means; a date is its whole day.
fn span(dataset: &Dataset, row: &Row) -> Option<(i64, i64)> {
    let kind = dataset.time_column().expect("has a time").kind;
    match &row[column("at")] {
        Value::Int(ms) => Some((*ms, *ms)),
        Value::Text(text) if kind == ColumnType::Date => {
            let start = parse_date(text.as_bytes()).expect("a date") * DAY_MS;
            Some((start, start + DAY_MS - 1))
        }
        Value::Text(text) => {
            let ms = parse_instant(text).expect("an instant").start_ms;
            Some((ms, ms))
        }
        _ => None,
    }
}

pub fn in_range(dataset: &Dataset, range: TimeRange, row: &Row) -> bool {
    if range == TimeRange::default() {
        return true;
    }
    let Some((first, last)) = span(dataset, row) else { return false };
    range.from_ms.is_none_or(|from| last >= from) && range.to_ms.is_none_or(|to| first <= to)
}

fn measure_value(of: &MeasureOf, rows: &[&Row]) -> Value {
    let values = |name: &str| {
        let at = column(name);
        rows.iter().map(move |row| &row[at]).filter(|value| **value != Value::Null)
    };
    let as_real = |value: &Value| match value {
        Value::Int(n) => *n as f64,
        Value::Real(x) => *x,
        _ => panic!("a number"),
    };
    let total = |names: &[String]| -> f64 {
        names.iter().map(|name| values(name).map(as_real).sum::<f64>()).sum()
    };
    match of {
        MeasureOf::Count => Value::Int(rows.len() as i64),
        MeasureOf::Sum(name) => values(name).fold(Value::Null, |sum, value| match (sum, value) {
            (Value::Null, value) => value.clone(),
            (Value::Int(a), Value::Int(b)) => Value::Int(a + b),
            (Value::Real(a), Value::Real(b)) => Value::Real(a + b),
            _ => panic!("mixed"),
        }),
        MeasureOf::Min(name) => {
            values(name).min_by(|a, b| a.compare(b)).cloned().unwrap_or(Value::Null)
        }
        MeasureOf::Max(name) => {
            values(name).max_by(|a, b| a.compare(b)).cloned().unwrap_or(Value::Null)
        }
        MeasureOf::Avg(name) => match values(name).count() {
            0 => Value::Null,
            count => Value::Real(values(name).map(as_real).sum::<f64>() / count as f64),
        },
        MeasureOf::CountDistinct(name) => {
            Value::Int(values(name).map(|v| format!("{v:?}")).collect::<BTreeSet<_>>().len() as i64)
        }
        MeasureOf::Ratio(over, under) => {
            let under = total(under);
            if under == 0.0 { Value::Null } else { Value::Real(total(over) / under) }
        }
    }
}

pub fn expected_aggregate(dataset: &Dataset, query: &AggregateQuery, table: &[Row]) -> Vec<Row> {
    let kept = table
        .iter()
        .filter(|row| in_range(dataset, query.range, row) && holds(dataset, &query.filter, row));
    let mut groups: HashMap<String, (Row, Vec<&Row>)> = HashMap::new();
    if query.group_by.is_empty() {
        groups.insert("[]".to_owned(), (Vec::new(), Vec::new()));
    }
    for row in kept {
        let keys: Row = query
            .group_by
            .iter()
            .map(|key| match key {
                GroupKey::Column(name) => row[column(name)].clone(),
                GroupKey::Time(bucket) => span(dataset, row).map_or(Value::Null, |(first, _)| {
                    Value::Text(bucket.format(bucket.start(first)))
                }),
            })
            .collect();
        groups.entry(format!("{keys:?}")).or_insert((keys, Vec::new())).1.push(row);
    }
    let mut result: Vec<Row> = groups
        .into_values()
        .map(|(mut row, rows)| {
            for (_, measure) in &query.measures {
                let counted: Vec<&Row> =
                    rows.iter().copied().filter(|r| holds(dataset, &measure.filter, r)).collect();
                row.push(measure_value(&measure.of, &counted));
            }
            row
        })
        .collect();
    let keys = query.group_by.len();
    let plain = Column { nocase: false, ..dataset.columns[0].clone() };
    result.retain(|row| {
        query.having.iter().all(|(_, condition)| {
            condition.operators.iter().all(|o| operator_holds(&plain, o, &row[keys]))
        })
    });
    result.sort_by(|a, b| {
        let by_measure = query.order_by.first().map_or(Ordering::Equal, |order| {
            let order_of = a[keys].compare(&b[keys]);
            if order.desc { order_of.reverse() } else { order_of }
        });
        (0..keys).fold(by_measure, |so_far, i| so_far.then_with(|| a[i].compare(&b[i])))
    });
    result.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
    result
}
