//! Decoded columns, kept while they fit: bounded in bytes, the least recently used go first.
//! Knows segments by number; not where their bytes come from.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;
use lru::LruCache;

use crate::columnstore::column::Column;
use crate::columnstore::head::Entry;
use crate::columnstore::layout::Form;
use crate::error::Result;

/// Decoded columns of all segments of a database.
#[derive(Debug)]
pub struct ColumnCache {
    columns: LruCache<(i64, usize), Rc<Column>>,
    texts: HashMap<String, Texts>,
    bytes: usize,
    text_bytes: usize,
    bytes_max: usize,
}

/// Every text that a column has had, and its shared code.
#[derive(Debug, Default)]
pub struct Texts {
    codes: HashMap<Rc<[u8]>, u32, FixedState>,
    texts: Vec<Rc<[u8]>>,
}

impl Texts {
    /// The text of a shared code.
    #[must_use]
    pub fn text(&self, code: u32) -> &[u8] {
        &self.texts[code as usize]
    }
}

impl ColumnCache {
    /// Empty, and never of more than so many bytes, but for what one question is just using.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let columns = LruCache::unbounded();
        Self { columns, texts: HashMap::new(), bytes: 0, text_bytes: 0, bytes_max }
    }

    /// Bytes that it holds.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes + self.text_bytes
    }

    /// Changes its bound.
    pub fn set_bytes_max(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        self.shrink();
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new(self.bytes_max);
    }

    /// Before a question: shared codes are its own until it has been answered.
    pub fn begin(&mut self) {
        if self.text_bytes > self.bytes_max / 4 {
            self.clear();
        }
    }

    /// The texts of a column of a dataset.
    #[must_use]
    pub fn texts(&self, dataset: &str, column: &str) -> Option<&Texts> {
        self.texts.get(&key(dataset, column))
    }

    /// A column of a segment; `read` gives its bytes where it is not here.
    pub fn column(
        &mut self,
        (segment, rows): (i64, usize),
        dataset: &str,
        (position, entry): (usize, &Entry),
        read: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Rc<Column>> {
        if let Some(column) = self.columns.get(&(segment, position)) {
            return Ok(Rc::clone(column));
        }
        let mut column = Column::decode(entry, rows, &read()?)?;
        if column.form == Form::Text {
            self.share(&mut column, key(dataset, &entry.name));
        }
        let column = Rc::new(column);
        self.bytes += column.bytes();
        self.columns.put((segment, position), Rc::clone(&column));
        self.shrink();
        Ok(column)
    }

    fn share(&mut self, column: &mut Column, key: String) {
        let texts = self.texts.entry(key).or_default();
        let count = column.dictionary.entries();
        let mut shared = Vec::with_capacity(count);
        for code in 0..count {
            let text = column.dictionary.text(code);
            let code = texts.codes.get(text).copied().unwrap_or_else(|| {
                let text: Rc<[u8]> = text.into();
                let code = texts.texts.len() as u32;
                self.text_bytes += text.len() + 64;
                texts.texts.push(Rc::clone(&text));
                texts.codes.insert(text, code);
                code
            });
            shared.push(code);
        }
        column.dictionary.shared = shared;
    }

    fn shrink(&mut self) {
        while self.bytes() > self.bytes_max {
            let Some((_, column)) = self.columns.pop_lru() else { break };
            self.bytes -= column.bytes();
        }
    }
}

fn key(dataset: &str, column: &str) -> String {
    format!("{dataset}\0{column}")
}
