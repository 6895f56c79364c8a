//! An aggregate over segments: which of them have to be read, and the partial results of those that are.
//! Does not know where segments are kept, nor the rows that are in none.

use std::rc::Rc;

use crate::columnstore::cache::ColumnCache;
use crate::columnstore::column::Column;
use crate::columnstore::filter::Filter;
use crate::columnstore::group::{Grouping, KEYS_MAX, KeyOf, Part, value_at};
use crate::columnstore::head::{Entry, Head};
use crate::columnstore::layout::{Form, Layout};
use crate::columnstore::local::{self, Function, Grouped, Values};
use crate::columnstore::select::{Mask, Rows};
use crate::columnstore::totals::{Total, Totals};
use crate::error::Result;
use crate::model::calendar::{DAY_MS, format_date, format_timestamp};
use crate::model::dataset::Dataset;
use crate::model::query::{MeasureOf, Term, Where};
use crate::model::range::{Bounds, TimeBucket};
use crate::model::value::{Value, ValueRef};
use crate::planner::aggregate::{AggregatePlan, PartialFunction};
use crate::planner::finish::{Found, Groups, is_known_time};

/// Values of a column times groups up to which different ones are marked rather than collected.
const MARKS_MAX: usize = 1 << 22;
/// A bucket with so many rows is worth a stretch of its own.
const STRETCH_ROWS_MIN: usize = 64;

/// A question to segments.
#[derive(Debug)]
pub struct Scan<'p> {
    plan: &'p AggregatePlan,
    dataset: &'p Dataset,
    layout: Layout,
    /// Columns that are read, as positions in the layout; elsewhere they go by their place here.
    places: Vec<usize>,
    /// The column of time, and the first and last value of the range.
    range: Option<(usize, i64, i64)>,
    filter: Filter,
    keys: Vec<(usize, Option<TimeBucket>)>,
    partials: Vec<Measured>,
    distinct: Vec<Measured>,
    totals: Totals,
    /// Rows that were looked at.
    rows: u64,
}

/// A partial result.
#[derive(Debug)]
struct Measured {
    function: Function,
    /// Of rows where there is none.
    place: Option<usize>,
    filter: Filter,
}

/// What a segment has for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// No row that is asked for.
    Skip,
    /// It has to be read.
    Read,
    /// A column that is asked for could not be coded: its rows have to be read instead.
    Rows,
}

/// A segment's rows that are asked for, and what is computed over them.
struct Stretch<'s> {
    rows: Rows,
    /// Where the masks begin.
    first: usize,
    columns: &'s [&'s Column],
    /// Of each partial result, then of each countDistinct.
    masks: &'s [Mask],
    /// Key and bucket that all rows have.
    fixed: Option<(usize, i64)>,
}

impl<'p> Scan<'p> {
    /// None where a column is used that is not kept in segments, or there are more keys than it can count.
    #[must_use]
    pub fn new(plan: &'p AggregatePlan, dataset: &'p Dataset) -> Option<Self> {
        let layout = Layout::of(dataset);
        if plan.keys.len() > KEYS_MAX {
            return None;
        }
        let query = &plan.query;
        let filters = query.measures.iter().map(|(_, measure)| &measure.filter);
        let is_kept = |name: &str| layout.position(name).is_some();
        if !filters.chain([&query.filter]).all(|filter| all_columns(filter, &is_kept)) {
            return None;
        }
        let mut places = Vec::new();
        let mut place = |at: usize| {
            places.iter().position(|known| *known == at).unwrap_or_else(|| {
                places.push(at);
                places.len() - 1
            })
        };
        let time = dataset.time.as_deref().and_then(|name| layout.position(name));
        let range = match (plan.bounds, time) {
            (Bounds { from_ms: None, to_ms: None }, _) => None,
            (bounds, Some(at)) => {
                let (first, last) = range_of(bounds, layout.columns[at].form);
                Some((place(at), first, last))
            }
            (_, None) => return None,
        };
        let mut keys = Vec::new();
        for key in &plan.keys {
            keys.push(match key.bucket {
                Some(bucket) => (place(time?), Some(bucket.bucket)),
                None => (place(layout.position(&key.name)?), None),
            });
        }
        let mut partials = Vec::new();
        for partial in &plan.partials {
            let (function, column) = function_of(&partial.function);
            let place_of = match column {
                Some(name) => Some(place(layout.position(name)?)),
                None => None,
            };
            let filter = Filter::new(&partial.filter, &layout, &mut place);
            partials.push(Measured { function, place: place_of, filter });
        }
        let mut distinct = Vec::new();
        for (_, measure) in &query.measures {
            if let MeasureOf::CountDistinct(name) = &measure.of {
                let place_of = Some(place(layout.position(name)?));
                let filter = Filter::new(&measure.filter, &layout, &mut place);
                distinct.push(Measured { function: Function::Count, place: place_of, filter });
            }
        }
        let filter = Filter::new(&query.filter, &layout, &mut place);
        let totals = Totals::new(partials.len(), distinct.len());
        Some(Self {
            plan,
            dataset,
            layout,
            places,
            range,
            filter,
            keys,
            partials,
            distinct,
            totals,
            rows: 0,
        })
    }

