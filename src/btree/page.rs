//! Pages: cells on their way into one, and finished ones on their way out in runs.

use crate::error::{Error, Result};

/// Most bytes that are handed on at once: writes of this size cost least.
const RUN_BYTES_MAX: usize = 1024 * 1024;

/// SQLite locks bytes from here on in a file, so the page that holds them is never used.
const LOCK_BYTE: usize = 0x4000_0000;

/// Takes finished pages.
pub trait PageSink {
    /// The pages `first`, `first + 1`, …, one behind the other.
    fn pages(&mut self, first: u32, bytes: &[u8]) -> Result<()>;
}

/// Numbers pages and hands them on in runs.
#[derive(Debug)]
pub struct Pages {
    page_bytes: usize,
    next: u32,
    run: Vec<u8>,
    run_first: u32,
}

impl Pages {
    /// Pages of that size, numbered from `first` on.
    #[must_use]
    pub const fn new(page_bytes: usize, first: u32) -> Self {
        let next = past_lock(page_bytes, first);
        Self { page_bytes, next, run: Vec::new(), run_first: next }
    }

    /// Bytes of a page.
    #[must_use]
    pub const fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// The number that the next page gets.
    #[must_use]
    pub const fn next(&self) -> u32 {
        self.next
    }

    /// The number of the page after one.
    pub(super) const fn after(&self, page: u32) -> u32 {
        past_lock(self.page_bytes, page + 1)
    }

    /// Takes a finished page; its number.
    pub(super) fn add(&mut self, sink: &mut dyn PageSink, page: &[u8]) -> Result<u32> {
        let number = self.next;
        if number >= u32::MAX - 2 {
            return Err(Error::LimitExceeded {
                limit: "the database has as many pages as SQLite takes".to_owned(),
                way_out: "Move records into archives".to_owned(),
            });
        }
        let run_pages = self.run.len() / self.page_bytes;
        let is_next = number as usize == self.run_first as usize + run_pages;
        if run_pages > 0 && (!is_next || self.run.len() + page.len() > RUN_BYTES_MAX) {
            sink.pages(self.run_first, &self.run)?;
            self.run.clear();
        }
        if self.run.is_empty() {
            self.run_first = number;
        }
        self.run.extend_from_slice(page);
        self.next = self.after(number);
        Ok(number)
    }

    /// Hands on what is left. The last page of all, where there was one.
    pub fn finish(self, sink: &mut dyn PageSink) -> Result<Option<(u32, Vec<u8>)>> {
        // A run is handed on only when another page follows, so the last page is always still here.
        let Some(at) = self.run.len().checked_sub(self.page_bytes) else { return Ok(None) };
        sink.pages(self.run_first, &self.run)?;
        let number = self.run_first + (at / self.page_bytes) as u32;
        Ok(Some((number, self.run[at..].to_vec())))
    }
}

/// The page itself, or the next one where it is the one that is left out.
#[must_use]
pub const fn past_lock(page_bytes: usize, page: u32) -> u32 {
    if page as usize == LOCK_BYTE / page_bytes + 1 { page + 1 } else { page }
}

/// What a page holds, by the first byte of its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    IndexInterior = 2,
    TableInterior = 5,
    IndexLeaf = 10,
    TableLeaf = 13,
}

impl Kind {
    const fn header_bytes(self) -> usize {
        match self {
            Self::IndexInterior | Self::TableInterior => 12,
            Self::IndexLeaf | Self::TableLeaf => 8,
        }
    }
}

/// A page that cells are added to in order. Cells grow down from the end, their pointers up from the
/// header, so that nothing ever has to move.
#[derive(Debug)]
pub(super) struct Page {
    kind: Kind,
    bytes: Vec<u8>,
    cells: usize,
    content: usize,
}

impl Page {
    pub fn new(kind: Kind, page_bytes: usize) -> Self {
        Self { kind, bytes: vec![0; page_bytes], cells: 0, content: page_bytes }
    }

    const fn pointers_end(&self) -> usize {
        self.kind.header_bytes() + 2 * self.cells
    }

    pub const fn fits(&self, length: usize) -> bool {
        self.pointers_end() + 2 + length <= self.content
    }

    /// Adds a cell that fits, given in two parts.
    pub fn push(&mut self, head: &[u8], tail: &[u8]) {
        let pointer = self.pointers_end();
        self.content -= head.len() + tail.len();
        let middle = self.content + head.len();
        self.bytes[self.content..middle].copy_from_slice(head);
        self.bytes[middle..middle + tail.len()].copy_from_slice(tail);
        self.bytes[pointer..pointer + 2].copy_from_slice(&(self.content as u16).to_be_bytes());
        self.cells += 1;
    }

    /// Takes the last cell off again.
    pub fn pop(&mut self) -> Vec<u8> {
        let end = if self.cells == 1 {
            self.bytes.len()
        } else {
            let at = self.pointers_end() - 4;
            usize::from(u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]))
        };
        let cell = self.bytes[self.content..end].to_vec();
        self.content = end;
        self.cells -= 1;
        cell
    }

    /// The child behind all cells of an interior page.
    pub fn set_right_child(&mut self, child: u32) {
        self.bytes[8..12].copy_from_slice(&child.to_be_bytes());
    }

    /// The finished page.
    pub fn seal(&mut self) -> &[u8] {
        let free = self.pointers_end()..self.content;
        // What earlier cells left behind is nobody's business.
        self.bytes[free].fill(0);
        self.bytes[0] = self.kind as u8;
        self.bytes[1..3].fill(0);
        self.bytes[3..5].copy_from_slice(&(self.cells as u16).to_be_bytes());
        // 65,536 is written as 0.
        self.bytes[5..7].copy_from_slice(&(self.content as u16).to_be_bytes());
        self.bytes[7] = 0;
        &self.bytes
    }

    /// Begins the next page.
    pub fn clear(&mut self) {
        self.cells = 0;
        self.content = self.bytes.len();
    }
}

/// Appends what stands in a cell of a payload: all of it, or its beginning and where the rest is.
pub(super) fn put_payload(
    cell: &mut Vec<u8>,
    payload: &[u8],
    local_max: usize,
    pages: &mut Pages,
    sink: &mut dyn PageSink,
) -> Result<()> {
    let usable = pages.page_bytes();
    if payload.len() <= local_max {
        cell.extend_from_slice(payload);
        return Ok(());
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let fitting = least + (payload.len() - least) % (usable - 4);
    let local = if fitting <= local_max { fitting } else { least };
    cell.extend_from_slice(&payload[..local]);
    cell.extend_from_slice(&pages.next().to_be_bytes());
    let mut page = vec![0; usable];
    let mut rest = &payload[local..];
    while !rest.is_empty() {
        let (part, more) = rest.split_at(rest.len().min(usable - 4));
        let next = if more.is_empty() { 0 } else { pages.after(pages.next()) };
        page[..4].copy_from_slice(&next.to_be_bytes());
        page[4..4 + part.len()].copy_from_slice(part);
        page[4 + part.len()..].fill(0);
        pages.add(sink, &page)?;
        rest = more;
    }
    Ok(())
}
