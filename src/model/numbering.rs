//! Gives each different key a number, counted from 0 in the order in which they come.
//! Does not know what keys stand for. One type for words and one for bytes, so that the code of a hash table is
//! there twice and not a dozen times.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;

/// Numbers of words.
#[derive(Debug, Clone, Default)]
pub struct WordNumbers {
    numbers: HashMap<u128, u32, FixedState>,
    keys: Vec<u128>,
}

/// Numbers of byte strings.
#[derive(Debug, Clone, Default)]
pub struct ByteNumbers {
    numbers: HashMap<Rc<[u8]>, u32, FixedState>,
    keys: Vec<Rc<[u8]>>,
}

impl WordNumbers {
    /// The number of a key, a new one where it is new.
    pub fn number(&mut self, key: u128) -> u32 {
        let next = self.keys.len() as u32;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.keys.push(key);
        }
        number
    }

    /// The keys, in the order of their numbers.
    #[must_use]
    pub fn keys(&self) -> &[u128] {
        &self.keys
    }
}

impl ByteNumbers {
    /// The number of a key that is there.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    /// The number of a key, a new one where it is new.
    pub fn number(&mut self, key: &[u8]) -> u32 {
        if let Some(number) = self.find(key) {
            return number;
        }
        let number = self.keys.len() as u32;
        let key: Rc<[u8]> = key.into();
        self.keys.push(Rc::clone(&key));
        self.numbers.insert(key, number);
        number
    }

    /// The keys, in the order of their numbers.
    #[must_use]
    pub fn keys(&self) -> &[Rc<[u8]>] {
        &self.keys
    }
}
