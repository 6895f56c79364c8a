//! Files on their way into a table: finds out what a file is, hands it to its reader, keeps count. Text comes in
//! pieces; a database is read where it lies.
//! The transaction is the engine's business, and so is what happens when an import fails.

mod bulk;
mod csv;
mod csv_parser;
mod evidence;
mod guess;
mod inspect;
mod json;
mod json_rows;
mod names;
mod options;
mod rows;
mod source;
mod sqlite_file;
mod target;

use serde::Serialize;

use self::bulk::{BulkTable, RowPath};
pub use self::inspect::{Inspection, inspect, inspect_file};
use self::json_rows::{Layout, begins_columns, first_sign};
use self::options::Format;
pub use self::options::ImportOptions;
use self::target::{Target, needs_value};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::{Dataset, Index};
use crate::storage::ingest::OnConflict;
use crate::storage::port::{BulkPages, ForeignFile, ForeignFiles};
use crate::storage::schema;

/// Looked at to tell what a file is and how it writes numbers and dates.
const HEAD_BYTES: usize = 64 * 1024;
/// Looked at most, where the beginning does not tell.
const HEAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// With so many rows indexes are built at once; with more, beside whatever else is called.
const INDEX_AT_ONCE_ROWS_MAX: u64 = 10_000;
/// First bytes of an SQLite file.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

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
    /// Columns of the file that the dataset does not have: the first of them.
    pub ignored: Vec<String>,
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
    /// Pattern of the first date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_format: Option<String>,
}

/// An import under way.
#[derive(Debug)]
pub struct Import {
    reader: Reader,
    target: Target,
    /// To be built when all rows are in.
    deferred: Vec<Index>,
    can_write_pages: bool,
    /// What was found out, when the file has been read.
    detected: Option<Detected>,
}

/// The beginning of a file.
#[derive(Debug, Clone, Copy)]
struct Head<'a> {
    bytes: &'a [u8],
    /// Whether that is the whole file.
    is_whole: bool,
    /// Whether more of it may be asked for.
    may_grow: bool,
}

