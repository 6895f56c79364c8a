//! Files that nobody described: what is proposed for them, and that it holds what they have.

use crate::common::{node, rows};
use crate::engine::{code, open};
use crate::fuzz::targets::file;
use crate::import::{foreign, import};
use lotwise::error::{Error, Result};
use lotwise::model::batch::decode::{Batch, Cell, Column};
use lotwise::model::dataset::Dataset;
use lotwise::model::value::Value;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Engine, Inspection};
use lotwise::storage::port::Params;
use serde_json::{Value as Json, json};

fn inspect(bytes: &[u8], options: Json) -> Result<Inspection> {
    let mut whole = json!({"dataset": "file"});
    let options = options.as_object().expect("an object").clone();
    whole.as_object_mut().expect("an object").extend(options);
    let found = file::inspect(&mut open(&[]), &node(whole), bytes, true)?;
    Ok(found.expect("all of it is there"))
}

fn proposed(bytes: &[u8]) -> Json {
    let found = inspect(bytes, json!({}))
        .unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(bytes)));
    serde_json::from_str(&found.dataset).expect("is JSON")
}

fn types(bytes: &[u8]) -> Vec<(String, String)> {
    let dataset = proposed(bytes);
    let columns = dataset["columns"].as_object().expect("has columns");
    let word = |column: &Json| column["type"].as_str().unwrap_or_default().to_owned();
    columns.iter().map(|(name, column)| (name.clone(), word(column))).collect()
}

/// What is proposed takes the whole file, and holds its first rows as they were shown.
fn round_trip(bytes: &[u8], options: &Json) -> (Engine<SqlitePort>, Json) {
    let found = inspect(bytes, options.clone()).expect("inspects");
    let mut engine = open(&[]);
    let dataset = Dataset::from_json(&found.dataset).expect("a sound dataset");
    engine.define(&dataset).expect("defines");
    let mut import_options = json!({"dataset": dataset.name});
    if let Some(table) = options.get("table") {
        import_options["table"] = table.clone();
    } else if found.tables.is_some() {
        // Names of tables are no names of datasets yet.
        import_options["table"] = json!(dataset.name);
    }
    let report = import(&mut engine, import_options, bytes, 1 << 20).expect("imports");
    assert_eq!((report.skipped, &report.ignored), (0, &Vec::new()));
    assert_eq!(report.detected, found.detected);
    let names: Vec<String> = dataset.columns.iter().map(|c| format!("\"{}\"", c.name)).collect();
    let sql = format!("SELECT {} FROM \"{}\" ORDER BY rowid", names.join(", "), dataset.name);
    let there = rows(&engine.query(&sql, Params::Positional(&[])).expect("reads"));
    let sample = Batch::decode(&found.sample).expect("decodes");
    let shown: Vec<Vec<Value>> = (0..sample.rows())
        .map(|row| {
            let cell = |column: &Column<'_>| match column.cell(row) {
                Cell::Value(value) => value.to_value(),
                Cell::Absent => panic!("absent in a sample"),
            };
            sample.columns().iter().map(cell).collect()
        })
        .collect();
    assert_eq!(there[..shown.len()], shown);
    assert_eq!(there.len() as u64, report.rows);
    (engine, serde_json::from_str(&found.dataset).expect("is JSON"))
}

/// A production report as a spreadsheet writes it.
fn report_csv(rows: usize) -> String {
    let mut text =
        "Produktionsdatum;Artikel-Nr.;Los;Linie;Schicht;Gutmenge;Gewicht (kg);Prüfer;Bemerkung\r\n"
            .to_owned();
    for i in 0..rows {
        text.push_str(&format!(
            "{:02}.{:02}.2025;00{};L{i};Linie {};{};{}.{:03};{},5;{};\r\n",
            i % 28 + 1,
            i % 12 + 1,
            100 + i % 7,
            i % 3,
            i % 3 + 1,
            1 + i % 5,
            i % 1000,
            i % 90,
            ["Müller", "Kim", "田中"][i % 3]
        ));
    }
    text
}

