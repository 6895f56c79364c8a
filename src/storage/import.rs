//! Files on their way into a table: finds out what a file is, hands it to its reader, keeps count.
//! The transaction is the engine's business, and so is what happens when an import fails.

mod csv;
mod json;
mod rows;
mod sqlite_file;

use serde::Serialize;

use self::json::Layout;
use crate::error::{Error, Result, RowError};
use crate::model::dataset::{Column, Dataset, Index};
use crate::model::node::{Fields, Node, blame_input};
use crate::storage::ingest::{ON_CONFLICT, OnConflict};
use crate::storage::port::{ForeignFiles, SqlPort};
use crate::storage::schema;
use crate::storage::table_text::TextForm;

/// Most row errors that are kept; all are counted.
const ERRORS_MAX: usize = 100;
/// What is needed of a file to tell what it is.
const HEAD_BYTES: usize = 64 * 1024;
/// First bytes of an SQLite file.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// Options of an import, as in the public API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Dataset that takes the rows.
    pub dataset: String,
    format: Option<Format>,
    columns: Vec<(String, String)>,
    table: Option<String>,
    delimiter: Option<u8>,
    header: Option<bool>,
    form: TextForm,
    skip_bad: bool,
    on_conflict: OnConflict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    Ndjson,
    Sqlite,
}

const FORMATS: [(&str, Format); 4] = [
    ("csv", Format::Csv),
    ("json", Format::Json),
    ("ndjson", Format::Ndjson),
    ("sqlite", Format::Sqlite),
];

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// What was found out about the file.
    pub detected: Detected,
    /// Rows that are in the table now.
    pub rows: u64,
    /// Rows that were left out.
    pub skipped: u64,
    /// The first of them.
    pub errors: Vec<RowError>,
}

/// What was found out about a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detected {
    /// `csv`, `json`, `ndjson` or `sqlite`.
    pub format: &'static str,
    /// Of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Between fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Whether the first row holds names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Decimal mark of numbers that stand as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<String>,
    /// Pattern of dates, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_format: Option<String>,
}

impl ImportOptions {
    /// Reads the caller's object.
    pub fn from_node(node: &Node) -> Result<Self> {
        let mut fields = Fields::of(node, "", blame_input)?;
        let delimiter = fields.text("delimiter")?;
        let decimal = fields.word("decimal", &[(".", b'.'), (",", b',')])?;
        let date_format = fields.text("dateFormat")?;
        let options = Self {
            dataset: fields.need_text("dataset")?,
            format: fields.word("format", &FORMATS)?,
            columns: fields
                .map("columns")?
                .iter()
                .map(|(from, to)| match to {
                    Node::Text(to) => Ok((from.clone(), to.clone())),
                    _ => Err(Error::input(
                        format!("columns.{from}"),
                        "expected a column of the dataset",
                    )),
                })
                .collect::<Result<_>>()?,
            table: fields.text("table")?,
            delimiter: match delimiter.as_deref().map(str::as_bytes) {
                None => None,
                Some([byte]) if byte.is_ascii() && !b"\"\r\n".contains(byte) => Some(*byte),
                Some(_) => return Err(fields.error("delimiter", "expected one ASCII character")),
            },
            header: fields.get("header").is_some().then(|| fields.flag("header")).transpose()?,
            form: TextForm::new(decimal, date_format.as_deref())
                .map_err(|reason| fields.error("dateFormat", &reason))?,
            skip_bad: fields.word("onError", &[("abort", false), ("skip", true)])?.unwrap_or(false),
            on_conflict: fields.word("onConflict", &ON_CONFLICT)?.unwrap_or_default(),
        };
        fields.done()?;
        Ok(options)
    }
}

/// An import under way.
#[derive(Debug)]
pub struct Import {
    reader: Reader,
    target: Target,
    /// To be built when all rows are in.
    deferred: Vec<Index>,
}

