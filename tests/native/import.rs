//! Files into tables: CSV in every cut, SQLite files of other programs, and what is refused.

use crate::common::{node, rows};
use crate::engine::{dataset, open};
use crate::fuzz::targets::file;
use lotwise::error::{Error, Result};
use lotwise::model::dataset::Dataset;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Engine, ImportReport};
use lotwise::storage::port::{Params, collect};
use serde_json::{Value as Json, json};

fn lots() -> Dataset {
    dataset(json!({"name": "lots", "time": "made_on", "columns": {
        "id": {"type": "integer", "primaryKey": true},
        "made_on": {"type": "date", "required": true},
        "lot_number": {"type": "text", "required": true},
        "good": {"type": "integer", "required": true},
        "weight": {"type": "real"},
        "note": {"type": "text"}
    }, "indexes": [{"name": "by_lot", "columns": ["lot_number"]}]}))
}

pub fn import(
    engine: &mut Engine<SqlitePort>,
    options: Json,
    bytes: &[u8],
    chunk: usize,
) -> Result<ImportReport> {
    let pieces: Vec<&[u8]> = bytes.chunks(chunk).collect();
    file::import(engine, &node(options), &pieces)
}

fn all(engine: &mut Engine<SqlitePort>) -> Vec<Vec<Value>> {
    let sql = "SELECT made_on, lot_number, good, weight, note FROM lots ORDER BY id";
    rows(&engine.query(sql, Params::Positional(&[])).expect("reads"))
}

pub fn csv(text: &[u8], options: Json) -> Result<(ImportReport, Vec<Vec<Value>>)> {
    let mut engine = open(&[lots()]);
    let mut whole = json!({"dataset": "lots"});
    whole
        .as_object_mut()
        .expect("an object")
        .extend(options.as_object().expect("an object").clone());
    let report = import(&mut engine, whole, text, usize::MAX)?;
    Ok((report, all(&mut engine)))
}

const GOOD: &[u8] = "\u{feff}Made On,LOT-NUMBER,good,weight,note\r\n\
    2025-01-31,\"L1, a\",5,1.5,\r\n\
    2025/2/1,\"say \"\"hi\"\"\",-6,,\"two\nlines\"\r\n\
    20250203,日本,7,2,=1+1"
    .as_bytes();

fn good_rows() -> Vec<Vec<Value>> {
    vec![
        vec!["2025-01-31".into(), "L1, a".into(), Value::Int(5), Value::Real(1.5), Value::Null],
        vec![
            "2025-02-01".into(),
            "say \"hi\"".into(),
            Value::Int(-6),
            Value::Null,
            "two\nlines".into(),
        ],
        vec!["2025-02-03".into(), "日本".into(), Value::Int(7), Value::Real(2.0), "=1+1".into()],
    ]
}

#[test]
fn csv_is_read_the_same_in_every_cut() {
    for chunk in 1..GOOD.len() + 1 {
        let mut engine = open(&[lots()]);
        let report = import(&mut engine, json!({"dataset": "lots"}), GOOD, chunk).expect("imports");
        assert_eq!((report.rows, report.skipped), (3, 0), "chunks of {chunk}");
        assert_eq!(all(&mut engine), good_rows(), "chunks of {chunk}");
        assert_eq!(engine.data_version(), 1);
    }
}

#[test]
fn a_large_csv_passes_the_boundaries_of_its_chunks() {
    let mut text = b"made_on,lot_number,good,weight,note\n".to_vec();
    for i in 0..30_000 {
        text.extend_from_slice(format!("2025-01-01,\"L{i}\",{i},{i}.5,n{i}\n").as_bytes());
    }
    for chunk in [997, 65_536, 1 << 20] {
        let mut engine = open(&[lots()]);
        let report =
            import(&mut engine, json!({"dataset": "lots"}), &text, chunk).expect("imports");
        assert_eq!(report.rows, 30_000);
        let sql = "SELECT count(*), sum(good), sum(weight), count(DISTINCT lot_number) FROM lots";
        let found = rows(&engine.query(sql, Params::Positional(&[])).expect("reads"));
        let sum = 30_000 * 29_999 / 2;
        assert_eq!(
            found,
            [[
                Value::Int(30_000),
                Value::Int(sum),
                Value::Real(sum as f64 + 15_000.0),
                Value::Int(30_000)
            ]]
        );
    }
}