#[test]
fn a_spreadsheet_becomes_a_dataset() {
    let (_, dataset) = round_trip(report_csv(300).as_bytes(), &json!({}));
    assert_eq!(
        dataset,
        json!({
            "name": "file", "version": 1, "time": "produktionsdatum",
            "columns": {
                "produktionsdatum": {"type": "date", "required": true, "label": "Produktionsdatum"},
                "artikel_nr": {"type": "text", "required": true, "label": "Artikel-Nr."},
                "los": {"type": "text", "required": true, "label": "Los"},
                "linie": {"type": "text", "required": true, "label": "Linie"},
                "schicht": {"type": "integer", "required": true, "label": "Schicht"},
                "gutmenge": {"type": "integer", "required": true, "label": "Gutmenge"},
                "gewicht_kg": {"type": "real", "required": true, "label": "Gewicht (kg)"},
                "prüfer": {"type": "text", "required": true, "label": "Prüfer"},
                "bemerkung": {"type": "text", "label": "Bemerkung"},
            },
            "dimensions": ["artikel_nr", "linie", "schicht", "prüfer"],
            "measures": ["schicht", "gutmenge", "gewicht_kg"],
        })
    );
}

#[test]
fn types_are_those_that_all_values_have() {
    let check = |values: &[&str], expected: &str| {
        let text = format!("a;b\n{};x\n", values.join(";x\n"));
        assert_eq!(types(text.as_bytes())[0].1, expected, "{values:?}");
    };
    check(&["1", "-2", "30"], "integer");
    check(&["1", "2.5"], "real");
    check(&["1,5", "2"], "real");
    check(&["1.234", "12.345.678"], "integer");
    check(&["5", ""], "integer");
    check(&["5", "x"], "text");
    check(&["007", "008"], "text");
    check(&["12345678901234567890"], "text");
    check(&["1e3", "5"], "real");
    check(&["Infinity", "5"], "real");
    check(&["", ""], "text");
    check(&["2025-06-10", "2025-06-11"], "date");
    check(&["20250610", "20250611"], "date");
    check(&["20250610", "20251350"], "integer");
    check(&["10000101", "10000102"], "integer");
    check(&["13/06/2025", "01/06/2025"], "date");
    check(&["03.04.2025"], "date");
    check(&["10.06.25"], "text");
    check(&["2025年6月10日"], "date");
    check(&["2025-06-10 00:00", "2025-06-11 00:00"], "date");
    check(&["2025-06-10 12:30", "2025-06-11 00:00"], "timestampText");
    check(&["20250610123000"], "timestampText");
    check(&["2025-06-10T12:30:00+09:00"], "timestampText");
    check(&["2025-06-10 99:30"], "text");
    check(&["{\"a\":1}", "[1]"], "json");
    check(&["{\"a\":1}", "{broken"], "text");
    check(&["1.2.3.4", "10.0.0.1"], "text");
    let named = |name: &str| types(format!("{name};b\n1750000000000;x\n").as_bytes())[0].1.clone();
    assert_eq!(named("event time"), "timestamp");
    assert_eq!(named("测量时间"), "timestamp");
    assert_eq!(named("barcode"), "integer");
}

#[test]
fn names_are_made_valid_and_still_match() {
    let header = "id,ROWID,sqlite_x,Good Quantity,goodQuantity,,\"a\"\"b\",#,品名,ﾛｯﾄ,a b,A_B";
    let long = "生産ラインにおける不良品の数量（単位：個）と検査員の所見".to_owned();
    let text = format!("{header},{long},{long}\n{}\n", "1,".repeat(13) + "1");
    let names: Vec<String> = types(text.as_bytes()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names[..12],
        [
            "id",
            "rowid_",
            "sqlitex",
            "good_quantity",
            "good_quantity_2",
            "column_6",
            "a_b",
            "column_8",
            "品名",
            "ロット",
            "a_b_2",
            "a_b_3"
        ]
    );
    assert!(names.iter().all(|name| name.len() <= 64), "{names:?}");
    round_trip(text.as_bytes(), &json!({}));
    let many: String = (0..101).map(|i| format!("c{i},")).collect();
    assert_eq!(code(inspect(format!("{many}z\n").as_bytes(), json!({}))), "INPUT_INVALID");
}

