//! One file as all connections of a VFS see it: its bytes, locks and WAL index.
//!
//! Writes are gathered: neighbouring ones go to the disk together, since a write to OPFS costs 70 to 130 µs
//! whatever its size. The gathered bytes are part of the file for everybody who reads.
//!
//! Invariants:
//! 1. Gathered bytes are one range without a hole, of at most [`GATHER_BYTES_MAX`] and the write that filled
//!    it. They stay gathered when the disk refuses them, and are offered again; but those of a rollback
//!    journal are forgotten when a sync fails.
//! 2. A WAL frame that commits is handed over by the write that completes it, or that write fails and its
//!    bytes are forgotten: a commit that SQLite saw fail must not come true later.

use std::cell::UnsafeCell;

use rsqlite_vfs::{FileKind, VfsResult};

use super::disk::DiskFile;
use super::locks::{FileLocks, IndexLocks};

/// Bytes that may wait for their neighbours: a write of 1 MiB takes 0.9 ms, at the disk's full rate.
const GATHER_BYTES_MAX: usize = 1024 * 1024;

/// Header of a frame in the WAL.
const FRAME_HEADER_BYTES: usize = 24;

/// A piece of the WAL index, of the size that SQLite always asks for.
pub type Region = UnsafeCell<[u64; REGION_BYTES / 8]>;

/// Size of a piece of the WAL index.
pub const REGION_BYTES: usize = 32 * 1024;

/// Follows the frames that SQLite writes into a WAL, each by two calls: a header, then a page.
#[derive(Default)]
struct Frames {
    /// Behind the last frame.
    end: u64,
    /// The header of a frame that commits was written; its page comes next.
    commit_is_open: bool,
}

impl Frames {
    /// Takes note of a write; true where it completes a commit.
    fn note(&mut self, bytes: &[u8], offset: u64) -> bool {
        let is_header = bytes.len() == FRAME_HEADER_BYTES;
        let commits = is_header && bytes[4..8] != [0; 4];
        // Where a transaction wrote a page twice, SQLite corrects the checksums of the headers that follow
        // when all frames are there, the one that commits last.
        let corrects = is_header && offset < self.end;
        let completes = (corrects && commits) || (!is_header && self.commit_is_open);
        self.commit_is_open = commits;
        if !corrects {
            self.end = offset + bytes.len() as u64;
        }
        completes
    }
}

/// A file that is open.
pub struct SharedFile {
    disk: Box<dyn DiskFile>,
    /// What the disk has.
    disk_size: u64,
    gathered: Vec<u8>,
    gathered_at: u64,
    /// Something has been handed over since the last sync.
    dirty: bool,
    wal: Option<Frames>,
    is_journal: bool,
    /// Locks of the database file.
    pub locks: FileLocks,
    /// Locks of the WAL index.
    pub index_locks: IndexLocks,
    regions: Vec<Box<Region>>,
    /// Connections that have pieces of the index.
    index_users: u32,
    handles: u32,
}

impl SharedFile {
    pub fn new(disk: Box<dyn DiskFile>, kind: Option<FileKind>) -> VfsResult<Self> {
        Ok(Self {
            disk_size: disk.size()?,
            disk,
            gathered: Vec::new(),
            gathered_at: 0,
            dirty: false,
            wal: (kind == Some(FileKind::Wal)).then(Frames::default),
            is_journal: kind == Some(FileKind::MainJournal),
            locks: FileLocks::default(),
            index_locks: IndexLocks::default(),
            regions: Vec::new(),
            index_users: 0,
            handles: 0,
        })
    }

    /// A number for another connection.
    pub const fn next_owner(&mut self) -> u32 {
        self.handles += 1;
        self.handles
    }

    pub fn size(&self) -> u64 {
        self.disk_size.max(self.gathered_end())
    }

    /// Reads what there is, up to the length of the buffer.
    pub fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<usize> {
        let there = self.size().saturating_sub(offset).min(buffer.len() as u64) as usize;
        let buffer = &mut buffer[..there];
        let end = offset + there as u64;
        let is_gathered = offset < self.gathered_end() && end > self.gathered_at;
        if is_gathered && offset >= self.gathered_at && end <= self.gathered_end() {
            let from = (offset - self.gathered_at) as usize;
            buffer.copy_from_slice(&self.gathered[from..from + there]);
            return Ok(there);
        }
        if is_gathered || end > self.disk_size {
            self.hand_over()?;
        }
        if there > 0 {
            self.disk.read(buffer, offset)?;
        }
        Ok(there)
    }

    pub fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        let joins = offset >= self.gathered_at && offset <= self.gathered_end();
        if !joins || self.gathered.is_empty() {
            self.hand_over()?;
            self.gathered_at = offset;
        }
        let from = (offset - self.gathered_at) as usize;
        let before = self.gathered.len();
        let overlap = bytes.len().min(before - from);
        self.gathered[from..from + overlap].copy_from_slice(&bytes[..overlap]);
        self.gathered.extend_from_slice(&bytes[overlap..]);
        if self.wal.as_mut().is_some_and(|frames| frames.note(bytes, offset)) {
            return self.hand_over().inspect_err(|_| self.gathered.truncate(from));
        }
        if self.gathered.len() >= GATHER_BYTES_MAX { self.hand_over() } else { Ok(()) }
    }

    pub fn truncate(&mut self, size: u64) -> VfsResult<()> {
        self.hand_over()?;
        self.dirty = true;
        self.disk.truncate(size)?;
        self.disk_size = size;
        Ok(())
    }

    pub fn sync(&mut self) -> VfsResult<()> {
        if let Err(error) = self.hand_over() {
            // A commit that empties the journal's header may be rolled back only while nobody sees it empty.
            if self.is_journal {
                self.gathered.clear();
            }
            return Err(error);
        }
        if self.dirty {
            self.disk.sync()?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Another connection uses the WAL index.
    pub const fn join_index(&mut self) {
        self.index_users += 1;
    }

    /// A connection has let go of the index. After the last one it is forgotten: the next one builds it from
    /// the WAL.
    pub fn leave_index(&mut self) {
        self.index_users -= 1;
        if self.index_users == 0 {
            self.regions.clear();
        }
    }

    /// A piece of the WAL index, made where it is wanted and missing. It stays where it is in memory for as
    /// long as a connection uses the index.
    pub fn region(&mut self, number: usize, make: bool) -> *mut u8 {
        while make && self.regions.len() <= number {
            self.regions.push(Box::new(UnsafeCell::new([0; REGION_BYTES / 8])));
        }
        self.regions.get(number).map_or(std::ptr::null_mut(), |region| region.get().cast())
    }

    /// Where the gathered bytes end; 0 where there are none.
    fn gathered_end(&self) -> u64 {
        if self.gathered.is_empty() {
            return 0;
        }
        self.gathered_at + self.gathered.len() as u64
    }

    fn hand_over(&mut self) -> VfsResult<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        self.dirty = true;
        self.disk.write(&self.gathered, self.gathered_at)?;
        self.disk_size = self.disk_size.max(self.gathered_end());
        self.gathered.clear();
        Ok(())
    }
}

impl Drop for SharedFile {
    fn drop(&mut self) {
        // SQLite has synced what matters; an error has nobody left to go to.
        _ = self.hand_over();
    }
}
