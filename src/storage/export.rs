//! Exports: all rows of a question, batch by batch, or an SQLite file, page by page; each from one state of
//! the data. A file with the rows of a question is filled first, in memory, and read afterwards.
//! Does not know formats of text.

use crate::error::{Error, Result};
use crate::model::batch::decode::Batch;
use crate::model::batch::encode::BatchBuilder;
use crate::model::node::Node;
use crate::model::query::RecordsQuery;
use crate::planner::records;
use crate::planner::sql::quote;
use crate::storage::engine::{Answer, Engine};
use crate::storage::ingest::ParameterRows;
use crate::storage::port::{Author, LongTransaction, Params, Statement, Streams};
use crate::storage::stream::Stream;

/// The pages of a database in order. The first one says that there is a log beside the file (in bytes 18
/// and 19), which there is not where the file goes.
const PAGES: &str = "SELECT CASE pgno WHEN 1 THEN CAST(substr(data, 1, 18) || x'0101' || substr(data, 21) AS BLOB) ELSE data END AS page FROM sqlite_dbpage";

/// Most bytes of the rows of a file that is made in memory.
const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Of a file with the rows of an SQL statement.
const TABLE: &str = "result";

/// An export under way.
#[derive(Debug)]
pub struct Export<P: Streams> {
    state: State<P>,
    /// Table of a file with these rows.
    table: String,
    /// Whether the types of the columns hold for all rows.
    has_types: bool,
}

#[derive(Debug)]
enum State<P: Streams> {
    Rows(Source<P>),
    Filling(Source<P>, NewFile<P>),
    Pages(Stream<P>),
    /// It failed on the way.
    Ended,
}

#[derive(Debug)]
enum Source<P: Streams> {
    Stream(Stream<P>),
    Answer(Answer),
}

/// A database in memory that takes rows.
#[derive(Debug)]
struct NewFile<P> {
    port: P,
    /// None before the table is there.
    insert: Option<String>,
    bytes: usize,
}

impl<P: Streams + LongTransaction> Engine<P> {
    /// Begins with the pages of the whole database.
    pub fn open_image(&mut self) -> Result<Export<P>> {
        let pages = self.open_stream_of(Statement::engine(PAGES, &[]))?;
        let state = State::Rows(Source::Stream(pages));
        Ok(Export { state, table: String::new(), has_types: false })
    }

    /// Begins with the rows of a question, SQL text or a query; with those of the only dataset where there
    /// is none.
    pub fn open_export(&mut self, target: &Node, params: Params<'_>) -> Result<Export<P>> {
        let everything;
        let target = match target {
            Node::Undefined => {
                everything = self.everything()?;
                &everything
            }
            given => given,
        };
        let named = |name: &str| match target {
            Node::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            _ => None,
        };
        let source = match target {
            Node::Text(sql) => Source::Stream(self.open_stream(sql, params)?),
            _ if named("measures").is_some() => Source::Answer(self.aggregate(target)?),
            _ => Source::Stream(self.open_records(target)?),
        };
        let table = match named("dataset") {
            Some(Node::Text(dataset)) => dataset,
            _ => TABLE,
        };
        let has_types = !matches!(target, Node::Text(_));
        Ok(Export { state: State::Rows(source), table: table.to_owned(), has_types })
    }

    /// All rows of the only dataset.
    fn everything(&self) -> Result<Node> {
        match self.datasets.as_slice() {
            [only] => Ok(Node::Map(vec![("dataset".to_owned(), Node::Text(only.name.clone()))])),
            datasets => {
                let names: Vec<&str> = datasets.iter().map(|d| d.name.as_str()).collect();
                Err(Error::query(
                    "query",
                    format!("has to say what to export; the datasets are {}", names.join(", ")),
                ))
            }
        }
    }

    fn open_records(&mut self, target: &Node) -> Result<Stream<P>> {
        let mut query = RecordsQuery::unpaged(target)?;
        // A page's statement selects one row more than the page has.
        query.limit -= 1;
        let plan = records::plan(&query, self.dataset(&query.dataset)?)?;
        let statement = Statement::caller(&plan.statement.text, &plan.statement.params);
        let mut stream = self.open_stream_of(statement)?;
        stream.columns = plan.columns.into_iter().map(|(name, kind)| (name, Some(kind))).collect();
        Ok(stream)
    }

