//! Conditions of a query, made ready for coded columns: what `planner::condition` says of a value, said of
//! whole columns. Does not know groups or measures.

use std::cmp::Ordering;

use lotwise_kernels::Word;

use crate::columnstore::column::{Column, Data};
use crate::columnstore::head::Entry;
use crate::columnstore::layout::{Form, Layout};
use crate::columnstore::select::Mask;
use crate::model::calendar::{DAY_MS, format_date, format_timestamp};
use crate::model::query::{Comparison, Condition, Operator, Term, Where};
use crate::model::range::{FIRST_MS, LAST_MS};
use crate::model::value::{Value, ValueRef};
use crate::planner::condition::matches;

/// Conditions that all have to hold.
#[derive(Debug, Default)]
pub struct Filter {
    terms: Vec<Test>,
}

#[derive(Debug)]
enum Test {
    /// On a column, by its place among those that the scan reads.
    Numbers(usize, Vec<NumberTest>),
    Values(usize, ValueTest),
    Any(Vec<Filter>),
}

/// On integers, or on what is coded as such.
#[derive(Debug)]
enum NumberTest {
    /// From the first to the second; none where the first is above. Null is not among them.
    Between(i64, i64),
    /// One of the values, or none of them; and whether null is meant.
    Among { values: Vec<i64>, is_in: bool, null: bool },
    /// Null, or everything else.
    Null(bool),
}

/// On text and reals.
#[derive(Debug)]
struct ValueTest {
    condition: Condition,
    nocase: bool,
}

impl Filter {
    /// Of the terms of a query. `place` tells where the scan has a column.
    pub fn new(filter: &Where, layout: &Layout, place: &mut dyn FnMut(usize) -> usize) -> Self {
        let terms = filter.terms.iter().filter_map(|term| match term {
            Term::Any(items) => {
                Some(Test::Any(items.iter().map(|item| Self::new(item, layout, place)).collect()))
            }
            Term::Column(name, condition) => {
                let at = layout.position(name)?;
                let stored = &layout.columns[at];
                Some(match stored.form {
                    Form::Text | Form::Real => {
                        Test::Values(place(at), ValueTest::new(condition, stored.nocase))
                    }
                    form => Test::Numbers(
                        place(at),
                        condition.operators.iter().map(|op| NumberTest::new(form, op)).collect(),
                    ),
                })
            }
        });
        Self { terms: terms.collect() }
    }

    /// Rows between two numbers of a column that holds such.
    pub fn between(place: usize, first: i64, last: i64) -> Self {
        Self { terms: vec![Test::Numbers(place, vec![NumberTest::Between(first, last)])] }
    }

    /// Whether a segment may have such rows, as far as its head tells.
    pub fn may_match(&self, entries: &[&Entry]) -> bool {
        self.terms.iter().all(|term| match term {
            Test::Numbers(place, tests) => tests.iter().all(|test| test.may_match(entries[*place])),
            Test::Values(..) => true,
            Test::Any(items) => items.iter().any(|item| item.may_match(entries)),
        })
    }

    /// The rows of a stretch that are meant.
    pub fn mask(&self, columns: &[&Column], (first, end): (usize, usize)) -> Mask {
        self.terms.iter().fold(Mask::All, |mask, term| {
            if mask == Mask::None {
                return mask;
            }
            mask.and(match term {
                Test::Numbers(place, tests) => tests.iter().fold(Mask::All, |mask, test| {
                    mask.and(test.mask(columns[*place], (first, end)))
                }),
                Test::Values(place, test) => test.mask(columns[*place], (first, end)),
                Test::Any(items) => items
                    .iter()
                    .fold(Mask::None, |mask, item| mask.or(item.mask(columns, (first, end)))),
            })
        })
    }
}

