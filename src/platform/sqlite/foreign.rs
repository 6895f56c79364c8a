//! Foreign SQLite files, read where they lie to take rows from; nothing that they bring is run.

use std::rc::Rc;

use rusqlite::config::DbConfig;

use super::SqlitePort;
use crate::error::{Error, Result};
use crate::platform::foreign_disk::{Failure, ForeignDisk};
use crate::platform::place::Place;
use crate::platform::sqlite_error::translate;
use crate::storage::port::{ForeignFile, ForeignFiles};

/// In messages, and on its disk.
const NAME: &str = "the imported file";

impl ForeignFiles for SqlitePort {
    type Foreign = Self;

    fn open_foreign(&mut self, file: Box<dyn ForeignFile>) -> Result<Self> {
        let (disk, failure) = ForeignDisk::new(NAME, file);
        let fail = |error| blame(translate(error, NAME, None, 0), &failure);
        let place = Place::on(Box::new(disk), NAME, NAME)?;
        let connection = place.open_to_read().map_err(fail)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(fail)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).map_err(fail)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false).map_err(fail)?;
        let mut port = Self::wrap(connection, NAME, Rc::default(), Some(Rc::clone(&failure)))?;
        port.place = Some(place);
        port.pragma("trusted_schema = off")?;
        port.pragma("cell_size_check = on")?;
        let check = port.pragma("quick_check(1)")?;
        match check.as_str() {
            "ok" => Ok(port),
            // It would take a page that it cannot read for a damaged one.
            _ if failure.borrow().is_some() => Err(blame(Error::input(NAME, check), &failure)),
            _ => Err(Error::input(NAME, check)),
        }
    }
}

/// What is wrong with a file of the caller is wrong with the call.
pub fn blame(error: Error, failure: &Failure) -> Error {
    if let Some(reason) = &*failure.borrow() {
        return Error::input(
            NAME,
            format!(
                "could not be read, and nothing was imported: {reason}. If it was changed or moved since it was chosen, choose it again, or import a copy of it"
            ),
        );
    }
    match error {
        Error::DatabaseCorrupt { detail, .. } => {
            Error::input(NAME, format!("is damaged: {detail}"))
        }
        // The statements are ours: what SQLite does not like is in the schema of the file.
        Error::SqlInvalid { reason, .. } => Error::input(NAME, format!("cannot be read: {reason}")),
        other => other,
    }
}
