//! An import into an empty table writes pages, and whatever it cannot be certain of goes by SQL. Either way
//! the table, the report and the errors are the same.

pub mod generate;

use std::cell::Cell;
use std::rc::Rc;

use self::generate::Case;
use crate::common::node;
use crate::engine::dataset;
use crate::random::{Random, times};
use lotwise::error::{Error, Result};
use lotwise::model::config::Config;
use lotwise::model::stored::stored_form;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Engine, ImportReport};
use lotwise::storage::port::{
    Author, BulkPages, Done, ForeignFile, ForeignFiles, LongTransaction, NewIndex, NewPages,
    PageSpace, RowSink, RowSource, SqlPort, Statement, StatementCounts, collect,
};
use serde_json::{Value as Json, json};

/// A port that says whether it takes pages, and counts what it was given.
struct Watched {
    port: SqlitePort,
    takes_pages: bool,
    published: Rc<Cell<usize>>,
}

impl SqlPort for Watched {
    fn only_reads(&mut self, sql: &str, author: Author) -> Result<bool> {
        self.port.only_reads(sql, author)
    }

    fn run(&mut self, statement: Statement<'_>, sink: &mut dyn RowSink) -> Result<Done> {
        self.port.run(statement, sink)
    }

    fn run_many(&mut self, sql: &str, author: Author, rows: &mut dyn RowSource) -> Result<Done> {
        self.port.run_many(sql, author, rows)
    }

    fn script(&mut self, sql: &str, author: Author) -> Result<Done> {
        self.port.script(sql, author)
    }

    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.begin()?;
        let result = work(self).and_then(|value| self.commit().map(|()| value));
        self.rollback();
        result
    }

    fn set_timeout(&mut self, timeout_ms: Option<u64>) {
        self.port.set_timeout(timeout_ms);
    }

    fn configure(&mut self, config: &Config) -> Result<()> {
        self.port.configure(config)
    }

    fn set_relaxed(&mut self, relaxed: bool) -> Result<()> {
        self.port.set_relaxed(relaxed)
    }

    fn unsynced(&self) -> bool {
        self.port.unsynced()
    }

    fn flush(&mut self) -> Result<()> {
        self.port.flush()
    }

    fn statement_counts(&self) -> StatementCounts {
        self.port.statement_counts()
    }

    fn reader(&mut self) -> Result<Option<Self>> {
        let reader = self.port.reader()?;
        Ok(reader.map(|port| Self { port, takes_pages: false, published: Rc::default() }))
    }
}

impl LongTransaction for Watched {
    fn begin(&mut self) -> Result<()> {
        self.port.begin()
    }

    fn commit(&mut self) -> Result<()> {
        self.port.commit()
    }

    fn rollback(&mut self) {
        self.port.rollback();
    }
}

impl ForeignFiles for Watched {
    type Foreign = SqlitePort;

    fn open_foreign(&mut self, file: Box<dyn ForeignFile>) -> Result<SqlitePort> {
        self.port.open_foreign(file)
    }
}

impl BulkPages for Watched {
    fn can_write_pages(&mut self) -> Result<bool> {
        Ok(self.takes_pages && self.port.can_write_pages()?)
    }

    fn page_space(&mut self) -> Result<PageSpace> {
        self.port.page_space()
    }

    fn declare_index(&mut self, index: &NewIndex) -> Result<PageSpace> {
        self.port.declare_index(index)
    }

    fn write_pages(&mut self, space: PageSpace, first: u32, bytes: &[u8]) -> Result<()> {
        self.port.write_pages(space, first, bytes)
    }

    fn publish_pages(&mut self, space: PageSpace, new: &NewPages) -> Result<()> {
        self.published.set(self.published.get() + 1);
        self.port.publish_pages(space, new)
    }

    fn discard_pages(&mut self, space: PageSpace) {
        self.port.discard_pages(space);
    }
}

/// A database that takes pages or not.
struct Db {
    engine: Engine<Watched>,
    published: Rc<Cell<usize>>,
}

impl Db {
    fn open(definition: &Json, takes_pages: bool) -> Self {
        let published = Rc::new(Cell::new(0));
        let port = SqlitePort::open_memory("test").expect("opens");
        let port = Watched { port, takes_pages, published: Rc::clone(&published) };
        let engine = Engine::open(port, &[dataset(definition.clone())])
            .unwrap_or_else(|e| panic!("{definition}: {e}"));
        Self { engine, published }
    }