    /// Rows that were looked at so far.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of columns that are read.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.places.len()
    }

    /// The part of all time that the range takes, as far as heads tell; 1 where there is no range.
    #[must_use]
    pub fn time_share<'h>(&self, heads: impl Iterator<Item = &'h Head>) -> f64 {
        let Some((place, first, last)) = self.range else { return 1.0 };
        let name = &self.layout.columns[self.places[place]].name;
        let spans =
            heads.filter_map(|head| head.column(name).map(|(_, entry)| (entry.min, entry.max)));
        let all = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        all.map_or(1.0, |(min, max)| {
            let length = |first: i64, last: i64| (last as f64 - first as f64 + 1.0).max(0.0);
            length(first.max(min), last.min(max)) / length(min, max)
        })
    }

    /// What has to be done with a segment.
    #[must_use]
    pub fn look(&self, head: &Head) -> Look {
        let Some(entries) = self.entries(head) else { return Look::Rows };
        let entries: Vec<&Entry> = entries.into_iter().map(|(_, entry)| entry).collect();
        let is_outside = self.range.is_some_and(|(place, first, last)| {
            let entry = entries[place];
            first > last || first > entry.max || last < entry.min || entry.nulls == head.rows
        });
        if head.rows == 0 || is_outside || !self.filter.may_match(&entries) {
            return Look::Skip;
        }
        let knows_time =
            self.keys.iter().filter(|(_, bucket)| bucket.is_some()).all(|(place, _)| {
                let entry = entries[*place];
                let unit_ms = unit_ms(entry.form);
                [entry.min, entry.max].iter().all(|value| {
                    value.checked_mul(unit_ms).is_some_and(|ms| is_known_time(&self.plan.plant, ms))
                })
            });
        if knows_time { Look::Read } else { Look::Rows }
    }

    /// The columns to read of a segment that is to be read: position in the head, and entry.
    #[must_use]
    pub fn entries<'h>(&self, head: &'h Head) -> Option<Vec<(usize, &'h Entry)>> {
        let entry = |at: &usize| {
            let stored = &self.layout.columns[*at];
            head.column(&stored.name)
                .filter(|(_, entry)| entry.form == stored.form && entry.width.is_some())
        };
        self.places.iter().map(entry).collect()
    }

    /// Adds a segment, of which `columns` are those of [`Scan::entries`].
    pub fn add(&mut self, rows: usize, columns: &[Rc<Column>]) {
        let columns: Vec<&Column> = columns.iter().map(|column| &**column).collect();
        let (mut first, mut end) = (0, rows);
        let mut mask = Mask::All;
        if let Some((place, from, to)) = self.range {
            let time = columns[place];
            if time.sorted {
                first = time.first_at(from).min(rows);
                end = to.checked_add(1).map_or(rows, |after| time.first_at(after).min(rows));
                end = end.max(first);
            } else {
                mask = Filter::between(place, from, to).mask(&columns, (first, end));
            }
        }
        self.rows += (end - first) as u64;
        let mask = mask.and(self.filter.mask(&columns, (first, end)));
        let rows = Rows::of(mask, first, end);
        if rows.len() == 0 {
            return;
        }
        let measured = self.partials.iter().chain(&self.distinct);
        let masks: Vec<Mask> =
            measured.map(|measured| measured.filter.mask(&columns, (first, end))).collect();
        for (rows, fixed) in self.stretches(rows, &columns) {
            self.stretch(&Stretch { rows, first, columns: &columns, masks: &masks, fixed });
        }
    }

    /// The rows, cut where a bucket of a column in the order of time ends: its rows need no looking up.
    fn stretches(&self, rows: Rows, columns: &[&Column]) -> Vec<(Rows, Option<(usize, i64)>)> {
        let bucket = self.keys.iter().enumerate().find_map(|(key, (place, bucket))| {
            bucket.filter(|_| columns[*place].sorted).map(|bucket| (key, columns[*place], bucket))
        });
        let Some((key, time, bucket)) = bucket else { return vec![(rows, None)] };
        let unit_ms = unit_ms(time.form);
        let mut stretches = Vec::new();
        let (mut at, mut taken) = (rows.row(0), 0);
        while taken < rows.len() {
            let start = bucket.start(&self.plan.plant, value_at(time, at) * unit_ms);
            let next = bucket.next(&self.plan.plant, start);
            let upto = rows.first_from(time.first_at(next.div_euclid(unit_ms)));
            stretches.push((rows.part(taken, upto), Some((key, start))));
            taken = upto;
            if stretches.len() * STRETCH_ROWS_MIN > rows.len() + STRETCH_ROWS_MIN {
                return vec![(rows, None)];
            }
            if taken < rows.len() {
                at = rows.row(taken);
            }
        }
        stretches
    }

    fn stretch(&mut self, stretch: &Stretch<'_>) {
        let Stretch { rows, first, columns, masks, fixed } = stretch;
        let keys: Vec<(KeyOf<'_>, &Column)> = self
            .keys
            .iter()
            .enumerate()
            .map(|(i, (place, bucket))| {
                let of = match (fixed, bucket) {
                    (Some((key, start)), _) if *key == i => KeyOf::Fixed(*start),
                    (_, Some(bucket)) => KeyOf::Bucket(*bucket, &self.plan.plant),
                    (_, None) => KeyOf::Value,
                };
                (of, columns[*place])
            })
            .collect();
        let grouping = Grouping::new(&keys, rows);
        let grouped = Grouped { rows, ids: grouping.ids.as_deref(), count: grouping.count };
        let counts = local::counts(&grouped);
        let groups = self.groups_of(&grouping, &counts);
        for (i, partial) in self.partials.iter().enumerate() {
            let column = partial.place.map(|place| columns[place]);
            let (seen, values) = partial.compute(column, &grouped, (&masks[i], *first), &counts);
            let text = |code: usize| {
                let column = column.filter(|column| column.form == Form::Text)?;
                Some(column.dictionary.text(code))
            };
            for (id, group) in &groups {
                if seen[*id] > 0 {
                    let total = self.totals.total(*group, i);
                    total.add(partial.function, seen[*id], (&values, *id), text);
                }
            }
        }
        let masks = &masks[self.partials.len()..];
        for (i, (distinct, mask)) in self.distinct.iter().zip(masks).enumerate() {
            let Some(column) = distinct.place.map(|place| columns[place]) else { continue };
            let mut global = vec![0_u32; grouped.count.max(1)];
            groups.iter().for_each(|(id, group)| global[*id] = *group as u32);
            let take = |id: usize, value| {
                self.totals.distinct[i].number(pair(global[id], value));
            };
            match column.nulls.as_deref() {
                None if *mask == Mask::All => mark(column, &grouped, take),
                nulls => {
                    let (rows, ids) = local::those(&grouped, (mask, *first), nulls);
                    let count = grouped.count;
                    mark(column, &Grouped { rows: &rows, ids: ids.as_deref(), count }, take);
                }
            }
        }
    }

    /// Number here and number among all, of groups that have rows.
    fn groups_of(&mut self, grouping: &Grouping<'_>, counts: &[i64]) -> Vec<(usize, usize)> {
        let mut key = Vec::new();
        let with_rows = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        with_rows
            .map(|(id, _)| {
                grouping.parts(id, &mut key);
                (id, self.totals.group(&key))
            })
            .collect()
    }

    /// Hands everything on to be finished.
    pub fn finish(self, cache: &ColumnCache, groups: &mut Groups<'_>) -> Result<()> {
        let value = |place: usize, part: Part| self.value(cache, place, part);
        let keys_of = |key: &[Part]| -> Vec<Value> {
            let parts = self.keys.iter().zip(key);
            parts
                .map(|((place, bucket), part)| match (bucket, part) {
                    (Some(_), Some(start)) => Value::Int(*start),
                    _ => value(*place, *part),
                })
                .collect()
        };
        for (key, totals) in self.totals.groups() {
            let key = &key;
            let found = self.partials.iter().zip(totals).map(|(partial, total)| {
                let form = partial.place.map(|place| self.layout.columns[self.places[place]].form);
                found(partial.function, total, form)
            });
            groups.add_found(keys_of(key), found);
        }
        for (i, pairs) in self.totals.distinct.iter().enumerate() {
            let Some(place) = self.distinct[i].place else { continue };
            for pair in pairs.keys() {
                let (group, part) = ((pair >> 64) as u32, *pair as u64 as i64);
                let key = keys_of(&self.totals.key(group));
                let part = value(place, Some(part));
                groups.add_found_distinct(i, key, part.as_ref());
            }
        }
        Ok(())
    }

    /// What a part of a key stands for.
    fn value(&self, cache: &ColumnCache, place: usize, part: Part) -> Value {
        let Some(part) = part else { return Value::Null };
        let stored = &self.layout.columns[self.places[place]];
        match stored.form {
            Form::Int => Value::Int(part),
            Form::Real => Value::Real(f64::from_bits(part as u64)),
            Form::Days => Value::Text(format_date(part)),
            Form::Millis => Value::Text(format_timestamp(part)),
            Form::Text => {
                let texts = cache.texts(&self.dataset.name, &stored.name);
                ValueRef::Text(&texts[part as usize]).to_value()
            }
        }
    }
}

