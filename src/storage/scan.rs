//! Aggregates through segments: those that are fresh are read by the columnstore, all other rows by SQL, and
//! both kinds of partial results are merged. Knows the catalogue of segments; not who makes them.
//!
//! Invariants:
//! 1. Every key is in one fresh segment, or its row is read by SQL; never both.
//! 2. What is kept between calls belongs to one version of the data and one state of the catalogue. Inside a
//!    transaction nothing is kept, for it may be rolled back.

use std::collections::HashMap;
use std::rc::Rc;

use crate::columnstore::cache::ColumnCache;
use crate::columnstore::column::Column;
use crate::columnstore::head::Head;
use crate::columnstore::layout::{Form, Layout};
use crate::columnstore::scan::{Look, Scan};
use crate::error::Result;
use crate::model::batch::encode::BatchBuilder;
use crate::model::dataset::Dataset;
use crate::model::value::{Value, ValueRef};
use crate::planner::aggregate::AggregatePlan;
use crate::planner::finish::Groups;
use crate::planner::route::{Route, SegmentWork, prefers_segments};
use crate::planner::sql::quote;
use crate::storage::columnar::catalogue;
use crate::storage::columnar::verify::{Standing, Verified, standing};
use crate::storage::port::{SqlPort, Statement, collect};
use crate::storage::read::Each;

/// What the engine keeps in memory of its segments.
#[derive(Debug)]
pub struct SegmentMemory {
    cache: ColumnCache,
    known: HashMap<String, Rc<Known>>,
    /// Data version and state of the catalogue that this was read at.
    read_at: (i64, u64),
    verified: Verified,
}

/// A dataset's segments, as one state of the database has them.
#[derive(Debug)]
struct Known {
    segments: Vec<Segment>,
    /// First and last key of the table; none where it is empty.
    keys: Option<(i64, i64)>,
}

#[derive(Debug)]
struct Segment {
    id: i64,
    first_key: i64,
    last_key: i64,
    head: Rc<Head>,
}

/// What has to be done for one question.
struct Work<'k> {
    read: Vec<&'k Segment>,
    /// Keys that are in no segment, from the first to the last of each range.
    rest: Vec<(i64, i64)>,
    estimate: SegmentWork,
}

/// What came of it.
pub struct Scanned {
    /// The answer.
    pub batch: BatchBuilder,
    /// Rows that were looked at.
    pub rows: u64,
}

impl SegmentMemory {
    /// Nothing yet; decoded columns of no more than so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            cache: ColumnCache::new(bytes_max),
            known: HashMap::new(),
            read_at: (-1, 0),
            verified: Verified::default(),
        }
    }

    /// Bytes of decoded columns.
    pub const fn bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// The answer to a plan; none where SQL is to give it. `state` is what the data is to be known by, none
    /// inside a transaction.
    pub fn aggregate<P: SqlPort>(
        &mut self,
        port: &mut P,
        (plan, dataset): (&AggregatePlan, &Dataset),
        (route, state): (Route, Option<(i64, u64)>),
    ) -> Result<Option<Scanned>> {
        let Some(mut scan) = Scan::new(plan, dataset).filter(|_| route != Route::Sql) else {
            return Ok(None);
        };
        let known = self.known(port, dataset, state)?;
        let work = Work::new(&scan, &known);
        let is_taken = route == Route::Columnstore
            || (!known.segments.is_empty()
                && prefers_segments(&plan.query, dataset, work.estimate, |name| {
                    known.distinct(name)
                }));
        if !is_taken {
            return Ok(None);
        }
        self.cache.begin();
        for segment in &work.read {
            port.check_deadline()?;
            let columns = self.columns(port, dataset, (&scan, segment))?;
            scan.add(segment.head.rows, &columns);
        }
        let mut groups = Groups::new(plan);
        let mut rows = scan.rows();
        scan.finish(&self.cache, &mut groups)?;
        rows += rest(port, dataset, plan, (&work.rest, &mut groups))?;
        Ok(Some(Scanned { batch: groups.finish()?, rows }))
    }

    /// Whether a plan would be answered through segments.
    pub fn would_take<P: SqlPort>(
        &mut self,
        port: &mut P,
        (plan, dataset): (&AggregatePlan, &Dataset),
        state: Option<(i64, u64)>,
    ) -> Result<bool> {
        let Some(scan) = Scan::new(plan, dataset) else { return Ok(false) };
        let known = self.known(port, dataset, state)?;
        let estimate = Work::new(&scan, &known).estimate;
        Ok(!known.segments.is_empty()
            && prefers_segments(&plan.query, dataset, estimate, |name| known.distinct(name)))
    }

    fn columns<P: SqlPort>(
        &mut self,
        port: &mut P,
        dataset: &Dataset,
        (scan, segment): (&Scan<'_>, &Segment),
    ) -> Result<Vec<Rc<Column>>> {
        let Segment { id, head, .. } = segment;
        let entries = scan.entries(head).unwrap_or_default();
        entries
            .into_iter()
            .map(|(position, entry)| {
                let bytes = || catalogue::column(port, *id, position);
                self.cache.column((*id, head.rows), &dataset.name, (position, entry), bytes)
            })
            .collect()
    }

    fn known<P: SqlPort>(
        &mut self,
        port: &mut P,
        dataset: &Dataset,
        state: Option<(i64, u64)>,
    ) -> Result<Rc<Known>> {
        let layout = Layout::of(dataset);
        let Some(state) = state else {
            let has_segments =
                catalogue::exists(port)? && standing(port, dataset, &layout)? == Standing::Guarded;
            return Ok(Rc::new(read(port, dataset, has_segments, None)?));
        };
        if state == self.read_at
            && let Some(known) = self.known.get(&dataset.name)
        {
            return Ok(Rc::clone(known));
        }
        let has_segments = catalogue::exists(port)?
            && self.verified.standing(port, dataset, &layout)? == Standing::Guarded;
        let before = self.known.get(&dataset.name);
        let known = Rc::new(read(port, dataset, has_segments, before)?);
        if state != self.read_at {
            self.known.retain(|name, _| *name == dataset.name);
            self.read_at = state;
        }
        self.known.insert(dataset.name.clone(), Rc::clone(&known));
        Ok(known)
    }
}

