//! Batches (LWB1) that come over a message: decoded, read to the last cell, encoded again, appended.

use super::{refusal, tables, with_engine};
use lotwise::model::batch::decode::{Batch, Cell};
use lotwise::model::batch::encode::BatchBuilder;
use lotwise::model::value::ValueRef;
use lotwise::storage::ingest::OnConflict;

/// A header may promise any number of rows of nothing.
const ROWS_MAX: usize = 2_000;

/// Reads bytes as a batch.
pub fn run(bytes: &[u8]) {
    let batch = match Batch::decode(bytes) {
        Ok(batch) => batch,
        Err(error) => return refusal::check(&error, &["INPUT_INVALID"]),
    };
    if batch.rows() > ROWS_MAX {
        return;
    }
    let mut cells = Vec::new();
    for row in 0..batch.rows() {
        for column in batch.columns() {
            cells.push(match column.cell(row) {
                Cell::Value(ValueRef::Text(text)) => {
                    assert!(std::str::from_utf8(text).is_ok(), "text that is none");
                    ValueRef::Text(text)
                }
                Cell::Value(value) => value,
                Cell::Absent => ValueRef::Null,
            });
        }
    }
    let width = batch.columns().len();
    let names = batch.columns().iter().map(|column| (column.name.clone(), None));
    let mut builder = BatchBuilder::new(names);
    for row in 0..batch.rows() {
        builder.push(|i| cells[row * width + i]);
    }
    let encoded = builder.finish();
    let again = Batch::decode(&encoded).expect("what was encoded decodes");
    for row in 0..again.rows() {
        for (i, column) in again.columns().iter().enumerate() {
            assert_eq!(
                column.cell(row),
                Cell::Value(cells[row * width + i]),
                "row {row}, column {i}"
            );
        }
    }
    append(bytes);
}

fn append(bytes: &[u8]) {
    with_engine(|engine| match engine.append("t", bytes, OnConflict::Error) {
        Ok(written) => assert!(written.changes >= 0),
        Err(error) => {
            refusal::check(&error, &["INPUT_INVALID", "CONSTRAINT_VIOLATION", "LIMIT_EXCEEDED"]);
            let rows = tables::read(engine, "SELECT * FROM t");
            assert_eq!(rows.len(), tables::rows().len(), "a failed append left a trace");
        }
    });
}
