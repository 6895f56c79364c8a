//! Rows of a batch on their way into a table: checked against the declared types, brought into their
//! stored form, with defaults where a row does not name a column.

use crate::error::{Error, Result};
use crate::model::batch::decode::{Batch, Cell};
use crate::model::dataset::{Column, Dataset};
use crate::model::stored::stored_form;
use crate::model::value::{Value, ValueRef};
use crate::planner::sql::quote;
use crate::storage::port::RowSource;

/// What happens to a row whose key, or other unique value, is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// The call fails.
    #[default]
    Error,
    /// The row that is there stays.
    Ignore,
    /// The new row takes its place.
    Replace,
}

/// The words of the public API.
pub const ON_CONFLICT: [(&str, OnConflict); 3] = [
    ("error", OnConflict::Error),
    ("ignore", OnConflict::Ignore),
    ("replace", OnConflict::Replace),
];

/// INSERT of those columns.
pub fn insert_sql<'c>(
    dataset: &Dataset,
    columns: impl Iterator<Item = &'c Column>,
    on_conflict: OnConflict,
) -> String {
    let names: Vec<String> = columns.map(|column| quote(&column.name)).collect();
    let verb = match on_conflict {
        OnConflict::Error => "INSERT",
        OnConflict::Ignore => "INSERT OR IGNORE",
        OnConflict::Replace => "INSERT OR REPLACE",
    };
    let table = quote(&dataset.name);
    if names.is_empty() {
        return format!("{verb} INTO {table} DEFAULT VALUES");
    }
    format!(
        "{verb} INTO {table} ({}) VALUES ({})",
        names.join(", "),
        vec!["?"; names.len()].join(", ")
    )
}

/// The rows of a batch for a dataset.
#[derive(Debug)]
pub struct AppendRows<'a> {
    batch: &'a Batch<'a>,
    /// In the order of the batch.
    columns: Vec<&'a Column>,
    next: usize,
    /// Values of the row gone to that are not as they stand in the batch.
    changed: Vec<Option<Value>>,
}

impl<'a> AppendRows<'a> {
    /// Matches columns by name.
    pub fn new(dataset: &'a Dataset, batch: &'a Batch<'a>) -> Result<Self> {
        let mut columns: Vec<&Column> = Vec::new();
        for column in batch.columns() {
            let known = dataset.column(&column.name).ok_or_else(|| {
                let names = dataset.column_names().join(", ");
                Error::input(
                    format!("column '{}'", column.name),
                    format!("is no column of {}; columns are {names}", dataset.name),
                )
            })?;
            if columns.iter().any(|column| column.name == known.name) {
                return Err(Error::input(format!("column '{}'", column.name), "stands twice"));
            }
            columns.push(known);
        }
        let changed = vec![None; columns.len()];
        Ok(Self { batch, columns, next: 0, changed })
    }

    /// The columns that the rows give.
    pub fn columns(&self) -> impl Iterator<Item = &'a Column> + use<'a> {
        self.columns.clone().into_iter()
    }
}

impl RowSource for AppendRows<'_> {
    fn names(&self) -> Option<&[String]> {
        None
    }

    fn advance(&mut self) -> Result<bool> {
        if self.next == self.batch.rows() {
            return Ok(false);
        }
        for (i, column) in self.columns.iter().enumerate() {
            let cell = self.batch.columns()[i].cell(self.next);
            self.changed[i] = match cell {
                Cell::Absent => Some(column.default.clone().unwrap_or(Value::Null)),
                Cell::Value(value) => stored_form(column, value).map_err(|reason| {
                    Error::input(format!("rows[{}].{}", self.next, column.name), reason)
                })?,
            };
        }
        self.next += 1;
        Ok(true)
    }

    fn value(&self, parameter: usize) -> ValueRef<'_> {
        match &self.changed[parameter] {
            Some(value) => value.as_ref(),
            None => match self.batch.columns()[parameter].cell(self.next - 1) {
                Cell::Value(value) => value,
                Cell::Absent => ValueRef::Null,
            },
        }
    }

    fn width(&self) -> usize {
        self.columns.len()
    }

    fn place(&self) -> String {
        format!("rows[{}]", self.next.saturating_sub(1))
    }
}

/// The rows of a batch as parameters of a statement.
#[derive(Debug)]
pub struct ParameterRows<'a> {
    batch: &'a Batch<'a>,
    names: Option<Vec<String>>,
    next: usize,
}

impl<'a> ParameterRows<'a> {
    /// By the names of the batch's columns, or in their order.
    pub fn new(batch: &'a Batch<'a>, named: bool) -> Self {
        let names =
            named.then(|| batch.columns().iter().map(|column| column.name.clone()).collect());
        Self { batch, names, next: 0 }
    }
}

impl RowSource for ParameterRows<'_> {
    fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    fn advance(&mut self) -> Result<bool> {
        let more = self.next < self.batch.rows();
        self.next += usize::from(more);
        for column in self.batch.columns().iter().filter(|_| more) {
            if column.cell(self.next - 1) == Cell::Absent {
                return Err(Error::sql(format!(
                    "params[{}]: parameter '{}' is missing",
                    self.next - 1,
                    column.name
                )));
            }
        }
        Ok(more)
    }

    fn value(&self, parameter: usize) -> ValueRef<'_> {
        match self.batch.columns()[parameter].cell(self.next - 1) {
            Cell::Value(value) => value,
            Cell::Absent => ValueRef::Null,
        }
    }

    fn width(&self) -> usize {
        self.batch.columns().len()
    }

    fn place(&self) -> String {
        format!("params[{}]", self.next.saturating_sub(1))
    }
}
