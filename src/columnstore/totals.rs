//! Partial results of all segments, group by group. Does not know segments.

use crate::columnstore::group::Part;
use crate::columnstore::local::{Function, Values};
use crate::model::numbering::{ByteNumbers, WordNumbers};

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
    /// Keys of all groups, each part a byte that tells null and eight more.
    keys: ByteNumbers,
    key: Vec<u8>,
    /// Partial results, of each group so many.
    totals: Vec<Total>,
    width: usize,
    /// Of each countDistinct: group and value, each pair once.
    pub distinct: Vec<WordNumbers>,
}

const PART_BYTES: usize = 9;

impl Totals {
    /// No groups; so many partial results of each, and so many countDistinct.
    pub fn new(width: usize, distinct: usize) -> Self {
        Self { width, distinct: vec![WordNumbers::default(); distinct], ..Self::default() }
    }

    /// The number of the group with that key.
    pub fn group(&mut self, key: &[Part]) -> usize {
        self.key.clear();
        for part in key {
            self.key.push(u8::from(part.is_some()));
            self.key.extend_from_slice(&part.unwrap_or(0).to_le_bytes());
        }
        let group = self.keys.number(&self.key) as usize;
        let totals = self.keys.keys().len() * self.width;
        if self.totals.len() < totals {
            self.totals.resize(totals, Total::default());
        }
        group
    }

    /// A partial result of a group.
    pub fn total(&mut self, group: usize, partial: usize) -> &mut Total {
        &mut self.totals[group * self.width + partial]
    }

    /// Key and partial results of all groups.
    pub fn groups(&self) -> impl Iterator<Item = (Vec<Part>, &[Total])> {
        let width = self.width;
        let totals = move |group: usize| &self.totals[group * width..(group + 1) * width];
        (0..self.keys.keys().len()).map(move |group| (self.key(group as u32), totals(group)))
    }

    /// Key of a group.
    pub fn key(&self, group: u32) -> Vec<Part> {
        let (parts, _) = self.keys.keys()[group as usize].as_chunks::<PART_BYTES>();
        parts
            .iter()
            .map(|[is_there, value @ ..]| (*is_there != 0).then_some(i64::from_le_bytes(*value)))
            .collect()
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