#[test]
fn files_without_a_header_are_told_and_come_back() {
    for (text, header) in [
        ("2025-01-01,L1,5\n2025-01-02,L2,6\n", false),
        ("day,lot,n\n2025-01-02,L2,6\n", true),
        ("x,y\nu,v\n", true),
        ("1,2\n", true),
        ("5,6\n1,2\n", false),
    ] {
        let found = inspect(text.as_bytes(), json!({})).expect(text);
        assert_eq!(found.detected.header, Some(header), "{text}");
    }
    let (_, dataset) = round_trip(b"2025-01-01,L1,5\n2025-01-02,L2,6\n", &json!({}));
    let names: Vec<&String> = dataset["columns"].as_object().expect("columns").keys().collect();
    assert_eq!(names, ["column_1", "column_2", "column_3"]);
}

#[test]
fn json_and_its_lines_become_datasets() {
    let row = |i: usize| {
        json!({"At": "2025-06-10T12:30:00Z", "lotNumber": format!("L{i}"), "n": i * i % 17, "w": i as f64 / 4.0,
            "ok": i.is_multiple_of(2), "tags": ["a", i], "note": null, "day": 20250610})
    };
    let all: Vec<Json> = (0..50).map(row).collect();
    let array = json!(all).to_string();
    let lines: String = all.iter().map(|row| format!("{row}\n")).collect();
    let names = ["At", "lotNumber", "n", "w", "ok", "tags", "note", "day"];
    let lists = names.map(|name| {
        let values: Vec<&Json> = all.iter().map(|row| &row[name]).collect();
        format!("{}:{}", json!(name), json!(values))
    });
    let columns = format!("{{{}}}", lists.join(","));
    for text in [array, lines, columns] {
        let (_, dataset) = round_trip(text.as_bytes(), &json!({}));
        let columns = &dataset["columns"];
        let word = |name: &str| columns[name]["type"].as_str().expect(name);
        assert_eq!(
            ["at", "lot_number", "n", "w", "ok", "tags", "note", "day"].map(word),
            ["timestampText", "text", "integer", "real", "integer", "json", "text", "date"]
        );
        assert_eq!(dataset["time"], "at");
        assert_eq!(dataset["dimensions"], json!(["n", "ok"]));
        assert_eq!(columns["note"]["required"], Json::Null);
    }
    // Two members that mean the same are two columns, and come back as such.
    let alike = b"{\"Lot No.\":\"a\",\"LOT-NO\":1}\n{\"LOT-NO\":2,\"Lot No.\":\"b\"}\n";
    let (_, dataset) = round_trip(alike, &json!({}));
    assert_eq!(dataset["columns"]["lot_no_2"]["type"], "integer");
    let ragged = b"{\"a\":1}\n{\"b\":\"x\"}\n";
    let (_, dataset) = round_trip(ragged, &json!({}));
    assert_eq!(dataset["columns"], json!({"a": {"type": "integer"}, "b": {"type": "text"}}));
}

