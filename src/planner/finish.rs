//! Merges partial results, whichever statement or partition they came from, and makes the answer:
//! buckets, averages, ratios, HAVING, ORDER BY, LIMIT.
//! Does not know where partial results come from.
//!
//! Integers are added in 128 bits and refused past 64; reals are added with Neumaier's compensation.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::model::batch::encode::BatchBuilder;
use crate::model::calendar::{DAY_MS, digits, format_timestamp, parse_date, parse_instant};
use crate::model::numbering::ByteNumbers;
use crate::model::plant::PlantTime;
use crate::model::range::{FIRST_MS, LAST_MS};
use crate::model::value::{Value, ValueRef};
use crate::planner::aggregate::{AggregatePlan, BucketKey, OutputOf, PartialFunction};
use crate::planner::condition::matches;
use crate::planner::steps::{QUARTER_MS, Steps, StoredTime};

/// Most buckets that `fill` adds.
const FILL_BUCKETS_MAX: usize = 100_000;

/// The groups found so far.
#[derive(Debug)]
pub struct Groups<'p> {
    plan: &'p AggregatePlan,
    /// Of the keys of each group.
    numbers: ByteNumbers,
    groups: Vec<Group>,
    /// Of statement, group and value.
    seen: ByteNumbers,
    /// Room for bytes that are looked up; nearly all are there.
    key: Vec<u8>,
}

/// A partial result that did not come from SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// There was no value.
    Nothing,
    /// A number of rows or values.
    Count(i64),
    /// A sum of integers.
    Int(i128),
    /// A sum of reals and what rounding lost of it.
    Real(f64, f64),
    /// The least or greatest value.
    Value(Value),
}

#[derive(Debug)]
struct Group {
    /// A bucket is its start in epoch milliseconds until the very end.
    keys: Vec<Value>,
    states: Vec<State>,
    distinct: Vec<i64>,
}

#[derive(Debug, Clone)]
enum State {
    Count(i64),
    Sum(Sum),
    Min(Value),
    Max(Value),
}

/// A sum that is exact for integers and compensated for reals.
#[derive(Debug, Clone, Default)]
struct Sum {
    values: bool,
    integers: i128,
    has_real: bool,
    real: f64,
    correction: f64,
}

impl<'p> Groups<'p> {
    /// No groups yet; without keys, the one group that always is.
    #[must_use]
    pub fn new(plan: &'p AggregatePlan) -> Self {
        let mut groups = Self {
            plan,
            numbers: ByteNumbers::default(),
            groups: Vec::new(),
            seen: ByteNumbers::default(),
            key: Vec::new(),
        };
        if plan.keys.is_empty() {
            groups.group(Vec::new());
        }
        groups
    }

