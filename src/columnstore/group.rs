//! Groups within a stretch of a segment: each row gets a small number, each number stands for the parts of a
//! key. Does not know measures.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::columnstore::column::{Column, Data};
use crate::columnstore::layout::Form;
use crate::columnstore::select::Rows;
use crate::model::calendar::DAY_MS;
use crate::model::plant::PlantTime;
use crate::model::range::TimeBucket;

/// Most keys: in one stretch each has at most 65,537 values, and places are counted in 128 bits.
pub const KEYS_MAX: usize = 7;
/// Values of one column up to which every one gets a place, there or not.
const DOMAIN_MAX: usize = 1 << 16;

/// A part of a key: an integer, a shared code, the bits of a real, the start of a bucket; or null.
pub type Part = Option<i64>;

/// The groups of some rows.
#[derive(Debug)]
pub struct Grouping<'c> {
    keys: Vec<KeyIds<'c>>,
    /// Where numbers are not places in the product of all keys: the place that each stands for.
    places: Option<Vec<u128>>,
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
        let mut known: HashMap<u128, u32, FixedState> = HashMap::default();
        let mut places = Vec::new();
        let mut ids = Vec::with_capacity(rows.len());
        for place in sparse_places(&keys, rows.len()) {
            let id = *known.entry(place).or_insert_with(|| {
                places.push(place);
                (places.len() - 1) as u32
            });
            ids.push(id);
        }
        let count = places.len();
        Self { keys, places: Some(places), ids: Some(ids), count }
    }

    /// Writes the parts of a group's key.
    pub fn parts(&self, id: usize, parts: &mut Vec<Part>) {
        parts.clear();
        let mut place = self.places.as_ref().map_or(id as u128, |places| places[id]);
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
                for (place, id) in places.iter_mut().zip(&ids) {
                    *place = *place * count + id;
                }
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
                None => Self::sparse(column, rows, |value| value),
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
        let mut ids: Vec<u32> = gather(column, rows, |value| value as u32);
        if let Some(nulls) = &column.nulls {
            let mut at = 0;
            rows.each(|row| {
                if nulls[row] != 0 {
                    ids[at] = domain as u32;
                }
                at += 1;
            });
        }
        Self { ids: Some(ids), count: domain + usize::from(column.nulls.is_some()), parts }
    }

    /// Values get numbers as they come.
    fn sparse(column: &Column, rows: &Rows, part: impl Fn(i64) -> i64) -> Self {
        let mut known: HashMap<Part, u32, FixedState> = HashMap::default();
        let mut list: Vec<Part> = Vec::new();
        let mut ids = Vec::with_capacity(rows.len());
        rows.each(|row| {
            let value = (!column.is_null(row)).then(|| part(value_at(column, row)));
            ids.push(*known.entry(value).or_insert_with(|| {
                list.push(value);
                (list.len() - 1) as u32
            }));
        });
        Self { ids: Some(ids), count: list.len(), parts: Parts::List(list) }
    }

    fn buckets(bucket: TimeBucket, plant: &PlantTime, column: &Column, rows: &Rows) -> Self {
        let unit_ms = if column.form == Form::Days { DAY_MS } else { 1 };
        let mut list: Vec<Part> = Vec::new();
        let mut known: HashMap<i64, u32, FixedState> = HashMap::default();
        // The bucket that the last row was in: mostly the next one is in it too.
        let (mut start, mut end, mut id) = (0, 0, 0);
        let mut id_of = |ms: i64, list: &mut Vec<Part>| {
            if ms < start || ms >= end {
                start = bucket.start(plant, ms);
                end = bucket.next(plant, start);
                id = *known.entry(start).or_insert_with(|| {
                    list.push(Some(start));
                    (list.len() - 1) as u32
                });
            }
            id
        };
        let mut ids: Vec<u32> = match column.domain(DOMAIN_MAX) {
            // Fewer days than rows: each is looked at once.
            Some(domain) if domain <= rows.len() => {
                let of_value: Vec<u32> = (0..domain as i64)
                    .map(|distance| id_of((column.min + distance) * unit_ms, &mut list))
                    .collect();
                gather(column, rows, |value| of_value[value as usize])
            }
            _ => gather(column, rows, |value| {
                id_of(column.min.wrapping_add(value as i64).wrapping_mul(unit_ms), &mut list)
            }),
        };
        if let Some(nulls) = &column.nulls {
            let null_id = list.len() as u32;
            list.push(None);
            let mut at = 0;
            rows.each(|row| {
                if nulls[row] != 0 {
                    ids[at] = null_id;
                }
                at += 1;
            });
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

/// What is made of the stored values of rows.
pub fn gather<T>(column: &Column, rows: &Rows, mut make: impl FnMut(u64) -> T) -> Vec<T> {
    match (&column.data, rows) {
        (Data::U8(values), Rows::Span(first, end)) => {
            values[*first..*end].iter().map(|value| make(u64::from(*value))).collect()
        }
        (Data::U16(values), Rows::Span(first, end)) => {
            values[*first..*end].iter().map(|value| make(u64::from(*value))).collect()
        }
        (Data::U32(values), Rows::Span(first, end)) => {
            values[*first..*end].iter().map(|value| make(u64::from(*value))).collect()
        }
        (Data::U8(values), Rows::List(rows)) => {
            rows.iter().map(|row| make(u64::from(values[*row as usize]))).collect()
        }
        (Data::U16(values), Rows::List(rows)) => {
            rows.iter().map(|row| make(u64::from(values[*row as usize]))).collect()
        }
        (Data::U32(values), Rows::List(rows)) => {
            rows.iter().map(|row| make(u64::from(values[*row as usize]))).collect()
        }
        (data, rows) => {
            let mut made = Vec::with_capacity(rows.len());
            rows.each(|row| made.push(make(data.at(row))));
            made
        }
    }
}
