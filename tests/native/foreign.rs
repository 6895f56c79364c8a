//! Databases of other programs, read where they lie: in steps, between which everything else goes on; and files
//! that fail or change while they are read.

use std::cell::Cell;
use std::rc::Rc;

use crate::common::{node, rows};
use crate::engine::{dataset, open};
use crate::fuzz::targets::file::Bytes;
use crate::import::foreign;
use lotwise::error::{Error, Result};
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::port::{ForeignFile, Params};
use serde_json::json;

const NONE: Params<'_> = Params::Positional(&[]);
/// More than SQLite's page cache holds of a file.
const ROWS: i64 = 20_000;

fn file(changed: bool) -> Vec<u8> {
    let change = if changed { "UPDATE lots SET good = good + 1;" } else { "" };
    foreign(&format!(
        "CREATE TABLE lots (lot TEXT, good INTEGER, note TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO lots SELECT 'L' || i, i % 100, printf('%0150d', i) FROM n;
         CREATE INDEX by_lot ON lots (lot); {change}"
    ))
}

fn database() -> Engine<SqlitePort> {
    let lots =
        json!({"name": "lots", "columns": {"lot": {"type": "text"}, "good": {"type": "integer"}}});
    let mut db = open(&[dataset(lots)]);
    db.execute("INSERT INTO lots (lot, good) VALUES ('before', -7)", NONE).expect("writes");
    db
}

fn totals(db: &mut Engine<SqlitePort>) -> Vec<Value> {
    let answer = db.query("SELECT count(*), sum(good) FROM lots", NONE).expect("reads");
    rows(&answer).remove(0)
}

fn untouched() -> Vec<Value> {
    vec![Value::Int(1), Value::Int(-7)]
}

fn imported(db: &mut Engine<SqlitePort>, file: Box<dyn ForeignFile>) -> Result<()> {
    let mut import = db.start_import(&node(json!({"dataset": "lots"})))?;
    match db.import_file(&mut import, file) {
        Ok(()) => db.finish_import(import).map(drop),
        Err(error) => {
            db.abort_import(&import);
            Err(error)
        }
    }
}

/// Becomes another file, or fails, from one of its reads on.
struct Changing {
    before: Bytes,
    after: Option<Bytes>,
    from: u32,
    reads: Rc<Cell<u32>>,
}

impl Changing {
    fn new(before: &[u8], after: Option<&[u8]>, from: u32) -> (Box<Self>, Rc<Cell<u32>>) {
        let reads = Rc::default();
        let [before, after] = [Some(before), after].map(|bytes| bytes.map(|b| Bytes(b.to_vec())));
        let before = before.expect("is given");
        (Box::new(Self { before, after, from, reads: Rc::clone(&reads) }), reads)
    }
}

impl ForeignFile for Changing {
    fn size(&self) -> u64 {
        self.before.size()
    }

    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<(), String> {
        self.reads.set(self.reads.get() + 1);
        match &mut self.after {
            _ if self.reads.get() <= self.from => self.before.read(buffer, offset),
            Some(after) => after.read(buffer, offset),
            None => Err("the file is gone".to_owned()),
        }
    }
}

/// Some reads of the many, the first and last ones among them.
fn chosen(reads: u32) -> impl Iterator<Item = u32> {
    let step = (reads / 60).max(1) as usize;
    (0..reads.min(12)).chain((12..reads).step_by(step)).chain(reads.saturating_sub(4)..reads)
}

#[test]
fn a_file_that_fails_while_it_is_read_leaves_nothing_and_says_what_to_do() {
    let bytes = file(false);
    let (whole, reads) = Changing::new(&bytes, None, u32::MAX);
    imported(&mut database(), whole).expect("imports");
    assert!(reads.get() > 1_000, "it is read in pieces: {}", reads.get());
    for from in chosen(reads.get()) {
        let mut db = database();
        let (failing, _) = Changing::new(&bytes, None, from);
        let error = imported(&mut db, failing).expect_err("the file fails");
        let text = error.to_string();
        assert_eq!(error.code(), "INPUT_INVALID", "after {from} reads: {text}");
        assert!(text.contains("the file is gone") && text.contains("choose it again"), "{text}");
        assert_eq!(totals(&mut db), untouched(), "after {from} reads");
        let (failing, _) = Changing::new(&bytes, None, from.min(400));
        let error = db.inspect_file(&node(json!({"dataset": "x"})), failing).expect_err("fails");
        assert!(error.to_string().contains("the file is gone"), "after {from} reads: {error}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_gives_one_of_its_states_or_nothing() {
    let (before, after) = (file(false), file(true));
    assert_eq!(before.len(), after.len());
    let sum = (0..ROWS).map(|i| i % 100).sum::<i64>();
    let states = [sum, sum + ROWS].map(|sum| vec![Value::Int(ROWS + 1), Value::Int(sum - 7)]);
    let (whole, reads) = Changing::new(&before, None, u32::MAX);
    imported(&mut database(), whole).expect("imports");
    let (mut refused, mut taken) = (0, [0, 0]);
    for from in chosen(reads.get()) {
        let mut db = database();
        let (changing, _) = Changing::new(&before, Some(&after), from);
        match imported(&mut db, changing) {
            Ok(()) => {
                let found = totals(&mut db);
                let state = states.iter().position(|state| *state == found);
                taken[state.unwrap_or_else(|| panic!("after {from} reads: {found:?}"))] += 1;
            }
            Err(error) => {
                assert!(matches!(error, Error::InputInvalid { .. }), "{error}");
                assert_eq!(totals(&mut db), untouched());
                refused += u32::from(error.to_string().contains("was changed"));
            }
        }
    }
    assert!(refused > 10 && taken[1] > 1, "{refused} refused, {taken:?} taken");
}

#[test]
fn rows_of_a_file_come_in_steps_between_other_calls() {
    let mut db = database();
    let bytes = file(false);
    let options = node(json!({"dataset": "lots"}));
    for gives_up in [true, false] {
        let mut import = db.start_import(&options).expect("starts");
        db.import_file(&mut import, Box::new(Bytes(bytes.clone()))).expect("opens");
        let mut steps = 0;
        let report = loop {
            if gives_up && steps == 1 {
                db.abort_import(&import);
                break None;
            }
            match db.finish_import_step(&mut import).expect("goes on") {
                Some(report) => break Some(report),
                None => assert_eq!(totals(&mut db), untouched(), "the last commit is read"),
            }
            steps += 1;
        };
        if gives_up {
            assert_eq!(totals(&mut db), untouched());
        } else {
            assert!(steps > 0, "all rows at once");
            assert_eq!(report.map(|report| report.rows), Some(ROWS as u64));
        }
    }
    assert_eq!(totals(&mut db)[0], Value::Int(ROWS + 1));
}