    /// Adds a row of the main statement: keys, then partials.
    pub fn add_main(&mut self, row: &[ValueRef<'_>]) -> Result<()> {
        let (keys, partials) = row.split_at(self.plan.keys.len());
        let group = self.group_of(keys)?;
        let mut values = partials.iter().copied();
        for (state, partial) in self.groups[group].states.iter_mut().zip(&self.plan.partials) {
            let value = values.next().unwrap_or(ValueRef::Null);
            match (&partial.function, value, state) {
                (PartialFunction::SumInHalves(_), high, State::Sum(sum)) => {
                    sum.add_halves(high, values.next().unwrap_or(ValueRef::Null));
                }
                (_, value, state) => state.add(value),
            }
        }
        Ok(())
    }

    /// Adds a row of a statement for countDistinct: keys, then the value.
    pub fn add_distinct(&mut self, statement: usize, row: &[ValueRef<'_>]) -> Result<()> {
        let (keys, value) = row.split_at(self.plan.keys.len());
        let (&[value], false) = (value, value == [ValueRef::Null]) else { return Ok(()) };
        let group = self.group_of(keys)?;
        self.see(statement, group, value);
        Ok(())
    }

    /// Adds partial results of a group found elsewhere; a bucket among the keys is its start in epoch
    /// milliseconds.
    pub fn add_found(&mut self, keys: Vec<Value>, found: impl Iterator<Item = Found>) {
        let group = self.group(keys);
        for (state, found) in self.groups[group].states.iter_mut().zip(found) {
            state.add_found(found);
        }
    }

    /// Adds one of the different values of a group, in the same way.
    pub fn add_found_distinct(&mut self, statement: usize, keys: Vec<Value>, value: ValueRef<'_>) {
        let group = self.group(keys);
        self.see(statement, group, value);
    }

    fn see(&mut self, statement: usize, group: usize, value: ValueRef<'_>) {
        self.key.clear();
        push_key(&mut self.key, ValueRef::Int(statement as i64));
        push_key(&mut self.key, ValueRef::Int(group as i64));
        push_key(&mut self.key, value);
        let next = self.seen.keys().len();
        if self.seen.number(&self.key) as usize == next {
            self.groups[group].distinct[statement] += 1;
        }
    }

    fn group_of(&mut self, keys: &[ValueRef<'_>]) -> Result<usize> {
        let plan = self.plan;
        let part = |i: usize| match plan.keys[i].bucket {
            None => Ok(keys[i]),
            Some(bucket) => bucket_start(bucket, &plan.plant, keys[i], &plan.keys[i].name),
        };
        self.key.clear();
        for i in 0..keys.len() {
            push_key(&mut self.key, part(i)?);
        }
        let number = self.numbers.number(&self.key) as usize;
        if number == self.groups.len() {
            let parts = (0..keys.len()).map(|i| part(i).map(ValueRef::to_value));
            self.add_group(parts.collect::<Result<_>>()?);
        }
        Ok(number)
    }

    fn group(&mut self, keys: Vec<Value>) -> usize {
        self.key.clear();
        keys.iter().for_each(|key| push_key(&mut self.key, key.as_ref()));
        let number = self.numbers.number(&self.key) as usize;
        if number == self.groups.len() {
            self.add_group(keys);
        }
        number
    }

    fn add_group(&mut self, keys: Vec<Value>) {
        let states = self.plan.partials.iter().map(|p| State::new(&p.function)).collect();
        self.groups.push(Group { keys, states, distinct: vec![0; self.plan.distinct.len()] });
    }

    /// The answer.
    pub fn finish(mut self) -> Result<BatchBuilder> {
        if self.plan.query.fill {
            self.fill()?;
        }
        let plan = self.plan;
        let key_count = plan.keys.len();
        let names: Vec<&str> = plan.column_names().collect();
        let position = |name: &str| names.iter().position(|n| *n == name).unwrap_or(0);
        let mut rows = Vec::with_capacity(self.groups.len());
        for group in self.groups {
            let mut row = group.keys;
            for output in &plan.outputs {
                row.push(output_value(&output.from, &output.name, &group.states, &group.distinct)?);
            }
            let keep = plan.query.having.iter().all(|(name, condition)| {
                let at = position(name);
                matches(condition, &written(plan, at, &row[at]))
            });
            if keep {
                rows.push(row);
            }
        }
        let order: Vec<(usize, bool)> = plan
            .query
            .order_by
            .iter()
            .map(|order| (position(&order.by), order.desc))
            .chain((0..key_count).map(|i| (i, false)))
            .collect();
        rows.sort_by(|a, b| {
            order.iter().fold(Ordering::Equal, |so_far, &(i, desc)| {
                so_far.then_with(|| if desc { b[i].compare(&a[i]) } else { a[i].compare(&b[i]) })
            })
        });
        if let Some(limit) = plan.query.limit {
            rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        let kinds = plan.keys.iter().map(|k| k.kind).chain(plan.outputs.iter().map(|o| o.kind));
        let mut batch = BatchBuilder::new(
            names.iter().zip(kinds).map(|(name, kind)| ((*name).to_owned(), Some(kind))),
        );
        for mut row in rows {
            for (i, value) in row.iter_mut().enumerate().take(key_count) {
                *value = written(plan, i, value);
            }
            batch.push(|i| row[i].as_ref());
        }
        Ok(batch)
    }

    /// Adds the buckets of the range, or between the first and the last there is, that are missing.
    fn fill(&mut self) -> Result<()> {
        let Some(bucket) = self.plan.keys.first().and_then(|key| key.bucket) else { return Ok(()) };
        let starts = || {
            self.groups.iter().filter_map(|group| match group.keys.first() {
                Some(Value::Int(ms)) => Some(*ms),
                _ => None,
            })
        };
        let (plant, bounds, bucket) = (&self.plan.plant, self.plan.bounds, bucket.bucket);
        let first = bounds.from_ms.map(|ms| bucket.start(plant, ms)).or_else(|| starts().min());
        let last = bounds.to_ms.or_else(|| starts().max());
        let (Some(mut at), Some(last)) = (first, last) else { return Ok(()) };
        let mut count = 0;
        while at <= last {
            count += 1;
            if count > FILL_BUCKETS_MAX {
                return Err(Error::LimitExceeded {
                    limit: format!("fill would make more than {FILL_BUCKETS_MAX} buckets"),
                    way_out: "Give both ends of the range, or a larger bucket".to_owned(),
                });
            }
            self.group(vec![Value::Int(at)]);
            at = bucket.next(plant, at);
        }
        Ok(())
    }
}

impl State {
    fn new(function: &PartialFunction) -> Self {
        match function {
            PartialFunction::Count | PartialFunction::CountOf(_) => Self::Count(0),
            PartialFunction::Sum(_) | PartialFunction::SumInHalves(_) => Self::Sum(Sum::default()),
            PartialFunction::Min(_) => Self::Min(Value::Null),
            PartialFunction::Max(_) => Self::Max(Value::Null),
        }
    }

    fn add(&mut self, value: ValueRef<'_>) {
        match (self, value) {
            (_, ValueRef::Null) => {}
            (Self::Count(count), ValueRef::Int(n)) => *count += n,
            (Self::Sum(sum), ValueRef::Int(n)) => {
                sum.values = true;
                sum.integers += i128::from(n);
            }
            (Self::Sum(sum), ValueRef::Real(x)) => sum.add_real(x),
            (Self::Min(least), value) => {
                if *least == Value::Null || value.compare(least.as_ref()) == Ordering::Less {
                    *least = value.to_value();
                }
            }
            (Self::Max(most), value) => {
                if value.compare(most.as_ref()) == Ordering::Greater {
                    *most = value.to_value();
                }
            }
            (Self::Count(_) | Self::Sum(_), _) => {}
        }
    }

    fn add_found(&mut self, found: Found) {
        match (self, found) {
            (Self::Count(count), Found::Count(n)) => *count += n,
            (Self::Sum(sum), Found::Int(n)) => {
                sum.values = true;
                sum.integers += n;
            }
            (Self::Sum(sum), Found::Real(x, lost)) => {
                sum.add_real(x);
                if lost.is_finite() {
                    sum.correction += lost;
                }
            }
            (state, Found::Value(value)) => state.add(value.as_ref()),
            (_, _) => {}
        }
    }

    const fn as_sum(&self) -> Option<&Sum> {
        if let Self::Sum(sum) = self { Some(sum) } else { None }
    }
}

impl Sum {
    fn add_real(&mut self, x: f64) {
        self.values = true;
        self.has_real = true;
        let total = self.real + x;
        if total.is_finite() {
            self.correction += if self.real.abs() >= x.abs() {
                (self.real - total) + x
            } else {
                (x - total) + self.real
            };
        }
        self.real = total;
    }

    fn add_halves(&mut self, high: ValueRef<'_>, low: ValueRef<'_>) {
        if let (ValueRef::Int(high), ValueRef::Int(low)) = (high, low) {
            self.values = true;
            self.integers += (i128::from(high) << 32) + i128::from(low);
        }
    }

    fn as_real(&self) -> f64 {
        self.integers as f64 + self.real + if self.real.is_finite() { self.correction } else { 0.0 }
    }

    fn value(&self, name: &str) -> Result<Value> {
        if !self.values {
            return Ok(Value::Null);
        }
        if self.has_real {
            return Ok(real(self.as_real()));
        }
        i64::try_from(self.integers).map(Value::Int).map_err(|_| Error::LimitExceeded {
            limit: format!("the sum '{name}' does not fit into 64 bits"),
            way_out: "Narrow the range, or use avg".to_owned(),
        })
    }
}

fn real(x: f64) -> Value {
    if x.is_nan() { Value::Null } else { Value::Real(x) }
}

fn output_value(from: &OutputOf, name: &str, states: &[State], distinct: &[i64]) -> Result<Value> {
    let total = |indexes: &[usize]| -> f64 {
        let sums = || indexes.iter().filter_map(|&i| states[i].as_sum());
        let integers: i128 = sums().map(|sum| sum.integers).sum();
        let reals: f64 =
            sums().filter(|sum| sum.has_real).map(|sum| sum.as_real() - sum.integers as f64).sum();
        integers as f64 + reals
    };
    Ok(match from {
        OutputOf::Partial(i) => match &states[*i] {
            State::Count(count) => Value::Int(*count),
            State::Sum(sum) => sum.value(name)?,
            State::Min(value) | State::Max(value) => value.clone(),
        },
        OutputOf::Avg(sum, count) => match (&states[*sum], &states[*count]) {
            (State::Sum(sum), State::Count(count)) if *count > 0 => {
                real(sum.as_real() / *count as f64)
            }
            _ => Value::Null,
        },
        OutputOf::Ratio(over, under) => {
            let under = total(under);
            if under == 0.0 { Value::Null } else { real(total(over) / under) }
        }
        OutputOf::Distinct(i) => Value::Int(distinct[*i]),
    })
}

/// A key or measure as it stands in the result.
fn written(plan: &AggregatePlan, column: usize, value: &Value) -> Value {
    match (plan.keys.get(column).and_then(|key| key.bucket), value) {
        (Some(key), Value::Int(start_ms)) => Value::Text(key.bucket.format(&plan.plant, *start_ms)),
        (_, value) => value.clone(),
    }
}

/// Whether a time has a bucket.
#[must_use]
pub fn is_known_time(plant: &PlantTime, ms: i64) -> bool {
    (FIRST_MS..=LAST_MS).contains(&ms)
        && plant.zone.covers(ms)
        && (FIRST_MS..=LAST_MS).contains(&(plant.zone.clock_at(ms) - plant.day_starts_ms))
}

fn bucket_start(
    key: BucketKey,
    plant: &PlantTime,
    value: ValueRef<'_>,
    name: &str,
) -> Result<ValueRef<'static>> {
    let ms = match (key.stored, value) {
        (_, ValueRef::Null) => return Ok(ValueRef::Null),
        (StoredTime::Date, ValueRef::Text(text)) => parse_date(text).map(|days| days * DAY_MS),
        (StoredTime::Steps(Steps { step_ms, shift_ms }), ValueRef::Int(n)) => {
            n.checked_mul(step_ms).and_then(|ms| ms.checked_sub(shift_ms))
        }
        (StoredTime::Text, ValueRef::Text(text)) => instant(text),
        (StoredTime::Quarters, ValueRef::Text([hour @ .., b':', quarter])) => {
            instant(hour).zip(digits(&[*quarter])).map(|(ms, quarter)| ms + quarter * QUARTER_MS)
        }
        _ => None,
    };
    ms.filter(|ms| is_known_time(plant, *ms)).map(|ms| ValueRef::Int(key.bucket.start(plant, ms))).ok_or_else(|| {
        let found = match (ms, value) {
            (Some(ms), _) if (FIRST_MS..=LAST_MS).contains(&ms) => format_timestamp(ms),
            (_, ValueRef::Int(n)) => ms.unwrap_or(n).to_string(),
            (_, value) => format!("{value:?}"),
        };
        let zone = plant.zone.name();
        let years = if plant.zone.covers(LAST_MS) && plant.zone.covers(FIRST_MS) {
            "0 to 9999".to_owned()
        } else {
            format!("1970 to 2100, for which the clocks of '{zone}' are known")
        };
        Error::input(
            format!("time bucket '{name}'"),
            format!("a row holds {found} in the time column, which is no time of the years {years}; correct or delete such rows, or narrow the range"),
        )
    })
}

fn instant(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok().and_then(parse_instant)
}

/// Bytes that are equal where the values are.
fn push_key(bytes: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => bytes.push(0),
        ValueRef::Int(n) => {
            bytes.push(1);
            bytes.extend_from_slice(&n.to_le_bytes());
        }
        ValueRef::Real(x) => {
            bytes.push(2);
            // 0.0 and -0.0 are equal.
            bytes.extend_from_slice(&(x + 0.0).to_bits().to_le_bytes());
        }
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            bytes.push(if matches!(value, ValueRef::Text(_)) { 3 } else { 4 });
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text);
        }
    }
}
