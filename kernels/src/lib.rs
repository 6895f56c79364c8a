//! The loops of the columnstore: over one column of narrow values, for as many rows as a segment has.
//! A package of its own, so that it is compiled for speed while everything else is compiled for size: a profile has
//! one level for a package. Knows slices and numbers; not columns, groups or queries.

#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod recent;

/// A stored value: a code, or a distance from the least value of its column.
pub trait Word: Copy + Into<u64> {
    /// 1 for each value from `least` to `least + span`.
    fn between(values: &[Self], least: u64, span: u64) -> Vec<u8>;
    /// What a table says of each value.
    fn look_up(values: &[Self], table: &[u8]) -> Vec<u8>;
    /// The values, all of which are below 2^32.
    fn codes(values: &[Self]) -> Vec<u32>;
    /// The values of rows, all of which are below 2^32.
    fn codes_of(values: &[Self], rows: &[u32]) -> Vec<u32>;
    /// The values of rows.
    fn distances_of(values: &[Self], rows: &[u32]) -> Vec<u64>;
    /// Their sum.
    fn sum(values: &[Self]) -> u64;
    /// Adds each value and `min` to the sum of its group.
    fn add(values: &[Self], min: i64, groups: &[u32], sums: &mut [i64]);
}

macro_rules! words {
    ($($word:ty),*) => {$(
        impl Word for $word {
            fn between(values: &[Self], least: u64, span: u64) -> Vec<u8> {
                let (least, span) = (least as $word, span as $word);
                let mut mask = vec![0; values.len()];
                for (is_meant, value) in mask.iter_mut().zip(values) {
                    *is_meant = u8::from(value.wrapping_sub(least) <= span);
                }
                mask
            }

            fn look_up(values: &[Self], table: &[u8]) -> Vec<u8> {
                let mut found = vec![0; values.len()];
                for (found, value) in found.iter_mut().zip(values) {
                    *found = table[*value as usize];
                }
                found
            }

            fn codes(values: &[Self]) -> Vec<u32> {
                let mut codes = vec![0; values.len()];
                for (code, value) in codes.iter_mut().zip(values) {
                    *code = *value as u32;
                }
                codes
            }

            fn codes_of(values: &[Self], rows: &[u32]) -> Vec<u32> {
                let mut codes = vec![0; rows.len()];
                for (code, row) in codes.iter_mut().zip(rows) {
                    *code = values[*row as usize] as u32;
                }
                codes
            }

            fn distances_of(values: &[Self], rows: &[u32]) -> Vec<u64> {
                let mut distances = vec![0; rows.len()];
                for (distance, row) in distances.iter_mut().zip(rows) {
                    *distance = values[*row as usize] as u64;
                }
                distances
            }

            fn sum(values: &[Self]) -> u64 {
                values.iter().fold(0, |sum: u64, value| sum.wrapping_add(*value as u64))
            }

            fn add(values: &[Self], min: i64, groups: &[u32], sums: &mut [i64]) {
                for (group, value) in groups.iter().zip(values) {
                    sums[*group as usize] += min + *value as i64;
                }
            }
        }
    )*};
}

words!(u8, u16, u32, u64);

/// The rows with 1 in a mask that begins at row `first`.
#[must_use]
pub fn rows_of(mask: &[u8], first: u32) -> Vec<u32> {
    // A place too many, so that every row can be written down before it is known to be meant.
    let mut rows = vec![0; mask.len() + 1];
    let mut count = 0;
    for (row, is_meant) in (first..).zip(mask) {
        rows[count] = row;
        count += usize::from(*is_meant);
    }
    rows.truncate(count);
    rows
}

/// Those of the rows that have 1 in the first mask, which begins at row `first`, and 0 in the second, with their
/// groups.
#[must_use]
pub fn those(
    rows: &[u32],
    groups: Option<&[u32]>,
    (mask, first): (Option<&[u8]>, usize),
    nulls: Option<&[u8]>,
) -> (Vec<u32>, Option<Vec<u32>>) {
    let mut kept = vec![0; rows.len() + 1];
    let mut kept_groups = groups.map(|groups| vec![0; groups.len() + 1]);
    let mut count = 0;
    for (at, row) in rows.iter().enumerate() {
        let index = *row as usize;
        kept[count] = *row;
        if let (Some(kept), Some(groups)) = (&mut kept_groups, groups) {
            kept[count] = groups[at];
        }
        let is_meant = mask.is_none_or(|mask| mask[index - first] != 0);
        count += usize::from(is_meant && nulls.is_none_or(|nulls| nulls[index] == 0));
    }
    kept.truncate(count);
    if let Some(groups) = &mut kept_groups {
        groups.truncate(count);
    }
    (kept, kept_groups)
}

/// Places of rows in a product of keys, one key more: each place times `count`, and what `ids` adds.
pub fn combine(places: &mut [u32], count: u32, ids: &[u32]) {
    for (place, id) in places.iter_mut().zip(ids) {
        *place = *place * count + *id;
    }
}

/// Replaces each number by what a table has for it.
pub fn replace(ids: &mut [u32], table: &[u32]) {
    for id in ids {
        *id = table[*id as usize];
    }
}

/// Adds the rows of each group.
pub fn count(groups: &[u32], counts: &mut [i64]) {
    for group in groups {
        counts[*group as usize] += 1;
    }
}

/// Marks each pair of group and code.
pub fn mark(groups: &[u32], codes: &[u32], domain: usize, marks: &mut [bool]) {
    for (group, code) in groups.iter().zip(codes) {
        marks[*group as usize * domain + *code as usize] = true;
    }
}

/// Adds reals to the sums of their groups, each with what rounding lost of it (Knuth's TwoSum, which needs no
/// comparison).
pub fn add_reals(values: &[f64], groups: &[u32], sums: &mut [(f64, f64)]) {
    for (group, x) in groups.iter().zip(values) {
        let (sum, lost) = &mut sums[*group as usize];
        let total = *sum + x;
        let part = total - *sum;
        *lost += (*sum - (total - part)) + (x - part);
        *sum = total;
    }
}

/// The least or greatest of each group's values.
pub fn ends(is_min: bool, values: &[i64], groups: &[u32], ends: &mut [i64]) {
    for (group, value) in groups.iter().zip(values) {
        let end = &mut ends[*group as usize];
        *end = if is_min { (*value).min(*end) } else { (*value).max(*end) };
    }
}

/// The same of reals, in the first of each pair.
pub fn real_ends(is_min: bool, values: &[f64], groups: &[u32], ends: &mut [(f64, f64)]) {
    for (group, x) in groups.iter().zip(values) {
        let end = &mut ends[*group as usize].0;
        *end = if is_min { end.min(*x) } else { end.max(*x) };
    }
}
