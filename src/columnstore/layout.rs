//! Which columns of a dataset are kept in segments, and in what form. Does not know how they are coded.

use crate::model::dataset::{Column, ColumnType, Dataset};

/// What a column's values become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Integers, epoch milliseconds among them.
    Int,
    /// 'YYYY-MM-DD' as days since 1970.
    Days,
    /// Canonical ISO-8601 text as epoch milliseconds.
    Millis,
    /// Doubles.
    Real,
    /// Text, as codes of a dictionary.
    Text,
}

/// A column that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// Its form.
    pub form: Form,
    /// Whether comparisons ignore ASCII case.
    pub nocase: bool,
    /// Its position in the dataset.
    pub source: usize,
}

/// The columns of a dataset that are kept, in the dataset's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// None where the dataset declares neither time, dimensions nor measures.
    pub columns: Vec<Stored>,
}

impl Layout {
    /// The time column, the dimensions and the measures, but for blobs.
    #[must_use]
    pub fn of(dataset: &Dataset) -> Self {
        let is_kept = |column: &Column| {
            let name = &column.name;
            dataset.time.as_ref() == Some(name)
                || dataset.dimensions.contains(name)
                || dataset.measures.contains(name)
        };
        let stored = |(source, column): (usize, &Column)| {
            let form = form_of(column.kind).filter(|_| is_kept(column))?;
            Some(Stored { name: column.name.clone(), form, nocase: column.nocase, source })
        };
        Self { columns: dataset.columns.iter().enumerate().filter_map(stored).collect() }
    }

    /// Position of a column.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

const fn form_of(kind: ColumnType) -> Option<Form> {
    match kind {
        ColumnType::Integer | ColumnType::Timestamp => Some(Form::Int),
        ColumnType::Real => Some(Form::Real),
        ColumnType::Text | ColumnType::Json => Some(Form::Text),
        ColumnType::Date => Some(Form::Days),
        ColumnType::TimestampText => Some(Form::Millis),
        ColumnType::Blob => None,
    }
}
