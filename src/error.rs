//! Every way a call can fail, with the stable codes of the public API.
//! Knows no host: platforms translate their own failures into these.

use std::fmt;

/// What the crate's fallible functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Most bytes of a message, so that text of a caller is not sent back to him at length.
const MESSAGE_BYTES_MAX: usize = 4096;

/// A failure: which kind, what it is about, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// The browser offers no durable storage here.
    StorageUnavailable {
        /// What was missing, in the host's words.
        reason: String,
    },
    /// The quota or the disk is full; the statement was rolled back.
    StorageFull {
        /// What was being done.
        during: String,
    },
    /// The file is not a sound SQLite database.
    DatabaseCorrupt {
        /// Which database or file.
        name: String,
        /// What SQLite found.
        detail: String,
    },
    /// Another owner holds the files.
    DatabaseBusy {
        /// Which database.
        name: String,
    },
    /// SQL text that SQLite, or the safety rules, refuse.
    SqlInvalid {
        /// What is wrong with it.
        reason: String,
        /// Byte offset in the text, where SQLite tells it.
        offset: Option<usize>,
    },
    /// A query object that means nothing.
    QueryInvalid {
        /// Path of the field, such as `measures.total.sum`.
        field: String,
        /// What would be right.
        reason: String,
    },
    /// Data or options of a call that cannot be taken.
    InputInvalid {
        /// Row, line, column or option.
        place: String,
        /// What would be right.
        reason: String,
    },
    /// A file with rows that cannot be taken; nothing of it was imported.
    ImportRefused {
        /// How many rows.
        bad_rows: u64,
        /// The first of them.
        errors: Vec<RowError>,
    },
    /// A dataset definition or option of `open` that cannot be used.
    ConfigInvalid {
        /// Path of each field that is wrong, and what would be right.
        problems: Vec<(String, String)>,
    },
    /// A row breaks NOT NULL, UNIQUE, CHECK, a key or a column type.
    ConstraintViolation {
        /// SQLite's words: which constraint of which column.
        detail: String,
    },
    /// The deadline passed; a write was rolled back.
    Timeout {
        /// The limit that was in force.
        timeout_ms: u64,
    },
    /// The caller gave up; a write was rolled back.
    Cancelled,
    /// A documented limit was reached.
    LimitExceeded {
        /// Which limit.
        limit: String,
        /// What to do about it.
        way_out: String,
    },
    /// SQLite's `sum()` of integers passed 64 bits, at the end or on the way there.
    SumOverflow,
    /// The database does not accept writes.
    ReadOnly {
        /// What was refused.
        what: String,
    },
    /// There is no such thing.
    NotFound {
        /// `dataset`, `table`, …
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A fault of this package.
    Internal {
        /// Where and what.
        detail: String,
    },
}

/// A row of a file that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RowError {
    /// Line of the file, counted from 1; row of the table where the file has no lines.
    pub line: u64,
    /// Column of the dataset, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