    /// The next rows or pages, and whether there may be more. Empty while a file is filled.
    pub fn next_of_export(
        &mut self,
        export: &mut Export<P>,
        rows_max: usize,
        timeout_ms: Option<u64>,
    ) -> Result<(Answer, bool)> {
        match &mut export.state {
            State::Rows(source) => self.next_rows(source, rows_max, timeout_ms),
            State::Pages(stream) => self.next_batch(stream, rows_max, timeout_ms),
            State::Ended => Err(Error::Internal { detail: "the export has ended".to_owned() }),
            State::Filling(source, file) => {
                let (answer, more) = self.next_rows(source, rows_max, timeout_ms)?;
                let Answer { route, data_version, .. } = answer;
                file.take(&answer.batch, &export.table, export.has_types)?;
                if !more {
                    self.read_file(export)?;
                }
                let batch = BatchBuilder::new([]).finish();
                Ok((Answer { batch, rows: 0, route, data_version, next: None }, true))
            }
        }
    }

    fn next_rows(
        &mut self,
        source: &mut Source<P>,
        rows_max: usize,
        timeout_ms: Option<u64>,
    ) -> Result<(Answer, bool)> {
        match source {
            Source::Stream(stream) => self.next_batch(stream, rows_max, timeout_ms),
            Source::Answer(answer) => Ok((answer.clone(), false)),
        }
    }

    /// All rows are there: from now on the file is read.
    fn read_file(&mut self, export: &mut Export<P>) -> Result<()> {
        if let State::Filling(source, mut file) = std::mem::replace(&mut export.state, State::Ended)
        {
            self.close_source(source);
            let cursor = file.port.cursor(Statement::engine(PAGES, &[]))?;
            let data_version = self.data_version();
            export.state = State::Pages(Stream::of(cursor, Some(file.port), data_version));
        }
        Ok(())
    }

    /// Frees what it holds.
    pub fn close_export(&mut self, export: Export<P>) {
        match export.state {
            State::Rows(source) | State::Filling(source, _) => self.close_source(source),
            // The connection of a new file goes with its statement.
            State::Pages(_) | State::Ended => {}
        }
    }

    fn close_source(&mut self, source: Source<P>) {
        if let Source::Stream(stream) = source {
            self.close_stream(stream);
        }
    }
}

impl<P: Streams> Export<P> {
    /// Gives not the rows but a file that holds them; `port` is an empty database.
    #[must_use]
    pub fn as_file(mut self, port: P) -> Self {
        if let State::Rows(source) = self.state {
            self.state = State::Filling(source, NewFile { port, insert: None, bytes: 0 });
        }
        self
    }
}

impl<P: Streams> NewFile<P> {
    fn take(&mut self, batch: &[u8], table: &str, has_types: bool) -> Result<()> {
        self.bytes += batch.len();
        if self.bytes > FILE_BYTES_MAX {
            return Err(Error::LimitExceeded {
                limit: format!("the rows take more than {} MiB", FILE_BYTES_MAX / 1024 / 1024),
                way_out: "Export them as csv, ndjson or arrow, in several files, or the whole database (without a query)".to_owned(),
            });
        }
        let batch = Batch::decode(batch)?;
        if self.insert.is_none() {
            self.create(&batch, table, has_types)?;
        }
        let insert = self.insert.as_deref().unwrap_or_default();
        let mut rows = ParameterRows::new(&batch, false);
        self.port.transaction(|port| port.run_many(insert, Author::Engine, &mut rows)).map(drop)
    }

    fn create(&mut self, batch: &Batch<'_>, table: &str, has_types: bool) -> Result<()> {
        let columns: Vec<String> = batch
            .columns()
            .iter()
            .map(|column| {
                let kind = if has_types { sql_type(&column.kind) } else { "" };
                format!("{} {kind}", quote(&column.name))
            })
            .collect();
        let create = format!("CREATE TABLE {} ({})", quote(table), columns.join(", "));
        self.port.script(&create, Author::Engine).map_err(|error| match error {
            Error::SqlInvalid { reason, .. } => {
                Error::query("query", format!("a table cannot have its columns: {reason}"))
            }
            other => other,
        })?;
        let places = vec!["?"; columns.len()].join(", ");
        self.insert = Some(format!("INSERT INTO {} VALUES ({places})", quote(table)));
        Ok(())
    }
}

/// A column without a type takes every value as it is.
fn sql_type(kind: &str) -> &'static str {
    match kind {
        "integer" | "timestamp" => "INTEGER",
        "real" => "REAL",
        "text" | "date" | "timestampText" | "json" => "TEXT",
        "blob" => "BLOB",
        _ => "",
    }
}