impl Measured {
    /// How many values each group has, and what they come to.
    fn compute(
        &self,
        column: Option<&Column>,
        grouped: &Grouped<'_>,
        chosen: (&Mask, usize),
        counts: &[i64],
    ) -> (Vec<i64>, Values) {
        let over = |grouped: &Grouped<'_>| match column {
            Some(column) => local::compute(self.function, column, grouped),
            None => Values::Counts,
        };
        let nulls = column.and_then(|column| column.nulls.as_deref());
        if *chosen.0 == Mask::All && nulls.is_none() {
            return (counts.to_vec(), over(grouped));
        }
        let (rows, ids) = local::those(grouped, chosen, nulls);
        let grouped = Grouped { rows: &rows, ids: ids.as_deref(), count: grouped.count };
        (local::counts(&grouped), over(&grouped))
    }
}

/// A group and a value, as one word.
fn pair(group: u32, value: i64) -> u128 {
    u128::from(group) << 64 | u128::from(value as u64)
}

/// Hands out each value of each group, most of them once.
fn mark(column: &Column, grouped: &Grouped<'_>, mut take: impl FnMut(usize, i64)) {
    let ids = grouped.ids;
    let domain = column.domain(MARKS_MAX / grouped.count.max(1));
    let value = |code: usize| match column.form {
        Form::Text => i64::from(column.dictionary.shared[code]),
        _ => column.min + code as i64,
    };
    let group_of = |at: usize| ids.map_or(0, |ids| ids[at] as usize);
    let Some(domain) = domain.filter(|domain| *domain <= grouped.rows.len() * 4) else {
        for at in 0..grouped.rows.len() {
            let row = grouped.rows.row(at);
            let part = match column.form {
                Form::Text => value(column.data.at(row) as usize),
                _ => value_at(column, row),
            };
            take(group_of(at), part);
        }
        return;
    };
    let mut marks = vec![false; domain * grouped.count.max(1)];
    lotwise_kernels::mark(&grouped.groups(), &column.data.codes(grouped.rows), domain, &mut marks);
    for (at, _) in marks.iter().enumerate().filter(|(_, mark)| **mark) {
        take(at / domain, value(at % domain));
    }
}

