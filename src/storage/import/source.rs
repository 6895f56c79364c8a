//! Rows at the beginning of a file of any format, before it is known what they mean.

use super::csv::{each_record, texts_of};
use super::csv_parser::Parser;
use super::guess::{Cell, Declared, Guess};
use super::json::each_object;
use super::json_rows::Layout;
use super::sqlite_file::{columns_of, tables_of};
use super::{Detected, Head, ImportOptions, no_text};
use crate::error::{Error, Result};
use crate::model::json::{self, Item};
use crate::model::numbering::ByteNumbers;
use crate::model::value::Value;
use crate::planner::sql::quote;
use crate::storage::port::{SqlPort, collect};

/// Rows of a database that are looked at.
const TABLE_ROWS_MAX: usize = 1_000;
/// Rows of a CSV that are compared with the first one.
const COMPARED_ROWS: usize = 200;

/// Takes a row: a cell for each name.
pub type TakeCells<'a> = &'a mut dyn FnMut(&[Cell]);

/// The beginning of a file.
pub trait Source {
    /// Names of the columns, as they stand in the file.
    fn names(&self) -> &[String];
    /// Gives as many rows as are there, but no more than so many, to `take`.
    fn each(&mut self, rows_max: usize, take: TakeCells<'_>) -> Result<()>;
    /// What is known of it so far.
    fn detected(&self) -> Detected;
    /// Whether a point in a number can only be the decimal mark.
    fn has_points(&self) -> bool;
    /// What the file says about its columns.
    fn declared(&self) -> Vec<Declared> {
        Vec::new()
    }
    /// Of a database: the table that is looked at.
    fn table(&self) -> Option<&str> {
        None
    }
    /// Of a database: its tables.
    fn tables(&self) -> Option<Vec<String>> {
        None
    }
}

/// Delimited text.
pub struct CsvSource<'a> {
    head: Head<'a>,
    delimiter: u8,
    is_header: bool,
    names: Vec<String>,
}

impl<'a> CsvSource<'a> {
    pub fn new(head: Head<'a>, options: &ImportOptions, encoding: &str) -> Result<Self> {
        let (mut parser, delimiter) = Parser::new(head.bytes, options.delimiter);
        let mut first: Option<Vec<String>> = None;
        let mut guesses: Vec<Guess> = Vec::new();
        let mut compared = 0;
        each_record(&mut parser, head, &mut |record| {
            if let Some(first) = &first {
                compared += 1;
                if compared <= COMPARED_ROWS && record.ends().len() == first.len() {
                    cells_of(record)
                        .iter()
                        .zip(&mut guesses)
                        .for_each(|(cell, g)| g.add_plain(cell));
                }
                return Ok(());
            }
            let texts = texts_of(record, &no_text(encoding))?;
            guesses = texts.iter().map(|_| Guess::new("", Declared::default())).collect();
            first = Some(texts);
            Ok(())
        })?;
        let first = first.unwrap_or_default();
        let is_header = options.header.unwrap_or_else(|| !is_like(&first, &guesses));
        let names = if is_header { first } else { vec![String::new(); first.len()] };
        Ok(Self { head, delimiter, is_header, names })
    }
}

/// Whether a record holds the same as the others, where these are not only text.
fn is_like(record: &[String], guesses: &[Guess]) -> bool {
    let telling = record.iter().zip(guesses).filter(|(_, guess)| guess.is_telling());
    let alike: Vec<bool> = telling
        .filter(|(text, _)| !text.is_empty())
        .map(|(text, guess)| {
            let mut alone = Guess::new("", Declared::default());
            alone.add_plain(&Cell::Value(Value::Text(text.clone())));
            if guess.may_be_date() { alone.may_be_date() } else { alone.is_telling() }
        })
        .collect();
    !alike.is_empty() && alike.iter().all(|alike| *alike)
}

fn cells_of(record: &Parser) -> Vec<Cell> {
    (0..record.ends().len())
        .map(|i| {
            let text = String::from_utf8_lossy(&record.text()[record.field(i)]);
            Cell::Value(Value::Text(text.into_owned()))
        })
        .collect()
}

impl Source for CsvSource<'_> {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn each(&mut self, rows_max: usize, take: TakeCells<'_>) -> Result<()> {
        let (mut parser, _) = Parser::new(self.head.bytes, Some(self.delimiter));
        let mut left_out = usize::from(self.is_header);
        let mut rows = 0;
        each_record(&mut parser, self.head, &mut |record| {
            if left_out > 0 {
                left_out -= 1;
            } else if rows < rows_max && record.ends().len() == self.names.len() {
                rows += 1;
                take(&cells_of(record));
            }
            Ok(())
        })
    }

    fn detected(&self) -> Detected {
        Detected {
            format: "csv",
            delimiter: Some(char::from(self.delimiter).to_string()),
            header: Some(self.is_header),
            ..Detected::default()
        }
    }

    fn has_points(&self) -> bool {
        self.delimiter == b','
    }
}

