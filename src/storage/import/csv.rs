//! CSV, as it comes in chunks: csv-core finds the fields, each row is checked and goes to the table.
//! Text has to be UTF-8; a row that is not is a bad row like any other.

use super::csv_parser::Parser;
use super::evidence::Evidence;
use super::{Detected, Head, Target};
use crate::error::{Error, Result, RowError};
use crate::model::dataset::ColumnType;
use crate::model::value::{Value, ValueRef};
use crate::storage::ingest::insert_sql;
use crate::storage::port::{BulkPages, RowSource};
use crate::storage::table_text::Field;

/// A CSV file under way.
#[derive(Debug)]
pub struct CsvReader {
    parser: Parser,
    delimiter: u8,
    has_header: bool,
    header_read: bool,
    /// For each field of a row, the dataset's column; none for a field that is left out.
    fields: Vec<Option<usize>>,
    sql: String,
}

impl CsvReader {
    /// Finds out how to read the file from its beginning; none where more of it is needed.
    pub fn new(target: &mut Target, head: Head<'_>) -> Result<Option<Self>> {
        let (mut probe, delimiter) = Parser::new(head.bytes, target.options.delimiter);
        let mut first: Option<FirstRecord> = None;
        let mut evidence = Evidence::default();
        each_record(&mut probe, head, &mut |record| {
            let is_first = first.is_none();
            let known = match &mut first {
                Some(known) => known,
                none => none.insert(FirstRecord::new(target, record)?),
            };
            let is_row = record.ends().len() == known.fields.len();
            if is_row && !(is_first && known.is_header) {
                let columns = &target.dataset.columns;
                for (i, at) in known.fields.iter().enumerate() {
                    let text = std::str::from_utf8(&record.text()[record.field(i)]);
                    if let (Some(at), Ok(text)) = (at, text) {
                        evidence.add(&columns[*at].name, columns[*at].kind, text);
                    }
                }
            }
            Ok(())
        })?;
        let Some(first) = first else {
            let nothing = Err(Error::input("file", "holds no rows"));
            return if head.may_grow { Ok(None) } else { nothing };
        };
        let settled = match evidence.settle(&target.options.form, delimiter == b',') {
            Err(_) if head.may_grow => return Ok(None),
            settled => settled?,
        };
        target.form = settled.form;
        target.date_format = settled.date_format;
        first.check(target)?;
        target.ignore(&first.texts, &first.fields);
        let columns = first.fields.iter().flatten().map(|&at| &target.dataset.columns[at]);
        Ok(Some(Self {
            parser: Parser::new(head.bytes, Some(delimiter)).0,
            delimiter,
            has_header: first.is_header,
            header_read: false,
            sql: insert_sql(&target.dataset, columns, target.options.on_conflict),
            fields: first.fields,
        }))
    }

    /// The next bytes of the file.
    pub fn push<P: BulkPages>(
        &mut self,
        port: &mut P,
        target: &mut Target,
        chunk: &[u8],
    ) -> Result<()> {
        let mut input = chunk;
        if self.has_header && !self.header_read {
            if !self.parser.next(&mut input)? {
                return Ok(());
            }
            self.header_read = true;
            self.parser.clear();
        }
        self.write(port, target, &mut input)
    }

    /// The end of the file.
    pub fn finish<P: BulkPages>(&mut self, port: &mut P, target: &mut Target) -> Result<Detected> {
        // A line feed ends the last record, unless it stands inside quotes.
        self.push(port, target, b"\n")?;
        if self.parser.is_inside() {
            let reason = "a quote is opened and never closed".to_owned();
            target.refuse(RowError { line: self.parser.line(), column: None, reason });
        }
        Ok(Detected {
            delimiter: Some(char::from(self.delimiter).to_string()),
            header: Some(self.has_header),
            ..target.detected_text("csv")
        })
    }

    /// Writes the records of the input.
    fn write<P: BulkPages>(
        &mut self,
        port: &mut P,
        target: &mut Target,
        input: &mut &[u8],
    ) -> Result<()> {
        let fields = self.fields.as_slice();
        let given: Vec<usize> = fields.iter().flatten().copied().collect();
        let values = vec![Place::Value(Value::Null); given.len()];
        let parser = &mut self.parser;
        let mut rows = CsvRows { parser, target, input, fields, values, is_read: false, line: 0 };
        if !rows.target.writes() {
            while rows.advance()? {}
            return Ok(());
        }
        let mut path = std::mem::take(&mut rows.target.path);
        let written = path.write(port, &self.sql, &given, &mut rows);
        target.path = path;
        target.note_refusal();
        target.rows += written?;
        Ok(())
    }
}

/// Gives every record of the beginning of a file to `take`.
pub fn each_record(
    parser: &mut Parser,
    head: Head<'_>,
    take: &mut dyn FnMut(&Parser) -> Result<()>,
) -> Result<()> {
    let end: &[u8] = if head.is_whole { b"\n" } else { b"" };
    for mut input in [head.bytes, end] {
        while parser.next(&mut input)? {
            take(parser)?;
            parser.clear();
        }
    }
    Ok(())
}

/// The record that says which field is which column.
struct FirstRecord {
    texts: Vec<String>,
    is_header: bool,
    fields: Vec<Option<usize>>,
}

