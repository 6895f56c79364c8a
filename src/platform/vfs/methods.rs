//! The callbacks that SQLite makes: those of `rsqlite-vfs` over our files, and the WAL index on the heap,
//! which it leaves to us.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::ptr::null;
use std::rc::Rc;
use std::time::Duration;

use rsqlite_vfs::ffi::{
    SQLITE_BUSY, SQLITE_IOERR_SHMMAP, SQLITE_OK, SQLITE_SHM_EXCLUSIVE, SQLITE_SHM_LOCK,
    sqlite3_file, sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find,
};
use rsqlite_vfs::{
    AccessMode, DeviceCharacteristics, LockLevel, OpenAccess, OpenOptions, OpenRequest, OpenedFile,
    OsCallback, RegisterVfsError, SQLiteIoMethods, SQLiteVfs, SQLiteVfsFile, SyncOptions, VfsError,
    VfsErrorCode, VfsFile, VfsRegistration, VfsResult, VfsStore, register_vfs,
};

use super::Files;
use super::file::{REGION_BYTES, SharedFile};
use super::locks::{Held, SLOTS};

/// What SQLite has open: a connection's way to a file.
pub struct Handle {
    file: Rc<RefCell<SharedFile>>,
    owner: u32,
    level: LockLevel,
    index: Held,
    uses_index: bool,
    read_only: bool,
}

impl Handle {
    fn check_writable(&self) -> VfsResult<()> {
        let refuse = || VfsError::new(VfsErrorCode::ReadOnly, "opened for reading".into());
        if self.read_only { Err(refuse()) } else { Ok(()) }
    }

    fn join_index(&mut self) {
        if !std::mem::replace(&mut self.uses_index, true) {
            self.file.borrow_mut().join_index();
        }
    }

    fn leave_index(&mut self) {
        let mut file = self.file.borrow_mut();
        file.index_locks.release(&mut self.index);
        if std::mem::replace(&mut self.uses_index, false) {
            file.leave_index();
        }
    }
}

impl VfsFile for Handle {
    fn device_characteristics(&self) -> DeviceCharacteristics {
        // A write never changes bytes beside it, also when power fails: what SQLite assumes of every file
        // system unless told otherwise. Without it each commit would be padded to a whole sector.
        DeviceCharacteristics::POWERSAFE_OVERWRITE | DeviceCharacteristics::UNDELETABLE_WHEN_OPEN
    }

    fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<usize> {
        self.file.borrow_mut().read(buffer, offset)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        self.check_writable()?;
        self.file.borrow_mut().write(bytes, offset)
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        self.check_writable()?;
        self.file.borrow_mut().truncate(size)
    }

    fn sync(&mut self, _: SyncOptions) -> VfsResult<()> {
        self.file.borrow_mut().sync()
    }

    fn size(&self) -> VfsResult<u64> {
        Ok(self.file.borrow().size())
    }

    fn lock(&mut self, level: LockLevel) -> VfsResult<()> {
        if self.file.borrow_mut().locks.lock(self.owner, &mut self.level, level) {
            return Ok(());
        }
        Err(VfsError::new(VfsErrorCode::Busy, "another connection holds it".into()))
    }

    fn unlock(&mut self, level: LockLevel) -> VfsResult<()> {
        self.file.borrow_mut().locks.unlock(self.owner, &mut self.level, level);
        Ok(())
    }

    fn check_reserved_lock(&self) -> VfsResult<bool> {
        Ok(self.file.borrow().locks.is_reserved())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.leave_index();
        self.file.borrow_mut().locks.unlock(self.owner, &mut self.level, LockLevel::None);
    }
}

/// `rsqlite-vfs`'s callbacks over [`Files`]. Public for the conformance suite of that crate.
pub struct Store;

impl VfsStore for Store {
    type File = Handle;
    type AppData = Rc<Files>;

    fn record_error(files: &Rc<Files>, error: VfsError) {
        files.last_error.replace(Some(error));
    }

    fn last_error(files: &Rc<Files>) -> Option<VfsError> {
        files.last_error.borrow().clone()
    }

