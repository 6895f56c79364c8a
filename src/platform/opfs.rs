//! Databases in the browser's origin-private file system: a pool of sync access handles per database,
//! held by one dedicated worker, as the disk of our VFS. Whoever calls this holds the Web Lock of the
//! database.

use sqlite_wasm_vfs::sahpool::{OpfsSAHError, OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};

use crate::error::{Error, Result};
use crate::platform::place::Place;
use crate::platform::sqlite::{Role, SqlitePort};
use crate::platform::vfs::Parent;

/// Database, its log, and what SQLite opens beside them.
const POOL_FILES: usize = 6;

/// The file of a database inside its pool.
const FILE: &str = "live.db";

/// The handles of one database.
pub struct Pool {
    pool: OpfsSAHPoolUtil,
    vfs: String,
    name: String,
}

impl Pool {
    /// Takes the handles of a database's directory, making it where there is none.
    pub async fn open(name: &str) -> Result<Self> {
        let vfs = format!("lotwise-opfs-{name}");
        let config = OpfsSAHPoolCfgBuilder::new()
            .vfs_name(&vfs)
            .directory(&format!("lotwise/{name}/live"))
            .initial_capacity(POOL_FILES)
            .build();
        let pool = install::<sqlite_wasm_rs::WasmOsCallback>(&config, false)
            .await
            .map_err(|error| translate(&error, name))?;
        // A pool that this worker has released before is registered still, without its handles.
        pool.resume().await.map_err(|error| translate(&error, name))?;
        Ok(Self { pool, vfs, name: name.to_owned() })
    }

    /// Opens the database in it, for writing.
    pub fn connect(&self) -> Result<SqlitePort> {
        let parent = Parent::named(&self.vfs)
            .map_err(|error| Error::Internal { detail: error.to_string() })?;
        Place::on(Box::new(parent), FILE, &self.name)?.connect(Role::Writer, std::rc::Rc::default())
    }

    /// Lets go of the handles; all connections have to be closed.
    pub fn release(&self) -> Result<()> {
        self.pool.pause().map_err(|error| translate(&error, &self.name))
    }
}

fn translate(error: &OpfsSAHError, name: &str) -> Error {
    let text = error.to_string();
    let is = |word: &str| text.contains(word);
    match error {
        OpfsSAHError::NotSupported => Error::StorageUnavailable { reason: text },
        OpfsSAHError::Opfs { .. } if is("NoModificationAllowedError") => {
            Error::DatabaseBusy { name: name.to_owned() }
        }
        OpfsSAHError::Opfs { .. } if is("QuotaExceededError") => {
            Error::StorageFull { during: format!("opening database '{name}'") }
        }
        OpfsSAHError::Opfs { .. } if is("SecurityError") || is("NotAllowedError") => {
            Error::StorageUnavailable { reason: text }
        }
        OpfsSAHError::InvalidHeader { .. } | OpfsSAHError::DuplicateFilename(_) => {
            Error::DatabaseCorrupt {
                name: format!("the file pool of database '{name}'"),
                detail: text,
            }
        }
        _ => Error::Internal { detail: format!("file pool of database '{name}': {text}") },
    }
}
