//! An index's b-tree from keys in order; and the whole way there from rows in any order.

use super::interior::Interior;
use super::key::KeyShape;
use super::page::{Kind, Page, PageSink, Pages, put_payload};
use super::record::{Record, put_varint};
use super::sorter::{Merge, Sorter};
use crate::error::Result;
use crate::model::value::ValueRef;

/// An index under way, from records that are sorted already.
#[derive(Debug)]
pub struct IndexWriter {
    pages: Pages,
    leaf: Page,
    /// Did not fit into the leaf: goes up between it and the next one, once there is a next one.
    held: Option<Vec<u8>>,
    interior: Interior,
    payload: Vec<u8>,
    cell: Vec<u8>,
}

impl IndexWriter {
    /// An index whose pages are numbered by `pages`.
    #[must_use]
    pub fn new(pages: Pages) -> Self {
        Self {
            leaf: Page::new(Kind::IndexLeaf, pages.page_bytes()),
            held: None,
            interior: Interior::new(Kind::IndexInterior),
            pages,
            payload: Vec::new(),
            cell: Vec::new(),
        }
    }

    /// Adds a key with its rowid at the end; it sorts behind all before it.
    pub fn push(&mut self, sink: &mut dyn PageSink, record: &Record) -> Result<()> {
        self.cell.clear();
        put_varint(&mut self.cell, record.length() as u64);
        self.payload.clear();
        record.write_to(&mut self.payload);
        let local_max = (self.pages.page_bytes() - 12) * 64 / 255 - 23;
        put_payload(&mut self.cell, &self.payload, local_max, &mut self.pages, sink)?;
        if let Some(up) = self.held.take() {
            let leaf = self.pages.add(sink, self.leaf.seal())?;
            self.interior.push(&mut self.pages, sink, leaf, up)?;
            self.leaf.clear();
            self.leaf.push(&self.cell, &[]);
        } else if self.leaf.fits(self.cell.len()) {
            self.leaf.push(&self.cell, &[]);
        } else {
            self.held = Some(self.cell.clone());
        }
        Ok(())
    }

    /// The content of the root page, and the pages for what comes next.
    pub fn finish(mut self, sink: &mut dyn PageSink) -> Result<(Vec<u8>, Pages)> {
        if let Some(cell) = self.held.take() {
            // There is no next leaf yet, and one without a cell may not be.
            let up = self.leaf.pop();
            let leaf = self.pages.add(sink, self.leaf.seal())?;
            self.interior.push(&mut self.pages, sink, leaf, up)?;
            self.leaf.clear();
            self.leaf.push(&cell, &[]);
        }
        let root = if self.interior.is_empty() {
            self.leaf.seal().to_vec()
        } else {
            let leaf = self.pages.add(sink, self.leaf.seal())?;
            self.interior.finish(&mut self.pages, sink, leaf)?
        };
        Ok((root, self.pages))
    }
}

/// The keys of an index as they come, in any order.
#[derive(Debug)]
pub struct IndexKeys {
    shape: KeyShape,
    unique: bool,
    sorter: Sorter,
}

impl IndexKeys {
    /// No keys yet.
    #[must_use]
    pub const fn new(shape: KeyShape, unique: bool) -> Self {
        Self { shape, unique, sorter: Sorter::new() }
    }

    /// Adds the key of a row, its values in the order of the index. False where this cannot be done here
    /// (see [`KeyShape::encode`]).
    pub fn push<'v>(&mut self, value: impl Fn(usize) -> ValueRef<'v>, rowid: i64) -> bool {
        self.sorter.push(|out| self.shape.encode(value, rowid, out))
    }

    /// Memory that the keys hold.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.sorter.bytes()
    }

    /// No more keys come: what is left is to merge them into pages.
    #[must_use]
    pub fn build(self, pages: Pages) -> IndexBuild {
        IndexBuild {
            writer: IndexWriter::new(pages),
            merge: self.sorter.merge(),
            shape: self.shape,
            unique: self.unique,
            record: Record::default(),
            previous: Vec::new(),
            duplicate: None,
        }
    }
}

/// Sorted runs of keys on their way into an index.
#[derive(Debug)]
pub struct IndexBuild {
    writer: IndexWriter,
    merge: Merge,
    shape: KeyShape,
    unique: bool,
    record: Record,
    /// The columns of the last key, where it may not come twice.
    previous: Vec<u8>,
    duplicate: Option<i64>,
}

impl IndexBuild {
    /// Goes on for so many keys; true when there are none left.
    pub fn step(&mut self, sink: &mut dyn PageSink, keys: usize) -> Result<bool> {
        for _ in 0..keys {
            let Some(key) = self.merge.next_key() else { return Ok(true) };
            let decoded = self.shape.decode(key, &mut self.record);
            if self.unique && !decoded.has_null {
                let columns = &key[..decoded.columns_bytes];
                // Of rows alike the first in the table stands first here.
                if columns == self.previous {
                    let first = self.duplicate.unwrap_or(decoded.rowid);
                    self.duplicate = Some(first.min(decoded.rowid));
                }
                self.previous.clear();
                self.previous.extend_from_slice(columns);
            }
            if self.duplicate.is_none() {
                self.writer.push(sink, &self.record)?;
            }
        }
        Ok(false)
    }

    /// The smallest rowid of a row whose key another row before it has, where none may.
    #[must_use]
    pub const fn duplicate(&self) -> Option<i64> {
        self.duplicate
    }

    /// The content of the root page, and the pages for what comes next.
    pub fn finish(self, sink: &mut dyn PageSink) -> Result<(Vec<u8>, Pages)> {
        self.writer.finish(sink)
    }
}
