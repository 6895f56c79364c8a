//! Disks that fail on demand, and that forget what was not synced when power is lost.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use lotwise::platform::vfs::disk::{Disk, DiskFile};
use rsqlite_vfs::{OpenOptions, VfsError, VfsErrorCode, VfsResult};

/// What a disk is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    Open,
    Delete,
    Exists,
    Read,
    Write,
    Truncate,
    Sync,
    Size,
}

pub const OPERATIONS: [Operation; 8] = [
    Operation::Open,
    Operation::Delete,
    Operation::Exists,
    Operation::Read,
    Operation::Write,
    Operation::Truncate,
    Operation::Sync,
    Operation::Size,
];

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// That call, and nothing of it was done.
    Once,
    /// That call and all that follow.
    FromThenOn,
    /// That call; a write leaves its first half behind.
    HalfDone,
    /// As half done, and a write says that there is no more room.
    Full,
}

/// When which operation fails.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub operation: Operation,
    /// Counted from 0.
    pub call: u32,
    pub how: How,
}

/// The fault of a disk, and whether it has come about.
#[derive(Debug, Default)]
pub struct Faults {
    fault: Cell<Option<Fault>>,
    calls: Cell<u32>,
}

impl Faults {
    pub fn arm(&self, fault: Option<Fault>) {
        self.fault.set(fault);
        self.calls.set(0);
    }

    /// Whether it has failed yet.
    pub fn happened(&self) -> bool {
        self.fault.get().is_some_and(|fault| self.calls.get() > fault.call)
    }

    fn check(&self, operation: Operation) -> Result<(), (How, VfsError)> {
        let Some(fault) = self.fault.get().filter(|fault| fault.operation == operation) else {
            return Ok(());
        };
        let call = self.calls.get();
        self.calls.set(call + 1);
        let fails = call == fault.call || (call > fault.call && fault.how == How::FromThenOn);
        if !fails {
            return Ok(());
        }
        let code = match operation {
            Operation::Write if fault.how == How::Full => VfsErrorCode::Full,
            Operation::Open => VfsErrorCode::CantOpen,
            Operation::Delete => VfsErrorCode::IoDelete,
            Operation::Exists => VfsErrorCode::IoAccess,
            Operation::Read => VfsErrorCode::IoRead,
            Operation::Write => VfsErrorCode::IoWrite,
            Operation::Truncate => VfsErrorCode::IoTruncate,
            Operation::Sync => VfsErrorCode::IoSync,
            Operation::Size => VfsErrorCode::IoStat,
        };
        Err((fault.how, VfsError::new(code, "told to fail".into())))
    }

    fn pass(&self, operation: Operation) -> VfsResult<()> {
        self.check(operation).map_err(|(_, error)| error)
    }
}

/// Another disk that fails when it is told to.
pub struct Failing {
    pub disk: Rc<dyn Disk>,
    pub faults: Rc<Faults>,
}

struct FailingFile {
    file: Box<dyn DiskFile>,
    faults: Rc<Faults>,
}

impl Disk for Failing {
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>> {
        self.faults.pass(Operation::Open)?;
        let file = self.disk.open(name, options)?;
        Ok(Box::new(FailingFile { file, faults: Rc::clone(&self.faults) }))
    }

    fn delete(&self, name: &str, sync: bool) -> VfsResult<()> {
        self.faults.pass(Operation::Delete)?;
        self.disk.delete(name, sync)
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        self.faults.pass(Operation::Exists)?;
        self.disk.exists(name)
    }

    fn full_name(&self, name: &str) -> VfsResult<String> {
        self.disk.full_name(name)
    }
}

impl DiskFile for FailingFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<()> {
        self.faults.pass(Operation::Read)?;
        self.file.read(buffer, offset)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        if let Err((how, error)) = self.faults.check(Operation::Write) {
            if matches!(how, How::HalfDone | How::Full) {
                self.file.write(&bytes[..bytes.len() / 2], offset)?;
            }
            return Err(error);
        }
        self.file.write(bytes, offset)
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        self.faults.pass(Operation::Truncate)?;
        self.file.truncate(size)
    }

    fn sync(&mut self) -> VfsResult<()> {
        self.faults.pass(Operation::Sync)?;
        self.file.sync()
    }

    fn size(&self) -> VfsResult<u64> {
        self.faults.pass(Operation::Size)?;
        self.file.size()
    }
}

/// Files in memory that know what was synced.
#[derive(Default)]
pub struct VolatileDisk {
    files: RefCell<HashMap<String, Rc<RefCell<Content>>>>,
}

#[derive(Default, Clone)]
struct Content {
    /// As of the last sync.
    durable: Vec<u8>,
    now: Vec<u8>,
    /// What was done since.
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => {
                bytes.resize(bytes.len().max(at + new.len()), 0);
                bytes[*at..at + new.len()].copy_from_slice(new);
            }
            Self::Truncate(size) => bytes.resize(*size, 0),
        }
    }
}

/// A smallest piece that is written whole or not at all.
const SECTOR_BYTES: usize = 512;

impl VolatileDisk {
    /// What a process leaves that is killed now.
    pub fn killed(&self) -> Self {
        self.map(|content| content.now.clone())
    }

    /// What a loss of power leaves: of what was not synced any part, in any combination.
    /// `below` draws a number below another.
    pub fn without_power(&self, below: &mut dyn FnMut(usize) -> usize) -> Self {
        self.map(|content| {
            let mut bytes = content.durable.clone();
            for change in &content.unsynced {
                match (below(3), change) {
                    (0, _) => {}
                    (1, Change::Write(at, new)) => {
                        let sectors = below(new.len().div_ceil(SECTOR_BYTES));
                        let there = new[..sectors * SECTOR_BYTES].to_vec();
                        Change::Write(*at, there).apply(&mut bytes);
                    }
                    (_, change) => change.apply(&mut bytes),
                }
            }
            bytes
        })
    }

    fn map(&self, mut left: impl FnMut(&Content) -> Vec<u8>) -> Self {
        let files = self.files.borrow();
        let files = files.iter().map(|(name, content)| {
            let bytes = left(&content.borrow());
            let content = Content { durable: bytes.clone(), now: bytes, unsynced: Vec::new() };
            (name.clone(), Rc::new(RefCell::new(content)))
        });
        Self { files: RefCell::new(files.collect()) }
    }
}

impl Disk for VolatileDisk {
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>> {
        let Some(name) = name else { return Ok(Box::new(VolatileFile(Rc::default()))) };
        let mut files = self.files.borrow_mut();
        if !files.contains_key(name) && !options.create() {
            return Err(VfsError::new(VfsErrorCode::CantOpen, "is not there".into()));
        }
        Ok(Box::new(VolatileFile(Rc::clone(files.entry(name.to_owned()).or_default()))))
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

/// A handle of it.
struct VolatileFile(Rc<RefCell<Content>>);

impl DiskFile for VolatileFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<()> {
        let content = self.0.borrow();
        let from = offset as usize;
        let there = content.now.get(from..from + buffer.len());
        buffer.copy_from_slice(there.expect("nobody reads behind the end"));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        self.0.borrow_mut().change(Change::Write(offset as usize, bytes.to_vec()));
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        self.0.borrow_mut().change(Change::Truncate(size as usize));
        Ok(())
    }

    fn sync(&mut self) -> VfsResult<()> {
        let mut content = self.0.borrow_mut();
        content.durable = content.now.clone();
        content.unsynced.clear();
        Ok(())
    }

    fn size(&self) -> VfsResult<u64> {
        Ok(self.0.borrow().now.len() as u64)
    }
}

impl Content {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.unsynced.push(change);
    }
}