    fn import(&mut self, options: &Json, bytes: &[u8], chunk: usize) -> Result<ImportReport> {
        let mut import = self.engine.start_import(&node(options.clone()))?;
        for chunk in bytes.chunks(chunk) {
            if let Err(error) = self.engine.push_import(&mut import, chunk) {
                self.engine.abort_import(&import);
                return Err(error);
            }
        }
        self.engine.finish_import(import)
    }

    fn rows(&mut self, sql: &str) -> Vec<Vec<Value>> {
        collect(self.engine.port(), sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    fn execute(&mut self, sql: &str) {
        let none = lotwise::storage::port::Params::Positional(&[]);
        self.engine.execute(sql, none).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Everything that is in the database, as SQLite shows it.
    fn contents(&mut self) -> Vec<Vec<Vec<Value>>> {
        assert_eq!(self.rows("PRAGMA integrity_check"), [[Value::from("ok")]]);
        let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name";
        let mut all = vec![
            self.rows("SELECT rowid, * FROM t ORDER BY rowid"),
            self.rows(schema),
            self.rows("SELECT * FROM lotwise_meta"),
        ];
        for row in self.rows("SELECT name FROM pragma_index_list('t') ORDER BY name") {
            let Value::Text(index) = &row[0] else { panic!("{row:?}") };
            let columns = format!(
                "SELECT name || iif(\"desc\", ' DESC', '') FROM pragma_index_xinfo('{index}') WHERE key ORDER BY seqno"
            );
            let columns: Vec<String> = self
                .rows(&columns)
                .into_iter()
                .map(|row| match &row[0] {
                    Value::Text(name) => name.clone(),
                    other => panic!("{other:?}"),
                })
                .collect();
            let ordered = format!(
                "SELECT rowid FROM t INDEXED BY {index} ORDER BY {}, rowid",
                columns.join(", ")
            );
            all.push(self.rows(&ordered));
        }
        all
    }
}

/// What an import said, in a form that can be compared.
fn said(result: &Result<ImportReport>) -> String {
    match result {
        Ok(report) => format!("{report:?}"),
        Err(Error::ImportRefused { bad_rows, errors }) => format!("{bad_rows} refused: {errors:?}"),
        Err(error) => format!("{}: {error}", error.code()),
    }
}

/// Imports both ways; how often pages were published.
fn check(definition: &Json, options: &Json, files: &[Vec<u8>], chunk: usize) -> usize {
    let mut sql = Db::open(definition, false);
    let mut pages = Db::open(definition, true);
    for file in files {
        let expected = sql.import(options, file, chunk);
        let found = pages.import(options, file, chunk);
        let text = String::from_utf8_lossy(file);
        let head: String = text.chars().take(2000).collect();
        let case = || format!("{definition}\n{options}\n{head}");
        assert_eq!(said(&found), said(&expected), "{}", case());
        assert!(pages.contents() == sql.contents(), "{}", case());
    }
    assert_eq!(sql.published.get(), 0);
    pages.published.get()
}

#[test]
fn pages_and_sql_make_the_same_of_any_file() {
    let mut published = 0;
    for seed in 0..times(400) {
        let case = Case::new(&mut Random::new(seed));
        println!("seed {seed}");
        published += check(&case.definition, &case.options, &case.files, case.chunk);
    }
    assert!(published > times(100) as usize, "only {published} times pages were written");
}

const PLAIN: &str = "a,b\nx,1\ny,2\nz,3\n";

fn plain() -> Json {
    json!({"name": "t", "columns": {"a": {"type": "text"}, "b": {"type": "integer"}},
        "indexes": [{"name": "by_a", "columns": ["a"]}]})
}

fn with(base: Json, more: Json) -> Json {
    let mut base = base;
    let (Json::Object(all), Json::Object(more)) = (&mut base, more) else { panic!("objects") };
    all.extend(more);
    base
}

/// How often an import of that file publishes pages, after that was done to the database.
fn published(definition: &Json, options: Json, file: &str, before: &str) -> usize {
    let mut db = Db::open(definition, true);
    if !before.is_empty() {
        db.execute(before);
    }
    let rows = db.rows("SELECT count(*) FROM t")[0][0].clone();
    let options = with(json!({"dataset": "t"}), options);
    let report = db.import(&options, file.as_bytes(), 7).expect("imports");
    let Value::Int(rows) = rows else { panic!("{rows:?}") };
    let expected = Value::Int(rows + i64::try_from(report.rows).expect("few"));
    assert_eq!(db.rows("SELECT count(*) FROM t"), [[expected]]);
    assert_eq!(db.rows("PRAGMA integrity_check"), [[Value::from("ok")]]);
    db.published.get()
}

#[test]
fn only_a_table_that_is_as_defined_and_empty_is_written_as_pages() {
    let check = |options: Json, before: &str, expected: usize| {
        assert_eq!(published(&plain(), options, PLAIN, before), expected, "{before}");
    };
    check(json!({}), "", 1);
    check(json!({"onError": "skip"}), "", 1);
    check(json!({}), "INSERT INTO t (a) VALUES ('there'); DELETE FROM t", 1);
    check(json!({}), "INSERT INTO t (a) VALUES ('there')", 0);
    check(json!({"onConflict": "ignore"}), "", 0);
    check(json!({"onConflict": "replace"}), "", 0);
    check(json!({}), "CREATE INDEX more ON t (b)", 0);
    check(json!({}), "CREATE UNIQUE INDEX more ON t (b)", 0);
    check(json!({}), "ALTER TABLE t ADD COLUMN c INTEGER DEFAULT 7", 0);
    check(json!({}), "DROP TABLE t; CREATE TABLE t (lotwise_rowid INTEGER PRIMARY KEY, a, b)", 0);
    check(
        json!({}),
        "CREATE TABLE log (x); CREATE TRIGGER seen AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END",
        0,
    );
    check(
        json!({}),
        "CREATE TABLE log (x); CREATE TRIGGER gone AFTER DELETE ON t BEGIN INSERT INTO log VALUES (old.a); END",
        1,
    );
    let child = with(
        plain(),
        json!({"columns": {"a": {"type": "text", "references": "p(a)"}, "b": {"type": "integer"}}}),
    );
    let parent = "CREATE TABLE p (a TEXT PRIMARY KEY); INSERT INTO p VALUES ('x'), ('y'), ('z')";
    assert_eq!(published(&child, json!({}), PLAIN, parent), 0);
    let unique = |more: Json| {
        let index = with(json!({"name": "one", "columns": ["b"], "unique": true}), more);
        with(plain(), json!({"indexes": [index]}))
    };
    assert_eq!(published(&unique(json!({})), json!({}), PLAIN, ""), 1);
    assert_eq!(published(&unique(json!({})), json!({"onError": "skip"}), PLAIN, ""), 0);
    assert_eq!(published(&unique(json!({"where": "b > 1"})), json!({}), PLAIN, ""), 0);
    let other = "DROP INDEX one; CREATE UNIQUE INDEX one ON t (a)";
    assert_eq!(published(&unique(json!({})), json!({}), PLAIN, other), 0);
}

#[test]
fn a_row_that_breaks_several_indexes_is_told_as_sqlite_tells_it() {
    let definition = json!({"name": "t", "columns": {
        "k": {"type": "text", "primaryKey": true}, "a": {"type": "integer"}, "b": {"type": "text"}
    }, "indexes": [
        {"name": "z", "columns": ["a"], "unique": true},
        {"name": "other", "columns": ["b", "a"]},
        {"name": "y", "columns": ["b", {"column": "a", "desc": true}], "unique": true}
    ]});
    for bad in ["x,1,p", "new,1,p", "x,7,p", "x,1,new", "new,1,new", "x,2,q", "y,1,p", "y,2,p"] {
        let file = format!("k,a,b\nx,1,p\ny,2,q\n{bad}\nz,3,r\nz,3,r\nw,no,\n");
        check(&definition, &json!({"dataset": "t"}), &[file.into_bytes()], 100);
    }
}

#[test]
fn a_migrated_table_is_written_in_the_order_of_its_columns() {
    let mut db = Db::open(&plain(), true);
    let wanted = json!({"name": "t", "version": 2, "columns": {
        "c": {"type": "real", "default": 7}, "a": {"type": "text"}, "b": {"type": "integer"}
    }});
    db.engine.define(&dataset(wanted)).expect("migrates");
    let options = json!({"dataset": "t"});
    db.import(&options, PLAIN.as_bytes(), 100).expect("imports");
    assert_eq!(db.published.get(), 1);
    assert_eq!(
        db.rows("SELECT a, b, c, typeof(c) FROM t LIMIT 1"),
        [["x".into(), Value::Int(1), Value::Real(7.0), Value::from("real")]]
    );
}

/// From the row on that SQL has to decide about, in every place.
#[test]
fn an_import_goes_on_by_sql_where_pages_end() {
    let definition = json!({"name": "t", "columns": {
        "id": {"type": "integer", "primaryKey": true}, "serial": {"type": "text"}
    }, "indexes": [{"name": "one", "columns": ["serial"], "unique": true}, {"name": "by", "columns": ["serial", "id"]}]});
    let options = json!({"dataset": "t"});
    for turn in [0, 1, 2, 777, 1499] {
        let file = |odd: &str| {
            let mut text = "id,serial\n".to_owned();
            for row in 0..1500 {
                let line =
                    if row == turn { odd.to_owned() } else { format!("{},S{row}", row * 3 + 10) };
                text.push_str(&line);
                text.push('\n');
            }
            text.into_bytes()
        };
        // Out of order, without a key, twice, the largest of all, refused.
        for odd in
            ["-5,odd", ",odd", "10,odd", "9223372036854775807,odd", "x,odd", "10,S77", "7,S1400"]
        {
            for on_error in ["abort", "skip"] {
                let options = with(options.clone(), json!({"onError": on_error}));
                check(&definition, &options, &[file(odd)], 5000);
            }
        }
        assert!(check(&definition, &options, &[file("-5,odd")], 5000) > 0 || turn == 0);
    }
}

/// Rows that go past SQL go past its CHECKs too.
#[test]
fn what_is_taken_for_json_or_a_time_is_so_for_sqlite() {
    let connection = rusqlite::Connection::open_in_memory().expect("opens");
    let mut checks = connection
        .prepare("SELECT json_valid(?1), ?1 IS date(?1), ?1 IS strftime('%Y-%m-%dT%H:%M:%fZ', ?1)")
        .expect("prepares");
    let kinds = json!({"name": "t", "columns": {
        "j": {"type": "json"}, "d": {"type": "date"}, "s": {"type": "timestampText"}
    }});
    let columns = dataset(kinds).columns;
    let good = [
        r#"{"a": [1, -2.5e+3, true, null], "\u00e4\ud83d\ude00": "b\n"}"#,
        "[[[{}]], 0.1e-7, \"\u{1f600}\"]",
        "-0",
        "2024-02-29",
        "0000-01-01",
        "9999-12-31",
        "2024-02-29T23:59:59.999Z",
        "0000-01-01T00:00:00.000Z",
    ];
    let mut taken = [0; 3];
    let mut random = Random::new(1);
    for turn in 0..times(30_000) {
        let mut text: Vec<char> = good[turn as usize % good.len()].chars().collect();
        for _ in 0..random.below(4) {
            let at = random.below(text.len() as u64) as usize;
            let letters = [
                '"', '\\', 'u', 'e', '0', '9', '-', '.', '/', ' ', '\u{7f}', '\u{1}', '\n', '}',
                '[', ',', ':', 'T', 'n', '\u{feff}', '\u{a0}',
            ];
            match random.below(3) {
                0 => text[at] = random.of(&letters),
                1 => text.insert(at, random.of(&letters)),
                _ if text.len() > 1 => drop(text.remove(at)),
                _ => {}
            }
        }
        let text: String = text.into_iter().collect();
        let sound: [bool; 3] = checks
            .query_row([&text], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
            .expect("answers");
        for (i, column) in columns.iter().enumerate() {
            let value = Value::from(text.as_str());
            let as_it_is = match stored_form(column, value.as_ref()) {
                Ok(None) => true,
                Ok(Some(stored)) => stored == value,
                Err(_) => false,
            };
            taken[i] += usize::from(as_it_is);
            assert!(sound[i] || !as_it_is, "{text:?} as {:?}", column.kind);
        }
    }
    assert!(taken.iter().all(|taken| *taken > 1000), "{taken:?}");
}
