//! Partial results of all segments, group by group. Does not know segments.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use crate::columnstore::group::Part;
use crate::columnstore::local::{Function, Values};

/// What is known of a group's values of one partial result.
#[derive(Debug, Clone, Default)]
pub struct Total {
    /// How many there were.
    pub seen: i64,
    /// Their sum, or the least or greatest of them.
    pub int: i128,
    /// Of reals.
    pub real: f64,
    /// What rounding lost of the sum.
    pub correction: f64,
    /// The least or greatest text.
    pub text: Option<Box<[u8]>>,
}

/// All groups.
#[derive(Debug, Default)]
pub struct Totals {
    index: HashMap<Box<[Part]>, u32, FixedState>,
    /// Key and partial results of each group.
    keys: Vec<Box<[Part]>>,
    totals: Vec<Total>,
    width: usize,
    /// Of each countDistinct: group and value, each pair once.
    pub distinct: Vec<HashSet<(u32, i64), FixedState>>,
}

impl Totals {
    /// No groups; so many partial results of each, and so many countDistinct.
    pub fn new(width: usize, distinct: usize) -> Self {
        let distinct = (0..distinct).map(|_| HashSet::default()).collect();
        Self { width, distinct, ..Self::default() }
    }

    /// The number of the group with that key.
    pub fn group(&mut self, key: &[Part]) -> usize {
        if let Some(group) = self.index.get(key) {
            return *group as usize;
        }
        let group = self.keys.len();
        self.keys.push(key.into());
        self.index.insert(key.into(), group as u32);
        self.totals.resize(self.totals.len() + self.width, Total::default());
        group
    }

    /// A partial result of a group.
    pub fn total(&mut self, group: usize, partial: usize) -> &mut Total {
        &mut self.totals[group * self.width + partial]
    }

    /// Key and partial results of all groups.
    pub fn groups(&self) -> impl Iterator<Item = (&[Part], &[Total])> {
        let width = self.width;
        self.keys
            .iter()
            .enumerate()
            .map(move |(i, key)| (&**key, &self.totals[i * width..(i + 1) * width]))
    }

    /// Key of a group.
    pub fn key(&self, group: u32) -> &[Part] {
        &self.keys[group as usize]
    }
}

impl Total {
    /// Adds what was found of `seen` values, more than none, in one stretch, whose texts `text` knows by code.
    pub fn add<'t>(
        &mut self,
        function: Function,
        seen: i64,
        (values, at): (&Values, usize),
        text: impl Fn(usize) -> Option<&'t [u8]>,
    ) {
        let is_first = self.seen == 0;
        self.seen += seen;
        match (function, values) {
            (_, Values::Counts) | (Function::Count, _) => {}
            (Function::Sum, Values::Ints(sums)) => self.int += i128::from(sums[at]),
            (Function::Sum, Values::Wide(sums)) => self.int += sums[at],
            (Function::Sum, Values::Reals(sums)) => {
                let (sum, lost) = sums[at];
                self.correction += lost;
                self.add_real(sum);
            }
            (_, Values::Ints(ends)) => match text(ends[at] as usize) {
                Some(text) => {
                    let is_better = |known: &[u8]| (function == Function::Min) == (text < known);
                    if self.text.as_deref().is_none_or(is_better) {
                        self.text = Some(text.into());
                    }
                }
                None => {
                    let end = i128::from(ends[at]);
                    let better = if function == Function::Min {
                        self.int.min(end)
                    } else {
                        self.int.max(end)
                    };
                    self.int = if is_first { end } else { better };
                }
            },
            (_, Values::Reals(ends)) => {
                let end = ends[at].0;
                let better =
                    if function == Function::Min { self.real.min(end) } else { self.real.max(end) };
                self.real = if is_first { end } else { better };
            }
            (_, Values::Wide(_)) => {}
        }
    }

    fn add_real(&mut self, x: f64) {
        let total = self.real + x;
        let part = total - self.real;
        self.correction += (self.real - (total - part)) + (x - part);
        self.real = total;
    }
}
