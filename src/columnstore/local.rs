//! Partial results of some rows, group by group: plain loops over narrow columns.
//! Does not know what groups stand for.

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
    let is_kept = |row: usize| {
        let is_meant = match mask {
            Mask::All => true,
            Mask::None => false,
            Mask::Some(mask) => mask[row - first] != 0,
        };
        is_meant && nulls.is_none_or(|nulls| nulls[row] == 0)
    };
    // A place too many, so that every row can be written down before it is known to be kept.
    let mut rows = vec![0; grouped.rows.len() + 1];
    let mut ids = grouped.ids.map(|ids| vec![0; ids.len() + 1]);
    let mut count = 0;
    for at in 0..grouped.rows.len() {
        let row = grouped.rows.row(at);
        rows[count] = row as u32;
        if let (Some(kept), Some(ids)) = (&mut ids, grouped.ids) {
            kept[count] = ids[at];
        }
        count += usize::from(is_kept(row));
    }
    rows.truncate(count);
    if let Some(ids) = &mut ids {
        ids.truncate(count);
    }
    (Rows::List(rows), ids)
}

/// Rows of each group.
pub fn counts(grouped: &Grouped<'_>) -> Vec<i64> {
    let mut counts = vec![0_i64; grouped.count.max(1)];
    match grouped.ids {
        None => counts[0] = grouped.rows.len() as i64,
        Some(ids) => ids.iter().for_each(|id| counts[*id as usize] += 1),
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
fn add<T: Copy + Into<u64>>(values: &[T], min: i64, ids: Option<&[u32]>, sums: &mut [i64]) {
    match ids {
        None => {
            let distances: u64 = values.iter().map(|value| (*value).into()).sum();
            sums[0] = distances as i64 + min * values.len() as i64;
        }
        Some(ids) => {
            for (id, value) in ids.iter().zip(values) {
                sums[*id as usize] += min + (*value).into() as i64;
            }
        }
    }
}

fn ends(is_min: bool, column: &Column, grouped: &Grouped<'_>) -> Values {
    let worst = if is_min { i64::MAX } else { i64::MIN };
    let mut ends = vec![worst; grouped.count.max(1)];
    let min = if column.form == Form::Text { 0 } else { column.min };
    for (at, distance) in column.data.distances(grouped.rows).into_iter().enumerate() {
        let (end, value) = (&mut ends[grouped.group(at)], min.wrapping_add(distance as i64));
        *end = if is_min { value.min(*end) } else { value.max(*end) };
    }
    Values::Ints(ends)
}

/// Each sum with what rounding lost of it (Knuth's TwoSum, which needs no comparison).
fn real_sums(values: &[f64], grouped: &Grouped<'_>) -> Values {
    let mut sums = vec![(0.0_f64, 0.0_f64); grouped.count.max(1)];
    for at in 0..grouped.rows.len() {
        let x = values[grouped.rows.row(at)];
        let (sum, lost) = &mut sums[grouped.group(at)];
        let total = *sum + x;
        let part = total - *sum;
        *lost += (*sum - (total - part)) + (x - part);
        *sum = total;
    }
    Values::Reals(sums)
}

fn real_ends(is_min: bool, values: &[f64], grouped: &Grouped<'_>) -> Values {
    let worst = if is_min { f64::INFINITY } else { f64::NEG_INFINITY };
    let mut ends = vec![(worst, 0.0); grouped.count.max(1)];
    for at in 0..grouped.rows.len() {
        let x = values[grouped.rows.row(at)];
        let end = &mut ends[grouped.group(at)].0;
        *end = if is_min { end.min(x) } else { end.max(x) };
    }
    Values::Reals(ends)
}
