//! What a VFS stands on: files that can be read, written, cut and flushed. Knows no locks and no SQLite.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;
use rsqlite_vfs::{MemChunksFile, OpenOptions, VfsError, VfsErrorCode, VfsFile, VfsResult};

/// Where files are. Each is open once at a time.
pub trait Disk {
    /// Opens a file, or one without a name that goes when it is closed.
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>>;
    /// Deletes a file that is not open.
    fn delete(&self, name: &str, sync: bool) -> VfsResult<()>;
    /// Whether a file of that name is there.
    fn exists(&self, name: &str) -> VfsResult<bool>;
    /// The one name of a file, however it is written.
    fn full_name(&self, name: &str) -> VfsResult<String>;
}

/// An open file. Dropping closes it.
pub trait DiskFile {
    /// Fills the buffer; the caller sees to it that the file has so many bytes there.
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<()>;
    /// Writes all of it, growing the file where that is needed.
    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()>;
    /// Cuts or grows the file.
    fn truncate(&mut self, size: u64) -> VfsResult<()>;
    /// Returns when what was written would survive the machine.
    fn sync(&mut self) -> VfsResult<()>;
    /// Its length.
    fn size(&self) -> VfsResult<u64>;
}

/// Bytes a piece of a file in memory holds.
const CHUNK_BYTES: usize = 64 * 1024;

/// Files in memory, gone with the last of their handles and this.
#[derive(Default)]
pub struct MemoryDisk {
    files: RefCell<HashMap<String, Shared, FixedState>>,
}

type Shared = Rc<RefCell<MemChunksFile>>;

struct MemoryFile(Shared);

impl Disk for MemoryDisk {
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>> {
        let new = || Rc::new(RefCell::new(MemChunksFile::new(CHUNK_BYTES)));
        let Some(name) = name else { return Ok(Box::new(MemoryFile(new()))) };
        let mut files = self.files.borrow_mut();
        let file = match files.get(name) {
            Some(file) if !options.exclusive() => Rc::clone(file),
            None if options.create() => {
                let file = new();
                // One that goes when it is closed needs no name.
                if !options.delete_on_close() {
                    files.insert(name.to_owned(), Rc::clone(&file));
                }
                file
            }
            found => {
                let what = if found.is_some() { "is there already" } else { "is not there" };
                let message = format!("'{name}' {what}");
                return Err(VfsError::new(VfsErrorCode::CantOpen, message.into()));
            }
        };
        Ok(Box::new(MemoryFile(file)))
    }

    fn delete(&self, name: &str, _: bool) -> VfsResult<()> {
        match self.files.borrow_mut().remove(name) {
            Some(_) => Ok(()),
            None => Err(VfsError::new(VfsErrorCode::IoDeleteNoEntry, "is not there".into())),
        }
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        Ok(self.files.borrow().contains_key(name))
    }

    fn full_name(&self, name: &str) -> VfsResult<String> {
        Ok(name.to_owned())
    }
}

impl DiskFile for MemoryFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<()> {
        self.0.borrow_mut().read(buffer, offset).map(|_| ())
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        self.0.borrow_mut().write(bytes, offset)
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        let mut file = self.0.borrow_mut();
        match size.checked_sub(file.size()?) {
            // It only cuts; a byte at the new end makes it grow.
            Some(1..) => file.write(&[0], size - 1),
            _ => file.truncate(size),
        }
    }

    fn sync(&mut self) -> VfsResult<()> {
        Ok(())
    }

    fn size(&self) -> VfsResult<u64> {
        self.0.borrow().size()
    }
}
