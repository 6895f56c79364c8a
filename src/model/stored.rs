//! What a column of a type holds: the form in which a value is stored, or why it cannot stand there.
//! Does not know where values come from.

use crate::model::calendar::{format_timestamp, parse_date, parse_instant};
use crate::model::dataset::{Column, ColumnType};
use crate::model::json;
use crate::model::value::{Value, ValueRef};

/// None where the value is stored as it is, another value where the column wants another form, or
/// the reason why it cannot stand there.
pub fn stored_form(column: &Column, value: ValueRef<'_>) -> Result<Option<Value>, String> {
    match (column.kind, value) {
        (_, ValueRef::Null)
        | (ColumnType::Integer | ColumnType::Timestamp, ValueRef::Int(_))
        | (ColumnType::Real, ValueRef::Real(_))
        | (ColumnType::Text, ValueRef::Text(_))
        | (ColumnType::Blob, ValueRef::Blob(_)) => Ok(None),
        (ColumnType::Real, ValueRef::Int(n)) => Ok(Some(Value::Real(n as f64))),
        (ColumnType::Date, ValueRef::Text(bytes)) => match parse_date(bytes) {
            Some(_) => Ok(None),
            None => Err(format!("expected a date 'YYYY-MM-DD', got {}", shown(value))),
        },
        (ColumnType::TimestampText, ValueRef::Text(bytes)) => {
            let instant_ms = std::str::from_utf8(bytes).ok().and_then(parse_instant);
            match instant_ms {
                Some(ms) => Ok(Some(Value::Text(format_timestamp(ms)))),
                None => Err(format!("expected an ISO-8601 time, got {}", shown(value))),
            }
        }
        (ColumnType::Json, ValueRef::Text(bytes)) => {
            json::check(bytes).map(|()| None).map_err(|flaw| format!("is no JSON: {flaw}"))
        }
        (kind, value) => Err(format!("expected {}, got {}", expected(kind), shown(value))),
    }
}

/// What a column takes, in words.
const fn expected(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Integer => "a whole number",
        ColumnType::Real => "a number",
        ColumnType::Text => "text",
        ColumnType::Date => "a date 'YYYY-MM-DD'",
        ColumnType::Timestamp => "whole milliseconds since 1970",
        ColumnType::TimestampText => "an ISO-8601 time",
        ColumnType::Blob => "bytes",
        ColumnType::Json => "JSON text",
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Int(n) => n.to_string(),
        ValueRef::Real(x) => x.to_string(),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let short: String = text.chars().take(40).collect();
            format!("'{short}'")
        }
        ValueRef::Blob(_) => "bytes".to_owned(),
    }
}