impl FirstRecord {
    fn new(target: &Target, record: &Parser) -> Result<Self> {
        let texts = texts_of(record, &target.no_text())?;
        let columns = target.dataset.columns.len();
        let in_order = || (0..columns).map(Some).collect();
        match target.options.header {
            Some(false) if texts.len() == columns => {
                Ok(Self { texts, is_header: false, fields: in_order() })
            }
            Some(false) => Err(Error::input(
                format!("line {}", record.line()),
                format!(
                    "without a header a row needs {columns} fields, one for each column in order; it has {}",
                    texts.len()
                ),
            )),
            given => {
                let fields = target.matcher().columns_of(&texts)?;
                let is_header =
                    given.is_some() || texts.len() != columns || fields.iter().any(Option::is_some);
                if is_header {
                    target.check_complete(&fields, &texts)?;
                }
                let fields = if is_header { fields } else { in_order() };
                Ok(Self { texts, is_header, fields })
            }
        }
    }

    /// A first record that names no column is data if it can be read as a row, and one of its fields is of
    /// such a kind that few names would be.
    fn check(&self, target: &Target) -> Result<()> {
        if self.is_header || target.options.header.is_some() {
            return Ok(());
        }
        let mut telling = false;
        for (column, text) in target.dataset.columns.iter().zip(&self.texts) {
            if target.form.value(column, text).is_err() {
                telling = false;
                break;
            }
            telling |= column.kind != ColumnType::Text && !text.is_empty();
        }
        let none = vec![None; self.texts.len()];
        if telling { Ok(()) } else { target.check_complete(&none, &self.texts) }
    }
}

/// The fields of a record without blanks around them.
pub fn texts_of(record: &Parser, no_text: &str) -> Result<Vec<String>> {
    (0..record.ends().len())
        .map(|i| match std::str::from_utf8(&record.text()[record.field(i)]) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(_) => {
                Err(Error::input(format!("line {}, field {}", record.line(), i + 1), no_text))
            }
        })
        .collect()
}

/// The records of a chunk as rows of an INSERT.
struct CsvRows<'a, 'i> {
    parser: &'a mut Parser,
    target: &'a mut Target,
    input: &'a mut &'i [u8],
    fields: &'a [Option<usize>],
    values: Vec<Place>,
    /// The record in the parser was gone to; `values` refer to its text until the next one is read.
    is_read: bool,
    line: u64,
}

/// Where the value of a field is.
#[derive(Debug, Clone)]
enum Place {
    /// In the text of the record.
    Text(std::ops::Range<usize>),
    Value(Value),
}

impl CsvRows<'_, '_> {
    /// Fills `values` from the record that was read; the error of the row otherwise.
    fn convert(&mut self) -> Result<(), RowError> {
        let line = self.line;
        let whole = |reason: String| RowError { line, column: None, reason };
        let count = self.parser.ends().len();
        if count != self.fields.len() {
            return Err(whole(format!("has {count} fields, {} are expected", self.fields.len())));
        }
        let text = match std::str::from_utf8(self.parser.text()) {
            Ok(text) => text,
            Err(_) => {
                self.mend()?;
                std::str::from_utf8(self.parser.text()).map_err(|_| whole(self.target.no_text()))?
            }
        };
        let mut start = 0;
        let mut next = 0;
        for (field, &end) in self.fields.iter().zip(self.parser.ends()) {
            if let Some(at) = field {
                let column = &self.target.dataset.columns[*at];
                // The halves of a character in two fields are sound text together.
                let value = text
                    .get(start..end)
                    .ok_or_else(|| self.target.no_text())
                    .and_then(|text| self.target.form.field(column, text));
                let value = value.map_err(|reason| RowError {
                    line,
                    column: Some(column.name.clone()),
                    reason,
                })?;
                self.values[next] = match value {
                    Field::Text(part) => {
                        let from = part.as_ptr() as usize - text.as_ptr() as usize;
                        Place::Text(from..from + part.len())
                    }
                    Field::Value(value) => Place::Value(value),
                };
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
            if std::str::from_utf8(&self.parser.text()[bytes.clone()]).is_ok() {
                continue;
            }
            if let Some(at) = field {
                let column = Some(self.target.dataset.columns[*at].name.clone());
                return Err(RowError { line: self.line, column, reason: self.target.no_text() });
            }
            self.parser.text_mut()[bytes].fill(b' ');
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
            if std::mem::take(&mut self.is_read) {
                self.parser.clear();
            }
            if !self.parser.has_record() && !self.parser.next(self.input)? {
                return Ok(false);
            }
            self.line = self.parser.line();
            self.is_read = true;
            match self.convert() {
                Ok(()) if self.target.writes() => return Ok(true),
                Ok(()) => {}
                Err(error) => self.target.refuse(error),
            }
        }
    }

    fn value(&self, parameter: usize) -> ValueRef<'_> {
        match &self.values[parameter] {
            Place::Text(place) => ValueRef::Text(&self.parser.text()[place.clone()]),
            Place::Value(value) => value.as_ref(),
        }
    }

    fn width(&self) -> usize {
        self.values.len()
    }

    fn place(&self) -> String {
        format!("line {}", self.line)
    }

    fn line(&self) -> u64 {
        self.line
    }

    fn rejected(&mut self, error: Error) -> Result<()> {
        let place = self.place();
        self.target.refuse_constraint(error, self.line, &place)
    }
}
