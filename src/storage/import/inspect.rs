//! A file that nobody described: what a dataset for it would be, from its beginning.
//! Nothing is written, and no dataset is looked at.

use serde::Serialize;

use super::evidence::Evidence;
use super::guess::{Cell, Guess};
use super::names::{column_name, column_names};
use super::options::Format;
use super::rows::foreign_value;
use super::source::{CsvSource, JsonSource, Source, SqliteSource};
use super::{
    Detected, HEAD_BYTES_MAX, Head, ImportOptions, Layout, database_in_pieces, format_of, layout_of,
};
use crate::error::{Error, Result};
use crate::model::batch::encode::BatchBuilder;
use crate::model::dataset::{COLUMNS_MAX, ColumnType, Dataset};
use crate::model::json::quoted;
use crate::model::value::Value;
use crate::storage::port::{ForeignFile, ForeignFiles};
use crate::storage::table_text::TextForm;

/// Rows that types are told from.
const ROWS_MAX: usize = 5_000;
/// Rows that are shown.
const SAMPLE_ROWS: usize = 20;

/// What was found out about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The dataset that is proposed, as JSON text.
    pub dataset: String,
    /// How the file is written.
    pub detected: Detected,
    /// The first rows, as a batch.
    #[serde(skip)]
    pub sample: Vec<u8>,
    /// Of a database: its tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<String>>,
}

/// Looks at a database.
pub fn inspect_file<P: ForeignFiles>(
    port: &mut P,
    options: &ImportOptions,
    file: Box<dyn ForeignFile>,
) -> Result<Inspection> {
    let source = Box::new(SqliteSource::new(port.open_foreign(file)?, options)?);
    let found = inspect_source(source, options, None, true, false)?;
    found.ok_or_else(|| Error::input("file", "holds no rows"))
}

/// Looks at the beginning of a text; none where more of it is needed.
pub fn inspect(
    options: &ImportOptions,
    encoding: &str,
    bytes: &[u8],
    is_whole: bool,
) -> Result<Option<Inspection>> {
    let head = Head { bytes, is_whole, may_grow: !is_whole && bytes.len() < HEAD_BYTES_MAX };
    let source: Box<dyn Source> = match format_of(bytes, options.format)? {
        Format::Sqlite => return Err(database_in_pieces()),
        Format::Csv => Box::new(CsvSource::new(head, options, encoding)?),
        format => match layout_of(format, bytes) {
            Layout::Columns if !is_whole => return Ok(None),
            layout => Box::new(JsonSource::new(head, layout)?),
        },
    };
    inspect_source(source, options, Some(encoding), is_whole, head.may_grow)
}

fn inspect_source(
    mut source: Box<dyn Source + '_>,
    options: &ImportOptions,
    encoding: Option<&str>,
    is_whole: bool,
    may_grow: bool,
) -> Result<Option<Inspection>> {
    let names = source.names().to_vec();
    if names.is_empty() || names.len() > COLUMNS_MAX {
        let reason = match names.len() {
            0 if may_grow => return Ok(None),
            0 => "holds no rows".to_owned(),
            count => format!("has {count} columns; a dataset has {COLUMNS_MAX} at most"),
        };
        return Err(Error::input("file", reason));
    }
    let (guesses, first) = look(source.as_mut(), &names)?;
    let mut evidence = Evidence::default();
    let columns = column_names(&names);
    source.each(usize::MAX, &mut |row| {
        for ((cell, guess), name) in row.iter().zip(&guesses).zip(&columns) {
            let Cell::Value(Value::Text(text)) = cell else { continue };
            if guess.may_be_number() {
                evidence.add(name, ColumnType::Real, text);
            } else if guess.may_be_date() {
                evidence.add(name, ColumnType::Date, text);
            }
        }
    })?;
    let settled = match evidence.settle(&options.form, source.has_points()) {
        Err(_) if may_grow => return Ok(None),
        settled => settled?,
    };
    let decimal = settled.form.decimal();
    let (dataset, text) = proposal(source.as_ref(), options, &names, &guesses, decimal, is_whole)?;
    let mut detected = source.detected();
    detected.decimal = decimal.map(|mark| char::from(mark).to_string());
    detected.date_format = settled.date_format;
    detected.encoding = encoding.map(str::to_owned);
    let sample = batch_of(&dataset, &first, &settled.form, detected.format == "csv");
    let tables = source.tables();
    Ok(Some(Inspection { dataset: text, detected, sample, tables }))
}