#[test]
fn delimiters_headers_and_decimals_are_found_or_told() {
    let check = |text: &str, options: Json| {
        let (report, rows) =
            csv(text.as_bytes(), options).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(
            rows,
            [["2025-01-31".into(), "L1".into(), Value::Int(5), Value::Real(1.5), Value::from("n")]],
            "{text}"
        );
        report
    };
    let report = check(
        "made_on;lot_number;good;weight;note\n2025-01-31;L1;5;1,5;n\n",
        json!({"decimal": ","}),
    );
    assert_eq!(report.detected.delimiter.as_deref(), Some(";"));
    check("made_on\tlot_number\tgood\tweight\tnote\n2025-01-31\tL1\t5\t1.5\tn", json!({}));
    check("made_on|lot_number|good|weight|note\n\n2025-01-31|L1|5|1.5|n\n\n", json!({}));
    check(
        "note,weight,good,lot_number,made_on\nn,1.5,5,L1,31/01/2025\n",
        json!({"dateFormat": "DD/MM/YYYY"}),
    );
    check(
        "day,lot,good,weight,note,more\n2025-01-31,L1,5,1.5,n,x\n",
        json!({"columns": {"day": "made_on", "lot": "lot_number"}}),
    );
    let report = check("1,2025-01-31,L1,5,1.5,n\n", json!({"header": false}));
    assert_eq!(report.detected.header, Some(false));
}

#[test]
fn one_bad_row_means_that_nothing_is_imported() {
    let bad = b"made_on,lot_number,good,weight,note\n2025-01-31,L1,5,1.5,n\n2025-02-30,L2,5,1.5,n\n2025-01-31,L3,x,1.5,n\n2025-01-31,L4\n";
    match csv(bad, json!({})) {
        Err(Error::ImportRefused { bad_rows, errors }) => {
            assert_eq!(bad_rows, 3);
            let found: Vec<_> = errors.iter().map(|e| (e.line, e.column.as_deref())).collect();
            assert_eq!(found, [(3, Some("made_on")), (4, Some("good")), (5, None)]);
        }
        other => panic!("{other:?}"),
    }
    let (report, rows) = csv(bad, json!({"onError": "skip"})).expect("imports the rest");
    assert_eq!((report.rows, report.skipped, rows.len()), (1, 3, 1));
}

