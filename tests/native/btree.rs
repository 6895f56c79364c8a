//! Tables and indexes written page by page, against the same rows inserted by SQLite: SQLite finds no fault
//! in them, reads the same, and goes on writing in them.

mod generate;

use lotwise::btree::index::IndexKeys;
use lotwise::btree::key::KeyShape;
use lotwise::btree::page::{PageSink, Pages};
use lotwise::btree::record::Record;
use lotwise::btree::table::TableWriter;
use lotwise::error::Result;
use lotwise::model::value::Value;
use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use self::generate::{Case, Table};
use crate::random::{Random, times};

/// A database image that pages are written behind.
struct Image {
    bytes: Vec<u8>,
    page_bytes: usize,
}

impl PageSink for Image {
    fn pages(&mut self, first: u32, bytes: &[u8]) -> Result<()> {
        let at = (first as usize - 1) * self.page_bytes;
        assert!(at >= self.bytes.len(), "pages come in ascending order");
        self.bytes.resize(at, 0);
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Image {
    fn page(&mut self, number: u32) -> &mut [u8] {
        let at = (number as usize - 1) * self.page_bytes;
        &mut self.bytes[at..at + self.page_bytes]
    }

    fn page_count(&self) -> u32 {
        (self.bytes.len() / self.page_bytes) as u32
    }
}

fn sql(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Int(n) => Sql::Integer(*n),
        Value::Real(x) => Sql::Real(*x),
        Value::Text(text) => Sql::Text(text.clone()),
        Value::Blob(bytes) => Sql::Blob(bytes.clone()),
    }
}

fn number(connection: &Connection, query: &str) -> i64 {
    connection.query_row(query, [], |row| row.get(0)).expect("a number")
}

fn read(connection: &Connection, query: &str) -> Vec<Vec<Sql>> {
    let mut statement = connection.prepare(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|i| row.get(i)).collect());
    rows.and_then(Iterator::collect).unwrap_or_else(|e| panic!("{query}: {e}"))
}

/// An empty table `t` with its indexes, and a table `r` alike with the rows.
fn reference(table: &Table, page_bytes: usize, rows: &[(i64, Vec<Value>)]) -> Connection {
    let connection = Connection::open_in_memory().expect("opens");
    let set_up = format!("PRAGMA page_size = {page_bytes}; {}{}", table.ddl("t"), table.ddl("r"));
    connection.execute_batch(&set_up).unwrap_or_else(|e| panic!("{set_up}: {e}"));
    connection.execute_batch("BEGIN").expect("begins");
    let insert = table.insert("r");
    let mut statement = connection.prepare(&insert).expect("prepares");
    for (rowid, row) in rows {
        let values = std::iter::once(Sql::Integer(*rowid)).chain(row.iter().map(sql));
        statement.execute(rusqlite::params_from_iter(values)).expect("inserts");
    }
    drop(statement);
    connection.execute_batch("COMMIT").expect("commits");
    connection
}

/// The image with `t` filled by the writer.
fn built(connection: &mut Connection, case: &Case) -> Image {
    let bytes = connection.serialize("main").expect("an image").to_vec();
    let mut image = Image { bytes, page_bytes: case.page_bytes };
    let mut writer = TableWriter::new(Pages::new(case.page_bytes, image.page_count() + 1));
    let mut indexes: Vec<IndexKeys> = case
        .table
        .shapes()
        .into_iter()
        .map(|shape| IndexKeys::new(KeyShape(shape), false))
        .collect();
    let mut record = Record::default();
    for (rowid, row) in &case.rows {
        record.clear();
        for value in case.table.stored(row) {
            record.push(value);
        }
        writer.push(&mut image, *rowid, &record).expect("takes the row");
        for (keys, index) in indexes.iter_mut().zip(&case.table.indexes) {
            let value = |i: usize| case.table.key_value(index.columns[i].0, *rowid, row);
            assert!(keys.push(value, *rowid), "takes the key");
        }
    }
    assert_eq!(writer.rows(), case.rows.len() as u64);
    let (root, mut pages) = writer.finish(&mut image).expect("finishes");
    let mut roots = vec![("t".to_owned(), root)];
    for (i, keys) in indexes.into_iter().enumerate() {
        let mut build = keys.build(pages);
        while !build.step(&mut image, 100).expect("goes on") {}
        let (root, rest) = build.finish(&mut image).expect("finishes");
        pages = rest;
        roots.push((format!("t_{i}"), root));
    }
    let last = pages.finish(&mut image).expect("hands on the rest");
    if let Some((number, content)) = last {
        assert_eq!((number, image.page(number).to_vec()), (image.page_count(), content));
    }
    for (name, content) in roots {
        let root = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{name}'");
        image.page(number(connection, &root) as u32).copy_from_slice(&content);
    }
    let count = image.page_count();
    image.bytes[28..32].copy_from_slice(&count.to_be_bytes());
    image
}

fn check_alike(connection: &Connection, case: &Case, when: &str) {
    let found = read(connection, "PRAGMA integrity_check");
    assert_eq!(found, [[Sql::Text("ok".to_owned())]], "{when}");
    let all = |name: &str| read(connection, &format!("SELECT rowid, * FROM {name} ORDER BY rowid"));
    assert!(all("t") == all("r"), "{when}: rows differ");
    for (i, index) in case.table.indexes.iter().enumerate() {
        let ordered = |name: &str| {
            let columns = index.ordered();
            let query = format!(
                "SELECT rowid, {} FROM {name} INDEXED BY {name}_{i} ORDER BY {columns}, rowid",
                index.names()
            );
            read(connection, &query)
        };
        assert!(ordered("t") == ordered("r"), "{when}: index {i} differs");
        let plan = read(
            connection,
            &format!(
                "EXPLAIN QUERY PLAN SELECT rowid FROM t INDEXED BY t_{i} ORDER BY {}",
                index.ordered()
            ),
        );
        assert_eq!(plan.len(), 1, "{when}: sorted {plan:?}");
    }
}