/// Rows as the dataset would hold them.
fn batch_of(dataset: &Dataset, rows: &[Vec<Cell>], form: &TextForm, is_csv: bool) -> Vec<u8> {
    let columns = &dataset.columns;
    let mut batch =
        BatchBuilder::new(columns.iter().map(|c| (c.name.clone(), Some(c.kind.word()))));
    for row in rows {
        let cells = columns.iter().zip(row).map(|(column, cell)| match cell {
            Cell::Json(text) => Ok(Value::Text(text.clone())),
            Cell::Value(Value::Text(text)) if is_csv => form.value(column, text),
            Cell::Value(value) => foreign_value(form, column, value.as_ref()),
        });
        let values: Vec<Value> = cells.map(|value| value.unwrap_or(Value::Null)).collect();
        batch.push(|i| values[i].as_ref());
    }
    batch.finish()
}

/// What the columns seem to hold, and the first rows.
fn look(source: &mut dyn Source, names: &[String]) -> Result<(Vec<Guess>, Vec<Vec<Cell>>)> {
    let declared = source.declared();
    let mut guesses: Vec<Guess> = names
        .iter()
        .enumerate()
        .map(|(i, name)| Guess::new(name, declared.get(i).copied().unwrap_or_default()))
        .collect();
    let mut first = Vec::new();
    let is_json = source.detected().format.ends_with("json");
    source.each(ROWS_MAX, &mut |row| {
        for (guess, cell) in guesses.iter_mut().zip(row) {
            if is_json { guess.add(cell) } else { guess.add_plain(cell) }
        }
        if first.len() < SAMPLE_ROWS {
            first.push(row.to_vec());
        }
    })?;
    Ok((guesses, first))
}

/// The dataset, and its definition as text.
fn proposal(
    source: &dyn Source,
    options: &ImportOptions,
    names: &[String],
    guesses: &[Guess],
    decimal: Option<u8>,
    is_whole: bool,
) -> Result<(Dataset, String)> {
    let mut columns = Vec::new();
    let (mut dimensions, mut measures, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for ((name, column), guess) in names.iter().zip(column_names(names)).zip(guesses) {
        let kind = guess.kind(decimal);
        let column_name = quoted(&column);
        let mut definition = [&column_name, ":{\"type\":\"", kind.word(), "\""].concat();
        if guess.is_key() && kind != ColumnType::Blob {
            definition.push_str(",\"primaryKey\":true");
        }
        // A value may be missing behind what was looked at.
        if guess.is_declared_required() || (is_whole && guess.is_complete()) {
            definition.push_str(",\"required\":true");
        }
        if *name != column && !name.is_empty() {
            definition.push_str(",\"label\":");
            definition.push_str(&quoted(name));
        }
        definition.push('}');
        columns.push(definition);
        if kind.is_time() {
            times.push((column_name.clone(), guess.is_complete()));
        }
        if guess.is_dimension(kind) {
            dimensions.push(column_name.clone());
        }
        if guess.is_measure(kind) {
            measures.push(column_name);
        }
    }
    let name = column_name(source.table().unwrap_or(&options.dataset));
    let complete = times.iter().find(|(_, is_complete)| *is_complete);
    let time = complete.or_else(|| times.first());
    let text = [
        "{\"name\":",
        &quoted(name.as_deref().unwrap_or("imported")),
        ",\"columns\":{",
        &columns.join(","),
        "},\"dimensions\":[",
        &dimensions.join(","),
        "],\"measures\":[",
        &measures.join(","),
        "],\"version\":1",
        &time.map_or(String::new(), |(time, _)| [",\"time\":", time].concat()),
        "}",
    ]
    .concat();
    Ok((Dataset::from_json(&text)?, text))
}
