//! Groups within a stretch of a segment: each row gets a small number, each number stands for the parts of a
//! key. Does not know measures.

use lotwise_kernels as kernels;

use crate::columnstore::column::{Column, Data};
use crate::columnstore::layout::Form;
use crate::columnstore::select::Rows;
use crate::model::calendar::DAY_MS;
use crate::model::numbering::WordNumbers;
use crate::model::plant::PlantTime;
use crate::model::range::TimeBucket;

/// Most keys: in one stretch each has at most 65,537 values, and places are counted in 128 bits.
pub const KEYS_MAX: usize = 7;
/// Values of one column up to which every one gets a place, there or not.
const DOMAIN_MAX: usize = 1 << 16;

/// Null, where values are words: no value has so many bits.
const NULL: u128 = 1 << 64;

/// A part of a key: an integer, a shared code, the bits of a real, the start of a bucket; or null.
pub type Part = Option<i64>;

/// The groups of some rows.
#[derive(Debug)]
pub struct Grouping<'c> {
    keys: Vec<KeyIds<'c>>,
    /// Where numbers are not places in the product of all keys: the place that each stands for.
    places: Option<WordNumbers>,
    /// The number of each row; none where all are in group 0.
    pub ids: Option<Vec<u32>>,
    /// All numbers are below.
    pub count: usize,
}

/// One key of some rows.
#[derive(Debug)]
struct KeyIds<'c> {
    /// None where all are 0.
    ids: Option<Vec<u32>>,
    count: usize,
    parts: Parts<'c>,
}

#[derive(Debug)]
enum Parts<'c> {
    /// The number is the distance from the least value; the last stands for null.
    From(i64, usize),
    /// It is a code of the dictionary; the one behind the last stands for null.
    Shared(&'c [u32]),
    /// As listed.
    List(Vec<Part>),
}

/// How to make a key of a column.
#[derive(Debug, Clone, Copy)]
pub enum KeyOf<'p> {
    /// Its values.
    Value,
    /// The bucket of its time.
    Bucket(TimeBucket, &'p PlantTime),
    /// All rows of the stretch have this one.
    Fixed(i64),
}

impl<'c> Grouping<'c> {
    /// Of rows by columns.
    pub fn new(keys: &[(KeyOf<'_>, &'c Column)], rows: &Rows) -> Self {
        let mut keys: Vec<KeyIds<'c>> =
            keys.iter().map(|(of, column)| KeyIds::new(*of, column, rows)).collect();
        let product = keys.iter().try_fold(1_usize, |all, key| all.checked_mul(key.count.max(1)));
        let dense = product.filter(|product| *product <= (rows.len() * 4).max(1024));
        if let Some(count) = dense {
            return Self { ids: dense_places(&mut keys), places: None, count, keys };
        }
        let mut known = WordNumbers::default();
        let places = sparse_places(&keys, rows.len());
        let ids = places.into_iter().map(|place| known.number(place)).collect();
        Self { keys, count: known.keys().len(), places: Some(known), ids: Some(ids) }
    }

    /// Writes the parts of a group's key.
    pub fn parts(&self, id: usize, parts: &mut Vec<Part>) {
        parts.clear();
        let mut place = self.places.as_ref().map_or(id as u128, |places| places.keys()[id]);
        for key in self.keys.iter().rev() {
            let count = key.count.max(1) as u128;
            parts.push(key.part((place % count) as usize));
            place /= count;
        }
        parts.reverse();
    }
}

