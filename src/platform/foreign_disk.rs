//! A caller's SQLite file as a disk that is only read. Knows of the file's content no more than its header.

use std::cell::RefCell;
use std::rc::Rc;

use rsqlite_vfs::{OpenOptions, VfsError, VfsErrorCode, VfsResult};

use crate::platform::vfs::disk::{Disk, DiskFile, MemoryDisk};
use crate::storage::port::ForeignFile;

/// Versions of the file format that are needed to write and to read it: 2 for a file in WAL mode.
const VERSIONS_AT: u64 = 18;
const VERSIONS: usize = 2;

/// Why the file could not be read, once that has happened.
pub type Failure = Rc<RefCell<Option<String>>>;

/// The file under its name; what SQLite sorts goes into memory.
pub struct ForeignDisk {
    name: &'static str,
    file: Rc<RefCell<Box<dyn ForeignFile>>>,
    failure: Failure,
    memory: MemoryDisk,
}

impl ForeignDisk {
    /// The file, and where to look when it could not be read.
    pub fn new(name: &'static str, file: Box<dyn ForeignFile>) -> (Self, Failure) {
        let failure = Failure::default();
        let disk = Self {
            name,
            file: Rc::new(RefCell::new(file)),
            failure: Rc::clone(&failure),
            memory: MemoryDisk::default(),
        };
        (disk, failure)
    }
}

impl Disk for ForeignDisk {
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>> {
        if name != Some(self.name) {
            return self.memory.open(name, options);
        }
        let (file, failure) = (Rc::clone(&self.file), Rc::clone(&self.failure));
        let mut opened = OpenedFile { file, failure, reads_as_rollback: false };
        if opened.size()? >= VERSIONS_AT + VERSIONS as u64 {
            let mut versions = [0; VERSIONS];
            opened.read(&mut versions, VERSIONS_AT)?;
            opened.reads_as_rollback = versions.contains(&2);
        }
        Ok(Box::new(opened))
    }

    fn delete(&self, name: &str, sync: bool) -> VfsResult<()> {
        self.memory.delete(name, sync)
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        Ok(name == self.name || self.memory.exists(name)?)
    }

    fn full_name(&self, name: &str) -> VfsResult<String> {
        Ok(name.to_owned())
    }
}

struct OpenedFile {
    file: Rc<RefCell<Box<dyn ForeignFile>>>,
    failure: Failure,
    /// It was written in WAL mode and says so; without its log it could not be opened.
    reads_as_rollback: bool,
}

fn only_read() -> VfsError {
    VfsError::new(VfsErrorCode::ReadOnly, "the file is only read".into())
}

impl DiskFile for OpenedFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<()> {
        self.file.borrow_mut().read(buffer, offset).map_err(|reason| {
            let error = VfsError::new(VfsErrorCode::IoRead, reason.clone().into());
            self.failure.replace(Some(reason));
            error
        })?;
        if self.reads_as_rollback {
            for (at, byte) in (offset..VERSIONS_AT + VERSIONS as u64).zip(buffer) {
                if at >= VERSIONS_AT {
                    *byte = 1;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, _: &[u8], _: u64) -> VfsResult<()> {
        Err(only_read())
    }

    fn truncate(&mut self, _: u64) -> VfsResult<()> {
        Err(only_read())
    }

    fn sync(&mut self) -> VfsResult<()> {
        Ok(())
    }

    fn size(&self) -> VfsResult<u64> {
        Ok(self.file.borrow().size())
    }
}