impl NumberTest {
    fn new(form: Form, operator: &Operator) -> Self {
        let among = |values: &[Value], is_in: bool, null: bool| {
            let mut values: Vec<i64> = values.iter().filter_map(|v| same(form, v)).collect();
            values.sort_unstable();
            values.dedup();
            match values.as_slice() {
                [value] if is_in && !null => Self::Between(*value, *value),
                _ => Self::Among { values, is_in, null },
            }
        };
        match operator {
            Operator::In { values, null } => among(values, true, *null),
            Operator::NotIn { values, null } => among(values, false, !null),
            Operator::IsNull(null) => Self::Null(*null),
            Operator::Prefix(prefix) => {
                let below = |key: i64| text_of(form, key).as_str() < prefix.as_str();
                let until = |key: i64| {
                    let text = text_of(form, key);
                    text.as_str() < prefix.as_str() || text.starts_with(prefix.as_str())
                };
                Self::from_to(first_without(form, below), first_without(form, until))
            }
            Operator::Compare(comparison, value) => {
                let below = |key: i64| order(form, key, value) == Ordering::Less;
                let until = |key: i64| order(form, key, value) != Ordering::Greater;
                let (all, end) = (Some(i64::MIN), None);
                match comparison {
                    Comparison::Gte => Self::from_to(first_without(form, below), end),
                    Comparison::Gt => Self::from_to(first_without(form, until), end),
                    Comparison::Lt => Self::from_to(all, first_without(form, below)),
                    Comparison::Lte => Self::from_to(all, first_without(form, until)),
                }
            }
        }
    }

    /// From a key to before another; none is behind the last.
    const fn from_to(first: Option<i64>, end: Option<i64>) -> Self {
        match (first, end) {
            (None, _) | (_, Some(i64::MIN)) => Self::Between(1, 0),
            (Some(first), None) => Self::Between(first, i64::MAX),
            (Some(first), Some(end)) => Self::Between(first, end - 1),
        }
    }

    fn may_match(&self, entry: &Entry) -> bool {
        let is_there = |first: i64, last: i64| first <= entry.max && last >= entry.min;
        match self {
            Self::Between(first, last) => first <= last && is_there(*first, *last),
            Self::Among { values, is_in: true, null } => {
                (*null && entry.nulls > 0) || values.iter().any(|value| is_there(*value, *value))
            }
            Self::Null(true) => entry.nulls > 0,
            Self::Among { .. } | Self::Null(false) => true,
        }
    }

    fn mask(&self, column: &Column, stretch: (usize, usize)) -> Mask {
        match self {
            Self::Between(first, last) => between(column, *first, *last, stretch),
            Self::Among { values, is_in, null } => {
                let code = |value: &i64| {
                    let is_there = (column.min..=column.max).contains(value);
                    is_there.then(|| value.wrapping_sub(column.min) as u64)
                };
                let codes: Vec<u64> = values.iter().filter_map(code).collect();
                among(column, &codes, *is_in, *null, stretch)
            }
            Self::Null(wanted) => null_mask(column, *wanted, stretch),
        }
    }
}

impl ValueTest {
    /// Under NOCASE both sides are compared in small letters.
    fn new(condition: &Condition, nocase: bool) -> Self {
        let mut condition = condition.clone();
        let fold = |value: &mut Value| {
            if let Value::Text(text) = value {
                text.make_ascii_lowercase();
            }
        };
        for operator in condition.operators.iter_mut().filter(|_| nocase) {
            match operator {
                Operator::In { values, .. } | Operator::NotIn { values, .. } => {
                    values.iter_mut().for_each(fold);
                }
                Operator::Compare(_, value) => fold(value),
                Operator::Prefix(prefix) => prefix.make_ascii_lowercase(),
                Operator::IsNull(_) => {}
            }
        }
        Self { condition, nocase }
    }

    fn mask(&self, column: &Column, (first, end): (usize, usize)) -> Mask {
        let null = matches(&self.condition, &Value::Null);
        let Data::F64(values) = &column.data else {
            let is_meant = |code: &usize| {
                let text = String::from_utf8_lossy(column.dictionary.text(*code));
                let text = if self.nocase { text.to_ascii_lowercase() } else { text.into_owned() };
                matches(&self.condition, &Value::Text(text))
            };
            let codes: Vec<u64> =
                (0..column.dictionary.entries()).filter(is_meant).map(|code| code as u64).collect();
            return among(column, &codes, true, null, (first, end));
        };
        let meant = |row: usize| match column.is_null(row) {
            true => null,
            false => matches(&self.condition, &Value::Real(values[row])),
        };
        Mask::Some((first..end).map(|row| u8::from(meant(row))).collect())
    }
}