    fn open_file(files: &Rc<Files>, request: OpenRequest<'_>) -> VfsResult<OpenedFile<Handle>> {
        let OpenRequest { filename, options } = request;
        let name = filename.map(|name| name.path());
        let file = match name.and_then(|name| files.shared(name)) {
            Some(_) if options.exclusive() => {
                return Err(VfsError::new(VfsErrorCode::CantOpen, "is there already".into()));
            }
            Some(file) => file,
            None => {
                let disk = files.disk.open(name, options)?;
                let file = Rc::new(RefCell::new(SharedFile::new(disk, options.kind())?));
                if let Some(name) = name {
                    files.open.borrow_mut().insert(name.to_owned(), Rc::downgrade(&file));
                }
                file
            }
        };
        let owner = file.borrow_mut().next_owner();
        let handle = Handle {
            file,
            owner,
            level: LockLevel::None,
            index: Held::default(),
            uses_index: false,
            read_only: options.access() == OpenAccess::ReadOnly,
        };
        Ok(OpenedFile { file: handle, access: options.access() })
    }

    fn close_file(
        files: &Rc<Files>,
        name: Option<&str>,
        file: Handle,
        options: OpenOptions,
    ) -> VfsResult<()> {
        drop(file);
        let Some(name) = name else { return Ok(()) };
        files.open.borrow_mut().retain(|_, file| file.strong_count() > 0);
        if options.delete_on_close() && files.shared(name).is_none() && files.disk.exists(name)? {
            files.disk.delete(name, false)?;
        }
        Ok(())
    }

    fn access(files: &Rc<Files>, name: &str, _: AccessMode) -> VfsResult<bool> {
        Ok(files.shared(name).is_some() || files.disk.exists(name)?)
    }

    fn full_pathname(files: &Rc<Files>, name: &str) -> VfsResult<String> {
        files.disk.full_name(name)
    }

    fn delete_file(files: &Rc<Files>, name: &str, sync_dir: bool) -> VfsResult<()> {
        files.disk.delete(name, sync_dir)
    }
}

/// Clock, randomness and sleep of SQLite's own VFS for this platform.
pub struct System;

impl System {
    fn vfs() -> *mut sqlite3_vfs {
        // SAFETY: null asks for the default one, which every build of SQLite has.
        unsafe { sqlite3_vfs_find(null()) }
    }
}

impl OsCallback for System {
    fn sleep(&self, duration: Duration) {
        let vfs = Self::vfs();
        // SAFETY: registered for the life of the process.
        if let Some(sleep) = unsafe { vfs.as_ref() }.and_then(|vfs| vfs.xSleep) {
            let microseconds = i32::try_from(duration.as_micros()).unwrap_or(i32::MAX);
            // SAFETY: as above.
            unsafe { sleep(vfs, microseconds) };
        }
    }

    fn random(&self, buffer: &mut [u8]) -> usize {
        let vfs = Self::vfs();
        let length = i32::try_from(buffer.len()).unwrap_or(i32::MAX);
        // SAFETY: registered for the life of the process; the buffer is as long as it says.
        unsafe { vfs.as_ref() }.and_then(|vfs| vfs.xRandomness).map_or(0, |random| unsafe {
            random(vfs, length, buffer.as_mut_ptr().cast()).unsigned_abs() as usize
        })
    }

    fn epoch_timestamp_in_ms(&self) -> VfsResult<i64> {
        Ok(i64::try_from(crate::platform::clock::now_ms()).unwrap_or(i64::MAX))
    }
}

/// The table of callbacks.
pub struct Methods;

impl Methods {
    pub fn register(
        name: &str,
        files: Rc<Files>,
    ) -> Result<VfsRegistration<Rc<Files>>, RegisterVfsError> {
        // SAFETY: layout, versions and types are those of `rsqlite-vfs` itself but for the four methods
        // below, which keep to them. A VFS is used by one thread (invariant 3 of the module).
        unsafe { register_vfs::<Self, Self>(name, files, false) }
    }