#[test]
fn a_refused_import_leaves_what_was_there() {
    let mut engine = open(&[lots()]);
    import(&mut engine, json!({"dataset": "lots"}), GOOD, 100).expect("imports");
    let duplicate = b"id,made_on,lot_number,good\n9,2025-01-01,L,1\n1,2025-01-01,L,1\n";
    match import(&mut engine, json!({"dataset": "lots"}), duplicate, 7) {
        Err(Error::ImportRefused { bad_rows: 1, errors }) => {
            assert_eq!(errors[0].line, 3, "{errors:?}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(all(&mut engine), good_rows());
    assert_eq!(engine.data_version(), 1);
    let report = import(&mut engine, json!({"dataset": "lots", "onError": "skip"}), duplicate, 7)
        .expect("imports the rest");
    assert_eq!((report.rows, report.skipped), (1, 1));
    let report =
        import(&mut engine, json!({"dataset": "lots", "onConflict": "ignore"}), duplicate, 7)
            .expect("ignores");
    assert_eq!((report.rows, report.skipped), (0, 0));
}

#[test]
fn indexes_are_there_after_every_import() {
    let indexes = |engine: &mut Engine<SqlitePort>| {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = 'by_lot'";
        rows(&engine.query(sql, Params::Positional(&[])).expect("reads"))[0][0].clone()
    };
    let mut engine = open(&[lots()]);
    let bad = b"made_on,lot_number,good
2025-01-01,L,x
";
    for (text, imported) in [(&bad[..], false), (GOOD, true), (GOOD, true), (bad, false)] {
        let result = import(&mut engine, json!({"dataset": "lots"}), text, 100);
        assert_eq!(result.is_ok(), imported);
        assert_eq!(indexes(&mut engine), Value::Int(1));
    }
    let found =
        rows(&engine.query("PRAGMA integrity_check", Params::Positional(&[])).expect("checks"));
    assert_eq!(found, [[Value::from("ok")]]);
}

#[test]
fn an_import_that_is_given_up_was_never_there() {
    // The first by SQL, the second as pages.
    for (on_conflict, by_sql) in [("ignore", true), ("error", false)] {
        let mut engine = open(&[lots()]);
        let options = json!({"dataset": "lots", "onConflict": on_conflict});
        let mut import = engine.start_import(&node(options)).expect("starts");
        let mut text = b"made_on,lot_number,good\n".to_vec();
        (0..90_000)
            .for_each(|i| text.extend_from_slice(format!("2025-01-01,L{i},{i}\n").as_bytes()));
        engine.push_import(&mut import, &text).expect("takes them");
        let sql = "SELECT count(*) > 0 FROM lots";
        let under_way = collect(engine.port(), sql, &[]).expect("counts");
        assert_eq!(under_way, [[Value::Int(by_sql.into())]], "rows are in the open transaction");
        assert_eq!(all(&mut engine), Vec::<Vec<Value>>::new(), "and seen nowhere else");
        engine.abort_import(&import);
        assert_eq!(all(&mut engine), Vec::<Vec<Value>>::new());
        engine
            .execute(
                "INSERT INTO lots (made_on, lot_number, good) VALUES ('2025-01-01', 'x', 1)",
                Params::Positional(&[]),
            )
            .expect("writes go on");
        let pages = collect(engine.port(), "PRAGMA page_count", &[]).expect("counts");
        assert!(pages[0][0].compare(&Value::Int(20)).is_lt(), "{pages:?}");
    }
}

#[test]
fn broken_files_are_refused_with_a_reason() {
    let check = |bytes: &[u8], options: Json, reason: &str| match csv(bytes, options) {
        Err(error) => {
            assert_eq!(error.code(), "INPUT_INVALID", "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
        Ok(_) => panic!("{reason}: was imported"),
    };
    check(b"", json!({}), "empty");
    check(b"\n\n", json!({}), "no rows");
    check(b"\xff\xfem\0a\0d\0e\0", json!({}), "NUL");
    check(b"made_on,lot_number,good\n2025-01-01,L\xff,1\n", json!({}), "no utf-8");
    check(b"made_on,lot\xff_number,good\n2025-01-01,L,1\n", json!({}), "field 2");
    check(b"made_on,lot_number,good\n2025-01-01,\"L,1\n2025-01-01,L,1\n", json!({}), "quote");
    check(b"lot_number,good\nL,1\n", json!({}), "made_on");
    check(b"made_on,lot_number,good,Made-On\n", json!({}), "second");
    check(b"made_on,lot_number,good\n", json!({"columns": {"day": "made_on"}}), "day");
    check(b"made_on,lot_number,good\n", json!({"columns": {"good": "nothing"}}), "nothing");
    check(b"made_on,lot_number,good\n", json!({"format": "sqlite"}), "SQLite");
    check(b"made_on,lot_number,good\n", json!({"dateFormat": "D.M.Y"}), "dateFormat");
    check(b"made_on,lot_number,good\n", json!({"delimiter": ";;"}), "delimiter");
    check(b"made_on,lot_number,good\n", json!({"colour": 1}), "colour");
    check(b"1,2\n", json!({"header": false}), "6 fields");
    let endless: Vec<u8> = b"made_on,lot_number,good\n2025-01-01,\""
        .iter()
        .copied()
        .chain((0..6_000_000).map(|_| b'x'))
        .collect();
    check(&endless, json!({}), "never ends");
    let mut engine = open(&[lots()]);
    let missing = import(&mut engine, json!({"dataset": "nope"}), GOOD, 100);
    assert_eq!(missing.map_err(|e| e.code()), Err("NOT_FOUND"));
}

#[test]
fn bytes_that_are_no_text_cost_only_the_row_that_needs_them() {
    let text = b"made_on,lot_number,good,more\n2025-01-01,L1,1,\xff\n2025-01-01,\xffL2,1,x\n2025-01-01,L3,1,x\n";
    let options = node(json!({"dataset": "lots", "onError": "skip"}));
    let mut engine = open(&[lots()]);
    let mut import = engine.start_import(&options).expect("starts");
    import.set_encoding("shift_jis".to_owned());
    engine.push_import(&mut import, text).expect("takes them");
    let report = engine.finish_import(import).expect("imports the rest");
    assert_eq!((report.rows, report.skipped), (2, 1));
    assert_eq!(report.detected.encoding.as_deref(), Some("shift_jis"));
    let error = &report.errors[0];
    assert_eq!((error.line, error.column.as_deref()), (3, Some("lot_number")));
    assert!(error.reason.contains("no shift_jis"), "{error}");
    let json = b"{\"made_on\":\"2025-01-01\",\"lot_number\":\"\xff\",\"good\":1}\n";
    match csv(json, json!({})) {
        Err(Error::ImportRefused { errors, .. }) => {
            assert!(errors[0].reason.contains("no utf-8"), "{errors:?}");
        }
        other => panic!("{other:?}"),
    }
}

pub fn foreign(script: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("other.db");
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection.execute_batch(script).expect("writes");
    drop(connection);
    std::fs::read(&path).expect("reads")
}

const FOREIGN: &str = "
    PRAGMA journal_mode = wal;
    CREATE TABLE lots (lot_number, made_on TEXT, good, weight, extra);
    CREATE TABLE log (x);
    CREATE TRIGGER evil AFTER INSERT ON lots BEGIN INSERT INTO log VALUES (1); END;
    CREATE VIEW tempting AS SELECT * FROM lots;
    INSERT INTO lots VALUES (42, '2025-01-31', '5', 1, x'00'), ('L2', '2025-02-01 00:00:00', 6.0, '2.5', NULL);";

#[test]
fn a_file_of_another_program_is_read_as_data() {
    let mut engine = open(&[lots()]);
    let bytes = foreign(FOREIGN);
    let report = import(&mut engine, json!({"dataset": "lots"}), &bytes, 1000).expect("imports");
    assert_eq!((report.rows, report.skipped, report.detected.format), (2, 0, "sqlite"));
    assert_eq!(
        all(&mut engine),
        [
            ["2025-01-31".into(), "42".into(), Value::Int(5), Value::Real(1.0), Value::Null],
            ["2025-02-01".into(), "L2".into(), Value::Int(6), Value::Real(2.5), Value::Null],
        ]
    );
}

#[test]
fn tables_of_a_file_are_named_when_the_wanted_one_is_missing() {
    let mut engine = open(&[lots()]);
    let bytes = foreign(FOREIGN);
    match import(&mut engine, json!({"dataset": "lots", "table": "tempting"}), &bytes, 1000) {
        Err(Error::NotFound { kind: "table", known, .. }) => assert_eq!(known, ["log", "lots"]),
        other => panic!("{other:?}"),
    }
    let renamed = foreign(
        "CREATE TABLE \"my \"\"lots\"\"\" (lot, made_on, good); INSERT INTO \"my \"\"lots\"\"\" VALUES ('a', '2025-01-01', 1)",
    );
    let options =
        json!({"dataset": "lots", "table": "my \"lots\"", "columns": {"lot": "lot_number"}});
    assert_eq!(import(&mut engine, options, &renamed, 100).map(|r| r.rows), Ok(1));
}

#[test]
fn bad_rows_of_a_file_are_named() {
    let mut engine = open(&[lots()]);
    let bytes = foreign(
        "CREATE TABLE lots (made_on, lot_number, good); INSERT INTO lots VALUES ('2025-01-01', 'a', 1), (NULL, 'b', 1), ('2025-01-01', 'c', 1.5), ('2025-01-01', CAST(x'ff' AS TEXT), 1)",
    );
    match import(&mut engine, json!({"dataset": "lots"}), &bytes, 1000) {
        Err(Error::ImportRefused { bad_rows: 3, errors }) => {
            let found: Vec<_> = errors.iter().map(|e| (e.line, e.column.as_deref())).collect();
            assert_eq!(found, [(2, Some("made_on")), (3, Some("good")), (4, Some("lot_number"))]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(all(&mut engine), Vec::<Vec<Value>>::new());
}

#[test]
fn damaged_files_give_an_error_or_rows_and_never_a_panic() {
    let good = foreign(
        "CREATE TABLE lots (made_on, lot_number, good); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO lots SELECT '2025-01-01', 'L' || i, i FROM n",
    );
    let mut seed = 1_u64;
    for _ in 0..400 {
        let mut bytes = good.clone();
        for _ in 0..4 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] = (seed >> 24) as u8;
        }
        let mut engine = open(&[lots()]);
        let result = import(&mut engine, json!({"dataset": "lots"}), &bytes, 4096);
        if let Err(error) = result {
            assert_ne!(error.code(), "INTERNAL", "{error}");
            assert_eq!(all(&mut engine), Vec::<Vec<Value>>::new());
        }
    }
    let mut engine = open(&[lots()]);
    let cut = import(&mut engine, json!({"dataset": "lots"}), &good[..good.len() / 2], 4096);
    assert_eq!(cut.map_err(|e| e.code()), Err("INPUT_INVALID"));
}

const ROWS_JSON: &str = r#"[
  {"Made On": "2025-01-31", "lot_number": "L1, a", "good": 5, "weight": 1.5, "more": {"x": [1, "]}"]}},
  {"made_on": "2025/2/1", "lot_number": "say \"hi\"", "good": "-6", "weight": null, "note": "two\nlines"}
  , {"made_on":"20250203","lot_number":"\u65e5本","good":7.0,"weight":2,"note":"=1+1"}
]
"#;

fn as_lines(array: &str) -> String {
    let rows: Vec<Json> = serde_json::from_str(array).expect("sound JSON");
    rows.iter().map(|row| format!("{row}\r\n\n")).collect()
}

#[test]
fn json_is_read_the_same_in_every_cut() {
    let lines = as_lines(ROWS_JSON);
    let marked = format!("\u{feff}{ROWS_JSON}");
    let marked_lines = format!("\u{feff}{lines}");
    for (text, format) in [
        (ROWS_JSON, "json"),
        (&marked, "json"),
        (&lines, "ndjson"),
        (&marked_lines, "ndjson"),
        (lines.trim_end(), "ndjson"),
    ] {
        for chunk in [1, 2, 3, 7, 64, text.len()] {
            let mut engine = open(&[lots()]);
            let report = import(&mut engine, json!({"dataset": "lots"}), text.as_bytes(), chunk)
                .unwrap_or_else(|e| panic!("{format} by {chunk}: {e}"));
            assert_eq!((report.rows, report.skipped, report.detected.format), (3, 0, format));
            assert_eq!(all(&mut engine), good_rows(), "{format} in chunks of {chunk}");
        }
    }
}

#[test]
fn rows_of_json_that_cannot_be_taken_are_named() {
    let bad = "{\"made_on\":\"2025-01-01\",\"lot_number\":\"a\",\"good\":1}\n\
        {\"lot_number\":\"b\",\"good\":1}\n\
        {\"made_on\":\"2025-01-01\",\"lot_number\":\"c\",\"good\":1.5}\n\
        {broken\n\
        [1]\n\
        {\"made_on\":\"2025-01-01\",\"lot_number\":[\"d\"],\"good\":1}\n\
        {\"made_on\":\"2025-01-01\",\"lot_number\":\"\\ud800\",\"good\":1}\n\
        {\"made_on\":\"2025-01-01\",\"lot_number\":\"e\",\"good\":9223372036854775808}\n\
        {\"made_on\":\"2025-01-01\",\"Made-On\":\"2025-01-01\",\"lot_number\":\"f\",\"good\":1}\n\
        {\"id\":1,\"made_on\":\"2025-01-01\",\"lot_number\":\"g\",\"good\":1}";
    let options = json!({"format": "ndjson", "onError": "skip"});
    let (report, rows) = csv(bad.as_bytes(), options).expect("imports the rest");
    let found: Vec<_> = report.errors.iter().map(|e| (e.line, e.column.as_deref())).collect();
    assert_eq!(
        found,
        [
            (2, Some("made_on")),
            (3, Some("good")),
            (4, None),
            (5, None),
            (6, Some("lot_number")),
            (7, Some("lot_number")),
            (8, Some("good")),
            (9, Some("made_on")),
            (10, None),
        ]
    );
    assert_eq!((report.rows, report.skipped, rows.len()), (1, 9, 1));
    assert_eq!(
        csv(bad.as_bytes(), json!({"format": "ndjson"})).map(drop).map_err(|e| e.code()),
        Err("INPUT_INVALID")
    );
}

#[test]
fn values_that_a_format_has_no_form_for_are_read_as_exports_write_them() {
    let dataset = dataset(json!({"name": "values", "columns": {
        "x": {"type": "real"}, "t": {"type": "text"}, "b": {"type": "blob"}
    }}));
    let check = |text: &str, expected: [Value; 3]| {
        let mut engine = open(std::slice::from_ref(&dataset));
        import(&mut engine, json!({"dataset": "values"}), text.as_bytes(), 7).expect("imports");
        let got = engine.query("SELECT x, t, b FROM \"values\"", Params::Positional(&[]));
        assert_eq!(rows(&got.expect("reads")), [expected], "{text}");
    };
    let infinity = Value::Real(f64::INFINITY);
    let bytes = Value::Blob(vec![251, 255]);
    check("x,t,b\r\nInfinity,a,\\xfbff\r\n", [infinity.clone(), "a".into(), bytes.clone()]);
    check("x,t,b\r\n,,\r\n", [Value::Null, Value::Null, Value::Null]);
    check("[{\"x\":\"Infinity\",\"t\":\"\",\"b\":\"+/8=\"}]", [infinity, "".into(), bytes]);
    check(
        "[{\"x\":null,\"t\":null,\"b\":\"\"}]",
        [Value::Null, Value::Null, Value::Blob(Vec::new())],
    );
    let mut engine = open(&[dataset]);
    for refused in ["b,t\r\n00ff,a\r\n", "[{\"b\":\"no base64!\"}]"] {
        let error = import(&mut engine, json!({"dataset": "values"}), refused.as_bytes(), 7);
        assert_eq!(error.map_err(|e| e.code()), Err("INPUT_INVALID"), "{refused}");
    }
}
