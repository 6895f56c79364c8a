//! Rows in batches, all from one state of the data, in memory that does not grow with their number.
//!
//! A stream outside a transaction has a connection of its own, whose snapshot nothing disturbs; one inside
//! stands on the connection that writes, and the transaction writes nothing while it is open.

use crate::error::Result;
use crate::model::batch::encode::BatchBuilder;
use crate::storage::engine::{Answer, Engine, Scope};
use crate::storage::port::{Author, Cursor, LongTransaction, Params, Statement, Streams};
use crate::storage::transaction::Open;

/// A batch ends early when it has so many bytes.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// A statement under way.
#[derive(Debug)]
pub struct Stream<P: Streams> {
    cursor: P::Cursor,
    /// Its own connection; none where it stands on the one that writes.
    reader: Option<P>,
    /// Names of the columns that are handed out, the statement's first ones, and types where they are known.
    pub(super) columns: Vec<(String, Option<&'static str>)>,
    data_version: i64,
}

impl<P: Streams + LongTransaction> Engine<P> {
    /// Begins a statement that reads.
    pub fn open_stream(&mut self, sql: &str, params: Params<'_>) -> Result<Stream<P>> {
        self.open_stream_of(Statement { sql, params, author: Author::Caller })
    }

    pub(super) fn open_stream_of(&mut self, statement: Statement<'_>) -> Result<Stream<P>> {
        self.check_scope()?;
        if self.call.scope == Scope::Inside {
            let cursor = self.port.cursor(statement)?;
            self.count_streams(1);
            return Ok(Stream::of(cursor, None, self.data_version + 1));
        }
        let data_version = self.data_version;
        let mut reader = self.take_reader()?;
        // A snapshot begins with the first row that is read, whichever it is.
        let snapshot = "BEGIN; SELECT 1 FROM sqlite_schema";
        let cursor = reader.script(snapshot, Author::Engine).and_then(|_| reader.cursor(statement));
        match cursor {
            Ok(cursor) => Ok(Stream::of(cursor, Some(reader), data_version)),
            Err(error) => {
                reader.rollback();
                self.keep_reader(reader);
                Err(error)
            }
        }
    }

    /// The next rows, and whether there may be more.
    pub fn next_batch(
        &mut self,
        stream: &mut Stream<P>,
        rows_max: usize,
        timeout_ms: Option<u64>,
    ) -> Result<(Answer, bool)> {
        stream.port(&mut self.port).set_timeout(timeout_ms);
        let mut batch = BatchBuilder::new(stream.columns.iter().cloned());
        let more = stream.cursor.next(&mut |row| {
            batch.push(|i| row[i]);
            Ok(batch.rows() < rows_max && batch.bytes() < BATCH_BYTES)
        });
        stream.port(&mut self.port).set_timeout(None);
        let more = more?;
        let (rows, data_version) = (batch.rows(), stream.data_version);
        Ok((Answer { batch: batch.finish(), rows, route: "scan", data_version, next: None }, more))
    }

    /// Frees the statement, and its connection for others.
    pub fn close_stream(&mut self, stream: Stream<P>) {
        let Stream { cursor, reader, .. } = stream;
        drop(cursor);
        match reader {
            Some(mut reader) => {
                reader.rollback();
                self.keep_reader(reader);
            }
            None => self.count_streams(-1),
        }
    }

    fn count_streams(&mut self, change: isize) {
        if let Some(Open::Transaction(transaction)) = &mut self.open {
            transaction.streams = transaction.streams.saturating_add_signed(change);
        }
    }
}

impl<P: Streams> Stream<P> {
    /// A statement that has begun, on that connection.
    pub(super) fn of(cursor: P::Cursor, reader: Option<P>, data_version: i64) -> Self {
        let columns = cursor.columns().iter().map(|name| (name.clone(), None)).collect();
        Self { cursor, reader, columns, data_version }
    }

    fn port<'s>(&'s mut self, writer: &'s mut P) -> &'s mut P {
        self.reader.as_mut().unwrap_or(writer)
    }
}
