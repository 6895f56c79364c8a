//! Segments that somebody else wrote: heads and columns with checksums that are right, and anything else in them.
//!
//! An input is the head without its checksum, behind its length as two bytes, and then the columns one after the
//! other. Lengths and checksums of columns are put right, for they would be refused at once.

use std::rc::Rc;

use lotwise::columnstore::cache::ColumnCache;
use lotwise::columnstore::column::Column;
use lotwise::columnstore::head::Head;
use lotwise::columnstore::scan::{Look, Scan};
use lotwise::error::Result;
use lotwise::model::dataset::Dataset;
use lotwise::model::json;
use lotwise::model::query::AggregateQuery;
use lotwise::planner::aggregate::plan;
use lotwise::planner::finish::Groups;
use serde_json::json as object;
use xxhash_rust::xxh64::xxh64;

use super::{refusal, tables};

/// Reads bytes as a segment, and asks questions of it.
pub fn run(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk() else { return };
    let length = usize::from(u16::from_le_bytes(*length));
    let Some((head, columns)) = rest.split_at_checked(length) else { return };
    let checksum = xxh64(head, 0).to_le_bytes();
    let sealed = [head, &checksum].concat();
    match Head::decode(&sealed) {
        Ok(head) => ask(head, columns),
        Err(error) => refusal::check(&error, &["DATABASE_CORRUPT"]),
    }
}

fn ask(mut head: Head, mut columns: &[u8]) {
    let mut bytes = Vec::new();
    for entry in &mut head.columns {
        let (column, rest) = columns.split_at(entry.length.min(columns.len()));
        columns = rest;
        entry.length = column.len();
        entry.checksum = xxh64(column, 0);
        bytes.push(column);
    }
    let dataset = tables::everything();
    let groups =
        [object!(["s", "n"]), object!([{"time": "day"}, "x"]), object!(["at"]), object!([])];
    for group_by in groups {
        let query = object!({
            "dataset": "t", "groupBy": group_by, "range": {"from": "2020-02"},
            "where": {"s": {"not": "b"}, "any": [{"n": {"gt": 0}}, {"n": null}, {"x": [0.5, null]}]},
            "measures": {
                "rows": "count", "sum": {"sum": "n"}, "mean": {"avg": "x"}, "first": {"min": "s"},
                "last": {"max": "at"}, "some": {"countDistinct": "n", "where": {"s": {"prefix": "a"}}},
            },
        });
        match answer(&dataset, &query, &head, &bytes) {
            Ok(()) => {}
            Err(error) => refusal::check(&error, &["DATABASE_CORRUPT", "LIMIT_EXCEEDED"]),
        }
    }
}

fn answer(
    dataset: &Dataset,
    query: &serde_json::Value,
    head: &Head,
    bytes: &[&[u8]],
) -> Result<()> {
    let query =
        AggregateQuery::from_node(&json::read(query.to_string().as_bytes()).expect("is JSON"))
            .expect("a sound query");
    let plan = plan(query, dataset).expect("a sound query");
    let mut scan = Scan::new(&plan, dataset).expect("all columns are kept");
    if scan.look(head) != Look::Read {
        return Ok(());
    }
    let mut cache = ColumnCache::new(1 << 16);
    let entries = scan.entries(head).expect("it is to be read");
    let columns = entries
        .into_iter()
        .map(|(at, entry)| {
            cache.column((1, head.rows), "t", (at, entry), || Ok(bytes[at].to_vec()))
        })
        .collect::<Result<Vec<Rc<Column>>>>()?;
    scan.add(head.rows, &columns);
    let mut groups = Groups::new(&plan);
    scan.finish(&cache, &mut groups)?;
    groups.finish().map(drop)
}
