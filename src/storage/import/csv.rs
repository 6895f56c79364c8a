//! CSV, as it comes in chunks: csv-core finds the fields, each row is checked and goes to the table.
//! Text has to be UTF-8; a row that is not is a bad row like any other.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{Detected, Target};
use crate::error::{Error, Result, RowError};
use crate::model::value::{Value, ValueRef};
use crate::storage::ingest::insert_sql;
use crate::storage::port::{Author, RowSource, SqlPort};

/// Delimiters that are looked for.
const DELIMITERS: &[u8] = b",;\t|";
/// Most bytes of one row: a quote that is never closed would swallow the whole file.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most fields of one row.
const FIELDS_MAX: usize = 10_000;

/// A CSV file under way.
#[derive(Debug)]
pub struct CsvReader {
    parser: Parser,
    delimiter: u8,
    has_header: Option<bool>,
    /// For each field of a row, the dataset's column; none for a field that is left out.
    fields: Option<Vec<Option<usize>>>,
    sql: String,
}

/// csv-core with room for one record.
struct Parser {
    reader: Reader,
    text: Vec<u8>,
    text_length: usize,
    ends: Vec<usize>,
    ends_length: usize,
    /// Line on which the record under way began.
    line: u64,
    at_start: bool,
    /// Whether a whole record stands in the buffers, and not a part of one.
    has_record: bool,
}

impl std::fmt::Debug for Parser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parser").field("line", &self.line).finish_non_exhaustive()
    }
}

impl CsvReader {
    /// `head` is the beginning of the file.
    pub fn new(target: &Target, head: &[u8]) -> Result<Self> {
        let delimiter = target.options.delimiter.unwrap_or_else(|| sniff_delimiter(head));
        Ok(Self {
            parser: Parser::new(delimiter),
            delimiter,
            has_header: target.options.header,
            fields: None,
            sql: String::new(),
        })
    }

    /// The next bytes of the file.
    pub fn push<P: SqlPort>(
        &mut self,
        port: &mut P,
        target: &mut Target,
        chunk: &[u8],
    ) -> Result<()> {
        let mut input = chunk;
        if self.fields.is_none() {
            if !self.parser.next(&mut input)? {
                return Ok(());
            }
            self.first_record(target)?;
            if self.has_header != Some(false) {
                self.parser.clear();
            }
        }
        self.write(port, target, &mut input)
    }

    /// The end of the file.
    pub fn finish<P: SqlPort>(&mut self, port: &mut P, target: &mut Target) -> Result<Detected> {
        // A line feed ends the last record, unless it stands inside quotes.
        self.push(port, target, b"\n")?;
        if self.parser.text_length > 0 || self.parser.ends_length > 0 {
            let reason = "a quote is opened and never closed".to_owned();
            target.refuse(RowError { line: self.parser.line, column: None, reason });
        }
        if self.fields.is_none() {
            return Err(Error::input("file", "holds no rows"));
        }
        Ok(Detected {
            format: "csv",
            encoding: Some(target.encoding.clone()),
            delimiter: Some(char::from(self.delimiter).to_string()),
            header: Some(self.has_header != Some(false)),
            decimal: Some(target.options.form.decimal()),
            date_format: target.options.form.date_format(),
        })
    }

    /// The first record says which field is which column.
    fn first_record(&mut self, target: &Target) -> Result<()> {
        let names: Vec<String> = (0..self.parser.ends_length)
            .map(|i| match std::str::from_utf8(&self.parser.text[self.parser.field(i)]) {
                Ok(name) => Ok(name.trim().to_owned()),
                Err(_) => {
                    let place = format!("line {}, field {}", self.parser.line, i + 1);
                    Err(Error::input(place, target.no_text()))
                }
            })
            .collect::<Result<_>>()?;
        let fields = if self.has_header == Some(false) {
            let columns = target.dataset.columns.len();
            if names.len() != columns {
                let reason = format!(
                    "without a header a row needs {columns} fields, one for each column in order; it has {}",
                    names.len()
                );
                return Err(Error::input("line 1", reason));
            }
            (0..columns).map(Some).collect()
        } else {
            target.match_names(&names)?
        };
        let columns = fields.iter().flatten().map(|&at| &target.dataset.columns[at]);
        self.sql = insert_sql(&target.dataset, columns, target.options.on_conflict);
        self.fields = Some(fields);
        Ok(())
    }

    /// Writes the records of the input; without a header, the one that was read already comes first.
    fn write<P: SqlPort>(
        &mut self,
        port: &mut P,
        target: &mut Target,
        input: &mut &[u8],
    ) -> Result<()> {
        let fields = self.fields.as_deref().unwrap_or_default();
        let width = fields.iter().flatten().count();
        let parser = &mut self.parser;
        let values = vec![Value::Null; width];
        let mut rows = CsvRows { parser, target, input, fields, values, line: 0 };
        if !rows.target.writes() {
            while rows.advance()? {}
            return Ok(());
        }
        let done = port.run_many(&self.sql, Author::Caller, &mut rows)?;
        target.rows += u64::try_from(done.changes).unwrap_or(0);
        Ok(())
    }
}

/// The records of a chunk as rows of an INSERT.
struct CsvRows<'a, 'i> {
    parser: &'a mut Parser,
    target: &'a mut Target,
    input: &'a mut &'i [u8],
    fields: &'a [Option<usize>],
    values: Vec<Value>,
    line: u64,
}

