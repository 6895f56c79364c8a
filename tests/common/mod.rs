//! What tests of every host share: the conformance suite of the SQL port, and readers of answers.
#![allow(dead_code, reason = "each host uses its part")]

pub mod failing_disk;
pub mod port_suite;
pub mod routes_suite;
pub mod storage_failures;

use lotwise::model::batch::decode::{Batch, Cell};
use lotwise::model::batch::encode::BatchBuilder;
use lotwise::model::node::Node;
use lotwise::model::value::Value;
use lotwise::storage::engine::Answer;

/// A query object from JSON.
pub fn node(json: serde_json::Value) -> Node {
    lotwise::model::json::read(json.to_string().as_bytes()).expect("is JSON")
}

/// Rows of an answer.
pub fn rows(answer: &Answer) -> Vec<Vec<Value>> {
    let batch = Batch::decode(&answer.batch).expect("an answer decodes");
    (0..batch.rows())
        .map(|row| {
            batch
                .columns()
                .iter()
                .map(|column| match column.cell(row) {
                    Cell::Value(value) => value.to_value(),
                    Cell::Absent => panic!("absent in an answer"),
                })
                .collect()
        })
        .collect()
}

/// A batch of rows under names.
pub fn batch(names: &[&str], rows: &[Vec<Value>]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(names.iter().map(|name| ((*name).to_owned(), None)));
    for row in rows {
        builder.push(|i| row[i].as_ref());
    }
    builder.finish()
}