#[test]
fn databases_become_datasets() {
    let bytes = foreign(
        "CREATE TABLE small (x);
         CREATE TABLE lots (\"Lot Id\" INTEGER PRIMARY KEY, code TEXT NOT NULL, made_on DATETIME, good, raw BLOB, weight REAL);
         CREATE TABLE \"two keys\" (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE VIEW tempting AS SELECT * FROM lots;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO lots SELECT i, printf('%05d', i % 10), '2025-06-' || printf('%02d', i % 28 + 1) || ' 12:00', i % 50, x'00ff', i / 4.0 FROM n;
         INSERT INTO \"two keys\" VALUES ('a', 'b');",
    );
    let found = inspect(&bytes, json!({})).expect("inspects");
    assert_eq!(found.tables, Some(vec!["lots".into(), "small".into(), "two keys".into()]));
    let (_, dataset) = round_trip(&bytes, &json!({}));
    assert_eq!(
        dataset,
        json!({
            "name": "lots", "version": 1, "time": "made_on",
            "columns": {
                "lot_id": {"type": "integer", "primaryKey": true, "required": true, "label": "Lot Id"},
                "code": {"type": "text", "required": true},
                "made_on": {"type": "timestampText", "required": true},
                "good": {"type": "integer", "required": true},
                "raw": {"type": "blob", "required": true},
                "weight": {"type": "real", "required": true},
            },
            "dimensions": ["code"], "measures": ["good", "weight"],
        })
    );
    let (_, dataset) = round_trip(&bytes, &json!({"table": "two keys"}));
    assert_eq!(
        (dataset["name"].as_str(), &dataset["columns"]["a"]),
        (Some("two_keys"), &json!({"type": "text", "required": true}))
    );
    match inspect(&bytes, json!({"table": "tempting"})) {
        Err(Error::NotFound { kind: "table", .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_can_be_read_two_ways_is_asked_about() {
    let check = |text: &str, options: Json, part: &str| match inspect(text.as_bytes(), options) {
        Err(error) => {
            assert_eq!(error.code(), "INPUT_INVALID", "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
        Ok(found) => panic!("{text}: {found:?}"),
    };
    check("a\n03/04/2025\n", json!({}), "dateFormat: 'DD/MM/YYYY' or 'MM/DD/YYYY'");
    check("a;a\n1,234;1234\n", json!({}), "column 'a'");
    check("a;b\n1,234;x\n", json!({}), "column 'a': '1,234' may be 1234 or 1.234");
    check("", json!({}), "empty");
    check("\n\n", json!({}), "no rows");
    check("[]", json!({}), "no rows");
    check("[{\"a\":1} {", json!({}), "comma");
    let day = |format: &str| {
        let found = inspect(b"a\n03/04/2025\n", json!({"dateFormat": format})).expect(format);
        let sample = Batch::decode(&found.sample).expect("decodes");
        match sample.columns()[0].cell(0) {
            Cell::Value(value) => value.to_value(),
            Cell::Absent => panic!("absent"),
        }
    };
    assert_eq!(day("DD/MM/YYYY"), "2025-04-03".into());
    assert_eq!(day("MM/DD/YYYY"), "2025-03-04".into());
    // Text is text, whatever it looks like in some rows.
    assert_eq!(types(b"a\n03/04/2025\nx\n")[0].1, "text");
}

#[test]
fn the_beginning_is_enough_where_it_tells() {
    let text = report_csv(20_000);
    let engine = open(&[]);
    let options = node(json!({"dataset": "file"}));
    let look = |bytes: &[u8]| engine.inspect(&options, "utf-8", bytes, false).expect("looks");
    let found = look(&text.as_bytes()[..100_000]).expect("tells");
    let dataset: Json = serde_json::from_str(&found.dataset).expect("is JSON");
    assert_eq!(dataset["columns"]["gutmenge"], json!({"type": "integer", "label": "Gutmenge"}));
    assert!(look(b"a;b;c").is_none(), "the first row is not whole");
    let unclear = format!("d\n{}", "03/04/2025\n".repeat(500_000));
    assert!(look(&unclear.as_bytes()[..100_000]).is_none(), "a later date may tell");
    assert!(engine.inspect(&options, "utf-8", unclear.as_bytes(), false).is_err());
    assert_eq!(engine.data_version(), 0);
}
