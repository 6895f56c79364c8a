//! Foreign SQLite files, opened in memory to read rows from; nothing that they bring is run.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::SqlitePort;
use crate::error::{Error, Result};
use crate::platform::sqlite_error::translate;
use crate::storage::port::ForeignFiles;

impl ForeignFiles for SqlitePort {
    type Foreign = Self;

    fn open_foreign(&mut self, mut bytes: Vec<u8>) -> Result<Self> {
        // A file written in WAL mode says so in bytes 18 and 19, and could not be opened without its log.
        if let Some(versions @ [2, _] | versions @ [_, 2]) = bytes.get_mut(18..20) {
            versions.fill(1);
        }
        let name = "the imported file";
        let fail = |error| blame(translate(error, name, None, 0));
        let mut connection = Connection::open_in_memory().map_err(fail)?;
        let length = bytes.len();
        connection.deserialize_read_exact("main", bytes.as_slice(), length, true).map_err(fail)?;
        drop(bytes);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(fail)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).map_err(fail)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false).map_err(fail)?;
        let mut port = Self::wrap(connection, name, std::rc::Rc::default(), true)?;
        port.pragma("trusted_schema = off")?;
        port.pragma("cell_size_check = on")?;
        let check = port.pragma("quick_check(1)")?;
        if check != "ok" {
            return Err(Error::input(name, check));
        }
        Ok(port)
    }
}

/// What is wrong with a file of the caller is wrong with the call.
pub fn blame(error: Error) -> Error {
    match error {
        Error::DatabaseCorrupt { detail, .. } => {
            Error::input("the imported file", format!("is damaged: {detail}"))
        }
        // The statements are ours: what SQLite does not like is in the schema of the file.
        Error::SqlInvalid { reason, .. } => {
            Error::input("the imported file", format!("cannot be read: {reason}"))
        }
        other => other,
    }
}
