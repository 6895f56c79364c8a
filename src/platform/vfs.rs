//! A VFS for several connections of one thread: WAL without shared memory of the operating system, and
//! writes that reach storage few and large.
//!
//! SQLite's WAL wants an index that all connections see. Those of one WebAssembly instance share its heap,
//! so the index lives there, as in SQLite's own `unix-excl`; nobody else has the files (a Web Lock and
//! exclusive handles see to that). Stands on a [`disk::Disk`]: another VFS (OPFS, the native file system) or
//! memory. Knows neither datasets nor SQL.
//!
//! Invariants:
//! 1. All connections to a file share one [`file::SharedFile`]: its locks, its gathered bytes, its WAL index.
//! 2. What SQLite has been told is written can be read back at once; what it has been told is synced is on
//!    the disk; and a committed WAL frame is handed to the disk before the commit returns.
//! 3. A VFS and its connections belong to one thread.

pub mod disk;
mod file;
mod locks;
mod methods;
mod parent;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use foldhash::fast::FixedState;
use rsqlite_vfs::{VfsError, VfsErrorCode, VfsRegistration, VfsResult};

use self::disk::Disk;
use self::file::SharedFile;
use self::methods::Methods;
pub use self::methods::Store;
pub use self::parent::Parent;

/// What the callbacks of one VFS share.
pub struct Files {
    disk: Box<dyn Disk>,
    /// Those that are open, by name.
    open: RefCell<HashMap<String, Weak<RefCell<SharedFile>>, FixedState>>,
    last_error: RefCell<Option<VfsError>>,
}

/// A registered VFS. Dropping it takes it back: close its connections first.
pub struct Vfs {
    name: String,
    files: Rc<Files>,
    registration: Option<VfsRegistration<Rc<Files>>>,
}

impl std::fmt::Debug for Vfs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vfs").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Vfs {
    /// Registers a VFS over a disk under a name of its own.
    pub fn register(name: &str, disk: Box<dyn Disk>) -> VfsResult<Self> {
        let files = Files::new(disk);
        let registration = Methods::register(name, Rc::clone(&files))
            .map_err(|error| VfsError::new(VfsErrorCode::CantOpen, error.to_string().into()))?;
        Ok(Self { name: name.to_owned(), files, registration: Some(registration) })
    }

    /// Its name, to open connections with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes into an open file behind SQLite's back. What is written where nobody looks yet, behind the end
    /// of a database, becomes part of it by a transaction.
    pub fn write(&self, file: &str, offset: u64, bytes: &[u8]) -> VfsResult<()> {
        self.file(file)?.borrow_mut().write(bytes, offset)
    }

    /// Makes what was written to an open file durable.
    pub fn sync(&self, file: &str) -> VfsResult<()> {
        self.file(file)?.borrow_mut().sync()
    }

    fn file(&self, name: &str) -> VfsResult<Rc<RefCell<SharedFile>>> {
        self.files.shared(name).ok_or_else(|| {
            VfsError::new(VfsErrorCode::NotFound, format!("'{name}' is not open").into())
        })
    }
}

impl Drop for Vfs {
    fn drop(&mut self) {
        if let Some(registration) = self.registration.take() {
            Methods::unregister(registration, &self.files);
        }
    }
}

impl Files {
    /// Over a disk.
    #[must_use]
    pub fn new(disk: Box<dyn Disk>) -> Rc<Self> {
        Rc::new(Self { disk, open: RefCell::default(), last_error: RefCell::default() })
    }

    fn shared(&self, name: &str) -> Option<Rc<RefCell<SharedFile>>> {
        self.open.borrow().get(name).and_then(Weak::upgrade)
    }

    /// Whether no file is open.
    fn is_idle(&self) -> bool {
        self.open.borrow().values().all(|file| file.strong_count() == 0)
    }
}
