//! A statement that is stepped from call to call: rusqlite ties a statement to the borrow of its connection,
//! a stream outlives every call.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::rc::Rc;

use rusqlite::{Rows, Statement as Prepared};

use crate::error::{Error, Result};
use crate::model::value::ValueRef;
use crate::platform::bind::{bind_all, borrow, recycle};
use crate::platform::sqlite::Core;
use crate::storage::port::{Author, Cursor, Statement};

/// A statement under way.
pub struct SqliteCursor {
    /// Borrows the statement; gone before it.
    rows: Option<Rows<'static>>,
    /// Borrows the connection in `core`; gone before it.
    statement: NonNull<Prepared<'static>>,
    core: Rc<Core>,
    names: Vec<String>,
    /// SQLite may prepare it again when it is stepped, and asks the authorizer then.
    for_caller: bool,
}

impl std::fmt::Debug for SqliteCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteCursor").field("names", &self.names).finish_non_exhaustive()
    }
}

impl SqliteCursor {
    pub(super) fn open(core: &Rc<Core>, statement: Statement<'_>) -> Result<Self> {
        let Statement { sql, params, author } = statement;
        let for_caller = author == Author::Caller;
        core.guarded(sql, for_caller, || {
            let mut prepared = core.connection.prepare(sql).map_err(|e| core.error(e))?;
            if !prepared.readonly() {
                return Err(Error::sql("a stream only reads; this statement writes"));
            }
            bind_all(&mut prepared, params).map_err(|e| e.unwrap_or_else(|e| core.error(e)))?;
            let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
            // SAFETY: the connection lives in an Rc that this holds on to, and it does not move in there.
            let prepared =
                unsafe { std::mem::transmute::<Prepared<'_>, Prepared<'static>>(prepared) };
            let mut statement = NonNull::from(Box::leak(Box::new(prepared)));
            // SAFETY: nobody else has the pointer; it is freed in `drop`, after the rows.
            let rows = unsafe { statement.as_mut() }.raw_query();
            Ok(Self { rows: Some(rows), statement, core: Rc::clone(core), names, for_caller })
        })
    }
}

impl Cursor for SqliteCursor {
    fn columns(&self) -> &[String] {
        &self.names
    }

    fn next(&mut self, take: &mut dyn FnMut(&[ValueRef<'_>]) -> Result<bool>) -> Result<bool> {
        let Some(rows) = &mut self.rows else { return Ok(false) };
        let (core, width) = (&self.core, self.names.len());
        let more = core.guarded("", self.for_caller, || {
            core.running(false, || {
                let mut values = Vec::with_capacity(width);
                while let Some(row) = rows.next().map_err(|e| core.error(e))? {
                    for i in 0..width {
                        values.push(borrow(row.get_ref(i).map_err(|e| core.error(e))?));
                    }
                    if !take(&values)? {
                        return Ok(true);
                    }
                    values = recycle(values);
                }
                Ok(false)
            })
        })?;
        if !more {
            self.rows = None;
        }
        Ok(more)
    }
}

impl Drop for SqliteCursor {
    fn drop(&mut self) {
        self.rows = None;
        // SAFETY: leaked by `open`, freed once, and the rows that borrowed it are gone.
        drop(unsafe { Box::from_raw(self.statement.as_ptr()) });
    }
}
