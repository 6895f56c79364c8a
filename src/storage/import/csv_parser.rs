//! Records of a CSV file, as it comes in chunks: csv-core finds the fields; lines are counted, and the
//! delimiter is found out, here.

use std::ops::Range;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::error::{Error, Result};

/// Delimiters that are looked for; of two that fit as well, the first is taken: commas stand in numbers.
const DELIMITERS: &[u8] = b"\t;|,";
/// Most bytes of one row: a quote that is never closed would swallow the whole file.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most fields of one row.
const FIELDS_MAX: usize = 10_000;
/// Records that are looked at to find the delimiter.
const SNIFFED_RECORDS: usize = 32;

/// csv-core with room for one record.
pub struct Parser {
    reader: Reader,
    text: Vec<u8>,
    text_length: usize,
    ends: Vec<usize>,
    ends_length: usize,
    /// Line on which the record under way began.
    line: u64,
    /// Lines that csv-core does not know of: one that was left out, and those that end in nothing but CR.
    uncounted_lines: u64,
    ends_in_cr: bool,
    /// Bytes that are still to be left out.
    skipped_bytes: usize,
    /// Whether a whole record stands in the buffers, and not a part of one.
    has_record: bool,
}

impl std::fmt::Debug for Parser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parser").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Parser {
    /// A parser of the file that begins with `head`, and the delimiter: as given, or as found out.
    pub fn new(head: &[u8], delimiter: Option<u8>) -> (Self, u8) {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let mut skipped_bytes = head.len() - text.len();
        // Excel takes a first line such as 'sep=;' for what it says, and writes it.
        let (mut uncounted_lines, mut named) = (0, None);
        if let [b's', b'e', b'p', b'=', mark, rest @ ..] = text
            && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
            && rest[..end].iter().all(|byte| *byte == b'\r')
        {
            skipped_bytes += 5 + end + 1;
            uncounted_lines = 1;
            named = Some(*mark);
        }
        let ends_in_cr = head.contains(&b'\r') && !head.contains(&b'\n');
        let parser = |delimiter| Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            text: vec![0; 4096],
            text_length: 0,
            ends: vec![0; 64],
            ends_length: 0,
            line: 1,
            uncounted_lines,
            ends_in_cr,
            skipped_bytes,
            has_record: false,
        };
        let delimiter = delimiter.or(named).unwrap_or_else(|| {
            let fits = |delimiter: u8| parser(delimiter).rows_alike(head);
            let most = DELIMITERS.iter().map(|delimiter| fits(*delimiter)).max().unwrap_or(0);
            let first = DELIMITERS.iter().find(|delimiter| fits(**delimiter) == most);
            first.copied().filter(|_| most > 0).unwrap_or(b',')
        });
        (parser(delimiter), delimiter)
    }

    /// How many records have as many fields as the first one, if that has several.
    fn rows_alike(mut self, mut head: &[u8]) -> usize {
        let (mut width, mut alike) = (0, 0);
        for _ in 0..SNIFFED_RECORDS {
            let is_whole = matches!(self.next(&mut head), Ok(true));
            let fields = self.ends_length + usize::from(!is_whole);
            if width == 0 {
                width = fields;
            } else if !is_whole {
                break;
            }
            alike += usize::from(width > 1 && fields == width);
            if !is_whole {
                break;
            }
            self.clear();
        }
        alike
    }

    /// Makes room for the next record.
    pub fn clear(&mut self) {
        self.text_length = 0;
        self.ends_length = 0;
        self.has_record = false;
    }

    /// Reads on; true when a record is complete, false when the input has ended first.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<bool> {
        if self.skipped_bytes > 0 {
            let skipped = self.skipped_bytes.min(input.len());
            self.skipped_bytes -= skipped;
            *input = &input[skipped..];
        }
        if self.text_length == 0 && self.ends_length == 0 {
            // csv-core takes the rest of a line end, and empty lines, with the record behind them.
            let blank = input.iter().take_while(|b| b"\r\n".contains(b));
            let line_end = if self.ends_in_cr { b'\r' } else { b'\n' };
            let blank_lines = blank.filter(|b| **b == line_end).count() as u64;
            self.line = self.uncounted_lines + self.reader.line() + blank_lines;
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
            if self.ends_in_cr {
                self.uncounted_lines +=
                    input[..read].iter().filter(|b| **b == b'\r').count() as u64;
            }
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

    /// Whether a whole record is there to be read.
    pub const fn has_record(&self) -> bool {
        self.has_record
    }

    /// Whether a record has begun that is not whole.
    pub const fn is_inside(&self) -> bool {
        self.text_length > 0 || self.ends_length > 0
    }

    /// Line on which the record begins.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// The record's fields one behind the other.
    pub fn text(&self) -> &[u8] {
        &self.text[..self.text_length]
    }

    /// The same, to be changed.
    pub fn text_mut(&mut self) -> &mut [u8] {
        &mut self.text[..self.text_length]
    }

    /// Where each field ends in `text`.
    pub fn ends(&self) -> &[usize] {
        &self.ends[..self.ends_length]
    }

    /// Where a field stands in `text`.
    pub fn field(&self, i: usize) -> Range<usize> {
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