/// Rows with one of the codes, or with none of them.
fn among(column: &Column, codes: &[u64], is_in: bool, null: bool, stretch: (usize, usize)) -> Mask {
    let domain = column.domain(1 << 16);
    let nulls = column.nulls.as_ref();
    match (codes.len(), is_in) {
        (0, true) if !null || nulls.is_none() => return Mask::None,
        (0, false) if null || nulls.is_none() => return Mask::All,
        (count, true) if Some(count) == domain && (null || nulls.is_none()) => return Mask::All,
        _ => {}
    }
    let (first, end) = stretch;
    let mut mask = match domain {
        Some(domain) => {
            let mut meant = vec![u8::from(!is_in); domain.max(1)];
            codes.iter().for_each(|code| meant[*code as usize] = u8::from(is_in));
            match &column.data {
                Data::U8(values) => Word::look_up(&values[first..end], &meant),
                Data::U16(values) => Word::look_up(&values[first..end], &meant),
                data => (first..end).map(|row| meant[data.at(row) as usize]).collect::<Vec<u8>>(),
            }
        }
        None => {
            let is_meant = |row| codes.binary_search(&column.data.at(row)).is_ok() == is_in;
            (first..end).map(|row| u8::from(is_meant(row))).collect()
        }
    };
    if let Some(nulls) = nulls {
        for (meant, is_null) in mask.iter_mut().zip(&nulls[first..end]) {
            *meant = if *is_null != 0 { u8::from(null) } else { *meant };
        }
    }
    Mask::Some(mask)
}

/// Rows whose value is from one to another.
fn between(column: &Column, first: i64, last: i64, stretch: (usize, usize)) -> Mask {
    if first > last || first > column.max || last < column.min {
        return Mask::None;
    }
    if first <= column.min && last >= column.max {
        return null_mask(column, false, stretch);
    }
    let least = first.max(column.min).wrapping_sub(column.min) as u64;
    let span = (last.min(column.max).wrapping_sub(column.min) as u64) - least;
    let (from, to) = stretch;
    let mut mask: Vec<u8> = match &column.data {
        Data::U8(values) => Word::between(&values[from..to], least, span),
        Data::U16(values) => Word::between(&values[from..to], least, span),
        Data::U32(values) => Word::between(&values[from..to], least, span),
        Data::U64(values) => Word::between(&values[from..to], least, span),
        Data::Same | Data::F64(_) => vec![u8::from(least == 0); to - from],
    };
    if let Some(nulls) = &column.nulls {
        mask.iter_mut().zip(&nulls[from..to]).for_each(|(meant, is_null)| *meant &= 1 - is_null);
    }
    Mask::Some(mask)
}

fn null_mask(column: &Column, wanted: bool, (first, end): (usize, usize)) -> Mask {
    match (&column.nulls, wanted) {
        (None, true) => Mask::None,
        (None, false) => Mask::All,
        (Some(nulls), true) => Mask::Some(nulls[first..end].to_vec()),
        (Some(nulls), false) => Mask::Some(nulls[first..end].iter().map(|n| 1 - n).collect()),
    }
}

/// The keys that a form has.
const fn span_of(form: Form) -> (i64, i64) {
    match form {
        Form::Days => (FIRST_MS.div_euclid(DAY_MS), LAST_MS.div_euclid(DAY_MS)),
        Form::Millis => (FIRST_MS, LAST_MS),
        _ => (i64::MIN, i64::MAX),
    }
}

/// A key as the column has it.
fn text_of(form: Form, key: i64) -> String {
    match form {
        Form::Days => format_date(key),
        Form::Millis => format_timestamp(key),
        _ => String::new(),
    }
}

fn order(form: Form, key: i64, value: &Value) -> Ordering {
    match form {
        Form::Days | Form::Millis => {
            ValueRef::Text(text_of(form, key).as_bytes()).compare(value.as_ref())
        }
        _ => ValueRef::Int(key).compare(value.as_ref()),
    }
}

/// The first key of which something is not true that is true of all keys up to some one; none where it is true
/// of all.
fn first_without(form: Form, is_so: impl Fn(i64) -> bool) -> Option<i64> {
    let (mut low, last) = span_of(form);
    if is_so(last) {
        return None;
    }
    let mut high = last;
    while low < high {
        let middle = low + (high.wrapping_sub(low) as u64 / 2) as i64;
        if is_so(middle) { low = middle + 1 } else { high = middle }
    }
    Some(low)
}

/// The key that is equal to a value.
fn same(form: Form, value: &Value) -> Option<i64> {
    let key = first_without(form, |key| order(form, key, value) == Ordering::Less)?;
    (order(form, key, value) == Ordering::Equal).then_some(key)
}
