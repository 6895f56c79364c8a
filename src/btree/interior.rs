//! The pages above the leaves, the same for tables and indexes but for what a key is.

use super::page::{Kind, Page, PageSink, Pages};
use crate::error::Result;

/// The levels above the leaves, lowest first.
#[derive(Debug)]
pub struct Interior {
    kind: Kind,
    levels: Vec<Level>,
}

/// A page under way. A child that does not fit waits until it is known that another one follows: if so it
/// becomes the page's right child and its key goes up; if not, the page gives up its last cell, so that
/// the last page of the level does not stay without one.
#[derive(Debug)]
struct Level {
    page: Page,
    held: Option<(u32, Vec<u8>)>,
}

impl Interior {
    pub const fn new(kind: Kind) -> Self {
        Self { kind, levels: Vec::new() }
    }

    /// Whether there is no level yet: the leaf under way is the root.
    pub const fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// A finished leaf, and the key between it and the next one.
    pub fn push(
        &mut self,
        pages: &mut Pages,
        sink: &mut dyn PageSink,
        child: u32,
        key: Vec<u8>,
    ) -> Result<()> {
        self.push_at(0, pages, sink, child, key)
    }

    fn push_at(
        &mut self,
        lowest: usize,
        pages: &mut Pages,
        sink: &mut dyn PageSink,
        mut child: u32,
        mut key: Vec<u8>,
    ) -> Result<()> {
        for at in lowest.. {
            if at == self.levels.len() {
                let page = Page::new(self.kind, pages.page_bytes());
                self.levels.push(Level { page, held: None });
            }
            let level = &mut self.levels[at];
            let Some((held_child, held_key)) = level.held.take() else {
                if level.page.fits(4 + key.len()) {
                    level.page.push(&child.to_be_bytes(), &key);
                } else {
                    level.held = Some((child, key));
                }
                return Ok(());
            };
            level.page.set_right_child(held_child);
            let full = pages.add(sink, level.page.seal())?;
            level.page.clear();
            level.page.push(&child.to_be_bytes(), &key);
            (child, key) = (full, held_key);
        }
        Ok(())
    }

    /// The last leaf, which has no key behind it. The content of the root.
    pub fn finish(
        mut self,
        pages: &mut Pages,
        sink: &mut dyn PageSink,
        mut last_child: u32,
    ) -> Result<Vec<u8>> {
        let mut at = 0;
        loop {
            let level = &mut self.levels[at];
            if let Some((child, key)) = level.held.take() {
                let mut given_up = level.page.pop();
                let up = given_up.split_off(4);
                level
                    .page
                    .set_right_child(u32::from_be_bytes(given_up.try_into().unwrap_or_default()));
                let full = pages.add(sink, level.page.seal())?;
                level.page.clear();
                level.page.push(&child.to_be_bytes(), &key);
                self.push_at(at + 1, pages, sink, full, up)?;
            }
            let is_top = at + 1 == self.levels.len();
            let level = &mut self.levels[at];
            level.page.set_right_child(last_child);
            if is_top {
                return Ok(level.page.seal().to_vec());
            }
            last_child = pages.add(sink, level.page.seal())?;
            at += 1;
        }
    }
}