/// Where rows go, and what became of them.
#[derive(Debug)]
struct Target {
    dataset: Dataset,
    options: ImportOptions,
    /// Of the file, before its text became UTF-8.
    encoding: String,
    rows: u64,
    bad: u64,
    errors: Vec<RowError>,
}

#[derive(Debug)]
enum Reader {
    /// Not enough bytes yet to tell.
    Unknown(Vec<u8>),
    Csv(Box<csv::CsvReader>),
    Json(Box<json::JsonReader>),
    Sqlite(Vec<u8>),
}

impl Import {
    pub(super) fn new(dataset: Dataset, options: ImportOptions) -> Result<Self> {
        for (_, to) in &options.columns {
            if dataset.column(to).is_none() {
                return Err(Error::input(
                    "columns",
                    format!("'{to}' is no column of {}", dataset.name),
                ));
            }
        }
        let encoding = "utf-8".to_owned();
        let target = Target { dataset, options, encoding, rows: 0, bad: 0, errors: Vec::new() };
        Ok(Self { reader: Reader::Unknown(Vec::new()), target, deferred: Vec::new() })
    }

    /// What the text was before it became UTF-8, where it was something else. A character that it does not
    /// have comes as a byte that UTF-8 does not have.
    pub fn set_encoding(&mut self, label: String) {
        self.target.encoding = label;
    }

    /// The transaction is open.
    pub(super) fn start<P: SqlPort>(&mut self, port: &mut P) -> Result<()> {
        self.deferred = schema::defer_indexes(port, &self.target.dataset)?;
        Ok(())
    }

    pub(super) fn push<P: SqlPort + ForeignFiles>(
        &mut self,
        port: &mut P,
        chunk: &[u8],
    ) -> Result<()> {
        match &mut self.reader {
            Reader::Unknown(head) => {
                head.extend_from_slice(chunk);
                if head.len() >= HEAD_BYTES { self.begin(port) } else { Ok(()) }
            }
            Reader::Csv(reader) => reader.push(port, &mut self.target, chunk),
            Reader::Json(reader) => reader.push(port, &mut self.target, chunk),
            Reader::Sqlite(bytes) => {
                bytes.extend_from_slice(chunk);
                Ok(())
            }
        }
    }

    pub(super) fn finish<P: SqlPort + ForeignFiles>(
        &mut self,
        port: &mut P,
    ) -> Result<ImportReport> {
        if matches!(self.reader, Reader::Unknown(_)) {
            self.begin(port)?;
        }
        let detected = match &mut self.reader {
            Reader::Csv(reader) => reader.finish(port, &mut self.target)?,
            Reader::Json(reader) => reader.finish(port, &mut self.target)?,
            Reader::Sqlite(bytes) => {
                sqlite_file::copy(port, &mut self.target, std::mem::take(bytes))?
            }
            Reader::Unknown(_) => return Err(Error::input("file", "is empty")),
        };
        let target = &mut self.target;
        let errors = std::mem::take(&mut target.errors);
        if target.bad > 0 && !target.options.skip_bad {
            return Err(Error::ImportRefused { bad_rows: target.bad, errors });
        }
        schema::build_indexes(port, &target.dataset, &self.deferred)?;
        Ok(ImportReport { detected, rows: target.rows, skipped: target.bad, errors })
    }