#[derive(Debug)]
enum Reader {
    /// Not enough bytes yet to tell; from so many on there may be.
    Unknown {
        head: Vec<u8>,
        needed: usize,
    },
    Csv(Box<csv::CsvReader>),
    Json(Box<json::JsonReader>),
    Sqlite(Box<sqlite_file::TableReader>),
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
        let reader = Reader::Unknown { head: Vec::new(), needed: HEAD_BYTES };
        let target = Target::new(dataset, options);
        let deferred = Vec::new();
        Ok(Self { reader, target, deferred, can_write_pages: false, detected: None })
    }

    /// What the text was before it became UTF-8, where it was something else. A character that it does not
    /// have comes as a byte that UTF-8 does not have.
    pub fn set_encoding(&mut self, label: String) {
        self.target.encoding = label;
    }

    /// The transaction is open. Before it, the host said whether pages can be written.
    pub(super) fn start<P: BulkPages>(
        &mut self,
        port: &mut P,
        can_write_pages: bool,
    ) -> Result<()> {
        let target = &mut self.target;
        let Some(deferred) = schema::defer_indexes(port, &target.dataset)? else { return Ok(()) };
        self.deferred = deferred;
        self.can_write_pages = can_write_pages;
        let options = &target.options;
        if !can_write_pages || options.on_conflict != OnConflict::Error {
            return Ok(());
        }
        if let Some(table) = BulkTable::begin(port, &target.dataset)? {
            // Which row of those with the same key is the bad one shows only in the end.
            if !(options.skip_bad && table.has_unique()) {
                target.path = RowPath::Pages(Box::new(table));
            }
        }
        Ok(())
    }

    /// Before the rollback.
    pub(super) fn discard<P: BulkPages>(&self, port: &mut P) {
        self.target.path.discard(port);
    }

    pub(super) fn push<P: BulkPages>(&mut self, port: &mut P, chunk: &[u8]) -> Result<()> {
        match &mut self.reader {
            Reader::Unknown { head, needed } => {
                head.extend_from_slice(chunk);
                if head.len() >= *needed { self.begin(port, false) } else { Ok(()) }
            }
            Reader::Csv(reader) => reader.push(port, &mut self.target, chunk),
            Reader::Json(reader) => reader.push(port, &mut self.target, chunk),
            Reader::Sqlite(_) => Err(database_in_pieces()),
        }
    }

    /// The file is a database.
    pub(super) fn read_file<P: ForeignFiles>(
        &mut self,
        port: &mut P,
        file: Box<dyn ForeignFile>,
    ) -> Result<()> {
        let reader = sqlite_file::open(port, &mut self.target, file)?;
        self.reader = Reader::Sqlite(Box::new(reader));
        Ok(())
    }

    /// The file has ended; none where this is to be called again.
    pub(super) fn finish<P: BulkPages>(&mut self, port: &mut P) -> Result<Option<ImportReport>> {
        let detected = match self.detected.take() {
            Some(detected) => detected,
            None => match self.finish_reading(port)? {
                Some(detected) => detected,
                None => return Ok(None),
            },
        };
        let target = &mut self.target;
        let publish = target.writes();
        if !target.path.finish_step(port, publish)? {
            self.detected = Some(detected);
            return Ok(None);
        }
        target.note_refusal();
        let errors = std::mem::take(&mut target.errors);
        if target.bad > 0 && !target.options.skip_bad {
            return Err(Error::ImportRefused { bad_rows: target.bad, errors });
        }
        if !self.can_write_pages || target.rows <= INDEX_AT_ONCE_ROWS_MAX {
            schema::build_indexes(port, &target.dataset, &self.deferred)?;
            self.deferred.clear();
        }
        let ignored = std::mem::take(&mut target.ignored);
        let (rows, skipped) = (target.rows, target.bad);
        Ok(Some(ImportReport { detected, rows, skipped, errors, ignored }))
    }

    /// None where there is more to be read.
    fn finish_reading<P: BulkPages>(&mut self, port: &mut P) -> Result<Option<Detected>> {
        if matches!(self.reader, Reader::Unknown { .. }) {
            self.begin(port, true)?;
        }
        let target = &mut self.target;
        match &mut self.reader {
            Reader::Csv(reader) => reader.finish(port, target).map(Some),
            Reader::Json(reader) => reader.finish(port, target).map(Some),
            Reader::Sqlite(reader) => reader.copy_some(port, target),
            Reader::Unknown { .. } => Err(Error::input("file", "is empty")),
        }
    }

    /// Indexes of the dataset that are to be built now that its rows are there.
    pub(super) fn left_indexes(&self) -> impl Iterator<Item = (String, Index)> {
        let name = &self.target.dataset.name;
        self.deferred.iter().map(|index| (name.clone(), index.clone()))
    }

    /// Enough may be there to tell what the file is and how it is to be read.
    fn begin<P: BulkPages>(&mut self, port: &mut P, is_whole: bool) -> Result<()> {
        let Reader::Unknown { head: bytes, needed } = &mut self.reader else { return Ok(()) };
        let may_grow = !is_whole && bytes.len() < HEAD_BYTES_MAX;
        let head = Head { bytes, is_whole, may_grow };
        let target = &mut self.target;
        let reader = match format_of(bytes, target.options.format)? {
            Format::Sqlite => return Err(database_in_pieces()),
            Format::Csv => {
                csv::CsvReader::new(target, head)?.map(|reader| Reader::Csv(Box::new(reader)))
            }
            format @ (Format::Json | Format::Ndjson) => {
                let layout = layout_of(format, bytes);
                json::JsonReader::new(target, layout, head)?
                    .map(|reader| Reader::Json(Box::new(reader)))
            }
        };
        let Some(reader) = reader else {
            *needed = bytes.len() * 2;
            return Ok(());
        };
        let head = std::mem::take(bytes);
        self.reader = reader;
        self.push(port, &head)
    }
}

/// Whoever hands files over looks at their first bytes.
fn database_in_pieces() -> Error {
    Error::Internal { detail: "a database was handed over in pieces".to_owned() }
}

/// Why bytes cannot be taken as text.
fn no_text(encoding: &str) -> String {
    format!("holds bytes that are no {encoding} (the option encoding names another)")
}

/// What the file is, as the caller says or as its first bytes do.
fn format_of(head: &[u8], given: Option<Format>) -> Result<Format> {
    if head.is_empty() {
        return Err(Error::input("file", "is empty"));
    }
    match given.unwrap_or_else(|| sniff_format(head)) {
        Format::Sqlite if !head.starts_with(SQLITE_MAGIC) => {
            Err(Error::input("file", "is no SQLite database: its first bytes differ"))
        }
        Format::Sqlite => Ok(Format::Sqlite),
        _ if head.contains(&0) => Err(Error::input("file", "holds NUL bytes: it is no text")),
        format => Ok(format),
    }
}

/// SQLite by its first bytes, JSON by its first sign; all else is CSV.
fn sniff_format(head: &[u8]) -> Format {
    if head.starts_with(SQLITE_MAGIC) {
        return Format::Sqlite;
    }
    match first_sign(head) {
        Some(b'[') => Format::Json,
        Some(b'{') if begins_columns(head) => Format::Json,
        Some(b'{') => Format::Ndjson,
        _ => Format::Csv,
    }
}

fn layout_of(format: Format, head: &[u8]) -> Layout {
    if format == Format::Json { Layout::of_json(head) } else { Layout::Lines }
}
