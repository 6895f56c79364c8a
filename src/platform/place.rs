//! Where a database's file is, and the VFS that its connections share. Opens connections; knows no SQL.

use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use rsqlite_vfs::VfsError;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Error, Result};
use crate::platform::sqlite::{Role, SqlitePort};
use crate::platform::sqlite_error::{from_code, translate};
use crate::platform::statements::Counters;
use crate::platform::vfs::Vfs;
use crate::platform::vfs::disk::{Disk, MemoryDisk};

/// A database's file.
#[derive(Debug)]
pub struct Place {
    vfs: Vfs,
    file: String,
    name: String,
}

impl Place {
    /// A file on a disk; `name` is the database's, for messages.
    pub fn on(disk: Box<dyn Disk>, file: &str, name: &str) -> Result<Rc<Self>> {
        // SQLite finds a VFS by its name, and a thread may have several databases open.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let vfs = Vfs::register(&format!("lotwise-{id}"), disk).map_err(|e| of_disk(&e, name))?;
        Ok(Rc::new(Self { vfs, file: file.to_owned(), name: name.to_owned() }))
    }

    /// A file in memory, gone with its last connection.
    pub fn in_memory(name: &str) -> Result<Rc<Self>> {
        Self::on(Box::<MemoryDisk>::default(), "live.db", name)
    }

    /// A file of the native file system.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn native(path: &std::path::Path) -> Result<Rc<Self>> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let parent = crate::platform::vfs::Parent::named("unix").map_err(|e| of_disk(&e, &name))?;
        Self::on(Box::new(parent), &path.to_string_lossy(), &name)
    }

    /// Another connection; those of one database count their statements together.
    pub fn connect(self: &Rc<Self>, role: Role, counters: Rc<Counters>) -> Result<SqlitePort> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if role == Role::Writer {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let connection = Connection::open_with_flags_and_vfs(&self.file, flags, self.vfs.name())
            .map_err(|error| translate(error, &self.name, None, 0))?;
        SqlitePort::set_up(connection, &self.name, role, Rc::clone(self), counters)
    }

    /// A connection that only reads the file, whatever else there is.
    pub fn open_to_read(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags_and_vfs(&self.file, flags, self.vfs.name())
    }

    /// Makes all commits durable, those of relaxed durability among them.
    pub fn sync(&self) -> Result<()> {
        match self.vfs.sync(&format!("{}-wal", self.file)) {
            // There is no log before the first write, and none in another journal mode.
            Err(error) if error.code() == rsqlite_vfs::VfsErrorCode::NotFound => Ok(()),
            result => result.map_err(|e| of_disk(&e, &self.name)),
        }
    }
}

fn of_disk(error: &VfsError, name: &str) -> Error {
    from_code(error.raw_code(), error.message().to_owned(), name, 0)
}