fn check(case: &Case) {
    let mut connection = reference(&case.table, case.page_bytes, &case.rows);
    let image = built(&mut connection, case);
    let mut connection = Connection::open_in_memory().expect("opens");
    let length = image.bytes.len();
    connection
        .deserialize_read_exact("main", image.bytes.as_slice(), length, false)
        .expect("opens the image");
    connection.execute_batch("PRAGMA cell_size_check = on").expect("sets");
    check_alike(&connection, case, "as written");
    for statement in &case.changes {
        for name in ["t", "r"] {
            let statement = statement.replace("TABLE", name);
            connection.execute_batch(&statement).unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
    }
    check_alike(&connection, case, "after changes");
    connection.execute_batch("VACUUM").expect("vacuums");
    check_alike(&connection, case, "after VACUUM");
}

fn run(first_seed: u64, cases: u64, page_bytes: &[usize]) {
    for seed in first_seed..first_seed + times(cases) {
        let page_bytes = page_bytes[seed as usize % page_bytes.len()];
        let case = Case::new(&mut Random::new(seed), page_bytes);
        // Printed where the case fails.
        println!("seed {seed}, pages of {page_bytes}: {} rows, {:?}", case.rows.len(), case.table);
        check(&case);
    }
}

#[test]
fn written_trees_are_what_sqlite_would_have_written_in_small_pages() {
    run(0, 400, &[512, 1024, 2048, 4096]);
}

#[test]
fn written_trees_are_what_sqlite_would_have_written_in_large_pages() {
    run(1_000_000, 150, &[8192, 16_384, 32_768, 65_536]);
}

#[test]
fn rows_that_are_stored_alike_take_the_same_bytes() {
    for seed in 0..150 {
        let case = Case::new(&mut Random::new(seed), 4096);
        let mut connection = reference(&case.table, case.page_bytes, &case.rows);
        let image = built(&mut connection, &case);
        let mut other = Connection::open_in_memory().expect("opens");
        let length = image.bytes.len();
        other.deserialize_read_exact("main", image.bytes.as_slice(), length, false).expect("opens");
        let payload = |name: &str| {
            number(
                &other,
                &format!(
                    "SELECT sum(payload) FROM dbstat WHERE name GLOB '{name}*' AND pagetype IN ('leaf', 'overflow')"
                ),
            )
        };
        // Keys stand in inner pages of an index too; in which, differs.
        if case.table.indexes.is_empty() {
            assert_eq!(payload("t"), payload("r"), "seed {seed}");
        }
    }
}

/// Sparse pages up to the lock byte, all of them free but for the first.
#[test]
fn the_page_of_the_lock_byte_is_left_out() {
    const PAGE: usize = 65_536;
    const LOCK: u32 = 16_385;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("large.db");
    let connection = Connection::open(&path).expect("opens");
    connection
        .execute_batch(
            "PRAGMA page_size = 65536; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT) STRICT",
        )
        .expect("creates");
    drop(connection);
    let mut image = Image { bytes: std::fs::read(&path).expect("reads"), page_bytes: PAGE };
    assert_eq!(image.page_count(), 2);
    let (trunk, first) = (3_u32, LOCK - 2);
    let mut free = vec![0; PAGE];
    free[4..8].copy_from_slice(&(first - trunk - 1).to_be_bytes());
    for (i, page) in (trunk + 1..first).enumerate() {
        free[8 + i * 4..12 + i * 4].copy_from_slice(&page.to_be_bytes());
    }
    image.bytes.extend_from_slice(&free);
    image.bytes[32..36].copy_from_slice(&trunk.to_be_bytes());
    image.bytes[36..40].copy_from_slice(&(first - trunk).to_be_bytes());

    /// Pages far behind the end, kept apart.
    struct Far(Vec<(u32, Vec<u8>)>);
    impl PageSink for Far {
        fn pages(&mut self, first: u32, bytes: &[u8]) -> Result<()> {
            self.0.push((first, bytes.to_vec()));
            Ok(())
        }
    }
    let mut far = Far(Vec::new());
    let mut writer = TableWriter::new(Pages::new(PAGE, first));
    let mut record = Record::default();
    let long = "x".repeat(100_000);
    for rowid in 1..=20 {
        record.clear();
        record.push(lotwise::model::value::ValueRef::Null);
        record.push(lotwise::model::value::ValueRef::Text(long.as_bytes()));
        writer.push(&mut far, rowid, &record).expect("takes the row");
    }
    let (root, pages) = writer.finish(&mut far).expect("finishes");
    let (last, _) = pages.finish(&mut far).expect("hands on").expect("there are pages");
    assert!(last > LOCK + 10);
    image.page(2).copy_from_slice(&root);
    image.bytes[28..32].copy_from_slice(&last.to_be_bytes());
    std::fs::write(&path, &image.bytes).expect("writes");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
    for (first, bytes) in far.0 {
        use std::os::unix::fs::FileExt as _;
        let pages = first..first + (bytes.len() / PAGE) as u32;
        assert!(!pages.contains(&LOCK), "{pages:?}");
        file.write_all_at(&bytes, (u64::from(first) - 1) * PAGE as u64).expect("writes");
    }
    let connection = Connection::open(&path).expect("opens");
    assert_eq!(read(&connection, "PRAGMA integrity_check"), [[Sql::Text("ok".to_owned())]]);
    assert_eq!(number(&connection, "SELECT sum(length(a)) FROM t"), 2_000_000);
}
