//! A table's b-tree from rows in ascending order of their rowids.

use super::interior::Interior;
use super::page::{Kind, Page, PageSink, Pages, put_payload};
use super::record::{Record, put_varint};
use crate::error::{Error, Result};

/// A table under way.
#[derive(Debug)]
pub struct TableWriter {
    pages: Pages,
    leaf: Page,
    interior: Interior,
    last_rowid: Option<i64>,
    rows: u64,
    payload: Vec<u8>,
    cell: Vec<u8>,
}

impl TableWriter {
    /// A table whose pages are numbered by `pages`.
    #[must_use]
    pub fn new(pages: Pages) -> Self {
        Self {
            leaf: Page::new(Kind::TableLeaf, pages.page_bytes()),
            interior: Interior::new(Kind::TableInterior),
            pages,
            last_rowid: None,
            rows: 0,
            payload: Vec::new(),
            cell: Vec::new(),
        }
    }

    /// The largest rowid so far.
    #[must_use]
    pub const fn last_rowid(&self) -> Option<i64> {
        self.last_rowid
    }

    /// Rows so far.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row; its rowid is larger than all before it.
    pub fn push(&mut self, sink: &mut dyn PageSink, rowid: i64, record: &Record) -> Result<()> {
        if self.last_rowid.is_some_and(|last| last >= rowid) {
            return Err(Error::Internal { detail: format!("rowid {rowid} is out of order") });
        }
        self.cell.clear();
        put_varint(&mut self.cell, record.length() as u64);
        put_varint(&mut self.cell, rowid as u64);
        let local_max = self.pages.page_bytes() - 35;
        if record.length() <= local_max {
            record.write_to(&mut self.cell);
        } else {
            self.payload.clear();
            record.write_to(&mut self.payload);
            put_payload(&mut self.cell, &self.payload, local_max, &mut self.pages, sink)?;
        }
        if !self.leaf.fits(self.cell.len()) {
            let leaf = self.pages.add(sink, self.leaf.seal())?;
            let mut key = Vec::new();
            put_varint(&mut key, self.last_rowid.unwrap_or_default() as u64);
            self.interior.push(&mut self.pages, sink, leaf, key)?;
            self.leaf.clear();
        }
        self.leaf.push(&self.cell, &[]);
        self.last_rowid = Some(rowid);
        self.rows += 1;
        Ok(())
    }

    /// The content of the root page, and the pages for what comes next.
    pub fn finish(mut self, sink: &mut dyn PageSink) -> Result<(Vec<u8>, Pages)> {
        let root = if self.interior.is_empty() {
            self.leaf.seal().to_vec()
        } else {
            let leaf = self.pages.add(sink, self.leaf.seal())?;
            self.interior.finish(&mut self.pages, sink, leaf)?
        };
        Ok((root, self.pages))
    }
}