/// The place of each row in the product of all keys; none where all are 0.
fn dense_places(keys: &mut [KeyIds<'_>]) -> Option<Vec<u32>> {
    let mut places: Option<Vec<u32>> = None;
    for key in keys {
        let count = key.count.max(1) as u32;
        places = match (places, key.ids.take()) {
            (None, ids) => ids,
            (Some(mut places), None) => {
                if count > 1 {
                    places.iter_mut().for_each(|place| *place *= count);
                }
                Some(places)
            }
            (Some(mut places), Some(ids)) => {
                kernels::combine(&mut places, count, &ids);
                Some(places)
            }
        };
    }
    places
}

/// The same where places may be many.
fn sparse_places(keys: &[KeyIds<'_>], rows: usize) -> Vec<u128> {
    let mut places = vec![0_u128; rows];
    for key in keys {
        let count = key.count.max(1) as u128;
        match &key.ids {
            None => places.iter_mut().for_each(|place| *place *= count),
            Some(ids) => {
                for (place, id) in places.iter_mut().zip(ids) {
                    *place = *place * count + u128::from(*id);
                }
            }
        }
    }
    places
}

impl<'c> KeyIds<'c> {
    fn new(of: KeyOf<'_>, column: &'c Column, rows: &Rows) -> Self {
        match of {
            KeyOf::Fixed(start) => {
                Self { ids: None, count: 1, parts: Parts::List(vec![Some(start)]) }
            }
            KeyOf::Bucket(bucket, plant) => Self::buckets(bucket, plant, column, rows),
            KeyOf::Value => match column.domain(DOMAIN_MAX) {
                Some(domain) => Self::dense(column, domain, rows),
                None => Self::sparse(column, rows),
            },
        }
    }

    /// Each value that there may be has its number.
    fn dense(column: &'c Column, domain: usize, rows: &Rows) -> Self {
        let parts = match column.form {
            Form::Text => Parts::Shared(&column.dictionary.shared),
            _ => Parts::From(column.min, domain),
        };
        if domain <= 1 && column.nulls.is_none() {
            return Self { ids: None, count: domain, parts };
        }
        let mut ids = column.data.codes(rows);
        set_nulls(column, rows, &mut ids, domain as u32);
        Self { ids: Some(ids), count: domain + usize::from(column.nulls.is_some()), parts }
    }

    /// Values get numbers as they come.
    fn sparse(column: &Column, rows: &Rows) -> Self {
        let mut known = WordNumbers::default();
        let ids = (0..rows.len())
            .map(|at| {
                let row = rows.row(at);
                let value = (!column.is_null(row)).then(|| value_at(column, row));
                known.number(value.map_or(NULL, |value| u128::from(value as u64)))
            })
            .collect();
        let part = |key: &u128| (*key != NULL).then_some(*key as u64 as i64);
        let list: Vec<Part> = known.keys().iter().map(part).collect();
        Self { ids: Some(ids), count: list.len(), parts: Parts::List(list) }
    }

    fn buckets(bucket: TimeBucket, plant: &PlantTime, column: &Column, rows: &Rows) -> Self {
        let unit_ms = if column.form == Form::Days { DAY_MS } else { 1 };
        let mut known = WordNumbers::default();
        // The bucket that the last row was in: mostly the next one is in it too.
        let (mut start, mut end, mut id) = (0, 0, 0);
        let mut id_of = |distance: u64| {
            let ms = column.min.wrapping_add(distance as i64).wrapping_mul(unit_ms);
            if ms < start || ms >= end {
                start = bucket.start(plant, ms);
                end = bucket.next(plant, start);
                id = known.number(u128::from(start as u64));
            }
            id
        };
        let mut ids = match column.domain(DOMAIN_MAX) {
            // Fewer days than rows: each is looked at once.
            Some(domain) if domain <= rows.len() => {
                let of_value: Vec<u32> = (0..domain as u64).map(&mut id_of).collect();
                let mut ids = column.data.codes(rows);
                kernels::replace(&mut ids, &of_value);
                ids
            }
            _ => (0..rows.len()).map(|at| id_of(column.data.at(rows.row(at)))).collect(),
        };
        let mut list: Vec<Part> = known.keys().iter().map(|key| Some(*key as u64 as i64)).collect();
        if column.nulls.is_some() {
            set_nulls(column, rows, &mut ids, list.len() as u32);
            list.push(None);
        }
        Self { ids: Some(ids), count: list.len(), parts: Parts::List(list) }
    }

    fn part(&self, id: usize) -> Part {
        match &self.parts {
            Parts::From(min, domain) => (id < *domain).then(|| min + id as i64),
            Parts::Shared(codes) => codes.get(id).map(|code| i64::from(*code)),
            Parts::List(parts) => parts[id],
        }
    }
}

/// What a column holds in a row that has a value; of reals the bits, the same for both zeros.
pub fn value_at(column: &Column, row: usize) -> i64 {
    match &column.data {
        Data::F64(values) => (values[row] + 0.0).to_bits() as i64,
        data => column.min.wrapping_add(data.at(row) as i64),
    }
}

/// Gives rows without a value that number.
fn set_nulls(column: &Column, rows: &Rows, ids: &mut [u32], number: u32) {
    if column.nulls.is_some() {
        for (at, id) in ids.iter_mut().enumerate() {
            if column.is_null(rows.row(at)) {
                *id = number;
            }
        }
    }
}
