//! Sorts keys in little memory and without long pauses: sorted runs in which a key holds only what its
//! predecessor does not begin with, merged at the end. Knows keys as bytes only.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::record::put_varint;

/// A run is sorted when it has so many keys, in a few milliseconds, …
const RUN_KEYS: usize = 16 * 1024;
/// … or so many bytes.
const RUN_BYTES: usize = 1024 * 1024;

/// Keys as they come.
#[derive(Debug)]
pub struct Sorter {
    /// Of the run under way, one behind the other.
    keys: Vec<u8>,
    places: Vec<Place>,
    runs: Vec<Vec<u8>>,
    runs_bytes: usize,
}

/// Where a key stands, and its first bytes, which decide most comparisons.
#[derive(Debug, Clone, Copy)]
struct Place {
    first: u64,
    start: u32,
    end: u32,
}

impl Sorter {
    /// No keys yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: Vec::new(), places: Vec::new(), runs: Vec::new(), runs_bytes: 0 }
    }

    /// Adds the key that `write` appends; none where it returns false.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let start = self.keys.len();
        if !write(&mut self.keys) {
            self.keys.truncate(start);
            return false;
        }
        let key = &self.keys[start..];
        let mut first = [0; 8];
        let shared = key.len().min(8);
        first[..shared].copy_from_slice(&key[..shared]);
        let first = u64::from_be_bytes(first);
        self.places.push(Place { first, start: start as u32, end: self.keys.len() as u32 });
        if self.places.len() >= RUN_KEYS || self.keys.len() >= RUN_BYTES {
            self.close_run();
        }
        true
    }

    /// Memory that the keys hold.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.runs_bytes + self.keys.len() + self.places.len() * size_of::<Place>()
    }

    fn close_run(&mut self) {
        let Self { keys, places, .. } = self;
        let key = |place: &Place| &keys[place.start as usize..place.end as usize];
        places.sort_unstable_by(|a, b| a.first.cmp(&b.first).then_with(|| key(a).cmp(key(b))));
        let mut run = Vec::new();
        let mut previous: &[u8] = &[];
        for place in &*places {
            let key = key(place);
            let shared = previous.iter().zip(key).take_while(|(a, b)| a == b).count();
            put_varint(&mut run, shared as u64);
            put_varint(&mut run, (key.len() - shared) as u64);
            run.extend_from_slice(&key[shared..]);
            previous = key;
        }
        run.shrink_to_fit();
        self.runs_bytes += run.len();
        self.runs.push(run);
        self.keys.clear();
        self.places.clear();
    }

    /// No more keys come: all of them in order.
    #[must_use]
    pub fn merge(mut self) -> Merge {
        if !self.places.is_empty() {
            self.close_run();
        }
        let cursors = self.runs.into_iter().filter_map(|run| {
            let mut cursor = Cursor { run, at: 0, key: Vec::new() };
            cursor.advance().then_some(cursor)
        });
        Merge { cursors: cursors.collect(), is_taken: false }
    }
}

impl Default for Sorter {
    fn default() -> Self {
        Self::new()
    }
}

/// Sorted keys.
#[derive(Debug)]
pub struct Merge {
    /// The one with the smallest key on top.
    cursors: BinaryHeap<Cursor>,
    /// Whether the key on top was handed out.
    is_taken: bool,
}

impl Merge {
    /// The next key.
    pub fn next_key(&mut self) -> Option<&[u8]> {
        if std::mem::replace(&mut self.is_taken, true) {
            let mut top = self.cursors.peek_mut()?;
            if !top.advance() {
                // An empty run gives its memory back at once.
                std::collections::binary_heap::PeekMut::pop(top);
            }
        }
        self.cursors.peek().map(|cursor| cursor.key.as_slice())
    }
}

#[derive(Debug)]
struct Cursor {
    run: Vec<u8>,
    at: usize,
    key: Vec<u8>,
}

impl Cursor {
    fn advance(&mut self) -> bool {
        if self.at == self.run.len() {
            return false;
        }
        let shared = self.number();
        let length = self.number();
        self.key.truncate(shared);
        self.key.extend_from_slice(&self.run[self.at..self.at + length]);
        self.at += length;
        true
    }

    fn number(&mut self) -> usize {
        let mut number = 0;
        loop {
            let byte = self.run[self.at];
            self.at += 1;
            number = number << 7 | usize::from(byte & 0x7f);
            if byte < 0x80 {
                return number;
            }
        }
    }
}

/// The heap's largest is the smallest key.
impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Cursor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_in_order_from_any_number_of_runs() {
        for count in [0, 1, 2, RUN_KEYS, RUN_KEYS + 1, 100_000] {
            let mut sorter = Sorter::new();
            let mut expected = Vec::new();
            let mut seed = 1_u64;
            for _ in 0..count {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let key = format!("{:x}", seed >> (seed >> 58)).into_bytes();
                assert!(sorter.push(|out| {
                    out.extend_from_slice(&key);
                    true
                }));
                expected.push(key);
            }
            expected.sort();
            let mut merge = sorter.merge();
            for key in &expected {
                assert_eq!(merge.next_key(), Some(key.as_slice()));
            }
            assert_eq!(merge.next_key(), None);
        }
    }
}