    /// Takes a VFS back; one that still has open files is left for them.
    pub fn unregister(registration: VfsRegistration<Rc<Files>>, files: &Files) {
        if !files.is_idle() {
            _ = registration.into_raw();
            return;
        }
        // SAFETY: no file is open, and nobody keeps the pointer of a VFS that is looked up by name.
        if let Err((registration, _)) = unsafe { registration.unregister() } {
            _ = registration.into_raw();
        }
    }
}

impl SQLiteVfs<Self> for Methods {
    type Os = System;

    fn os(_: &Rc<Files>) -> &System {
        &System
    }
}

/// The connection's handle behind a file of SQLite.
///
/// # Safety
///
/// `file` was opened by this VFS and is not closed, and no other reference to its handle is in use.
unsafe fn handle<'a>(file: *mut sqlite3_file) -> &'a mut Handle {
    // SAFETY: as the caller promises.
    unsafe { (*SQLiteVfsFile::from_file(file)).handle_mut::<Handle>() }
}

impl Methods {
    unsafe extern "C" fn shm_map(
        file: *mut sqlite3_file,
        region: c_int,
        size: c_int,
        make: c_int,
        out: *mut *mut c_void,
    ) -> c_int {
        // SAFETY: called by SQLite with an open file.
        let handle = unsafe { handle(file) };
        let (Ok(region), true) = (usize::try_from(region), size == REGION_BYTES as c_int) else {
            return SQLITE_IOERR_SHMMAP;
        };
        handle.join_index();
        let at = handle.file.borrow_mut().region(region, make != 0);
        // SAFETY: SQLite gives the place for the answer.
        unsafe { *out = at.cast() };
        SQLITE_OK
    }

    unsafe extern "C" fn shm_lock(
        file: *mut sqlite3_file,
        first: c_int,
        count: c_int,
        flags: c_int,
    ) -> c_int {
        // SAFETY: called by SQLite with an open file.
        let handle = unsafe { handle(file) };
        let (first, count) = (first.unsigned_abs() as usize, count.unsigned_abs() as usize);
        if first + count > SLOTS {
            return SQLITE_IOERR_SHMMAP;
        }
        let exclusive = flags & SQLITE_SHM_EXCLUSIVE != 0;
        let mut shared = handle.file.borrow_mut();
        if flags & SQLITE_SHM_LOCK != 0 {
            let locked = shared.index_locks.lock(&mut handle.index, first, count, exclusive);
            return if locked { SQLITE_OK } else { SQLITE_BUSY };
        }
        shared.index_locks.unlock(&mut handle.index, first, count, exclusive);
        SQLITE_OK
    }

    unsafe extern "C" fn shm_barrier(_: *mut sqlite3_file) {
        // One thread sees its own writes in order.
    }

    unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, _: c_int) -> c_int {
        // SAFETY: called by SQLite with an open file.
        unsafe { handle(file) }.leave_index();
        SQLITE_OK
    }
}

impl SQLiteIoMethods for Methods {
    type Store = Store;

    const VERSION: c_int = 2;

    const METHODS: sqlite3_io_methods = sqlite3_io_methods {
        iVersion: 2,
        xClose: Some(Self::xClose),
        xRead: Some(Self::xRead),
        xWrite: Some(Self::xWrite),
        xTruncate: Some(Self::xTruncate),
        xSync: Some(Self::xSync),
        xFileSize: Some(Self::xFileSize),
        xLock: Some(Self::xLock),
        xUnlock: Some(Self::xUnlock),
        xCheckReservedLock: Some(Self::xCheckReservedLock),
        xFileControl: Some(Self::xFileControl),
        xSectorSize: Some(Self::xSectorSize),
        xDeviceCharacteristics: Some(Self::xDeviceCharacteristics),
        xShmMap: Some(Self::shm_map),
        xShmLock: Some(Self::shm_lock),
        xShmBarrier: Some(Self::shm_barrier),
        xShmUnmap: Some(Self::shm_unmap),
        xFetch: Some(Self::xFetch),
        xUnfetch: Some(Self::xUnfetch),
    };
}
