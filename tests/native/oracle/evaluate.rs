//! What a query means, said plainly over rows in memory. Knows no SQL.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use super::clock::{Clock, day_bucket, day_ms, instant};
use super::generate::{COLUMNS, Row, Setting};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lotwise::model::dataset::{Column, Dataset};
use lotwise::model::query::{
    AggregateQuery, Comparison, GroupKey, MeasureOf, Operator, Term, Where,
};
use lotwise::model::range::TimeBucket;
use lotwise::model::value::{Value, compare_nocase};
use serde_json::Value as Json;

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

/// A time value as milliseconds; a day as if in UTC.
fn time_ms(value: &Value) -> Option<i64> {
    match value {
        Value::Int(ms) => Some(*ms),
        Value::Text(text) if text.len() == 10 => Some(day_ms(text.parse().expect("a date"))),
        Value::Text(text) => Some(text.parse::<Timestamp>().expect("an instant").as_millisecond()),
        _ => None,
    }
}

/// Rows of a table that a range and a filter leave.
pub fn kept<'t>(
    setting: Setting,
    dataset: &'t Dataset,
    (range, filter): (&Json, &'t Where),
    table: &'t [Row],
) -> impl Iterator<Item = &'t Row> {
    let clock = Clock::new(setting.zone, setting.day_starts_at);
    let (from, to) = clock.bounds(range, setting.time == "date");
    let is_open = range.as_object().is_none_or(serde_json::Map::is_empty);
    table.iter().filter(move |row| {
        let at = time_ms(&row[column("at")]);
        (is_open || at.is_some_and(|ms| ms >= from && ms <= to)) && holds(dataset, filter, row)
    })
}

/// The bucket of a row, as text.
fn bucket_of(setting: Setting, clock: &Clock, bucket: TimeBucket, row: &Row) -> Value {
    match time_ms(&row[column("at")]) {
        None => Value::Null,
        Some(ms) if setting.time == "date" => {
            let day = instant(ms).to_zoned(TimeZone::UTC).date();
            Value::Text(day_bucket(bucket, day))
        }
        Some(ms) => Value::Text(clock.bucket(bucket, ms)),
    }
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

/// Of an hour or minute: what clocks showed twice is told apart by its offset only.
fn instant_of(bucket: &Value) -> Option<Timestamp> {
    if let Value::Text(text) = bucket { text.parse().ok() } else { None }
}

pub fn expected_aggregate(
    setting: Setting,
    dataset: &Dataset,
    (query, range): (&AggregateQuery, &Json),
    table: &[Row],
) -> Vec<Row> {
    let clock = Clock::new(setting.zone, setting.day_starts_at);
    let kept = kept(setting, dataset, (range, &query.filter), table);
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
                GroupKey::Time(bucket) => bucket_of(setting, &clock, *bucket, row),
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
        (0..keys).fold(by_measure, |so_far, i| {
            so_far.then_with(|| match (&query.group_by[i], instant_of(&a[i]), instant_of(&b[i])) {
                (GroupKey::Time(_), Some(a), Some(b)) => a.cmp(&b),
                _ => a[i].compare(&b[i]),
            })
        })
    });
    result.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
    result
}