impl Known {
    /// About how many different values a column has, as heads tell: the entries of the largest dictionary, or all
    /// integers from the least to the greatest.
    fn distinct(&self, name: &str) -> Option<f64> {
        let entries = self.segments.iter().filter_map(|segment| segment.head.column(name));
        let (mut most_entries, mut least, mut most) = (0, i64::MAX, i64::MIN);
        for (_, entry) in entries {
            match entry.form {
                Form::Real => return None,
                Form::Text => most_entries = most_entries.max(entry.max),
                _ => (least, most) = (least.min(entry.min), most.max(entry.max)),
            }
        }
        let integers = if least > most { 0.0 } else { most as f64 - least as f64 + 1.0 };
        Some(integers.max(most_entries as f64).max(1.0))
    }
}

impl<'k> Work<'k> {
    fn new(scan: &Scan<'_>, known: &'k Known) -> Self {
        let (mut read, mut rest) = (Vec::new(), Vec::new());
        // The first key that is neither in a segment seen so far nor in a range of the rest.
        let mut next = known.keys.map(|(first, _)| first);
        let mut rows = 0;
        let mut add_rest = |from: Option<i64>, last: i64| {
            if let Some(from) = from.filter(|from| *from <= last) {
                rest.push((from, last));
            }
        };
        for segment in &known.segments {
            match scan.look(&segment.head) {
                Look::Rows => continue,
                Look::Skip => {}
                Look::Read => {
                    rows += segment.head.rows as u64;
                    read.push(segment);
                }
            }
            if let Some(before) = segment.first_key.checked_sub(1) {
                add_rest(next, before);
            }
            next = next.and(segment.last_key.checked_add(1));
        }
        if let Some((_, last)) = known.keys {
            add_rest(next, last);
        }
        let keys = |(first, last): &(i64, i64)| last.abs_diff(*first).saturating_add(1);
        let estimate = SegmentWork {
            rows,
            all: known.segments.iter().map(|segment| segment.head.rows as u64).sum(),
            columns: scan.width(),
            rest: rest.iter().map(keys).fold(0, u64::saturating_add),
            time_share: scan.time_share(known.segments.iter().map(|segment| &*segment.head)),
        };
        Self { read, rest, estimate }
    }
}

/// Adds the rows of ranges of keys; how many keys those have.
fn rest<P: SqlPort>(
    port: &mut P,
    dataset: &Dataset,
    plan: &AggregatePlan,
    (ranges, groups): (&[(i64, i64)], &mut Groups<'_>),
) -> Result<u64> {
    if ranges.is_empty() {
        return Ok(0);
    }
    let (main, distinct) = plan.of_keys(dataset)?;
    let mut keys = 0_u64;
    for (first, last) in ranges {
        keys = keys.saturating_add(last.abs_diff(*first)).saturating_add(1);
        let ends = [Value::Int(*first), Value::Int(*last)];
        if let Some(main) = &main {
            let params = [main.params.as_slice(), &ends].concat();
            let mut add = Each(|row: &[ValueRef<'_>]| groups.add_main(row));
            port.run(Statement::caller(&main.text, &params), &mut add)?;
        }
        for (i, statement) in distinct.iter().enumerate() {
            let params = [statement.params.as_slice(), &ends].concat();
            let mut add = Each(|row: &[ValueRef<'_>]| groups.add_distinct(i, row));
            port.run(Statement::caller(&statement.text, &params), &mut add)?;
        }
    }
    Ok(keys)
}

/// What the database says of a dataset's segments. Heads that were read before are not read again.
fn read<P: SqlPort>(
    port: &mut P,
    dataset: &Dataset,
    has_segments: bool,
    before: Option<&Rc<Known>>,
) -> Result<Known> {
    if !has_segments {
        return Ok(Known { segments: Vec::new(), keys: keys(port, dataset)? });
    }
    let heads: HashMap<i64, &Rc<Head>> = before
        .into_iter()
        .flat_map(|known| known.segments.iter().map(|segment| (segment.id, &segment.head)))
        .collect();
    let segments = catalogue::fresh_segments(port, dataset)?
        .into_iter()
        .map(|info| {
            let head = match heads.get(&info.id) {
                Some(head) => Rc::clone(head),
                None => Rc::new(Head::decode(&info.head)?),
            };
            let catalogue::SegmentInfo { id, first_key, last_key, .. } = info;
            Ok(Segment { id, first_key, last_key, head })
        })
        .collect::<Result<_>>()?;
    Ok(Known { segments, keys: keys(port, dataset)? })
}

/// First and last key of a table.
fn keys<P: SqlPort>(port: &mut P, dataset: &Dataset) -> Result<Option<(i64, i64)>> {
    let (table, key) = (quote(&dataset.name), quote(dataset.key()));
    // Two statements: with both in one SQLite reads the whole table.
    let mut end = |function: &str| -> Result<Option<i64>> {
        let found = collect(port, &format!("SELECT {function}({key}) FROM {table}"), &[])?;
        Ok(match found.first().and_then(|row| row.first()) {
            Some(Value::Int(key)) => Some(*key),
            _ => None,
        })
    };
    Ok(end("min")?.zip(end("max")?))
}
