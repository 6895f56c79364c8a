//! Aggregates over segments alone, made of rows without a database.

use std::rc::Rc;

use lotwise::columnstore::build::{Encoded, SegmentBuilder};
use lotwise::columnstore::cache::ColumnCache;
use lotwise::columnstore::column::Column;
use lotwise::columnstore::head::Head;
use lotwise::columnstore::layout::Layout;
use lotwise::columnstore::scan::{Look, Scan};
use lotwise::model::batch::decode::{Batch, Cell};
use lotwise::model::dataset::Dataset;
use lotwise::model::query::AggregateQuery;
use lotwise::model::value::Value;
use lotwise::planner::aggregate::plan;
use lotwise::planner::finish::Groups;

use super::Row;

/// The answer from segments of so many rows each.
pub fn aggregate(
    dataset: &Dataset,
    (names, table): (&[&str], &[Row]),
    query: &AggregateQuery,
    segment_rows: usize,
) -> Vec<Row> {
    let layout = Layout::of(dataset);
    let plan = plan(query.clone(), dataset).expect("a sound query");
    let mut scan = Scan::new(&plan, dataset).expect("all columns are kept");
    let mut cache = ColumnCache::new(1 << 20);
    for (number, rows) in table.chunks(segment_rows).enumerate() {
        let Encoded { head, columns } = encode(&layout, names, rows);
        let head = Head::decode(&head).expect("a sound head");
        match scan.look(&head) {
            Look::Skip => continue,
            Look::Read => {}
            Look::Rows => panic!("a column is missing"),
        }
        let entries = scan.entries(&head).expect("all columns are there");
        let read: Vec<Rc<Column>> = entries
            .into_iter()
            .map(|(at, entry)| {
                let segment = (number as i64, head.rows);
                let bytes = || Ok(columns[at].clone());
                cache.column(segment, &dataset.name, (at, entry), bytes).expect("a sound column")
            })
            .collect();
        scan.add(head.rows, &read);
    }
    let mut groups = Groups::new(&plan);
    scan.finish(&cache, &mut groups).expect("finishes");
    decode(&groups.finish().expect("finishes").finish())
}

/// Rows as a segment.
pub fn encode(layout: &Layout, names: &[&str], rows: &[Row]) -> Encoded {
    let mut builder = SegmentBuilder::new(layout);
    let at: Vec<usize> = layout
        .columns
        .iter()
        .map(|column| names.iter().position(|name| *name == column.name).expect("is there"))
        .collect();
    for row in rows {
        builder.push(|column| row[at[column]].as_ref());
    }
    builder.finish()
}

fn decode(bytes: &[u8]) -> Vec<Row> {
    let batch = Batch::decode(bytes).expect("decodes");
    let cell = |row: usize, column: usize| match batch.columns()[column].cell(row) {
        Cell::Value(value) => value.to_value(),
        Cell::Absent => Value::Null,
    };
    let width = batch.columns().len();
    (0..batch.rows()).map(|row| (0..width).map(|column| cell(row, column)).collect()).collect()
}
