//! A disk made of another VFS that SQLite knows: the pool of OPFS handles in the browser, the native file
//! system elsewhere. Takes its files, not its locks: who stands on it is alone.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{NonNull, null};

use rsqlite_vfs::ffi::{
    SQLITE_ACCESS_EXISTS, SQLITE_IOERR_WRITE, SQLITE_OK, SQLITE_OPEN_READONLY, SQLITE_SYNC_NORMAL,
    sqlite3_file, sqlite3_io_methods, sqlite3_vfs,
};
use rsqlite_vfs::{OpenAccess, OpenOptions, VfsError, VfsErrorCode, VfsResult, registered_vfs};

use super::disk::{Disk, DiskFile};

/// SQLite's VFS for Unix takes no more than 128 KiB at a time; the pool of OPFS handles takes anything.
const WRITE_BYTES_MAX: usize = if cfg!(target_arch = "wasm32") { 1 << 30 } else { 1 << 16 };

/// Another VFS as a disk.
pub struct Parent {
    vfs: NonNull<sqlite3_vfs>,
}

impl Parent {
    /// The VFS that is registered under a name.
    ///
    /// # Errors
    ///
    /// Where there is none. It has to stay registered for as long as this stands on it.
    pub fn named(name: &str) -> VfsResult<Self> {
        // SAFETY: called on the thread that uses SQLite; the caller keeps the VFS registered.
        let found = unsafe { registered_vfs(name) }.ok().flatten().and_then(NonNull::new);
        found.map(|vfs| Self { vfs }).ok_or_else(|| {
            VfsError::new(VfsErrorCode::NotFound, format!("there is no VFS '{name}'").into())
        })
    }

    fn methods(&self) -> &sqlite3_vfs {
        // SAFETY: registered, see `named`; SQLite changes only its `pNext`, which is not looked at here.
        unsafe { self.vfs.as_ref() }
    }

    fn fail(&self, code: i32) -> VfsError {
        fail(self.vfs, code)
    }
}

/// What the parent says about a failure. A write that came out short means that storage is full: browsers
/// return odd counts then instead of throwing.
fn fail(vfs: NonNull<sqlite3_vfs>, code: i32) -> VfsError {
    let mut text = [0_u8; 256];
    // SAFETY: registered; the buffer is as long as it says, and the text ends with NUL.
    unsafe {
        if let Some(last_error) = vfs.as_ref().xGetLastError {
            last_error(vfs.as_ptr(), text.len() as i32 - 1, text.as_mut_ptr().cast());
        }
    }
    let message = CStr::from_bytes_until_nul(&text).map_or("", |text| text.to_str().unwrap_or(""));
    let code = match VfsErrorCode::from_raw(code) {
        Some(VfsErrorCode::IoWrite) if message.contains("expected") => VfsErrorCode::Full,
        Some(code) => code,
        None => VfsErrorCode::Io,
    };
    VfsError::new(code, message.to_owned().into())
}

/// A name as SQLite hands them to a VFS: four zero bytes before it, and no parameters after it.
struct FileName(Vec<u8>);

const ZEROS_BEFORE: usize = 4;

impl FileName {
    fn new(name: &str) -> Self {
        let mut bytes = vec![0; ZEROS_BEFORE];
        bytes.extend_from_slice(name.as_bytes());
        // Ends of the name, of the parameters, of the names of journal and WAL.
        bytes.extend_from_slice(&[0; 4]);
        Self(bytes)
    }

    fn as_ptr(&self) -> *const c_char {
        self.0[ZEROS_BEFORE..].as_ptr().cast()
    }
}

impl Disk for Parent {
    fn open(&self, name: Option<&str>, options: OpenOptions) -> VfsResult<Box<dyn DiskFile>> {
        let Some(open) = self.methods().xOpen else { return Err(self.fail(SQLITE_OK)) };
        let words = (self.methods().szOsFile.unsigned_abs() as usize).div_ceil(8);
        let mut file = ParentFile {
            vfs: self.vfs,
            memory: vec![0_u64; words].into_boxed_slice(),
            _name: name.map(FileName::new),
        };
        let name = file._name.as_ref().map_or(null(), FileName::as_ptr);
        let mut got = 0;
        // SAFETY: the memory has the size that the VFS asks for, zeroed and aligned to eight bytes; it and
        // the name live as long as the file.
        let code = unsafe {
            open(self.vfs.as_ptr(), name, file.as_ptr(), options.raw_flags(), &raw mut got)
        };
        // Dropped after a failure, the file is closed where it has methods, as SQLite does it.
        if code != SQLITE_OK {
            return Err(self.fail(code));
        }
        if options.access() == OpenAccess::ReadWrite && got & SQLITE_OPEN_READONLY != 0 {
            return Err(VfsError::new(VfsErrorCode::CantOpen, "it can only be read".into()));
        }
        Ok(Box::new(file))
    }

    fn delete(&self, name: &str, sync: bool) -> VfsResult<()> {
        let name = FileName::new(name);
        let Some(delete) = self.methods().xDelete else { return Err(self.fail(SQLITE_OK)) };
        // SAFETY: the name ends with NUL.
        match unsafe { delete(self.vfs.as_ptr(), name.as_ptr(), i32::from(sync)) } {
            SQLITE_OK => Ok(()),
            code => Err(self.fail(code)),
        }
    }