fn found(function: Function, total: &Total, form: Option<Form>) -> Found {
    match (function, form) {
        (Function::Count, _) => Found::Count(total.seen),
        _ if total.seen == 0 => Found::Nothing,
        (Function::Sum, Some(Form::Real)) => Found::Real(total.real, total.correction),
        (Function::Sum, _) => Found::Int(total.int),
        (_, Some(Form::Real)) => Found::Value(Value::Real(total.real)),
        (_, Some(Form::Text)) => {
            Found::Value(ValueRef::Text(total.text.as_deref().unwrap_or_default()).to_value())
        }
        (_, form) => {
            let value = i64::try_from(total.int).unwrap_or_default();
            Found::Value(match form {
                Some(Form::Days) => Value::Text(format_date(value)),
                Some(Form::Millis) => Value::Text(format_timestamp(value)),
                _ => Value::Int(value),
            })
        }
    }
}

fn function_of(function: &PartialFunction) -> (Function, Option<&str>) {
    match function {
        PartialFunction::Count => (Function::Count, None),
        PartialFunction::CountOf(column) => (Function::Count, Some(column)),
        PartialFunction::Sum(column) | PartialFunction::SumInHalves(column) => {
            (Function::Sum, Some(column))
        }
        PartialFunction::Min(column) => (Function::Min, Some(column)),
        PartialFunction::Max(column) => (Function::Max, Some(column)),
    }
}

fn all_columns(filter: &Where, is_kept: &impl Fn(&str) -> bool) -> bool {
    filter.terms.iter().all(|term| match term {
        Term::Column(name, _) => is_kept(name),
        Term::Any(items) => items.iter().all(|item| all_columns(item, is_kept)),
    })
}

/// First and last value of a range, as the column has them.
fn range_of(bounds: Bounds, form: Form) -> (i64, i64) {
    let unit_ms = unit_ms(form);
    let first = bounds.from_ms.map_or(i64::MIN, |ms| ms.div_euclid(unit_ms));
    (first, bounds.to_ms.map_or(i64::MAX, |ms| ms.div_euclid(unit_ms)))
}

const fn unit_ms(form: Form) -> i64 {
    if matches!(form, Form::Days) { DAY_MS } else { 1 }
}