impl Error {
    /// The stable code of the public API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::StorageUnavailable { .. } => "STORAGE_UNAVAILABLE",
            Self::StorageFull { .. } => "STORAGE_FULL",
            Self::DatabaseCorrupt { .. } => "DATABASE_CORRUPT",
            Self::DatabaseBusy { .. } => "DATABASE_BUSY",
            Self::SqlInvalid { .. } => "SQL_INVALID",
            Self::QueryInvalid { .. } => "QUERY_INVALID",
            Self::InputInvalid { .. } | Self::ImportRefused { .. } => "INPUT_INVALID",
            Self::ConfigInvalid { .. } => "CONFIG_INVALID",
            Self::ConstraintViolation { .. } => "CONSTRAINT_VIOLATION",
            Self::Timeout { .. } => "TIMEOUT",
            Self::Cancelled => "CANCELLED",
            Self::LimitExceeded { .. } | Self::SumOverflow => "LIMIT_EXCEEDED",
            Self::ReadOnly { .. } => "READ_ONLY",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Internal { .. } => "INTERNAL",
        }
    }

    /// Whether the same call may succeed later without a change to it.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::DatabaseBusy { .. } | Self::Timeout { .. })
    }

    /// A field of a query object that is wrong.
    pub fn query(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::QueryInvalid { field: field.into(), reason: reason.into() }
    }

    /// A field of a definition or option that is wrong.
    pub fn config(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::ConfigInvalid { problems: vec![(field.into(), reason.into())] }
    }

    /// A piece of data that is wrong.
    pub fn input(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InputInvalid { place: place.into(), reason: reason.into() }
    }

    /// SQL that is refused.
    pub fn sql(reason: impl Into<String>) -> Self {
        Self::SqlInvalid { reason: reason.into(), offset: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.describe(&mut text)?;
        if text.len() <= MESSAGE_BYTES_MAX {
            return f.write_str(&text);
        }
        // What it is about stands at the beginning, what is wrong with it at the end.
        let boundary = |mut at: usize| {
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let head = &text[..boundary(MESSAGE_BYTES_MAX / 2)];
        let tail = &text[boundary(text.len() - MESSAGE_BYTES_MAX / 2)..];
        write!(f, "{head} … {tail}")
    }
}

impl Error {
    /// The message, however long.
    fn describe(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::StorageUnavailable { reason } => write!(
                f,
                "this browser offers no storage for databases here: {reason}. Serve the page over https (or localhost) in a browser with OPFS, or open with storage: 'memory' to work without keeping the data"
            ),
            Self::StorageFull { during } => write!(
                f,
                "storage is full ({during}); nothing of it was kept. Free space or ask the user for persistent storage, then repeat"
            ),
            Self::DatabaseCorrupt { name, detail } => write!(
                f,
                "{name} is not a sound SQLite database: {detail}. The file was left as it is: keep a copy of it, and fill a new one from a backup or an export"
            ),
            Self::DatabaseBusy { name } => write!(
                f,
                "database '{name}' is open in another tab or worker; close it there and try again"
            ),
            Self::SqlInvalid { reason, offset: Some(at) } => {
                write!(f, "{reason} (at byte {at} of the statement)")
            }
            Self::SqlInvalid { reason, offset: None } => f.write_str(reason),
            Self::QueryInvalid { field: place, reason } | Self::InputInvalid { place, reason } => {
                write!(f, "{place}: {reason}")
            }
            Self::ConfigInvalid { problems } => {
                for (i, (field, reason)) in problems.iter().enumerate() {
                    write!(f, "{}{field}: {reason}", if i == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::ImportRefused { bad_rows, errors } => {
                write!(f, "{bad_rows} rows cannot be imported, so nothing was")?;
                if let Some(first) = errors.first() {
                    write!(f, "; the first: {first}")?;
                }
                f.write_str(
                    ". Correct the file, or import with onError: 'skip' to leave such rows out",
                )
            }
            Self::ConstraintViolation { detail } => {
                write!(f, "{detail}; nothing of this call was written")
            }
            Self::Timeout { timeout_ms } => write!(
                f,
                "stopped after {timeout_ms} ms, the limit in timeoutMs; nothing was written. Narrow the question or raise timeoutMs"
            ),
            Self::Cancelled => {
                f.write_str("the call was cancelled by its signal; nothing was written")
            }
            Self::LimitExceeded { limit, way_out } => write!(f, "{limit}. {way_out}"),
            Self::SumOverflow => f.write_str(
                "a sum of integers does not fit into 64 bits. Narrow the range, or use avg() or total()",
            ),
            Self::ReadOnly { what } => write!(
                f,
                "{what} is read-only; nothing was written. configure({{ sqlite: {{ readOnly: false }} }}) lets writes through where it was configured so"
            ),
            Self::NotFound { kind, name, known } if known.is_empty() => {
                write!(f, "there is no {kind} '{name}'")
            }
            Self::NotFound { kind, name, known } => {
                write!(f, "there is no {kind} '{name}'; there is {}", known.join(", "))
            }
            Self::Internal { detail } => {
                write!(f, "a fault in lotwise: {detail}. Please report it")
            }
        }
    }
}

impl std::error::Error for Error {}