    fn exists(&self, name: &str) -> VfsResult<bool> {
        let name = FileName::new(name);
        let Some(access) = self.methods().xAccess else { return Err(self.fail(SQLITE_OK)) };
        let mut exists = 0;
        // SAFETY: the name ends with NUL, the result goes into a variable.
        let code = unsafe {
            access(self.vfs.as_ptr(), name.as_ptr(), SQLITE_ACCESS_EXISTS, &raw mut exists)
        };
        if code == SQLITE_OK { Ok(exists != 0) } else { Err(self.fail(code)) }
    }

    fn full_name(&self, name: &str) -> VfsResult<String> {
        let bad = || VfsError::new(VfsErrorCode::CantOpen, "the name is no file name".into());
        let name = CString::new(name).map_err(|_| bad())?;
        let mut full = vec![0_u8; self.methods().mxPathname.unsigned_abs() as usize + 1];
        let Some(full_path) = self.methods().xFullPathname else { return Err(bad()) };
        let length = i32::try_from(full.len()).map_err(|_| bad())?;
        // SAFETY: the name ends with NUL; the buffer is as long as it says.
        let code = unsafe {
            full_path(self.vfs.as_ptr(), name.as_ptr(), length, full.as_mut_ptr().cast())
        };
        // What is no error but a hint (a symbolic link was followed) fills the upper bytes alone.
        if code & 0xff != SQLITE_OK {
            return Err(self.fail(code));
        }
        let full = CStr::from_bytes_until_nul(&full).map_err(|_| bad())?;
        full.to_str().map(str::to_owned).map_err(|_| bad())
    }
}

struct ParentFile {
    vfs: NonNull<sqlite3_vfs>,
    /// The parent's file object.
    memory: Box<[u64]>,
    /// The parent may keep a pointer to it.
    _name: Option<FileName>,
}

impl ParentFile {
    const fn as_ptr(&mut self) -> *mut sqlite3_file {
        self.memory.as_mut_ptr().cast()
    }

    fn methods(&self) -> Option<&sqlite3_io_methods> {
        // SAFETY: the memory begins with a `sqlite3_file`, zeroed or filled by the parent.
        unsafe { (*self.memory.as_ptr().cast::<sqlite3_file>()).pMethods.as_ref() }
    }

    /// Calls one of the methods, which every parent has.
    fn call(
        &mut self,
        method: impl FnOnce(&sqlite3_io_methods, *mut sqlite3_file) -> Option<i32>,
    ) -> VfsResult<()> {
        let file = self.as_ptr();
        let code = self.methods().and_then(|methods| method(methods, file));
        match code {
            Some(SQLITE_OK) => Ok(()),
            code => Err(fail(self.vfs, code.unwrap_or(SQLITE_IOERR_WRITE))),
        }
    }
}

/// SQLite counts with 31 bits in one call, and signed 63 in a file.
fn amount(bytes: &[u8], offset: u64) -> VfsResult<(i32, i64)> {
    let too_large = |_| VfsError::new(VfsErrorCode::Full, "beyond what a file can hold".into());
    Ok((i32::try_from(bytes.len()).map_err(too_large)?, i64::try_from(offset).map_err(too_large)?))
}

impl DiskFile for ParentFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> VfsResult<()> {
        let (amount, offset) = amount(buffer, offset)?;
        let to = buffer.as_mut_ptr().cast();
        // SAFETY: open, and the buffer is as long as it says.
        self.call(|methods, file| unsafe {
            methods.xRead.map(|read| read(file, to, amount, offset))
        })
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> VfsResult<()> {
        for (at, piece) in (offset..).step_by(WRITE_BYTES_MAX).zip(bytes.chunks(WRITE_BYTES_MAX)) {
            let (amount, at) = amount(piece, at)?;
            let from = piece.as_ptr().cast();
            // SAFETY: open, and there are as many bytes as it says.
            self.call(|methods, file| unsafe {
                methods.xWrite.map(|write| write(file, from, amount, at))
            })?;
        }
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        let (_, size) = amount(&[], size)?;
        // SAFETY: open.
        self.call(|methods, file| unsafe { methods.xTruncate.map(|truncate| truncate(file, size)) })
    }

    fn sync(&mut self) -> VfsResult<()> {
        // SAFETY: open.
        self.call(|methods, file| unsafe {
            methods.xSync.map(|sync| sync(file, SQLITE_SYNC_NORMAL))
        })
    }

    fn size(&self) -> VfsResult<u64> {
        let mut size = 0;
        let code = self.methods().and_then(|methods| methods.xFileSize).map(|file_size| {
            // SAFETY: open; asking for the size changes nothing in the file object.
            unsafe { file_size(self.memory.as_ptr().cast_mut().cast(), &raw mut size) }
        });
        match (code, u64::try_from(size)) {
            (Some(SQLITE_OK), Ok(size)) => Ok(size),
            (code, _) => Err(fail(self.vfs, code.unwrap_or(SQLITE_OK))),
        }
    }
}

impl Drop for ParentFile {
    fn drop(&mut self) {
        let file = self.as_ptr();
        if let Some(close) = self.methods().and_then(|methods| methods.xClose) {
            // SAFETY: open, and closed once.
            _ = unsafe { close(file) };
        }
    }
}
