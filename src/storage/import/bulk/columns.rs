//! Columns of a table that is written as pages: what SQL would store in them, and where a row has it.

use std::cmp::Ordering;

use crate::model::dataset::{Column, ColumnType, Dataset};
use crate::model::stored::stored_form;
use crate::model::value::{Value, ValueRef};
use crate::storage::port::RowSource;

/// A column, in the order of the table.
#[derive(Debug)]
pub struct TableColumn {
    /// None for the hidden key.
    pub at: Option<usize>,
    pub is_rowid: bool,
    column: Option<Column>,
    pub default: Value,
}

impl TableColumn {
    pub fn new(dataset: &Dataset, at: Option<usize>) -> Self {
        let column = at.map(|at| dataset.columns[at].clone());
        let declared = column.as_ref().and_then(|column| match column.default.clone()? {
            // DDL has no form for it.
            Value::Blob(_) => None,
            Value::Int(n) if column.kind == ColumnType::Real => Some(Value::Real(n as f64)),
            value => Some(value),
        });
        Self {
            at,
            is_rowid: column.as_ref().is_none_or(Column::is_rowid),
            column,
            default: declared.unwrap_or(Value::Null),
        }
    }

    /// Whether SQL would certainly store the value, and as it is.
    pub fn takes(&self, value: ValueRef<'_>) -> bool {
        let Some(column) = &self.column else { return false };
        match (column.kind, value) {
            (_, ValueRef::Null) => !column.required && !column.primary_key,
            (ColumnType::Integer | ColumnType::Timestamp, ValueRef::Int(_))
            | (ColumnType::Blob, ValueRef::Blob(_)) => true,
            (ColumnType::Real, ValueRef::Real(x)) => !x.is_nan(),
            (ColumnType::Text, ValueRef::Text(text)) => !column.nocase || !text.contains(&0),
            (
                ColumnType::Date | ColumnType::TimestampText | ColumnType::Json,
                ValueRef::Text(text),
            ) => match stored_form(column, value) {
                Ok(None) => true,
                Ok(Some(other)) => other.as_ref().compare(ValueRef::Text(text)) == Ordering::Equal,
                Err(_) => false,
            },
            _ => false,
        }
    }
}

/// Where the value of a column comes from.
#[derive(Debug)]
pub enum Place {
    Key,
    Parameter(usize),
    Default(Value),
}

impl Place {
    pub fn value<'r>(&'r self, rows: &'r dyn RowSource, rowid: i64) -> ValueRef<'r> {
        match self {
            Self::Key => ValueRef::Int(rowid),
            Self::Parameter(parameter) => rows.value(*parameter),
            Self::Default(value) => value.as_ref(),
        }
    }
}
