//! Decoded columns, kept while they fit: bounded in bytes, the least recently used go first.
//! Knows segments by number; not where their bytes come from.

use std::rc::Rc;

use lru::LruCache;

use crate::columnstore::column::Column;
use crate::columnstore::head::Entry;
use crate::columnstore::layout::Form;
use crate::error::Result;
use crate::model::numbering::ByteNumbers;

/// Decoded columns of all segments of a database.
#[derive(Debug)]
pub struct ColumnCache {
    columns: LruCache<(i64, usize), Rc<Column>>,
    /// Every text that a column of a dataset has had.
    texts: Vec<(String, ByteNumbers)>,
    bytes: usize,
    text_bytes: usize,
    bytes_max: usize,
}

impl ColumnCache {
    /// Empty, and never of more than so many bytes, but for what one question is just using.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let columns = LruCache::unbounded();
        Self { columns, texts: Vec::new(), bytes: 0, text_bytes: 0, bytes_max }
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

    /// The texts of a column of a dataset, by shared code.
    #[must_use]
    pub fn texts(&self, dataset: &str, column: &str) -> &[Rc<[u8]>] {
        let key = key(dataset, column);
        self.texts.iter().find(|(known, _)| *known == key).map_or(&[], |(_, texts)| texts.keys())
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
        let at = self.texts.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.texts.push((key, ByteNumbers::default()));
            self.texts.len() - 1
        });
        let texts = &mut self.texts[at].1;
        let count = column.dictionary.entries();
        let mut shared = Vec::with_capacity(count);
        for code in 0..count {
            let text = column.dictionary.text(code);
            let known = texts.keys().len();
            shared.push(texts.number(text));
            if texts.keys().len() > known {
                self.text_bytes += text.len() + 64;
            }
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