/// Objects.
pub struct JsonSource<'a> {
    head: Head<'a>,
    layout: Layout,
    names: Vec<String>,
    places: ByteNumbers,
}

impl<'a> JsonSource<'a> {
    pub fn new(head: Head<'a>, layout: Layout) -> Result<Self> {
        let mut names = Vec::new();
        let mut places = ByteNumbers::default();
        each_object(layout, head, &mut |members| {
            for member in members {
                if places.number(member.name.as_bytes()) as usize == names.len() {
                    names.push(member.name.clone().into_owned());
                }
            }
        })?;
        Ok(Self { head, layout, names, places })
    }
}

impl Source for JsonSource<'_> {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn each(&mut self, rows_max: usize, take: TakeCells<'_>) -> Result<()> {
        let mut rows = 0;
        each_object(self.layout, self.head, &mut |members| {
            if rows == rows_max {
                return;
            }
            rows += 1;
            let mut cells = vec![Cell::Value(Value::Null); self.names.len()];
            for member in members {
                if let Some(place) = self.places.find(member.name.as_bytes()) {
                    cells[place as usize] = cell_of(member.value);
                }
            }
            take(&cells);
        })
    }

    fn detected(&self) -> Detected {
        Detected { format: self.layout.format(), ..Detected::default() }
    }

    fn has_points(&self) -> bool {
        true
    }
}

fn cell_of(json: &str) -> Cell {
    Cell::Value(match Item::of(json) {
        Ok(Item::Bool(flag)) => Value::Int(i64::from(flag)),
        Ok(Item::Int(n)) => Value::Int(n),
        Ok(Item::Digits(digits)) => json::real(digits).map_or(Value::Null, Value::Real),
        Ok(Item::Real(x)) => Value::Real(x),
        Ok(Item::Text(text)) => Value::Text(text.into_owned()),
        Ok(Item::List(_) | Item::Map(_)) => return Cell::Json(json::compact(json)),
        // What no value can hold is refused when it is imported.
        Ok(Item::Null) | Err(_) => Value::Null,
    })
}

/// A table of a database.
pub struct SqliteSource<F> {
    foreign: F,
    tables: Vec<String>,
    table: String,
    names: Vec<String>,
    declared: Vec<Declared>,
}

impl<F: SqlPort> SqliteSource<F> {
    pub fn new(mut foreign: F, options: &ImportOptions) -> Result<Self> {
        let tables = tables_of(&mut foreign)?;
        let table = match &options.table {
            Some(wanted) => tables.iter().find(|name| name.eq_ignore_ascii_case(wanted)).cloned(),
            None => largest(&mut foreign, &tables)?,
        };
        let Some(table) = table else {
            let name = options.table.clone().unwrap_or_default();
            return Err(Error::NotFound { kind: "table", name, known: tables });
        };
        let (names, declared) = columns_of(&mut foreign, &table)?.into_iter().unzip();
        Ok(Self { foreign, tables, table, names, declared })
    }
}

/// The table with the most rows.
fn largest<F: SqlPort>(foreign: &mut F, tables: &[String]) -> Result<Option<String>> {
    let mut most: Option<(i64, &String)> = None;
    for table in tables {
        let rows = collect(foreign, &format!("SELECT count(*) FROM {}", quote(table)), &[])?;
        let Some(Value::Int(count)) = rows.first().and_then(|row| row.first()) else { continue };
        if most.is_none_or(|(found, _)| *count > found) {
            most = Some((*count, table));
        }
    }
    Ok(most.map(|(_, table)| table.clone()))
}

impl<F: SqlPort> Source for SqliteSource<F> {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn each(&mut self, rows_max: usize, take: TakeCells<'_>) -> Result<()> {
        let rows_max = rows_max.min(TABLE_ROWS_MAX);
        let columns: Vec<String> = self.names.iter().map(|name| quote(name)).collect();
        let sql =
            format!("SELECT {} FROM {} LIMIT {rows_max}", columns.join(", "), quote(&self.table));
        for row in collect(&mut self.foreign, &sql, &[])? {
            let cells: Vec<Cell> = row.into_iter().map(Cell::Value).collect();
            take(&cells);
        }
        Ok(())
    }

    fn detected(&self) -> Detected {
        Detected { format: "sqlite", ..Detected::default() }
    }

    fn has_points(&self) -> bool {
        true
    }

    fn declared(&self) -> Vec<Declared> {
        self.declared.clone()
    }

    fn table(&self) -> Option<&str> {
        Some(&self.table)
    }

    fn tables(&self) -> Option<Vec<String>> {
        Some(self.tables.clone())
    }
}