impl CsvRows<'_, '_> {
    /// Fills `values` from the record that was read; the error of the row otherwise.
    fn convert(&mut self) -> Result<(), RowError> {
        let line = self.line;
        let whole = |reason: String| RowError { line, column: None, reason };
        let count = self.parser.ends_length;
        if count != self.fields.len() {
            return Err(whole(format!("has {count} fields, {} are expected", self.fields.len())));
        }
        if std::str::from_utf8(&self.parser.text[..self.parser.text_length]).is_err() {
            self.mend()?;
        }
        let text = std::str::from_utf8(&self.parser.text[..self.parser.text_length])
            .map_err(|_| whole(self.target.no_text()))?;
        let mut start = 0;
        let mut next = 0;
        for (field, &end) in self.fields.iter().zip(&self.parser.ends[..count]) {
            if let Some(at) = field {
                let column = &self.target.dataset.columns[*at];
                self.values[next] =
                    self.target.options.form.value(column, &text[start..end]).map_err(
                        |reason| RowError { line, column: Some(column.name.clone()), reason },
                    )?;
                next += 1;
            }
            start = end;
        }
        Ok(())
    }

    /// Blanks out fields that are no text, where nobody wants them.
    fn mend(&mut self) -> Result<(), RowError> {
        for (i, field) in self.fields.iter().enumerate() {
            let bytes = self.parser.field(i);
            if std::str::from_utf8(&self.parser.text[bytes.clone()]).is_ok() {
                continue;
            }
            if let Some(at) = field {
                let column = Some(self.target.dataset.columns[*at].name.clone());
                return Err(RowError { line: self.line, column, reason: self.target.no_text() });
            }
            self.parser.text[bytes].fill(b' ');
        }
        Ok(())
    }
}

impl RowSource for CsvRows<'_, '_> {
    fn names(&self) -> Option<&[String]> {
        None
    }

    fn advance(&mut self) -> Result<bool> {
        loop {
            if !self.parser.has_record && !self.parser.next(self.input)? {
                return Ok(false);
            }
            self.line = self.parser.line;
            let row = self.convert();
            self.parser.clear();
            match row {
                Ok(()) if self.target.writes() => return Ok(true),
                Ok(()) => {}
                Err(error) => self.target.refuse(error),
            }
        }
    }

    fn value(&self, parameter: usize) -> ValueRef<'_> {
        self.values[parameter].as_ref()
    }

    fn width(&self) -> usize {
        self.values.len()
    }

    fn place(&self) -> String {
        format!("line {}", self.line)
    }

    fn rejected(&mut self, error: Error) -> Result<()> {
        let place = self.place();
        self.target.refuse_constraint(error, self.line, &place)
    }
}

impl Parser {
    fn new(delimiter: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            text: vec![0; 4096],
            text_length: 0,
            ends: vec![0; 64],
            ends_length: 0,
            line: 1,
            at_start: true,
            has_record: false,
        }
    }

    fn clear(&mut self) {
        self.text_length = 0;
        self.ends_length = 0;
        self.has_record = false;
    }

    /// Reads on; true when a record is complete, false when the input has ended first.
    fn next(&mut self, input: &mut &[u8]) -> Result<bool> {
        if self.at_start && !input.is_empty() {
            self.at_start = false;
            *input = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
        }
        if self.text_length == 0 && self.ends_length == 0 {
            // csv-core takes the rest of a line end, and empty lines, with the record behind them.
            let blank = input.iter().take_while(|b| b"\r\n".contains(b));
            self.line = self.reader.line() + blank.filter(|b| **b == b'\n').count() as u64;
        }
        loop {
            if input.is_empty() {
                // An empty input would mean the end of the file to csv-core.
                return Ok(false);
            }
            let (result, read, written, ended) = self.reader.read_record(
                input,
                &mut self.text[self.text_length..],
                &mut self.ends[self.ends_length..],
            );
            *input = &input[read..];
            self.text_length += written;
            self.ends_length += ended;
            match result {
                ReadRecordResult::Record => {
                    self.has_record = true;
                    return Ok(true);
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return Ok(false),
                ReadRecordResult::OutputFull => {
                    self.text = grown(&self.text, RECORD_BYTES_MAX, self.line)?
                }
                ReadRecordResult::OutputEndsFull => {
                    self.ends = grown(&self.ends, FIELDS_MAX, self.line)?
                }
            }
        }
    }

    /// Where a field stands in `text`.
    fn field(&self, i: usize) -> std::ops::Range<usize> {
        if i == 0 { 0..self.ends[0] } else { self.ends[i - 1]..self.ends[i] }
    }
}

fn grown<T: Clone + Default>(buffer: &[T], max: usize, line: u64) -> Result<Vec<T>> {
    if buffer.len() >= max {
        return Err(Error::input(
            format!("line {line}"),
            "the row never ends: a quote is opened and not closed, or the file is no CSV",
        ));
    }
    let mut larger = buffer.to_vec();
    larger.resize((buffer.len() * 2).min(max), T::default());
    Ok(larger)
}

/// The delimiter that the first line has most of, outside quotes.
fn sniff_delimiter(head: &[u8]) -> u8 {
    let mut counts = [0_u32; 4];
    let mut quoted = false;
    for &byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(at) = DELIMITERS.iter().position(|d| *d == byte) {
                    counts[at] += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let at = counts.iter().position(|&count| count == most && most > 0).unwrap_or(0);
    DELIMITERS[at]
}
