//! Options of an import, as in the public API.

use crate::error::{Error, Result};
use crate::model::node::{Fields, Node, blame_input};
use crate::storage::ingest::{ON_CONFLICT, OnConflict};
use crate::storage::table_text::TextForm;

/// Options of an import, as in the public API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Dataset that takes the rows.
    pub dataset: String,
    pub(super) format: Option<Format>,
    pub(super) columns: Vec<(String, String)>,
    pub(super) table: Option<String>,
    pub(super) delimiter: Option<u8>,
    pub(super) header: Option<bool>,
    pub(super) form: TextForm,
    pub(super) skip_bad: bool,
    pub(super) on_conflict: OnConflict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Delimited text.
    Csv,
    /// An array of objects.
    Json,
    /// One object a line.
    Ndjson,
    /// A database file.
    Sqlite,
}

const FORMATS: [(&str, Format); 4] = [
    ("csv", Format::Csv),
    ("json", Format::Json),
    ("ndjson", Format::Ndjson),
    ("sqlite", Format::Sqlite),
];

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
