//! Values on their way into a statement and out of it.

use rusqlite::types::{ToSql, ToSqlOutput, Value as Owned, ValueRef as Theirs};

use crate::error::{Error, Result};
use crate::model::value::ValueRef;
use crate::storage::port::Params;

/// A value of ours on its way into a statement.
pub struct Bound<'a>(pub ValueRef<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            ValueRef::Null => ToSqlOutput::Owned(Owned::Null),
            ValueRef::Int(n) => ToSqlOutput::Owned(Owned::Integer(n)),
            ValueRef::Real(x) => ToSqlOutput::Owned(Owned::Real(x)),
            ValueRef::Text(text) => ToSqlOutput::Borrowed(Theirs::Text(text)),
            ValueRef::Blob(blob) => ToSqlOutput::Borrowed(Theirs::Blob(blob)),
        })
    }
}

pub const fn borrow(value: Theirs<'_>) -> ValueRef<'_> {
    match value {
        Theirs::Null => ValueRef::Null,
        Theirs::Integer(n) => ValueRef::Int(n),
        Theirs::Real(x) => ValueRef::Real(x),
        Theirs::Text(text) => ValueRef::Text(text),
        Theirs::Blob(blob) => ValueRef::Blob(blob),
    }
}

/// The same allocation for the next row, whose values live for another time.
pub fn recycle<'b>(mut row: Vec<ValueRef<'_>>) -> Vec<ValueRef<'b>> {
    row.clear();
    row.into_iter().map(|_| ValueRef::Null).collect()
}

pub fn bind_all(
    statement: &mut rusqlite::Statement<'_>,
    params: Params<'_>,
) -> Result<(), Result<Error, rusqlite::Error>> {
    match params {
        Params::Positional(values) => {
            check_count(statement, values.len()).map_err(Ok)?;
            for (i, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(i + 1, Bound(value.as_ref())).map_err(Err)?;
            }
        }
        Params::Named(values) => {
            let names: Vec<String> = values.iter().map(|(name, _)| name.clone()).collect();
            let order = parameter_order(statement, Some(&names), values.len()).map_err(Ok)?;
            for (index, &at) in order.iter().enumerate() {
                statement
                    .raw_bind_parameter(index + 1, Bound(values[at].1.as_ref()))
                    .map_err(Err)?;
            }
        }
    }
    Ok(())
}

fn check_count(statement: &rusqlite::Statement<'_>, given: usize) -> Result<()> {
    let wanted = statement.parameter_count();
    if wanted == given {
        return Ok(());
    }
    Err(Error::sql(format!("the statement takes {wanted} parameters, {given} were given")))
}

/// For each parameter of the statement, which of the given values it takes.
pub fn parameter_order(
    statement: &rusqlite::Statement<'_>,
    names: Option<&[String]>,
    width: usize,
) -> Result<Vec<usize>> {
    let Some(names) = names else {
        check_count(statement, width)?;
        return Ok((0..width).collect());
    };
    let mut order = Vec::with_capacity(statement.parameter_count());
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).unwrap_or("?");
        let at = names.iter().position(|given| given == &name[1..]).ok_or_else(|| {
            Error::sql(format!("parameter {name} was not given; given are {}", names.join(", ")))
        })?;
        order.push(at);
    }
    match (0..names.len()).find(|at| !order.contains(at)) {
        None => Ok(order),
        Some(at) => Err(Error::sql(format!("the statement has no parameter '{}'", names[at]))),
    }
}
