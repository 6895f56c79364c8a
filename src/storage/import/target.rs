//! Where the rows of an import go, and what became of them.

use super::bulk::RowPath;
use super::names::Matcher;
use super::{Detected, ImportOptions, no_text};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::{Column, Dataset};
use crate::storage::table_text::TextForm;

/// Most row errors, and most names of ignored columns, that are kept.
const TOLD_MAX: usize = 100;

/// Where rows go, and what became of them.
#[derive(Debug)]
pub struct Target {
    /// Takes the rows.
    pub dataset: Dataset,
    /// What the caller said.
    pub options: ImportOptions,
    /// How the file writes numbers and dates.
    pub form: TextForm,
    /// Pattern of its dates.
    pub date_format: Option<String>,
    /// Of the file, before its text became UTF-8.
    pub encoding: String,
    /// Rows written.
    pub rows: u64,
    /// Rows refused.
    pub bad: u64,
    /// The first of them.
    pub errors: Vec<RowError>,
    /// Columns of the file that go nowhere.
    pub ignored: Vec<String>,
    /// How rows get into the table.
    pub path: RowPath,
}

impl Target {
    pub fn new(dataset: Dataset, options: ImportOptions) -> Self {
        Self {
            form: options.form.clone(),
            date_format: None,
            encoding: "utf-8".to_owned(),
            dataset,
            options,
            rows: 0,
            bad: 0,
            errors: Vec::new(),
            ignored: Vec::new(),
            path: RowPath::Sql,
        }
    }

    /// Counts a row that cannot be taken.
    pub fn refuse(&mut self, error: RowError) {
        self.bad += 1;
        if self.errors.len() < TOLD_MAX {
            self.errors.push(error);
        }
    }

    /// A key that stood there before was found after the fact; rows that cannot be read came behind it.
    pub fn note_refusal(&mut self) {
        if let Some(error) = self.path.take_refusal() {
            self.bad += 1;
            self.errors.insert(0, error);
            self.errors.truncate(TOLD_MAX);
        }
    }

    /// Counts a row that broke a constraint; any other error ends the import.
    pub fn refuse_constraint(&mut self, error: Error, line: u64, place: &str) -> Result<()> {
        let Error::ConstraintViolation { detail } = error else { return Err(error) };
        let reason = detail.strip_prefix(&format!("{place}: ")).unwrap_or(&detail).to_owned();
        self.refuse(RowError { line, column: None, reason });
        Ok(())
    }

    /// Why bytes cannot be taken as text.
    pub fn no_text(&self) -> String {
        no_text(&self.encoding)
    }

    /// Whether rows are still written: after the first bad one only if bad ones are left out.
    pub const fn writes(&self) -> bool {
        self.bad == 0 || self.options.skip_bad
    }

    /// Finds columns by the names of the file.
    pub fn matcher(&self) -> Matcher<'_> {
        Matcher::new(&self.dataset, &self.options.columns)
    }

    /// Keeps the names of columns that go nowhere.
    pub fn ignore(&mut self, names: &[String], columns: &[Option<usize>]) {
        let ignored = names.iter().zip(columns).filter(|(_, at)| at.is_none());
        self.ignored = ignored.map(|(name, _)| name.clone()).take(TOLD_MAX).collect();
        self.ignored.sort_unstable();
    }

    /// What was found out about a text file.
    pub fn detected_text(&self, format: &'static str) -> Detected {
        Detected { encoding: Some(self.encoding.clone()), ..self.detected(format) }
    }

    /// What was found out about any file.
    pub fn detected(&self, format: &'static str) -> Detected {
        Detected {
            format,
            decimal: self.form.decimal().map(|mark| char::from(mark).to_string()),
            date_format: self.date_format.clone(),
            ..Detected::default()
        }
    }

    /// Refuses files that have no column at all, or none for a value that is needed.
    pub fn check_complete(&self, found: &[Option<usize>], names: &[String]) -> Result<()> {
        let is_missing =
            |(at, column): &(usize, &Column)| needs_value(column) && !found.contains(&Some(*at));
        let columns = self.dataset.columns.iter().enumerate();
        let missing: Vec<&str> =
            columns.filter(is_missing).map(|(_, column)| column.name.as_str()).collect();
        let lacks = match (missing.as_slice(), found.iter().any(Option::is_some)) {
            ([], true) => return Ok(()),
            ([], false) => format!("any column of {}", self.dataset.name),
            (missing, _) => missing.join(", "),
        };
        Err(Error::input(
            "file",
            format!(
                "has no column for {lacks}; it has {}. Name the source columns in `columns`, or say header: false where the first row is data",
                names.join(", ")
            ),
        ))
    }
}

/// Whether a row has to give the column a value.
pub const fn needs_value(column: &Column) -> bool {
    column.required && column.default.is_none() && !column.primary_key
}