    /// Enough is there to tell what the file is.
    fn begin<P: SqlPort>(&mut self, port: &mut P) -> Result<()> {
        let Reader::Unknown(head) = &mut self.reader else { return Ok(()) };
        let head = std::mem::take(head);
        if head.is_empty() {
            return Err(Error::input("file", "is empty"));
        }
        let target = &mut self.target;
        match target.options.format.unwrap_or_else(|| sniff_format(&head)) {
            Format::Sqlite if !head.starts_with(SQLITE_MAGIC) => {
                Err(Error::input("file", "is no SQLite database: its first bytes differ"))
            }
            Format::Sqlite => {
                self.reader = Reader::Sqlite(head);
                Ok(())
            }
            _ if head.contains(&0) => {
                let reason = "holds NUL bytes: it is no text in UTF-8 (perhaps UTF-16, or a spreadsheet). Save it in UTF-8";
                Err(Error::input("file", reason))
            }
            Format::Csv => {
                let mut reader = Box::new(csv::CsvReader::new(target, &head)?);
                let result = reader.push(port, target, &head);
                self.reader = Reader::Csv(reader);
                result
            }
            format @ (Format::Json | Format::Ndjson) => {
                let layout = if format == Format::Json { Layout::Array } else { Layout::Lines };
                let mut reader = Box::new(json::JsonReader::new(target, layout));
                let result = reader.push(port, target, &head);
                self.reader = Reader::Json(reader);
                result
            }
        }
    }
}

/// SQLite by its first bytes, JSON by its first sign; all else is CSV.
fn sniff_format(head: &[u8]) -> Format {
    if head.starts_with(SQLITE_MAGIC) {
        return Format::Sqlite;
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => Format::Json,
        Some(b'{') => Format::Ndjson,
        _ => Format::Csv,
    }
}

impl Target {
    /// Counts a row that cannot be taken.
    fn refuse(&mut self, error: RowError) {
        self.bad += 1;
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
        }
    }

    /// Why bytes cannot be taken as text.
    fn no_text(&self) -> String {
        format!("holds bytes that are no {} (the option encoding names another)", self.encoding)
    }

    /// Whether rows are still written: after the first bad one only if bad ones are left out.
    const fn writes(&self) -> bool {
        self.bad == 0 || self.options.skip_bad
    }

    /// The dataset's column for each name of the file; none for a name that matches nothing.
    fn match_names(&self, names: &[String]) -> Result<Vec<Option<usize>>> {
        let columns = &self.dataset.columns;
        let mut found: Vec<Option<usize>> = Vec::with_capacity(names.len());
        for name in names {
            let at = self.column_of(name);
            if let Some(at) = at.filter(|at| found.contains(&Some(*at))) {
                return Err(Error::input(
                    format!("header '{name}'"),
                    format!("is the second for column '{}'", columns[at].name),
                ));
            }
            found.push(at);
        }
        if let Some((from, _)) = self.options.columns.iter().find(|(from, _)| !names.contains(from))
        {
            return Err(Error::input(
                "columns",
                format!("the file has no column '{from}'; it has {}", names.join(", ")),
            ));
        }
        self.check_complete(&found, names)?;
        Ok(found)
    }

    /// The dataset's column for a name of the file: as mapped, or alike but for case and separators.
    fn column_of(&self, name: &str) -> Option<usize> {
        let plain = |name: &str| -> String {
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let columns = &self.dataset.columns;
        let mapped = &self.options.columns;
        match mapped.iter().find(|(from, _)| from == name) {
            Some((_, to)) => columns.iter().position(|column| column.name == *to),
            None => columns
                .iter()
                .position(|column| plain(&column.name) == plain(name))
                .filter(|&at| !mapped.iter().any(|(_, to)| *to == columns[at].name)),
        }
    }

    fn check_complete(&self, found: &[Option<usize>], names: &[String]) -> Result<()> {
        let missing: Vec<&str> = self
            .dataset
            .columns
            .iter()
            .enumerate()
            .filter(|(at, column)| needs_value(column) && !found.contains(&Some(*at)))
            .map(|(_, column)| column.name.as_str())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::input(
            "file",
            format!(
                "has no column for {}; it has {}. Name the source columns in `columns`, or say header: false where the first row is data",
                missing.join(", "),
                names.join(", ")
            ),
        ))
    }
}

const fn needs_value(column: &Column) -> bool {
    column.required && column.default.is_none() && !column.primary_key
}
