//! Partial results of some rows, group by group: plain loops over narrow columns.
//! Does not know what groups stand for.

use std::borrow::Cow;

use lotwise_kernels::{self as kernels, Word};

use crate::columnstore::column::{Column, Data};
use crate::columnstore::layout::Form;
use crate::columnstore::select::{Mask, Rows};

/// Rows and the group of each; none where all are in group 0.
#[derive(Debug)]
pub struct Grouped<'a> {
    /// The rows.
    pub rows: &'a Rows,
    /// Their groups.
    pub ids: Option<&'a [u32]>,
    /// All groups are below.
    pub count: usize,
}

impl Grouped<'_> {
    /// The groups of all rows.
    pub fn groups(&self) -> Cow<'_, [u32]> {
        self.ids.map_or_else(|| Cow::Owned(vec![0; self.rows.len()]), Cow::Borrowed)
    }

    /// The group of the row at a place.
    fn group(&self, at: usize) -> usize {
        self.ids.map_or(0, |ids| ids[at] as usize)
    }
}

/// What is computed of each group's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Number of rows or of values.
    Count,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
}

/// A partial result of each group.
#[derive(Debug)]
pub enum Values {
    /// Only the number of values.
    Counts,
    /// Sums, or least or greatest values.
    Ints(Vec<i64>),
    /// Sums that may not fit into 64 bits.
    Wide(Vec<i128>),
    /// Sums of reals and what rounding lost of them, or least or greatest ones.
    Reals(Vec<(f64, f64)>),
}

/// A sum of so many values of so many bits cannot pass 64 bits.
const NARROW_MAX: u64 = 1 << 46;

/// Those of the rows that a mask from `first` on means and that have a value, with their groups.
pub fn those(
    grouped: &Grouped<'_>,
    (mask, first): (&Mask, usize),
    nulls: Option<&[u8]>,
) -> (Rows, Option<Vec<u32>>) {
    let mask = match mask {
        Mask::All => None,
        Mask::None => return (Rows::Span(first, first), grouped.ids.map(|_| Vec::new())),
        Mask::Some(mask) => Some(mask.as_slice()),
    };
    let rows = grouped.rows.list();
    let (rows, ids) = kernels::those(&rows, grouped.ids, (mask, first), nulls);
    (Rows::List(rows), ids)
}

/// Rows of each group.
pub fn counts(grouped: &Grouped<'_>) -> Vec<i64> {
    let mut counts = vec![0_i64; grouped.count.max(1)];
    match grouped.ids {
        None => counts[0] = grouped.rows.len() as i64,
        Some(ids) => kernels::count(ids, &mut counts),
    }
    counts
}

/// A function over a column, none of whose rows here is null.
pub fn compute(function: Function, column: &Column, grouped: &Grouped<'_>) -> Values {
    match (function, &column.data) {
        (Function::Count, _) => Values::Counts,
        (Function::Sum, Data::F64(values)) => real_sums(values, grouped),
        (_, Data::F64(values)) => real_ends(function == Function::Min, values, grouped),
        (Function::Sum, _) => sums(column, grouped),
        (_, _) => ends(function == Function::Min, column, grouped),
    }
}

fn sums(column: &Column, grouped: &Grouped<'_>) -> Values {
    if column.min.unsigned_abs().max(column.max.unsigned_abs()) > NARROW_MAX {
        let mut sums = vec![0_i128; grouped.count.max(1)];
        for at in 0..grouped.rows.len() {
            let distance = column.data.at(grouped.rows.row(at)) as i64;
            sums[grouped.group(at)] += i128::from(column.min.wrapping_add(distance));
        }
        return Values::Wide(sums);
    }
    let mut sums = vec![0_i64; grouped.count.max(1)];
    match (&column.data, grouped.rows) {
        (Data::Same, _) => {
            counts(grouped).iter().zip(&mut sums).for_each(|(n, sum)| *sum = n * column.min);
        }
        (Data::U8(values), Rows::Span(first, end)) => {
            add(&values[*first..*end], column.min, grouped.ids, &mut sums);
        }
        (Data::U16(values), Rows::Span(first, end)) => {
            add(&values[*first..*end], column.min, grouped.ids, &mut sums);
        }
        (Data::U32(values), Rows::Span(first, end)) => {
            add(&values[*first..*end], column.min, grouped.ids, &mut sums);
        }
        (_, rows) => {
            let values = column.data.distances(rows);
            add(&values, column.min, grouped.ids, &mut sums);
        }
    }
    Values::Ints(sums)
}

/// Adds distances from a least value.
fn add<T: Word>(values: &[T], min: i64, ids: Option<&[u32]>, sums: &mut [i64]) {
    match ids {
        None => sums[0] = T::sum(values) as i64 + min * values.len() as i64,
        Some(ids) => T::add(values, min, ids, sums),
    }
}

fn ends(is_min: bool, column: &Column, grouped: &Grouped<'_>) -> Values {
    let worst = if is_min { i64::MAX } else { i64::MIN };
    let mut ends = vec![worst; grouped.count.max(1)];
    let min = if column.form == Form::Text { 0 } else { column.min };
    let distances = column.data.distances(grouped.rows);
    let values: Vec<i64> = distances.iter().map(|d| min.wrapping_add(*d as i64)).collect();
    kernels::ends(is_min, &values, &grouped.groups(), &mut ends);
    Values::Ints(ends)
}

/// Values of the rows.
fn reals<'v>(values: &'v [f64], rows: &Rows) -> Cow<'v, [f64]> {
    match rows {
        Rows::Span(first, end) => Cow::Borrowed(&values[*first..*end]),
        Rows::List(rows) => rows.iter().map(|row| values[*row as usize]).collect(),
    }
}

fn real_sums(values: &[f64], grouped: &Grouped<'_>) -> Values {
    let mut sums = vec![(0.0, 0.0); grouped.count.max(1)];
    kernels::add_reals(&reals(values, grouped.rows), &grouped.groups(), &mut sums);
    Values::Reals(sums)
}

fn real_ends(is_min: bool, values: &[f64], grouped: &Grouped<'_>) -> Values {
    let worst = if is_min { f64::INFINITY } else { f64::NEG_INFINITY };
    let mut ends = vec![(worst, 0.0); grouped.count.max(1)];
    kernels::real_ends(is_min, &reals(values, grouped.rows), &grouped.groups(), &mut ends);
    Values::Reals(ends)
}
