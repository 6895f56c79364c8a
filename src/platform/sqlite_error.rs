//! From SQLite's result codes to the errors of the public API.

use rusqlite::ffi;

use crate::error::Error;

/// Translates, given the refusal of the authorizer and the deadline in force.
pub fn translate(
    error: rusqlite::Error,
    name: &str,
    refusal: Option<String>,
    timeout_ms: u64,
) -> Error {
    if let Some(reason) = refusal {
        return Error::SqlInvalid { reason, offset: None };
    }
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            let message = message.unwrap_or_else(|| failure.to_string());
            from_code(failure.extended_code, message, name, timeout_ms)
        }
        rusqlite::Error::SqlInputError { error, msg, offset, .. } => {
            match from_code(error.extended_code, msg, name, timeout_ms) {
                Error::SqlInvalid { reason, .. } => {
                    Error::SqlInvalid { reason, offset: usize::try_from(offset).ok() }
                }
                other => other,
            }
        }
        rusqlite::Error::MultipleStatement => Error::sql(
            "the text holds more than one statement; query() takes one, execute() takes several without parameters",
        ),
        rusqlite::Error::InvalidQuery | rusqlite::Error::ExecuteReturnedResults => {
            Error::sql("the statement returns rows where none are expected")
        }
        other => Error::Internal { detail: other.to_string() },
    }
}

/// Translates a result code.
pub fn from_code(code: i32, message: String, name: &str, timeout_ms: u64) -> Error {
    match code & 0xff {
        ffi::SQLITE_FULL => Error::StorageFull { during: format!("database '{name}'") },
        ffi::SQLITE_IOERR if code == ffi::SQLITE_IOERR_WRITE => Error::StorageFull {
            during: format!("a write to database '{name}' did not go through"),
        },
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => {
            Error::DatabaseCorrupt { name: format!("database '{name}'"), detail: message }
        }
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Error::DatabaseBusy { name: name.to_owned() },
        ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH => {
            Error::ConstraintViolation { detail: message }
        }
        ffi::SQLITE_INTERRUPT => Error::Timeout { timeout_ms },
        ffi::SQLITE_READONLY => Error::ReadOnly { what: format!("database '{name}'") },
        ffi::SQLITE_NOMEM => Error::LimitExceeded {
            limit: "the statement needs more memory than there is".to_owned(),
            way_out: "Ask for fewer rows or groups".to_owned(),
        },
        ffi::SQLITE_TOOBIG => Error::LimitExceeded {
            limit: format!(
                "a text, blob, row (64 MiB) or statement (16 MiB) is too large: {message}"
            ),
            way_out: "Split it".to_owned(),
        },
        ffi::SQLITE_MISUSE => Error::sql("there is no statement in the text"),
        ffi::SQLITE_ERROR if message.contains("integer overflow") => Error::SumOverflow,
        // A date column was given 'now', or another word whose day depends on when it is asked.
        ffi::SQLITE_ERROR if message.contains("in a CHECK constraint") => {
            Error::ConstraintViolation { detail: message }
        }
        ffi::SQLITE_ERROR | ffi::SQLITE_AUTH | ffi::SQLITE_RANGE | ffi::SQLITE_SCHEMA => {
            Error::sql(message)
        }
        _ => Error::Internal {
            detail: format!("SQLite on database '{name}': {message} (code {code})"),
        },
    }
}

/// Names the row of many in which a constraint was broken.
pub fn at_row(error: Error, place: &str) -> Error {
    match error {
        Error::ConstraintViolation { detail } => {
            Error::ConstraintViolation { detail: format!("{place}: {detail}") }
        }
        other => other,
    }
}
