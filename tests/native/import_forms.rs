//! How files write names, numbers and dates: what is understood, and what is told where it is not.

use crate::common::rows;
use crate::engine::{dataset, open};
use crate::import::{csv, import};
use lotwise::error::{Error, Result};
use lotwise::model::value::Value;
use lotwise::storage::engine::ImportReport;
use lotwise::storage::port::Params;
use serde_json::{Value as Json, json};

/// Imports into a dataset of those columns; the rows that are there then.
fn taken(columns: &Json, text: &str, options: &Json) -> Result<(ImportReport, Vec<Vec<Value>>)> {
    let mut engine = open(&[dataset(json!({"name": "t", "columns": columns}))]);
    let mut whole = json!({"dataset": "t"});
    let options = options.as_object().expect("an object").clone();
    whole.as_object_mut().expect("an object").extend(options);
    let report = import(&mut engine, whole, text.as_bytes(), 100_000)?;
    let answer = engine.query("SELECT * FROM t ORDER BY rowid", Params::Positional(&[]));
    let mut all = rows(&answer.expect("reads"));
    // Without the hidden key.
    all.iter_mut().for_each(|row| _ = row.remove(0));
    Ok((report, all))
}

/// The first column's values.
fn column(columns: &Json, text: &str, options: &Json) -> Vec<Value> {
    let (_, rows) = taken(columns, text, options).unwrap_or_else(|e| panic!("{text}: {e}"));
    rows.into_iter().map(|row| row[0].clone()).collect()
}

/// The refusal's text, which has to be INPUT_INVALID.
fn refusal(columns: &Json, text: &str, options: &Json) -> String {
    match taken(columns, text, options) {
        Err(error) => {
            assert_eq!(error.code(), "INPUT_INVALID", "{error}");
            error.to_string()
        }
        Ok((report, rows)) => panic!("{text} was imported: {report:?} {rows:?}"),
    }
}

#[test]
fn headers_match_without_regard_to_case_separators_and_width() {
    let columns = json!({"production_date": {"type": "date"}, "数量": {"type": "integer"}, "ブラケット_no": {"type": "text"}});
    for header in [
        "production_date,数量,ブラケット_no",
        "Production Date,数 量,ブラケットNo.",
        "PRODUCTION-DATE,数量,ﾌﾞﾗｹｯﾄ-NO",
        "ProductionDate,「数量」,ブラケット　Ｎｏ",
        "production.date , 数量 ,ﾌﾞﾗｹｯﾄ NO",
        "Ｐｒｏｄｕｃｔｉｏｎ＿Ｄａｔｅ,数量,ブラケット no",
    ] {
        let (report, rows) =
            taken(&columns, &format!("{header}\n2025-01-31,7,x\n"), &json!({})).expect(header);
        assert_eq!(rows, [[Value::from("2025-01-31"), Value::Int(7), "x".into()]], "{header}");
        assert_eq!(report.ignored, Vec::<String>::new());
    }
    // Voiced sounds are sounds of their own.
    let text = "production_date,数量,フラケットNo\n2025-01-31,7,x\n";
    let (report, _) = taken(&columns, text, &json!({})).expect("imports the others");
    assert_eq!(report.ignored, ["フラケットNo"]);
}

#[test]
fn columns_that_are_not_the_datasets_are_named_in_the_report() {
    let columns = json!({"a": {"type": "integer"}});
    let ignored = |text: &str| taken(&columns, text, &json!({})).expect(text).0.ignored;
    assert_eq!(ignored("b,a,c\n1,2,3\n"), ["b", "c"]);
    assert_eq!(ignored("[{\"a\":1,\"z\":2},{\"a\":1,\"y\":{}}]"), ["y", "z"]);
}

#[test]
fn ambiguous_and_doubled_headers_are_refused_until_they_are_mapped() {
    let columns =
        json!({"ab": {"type": "integer"}, "a_b": {"type": "integer"}, "c": {"type": "integer"}});
    assert!(refusal(&columns, "A B,c\n1,2\n", &json!({})).contains("may be 'ab' or 'a_b'"));
    assert!(refusal(&columns, "[{\"A-B\": 1}]", &json!({})).contains("may be 'ab' or 'a_b'"));
    let exact = [[Value::Null, Value::Int(1), Value::Int(2)]];
    assert_eq!(taken(&columns, "a_b,c\n1,2\n", &json!({})).expect("exact").1, exact);
    let mapped = json!({"columns": {"A B": "a_b"}});
    assert_eq!(taken(&columns, "A B,c\n1,2\n", &mapped).expect("mapped").1, exact);

    let message = refusal(&columns, "c,C\n1,2\n", &json!({}));
    assert!(message.contains("is the second for column 'c'"), "{message}");
    assert!(message.contains("'c_2'"), "the way out is named: {message}");
    let second = json!({"columns": {"c_2": "ab"}});
    let (_, rows) = taken(&columns, "c,C\n1,2\n", &second).expect("mapped by its place");
    assert_eq!(rows, [[Value::Int(2), Value::Null, Value::Int(1)]]);
    let both = json!({"columns": {"c": "ab"}});
    assert!(refusal(&columns, "c,c\n1,2\n", &both).contains("second for column 'ab'"));
    // Doubled names that nobody wants do no harm.
    let (report, _) = taken(&columns, "c,x,x\n1,2,3\n", &json!({})).expect("imports");
    assert_eq!(report.ignored, ["x", "x"]);
    let missing = refusal(&columns, "c,x\n1,2\n", &json!({"columns": {"y": "ab"}}));
    assert!(missing.contains("no column 'y'"), "{missing}");
    let missing = refusal(&columns, "[{\"c\":1}]", &json!({"columns": {"y": "ab"}}));
    assert!(missing.contains("no object of the file has a member 'y'"), "{missing}");
}

#[test]
fn a_first_row_of_data_is_told_from_a_header() {
    let columns =
        json!({"day": {"type": "date"}, "lot": {"type": "text"}, "n": {"type": "integer"}});
    let check = |text: &str, header: bool, count: usize| {
        let (report, rows) = taken(&columns, text, &json!({})).expect(text);
        assert_eq!((report.detected.header, rows.len()), (Some(header), count), "{text}");
    };
    check("2025-01-01,L1,5\n2025-01-02,L2,6\n", false, 2);
    check("31.12.2025;L1;5\n", false, 1);
    check("day,lot,n\n2025-01-02,L2,6\n", true, 1);
    check("n\n6\n", true, 1);
    check("day,other,third\n2025-01-02,L2,6\n", true, 1);
    // What can neither be names nor a row is refused, with both ways out.
    for text in ["Tag,Los,Menge\n2025-01-02,L2,6\n", "2025-13-01,L1,5\n", "a,b\n1,2\n"] {
        let message = refusal(&columns, text, &json!({}));
        assert!(message.contains("header: false") && message.contains("`columns`"), "{message}");
    }
    // Names could be such a row.
    let words = json!({"a": {"type": "text"}, "b": {"type": "text"}});
    assert!(refusal(&words, "x,y\nu,v\n", &json!({})).contains("header: false"));
}

#[test]
fn delimiters_are_those_that_fit_most_rows() {
    let columns = json!({"a": {"type": "real"}, "b": {"type": "text"}});
    let check = |text: &str, delimiter: &str| {
        let (report, rows) = taken(&columns, text, &json!({})).expect(text);
        assert_eq!(report.detected.delimiter.as_deref(), Some(delimiter), "{text}");
        assert_eq!(rows[0], [Value::Real(1.5), "x, y; z".into()], "{text}");
    };
    check("a,b\n1.5,\"x, y; z\"\n", ",");
    check("a;b\n1,5;\"x, y; z\"\n2,5;q\n", ";");
    check("a\tb\n1.5\tx, y; z\n", "\t");
    check("a|b\r\n1.5|x, y; z\r\n", "|");
    check("sep=|\r\na|b\r\n1.5|x, y; z\r\n", "|");
    check("1,5;\"x, y; z\"\n2,5;q\n", ";");
    assert_eq!(column(&json!({"a": {"type": "text"}}), "a\nx y\n", &json!({})), ["x y".into()]);
}

#[test]
fn decimal_marks_are_found_out_over_the_file() {
    let columns = json!({"w": {"type": "real"}, "n": {"type": "integer"}});
    let check = |text: &str, decimal: Option<&str>, expected: &[(f64, i64)]| {
        let (report, rows) =
            taken(&columns, text, &json!({})).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(report.detected.decimal.as_deref(), decimal, "{text}");
        let expected: Vec<Vec<Value>> =
            expected.iter().map(|(w, n)| vec![Value::Real(*w), Value::Int(*n)]).collect();
        assert_eq!(rows, expected, "{text}");
    };
    check("w;n\n1,5;2\n", Some(","), &[(1.5, 2)]);
    check("w;n\n1.234,56;1.000\n1.234;5\n", Some(","), &[(1234.56, 1000), (1234.0, 5)]);
    check("w;n\n1,234.56;1,000\n", Some("."), &[(1234.56, 1000)]);
    check("w;n\n1'234.5;1 000\n", Some("."), &[(1234.5, 1000)]);
    check("w;n\n12;1,234\n", Some("."), &[(12.0, 1234)]);
    check("w;n\n0,125;7\n12,125;8\n", Some(","), &[(0.125, 7), (12.125, 8)]);
    check("w;n\n1234;7\n1,234;8\n", Some(","), &[(1234.0, 7), (1.234, 8)]);
    check("w,n\n1.234,7\n", Some("."), &[(1.234, 7)]);
    check("w,n\n1.234,7\n\"1.234,5\",8\n", Some(","), &[(1234.0, 7), (1234.5, 8)]);
    check("w;n\n1234;7\n1,234;8\n0.5;9\n", Some("."), &[(1234.0, 7), (1234.0, 8), (0.5, 9)]);
    check("w,n\n1.5,\"1,234\"\n", Some("."), &[(1.5, 1234)]);
    check("w,n\n\"1,5\",7\n", Some(","), &[(1.5, 7)]);
    check("w,n\n7.0,7.00\n", Some("."), &[(7.0, 7)]);
    check("w,n\n7,7\n", None, &[(7.0, 7)]);
}

#[test]
fn numbers_that_can_be_read_two_ways_are_asked_about() {
    let columns = json!({"w": {"type": "real"}, "n": {"type": "integer"}});
    let check = |text: &str, parts: &[&str]| {
        let message = refusal(&columns, text, &json!({}));
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
    };
    check("w;n\n1.234;5\n", &["column 'w'", "'1.234'", "1.234 or 1234", "decimal: '.' or ','"]);
    check("w;n\n2;5,000\n", &["column 'n'", "'5,000'", "5000 or 5.000", "decimal"]);
    check("w;n\n1.5;5\n1,5;6\n", &["column 'w'", "'1,5'", "'1.5'", "decimal"]);
    let read = |decimal: &str| column(&columns, "w;n\n1.234;5\n", &json!({"decimal": decimal}));
    assert_eq!(read("."), [Value::Real(1.234)]);
    assert_eq!(read(","), [Value::Real(1234.0)]);
    // Behind what was looked at, such a number costs its row only.
    let mut text = "w;n\n".to_owned();
    (0..20_000).for_each(|i| text.push_str(&format!("{};{i}\n", i % 900)));
    let late = format!("{text}1,234;7\n");
    match taken(&columns, &late, &json!({})) {
        Err(Error::ImportRefused { bad_rows: 1, errors }) => {
            assert_eq!((errors[0].line, errors[0].column.as_deref()), (20_002, Some("w")));
            assert!(errors[0].reason.contains("decimal"), "{errors:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn dates_are_understood_as_they_are_usually_written() {
    let columns = json!({"d": {"type": "date"}});
    let check = |written: &[&str], pattern: &str, dates: &[&str]| {
        let text = format!("d\n{}\n", written.join("\n"));
        let (report, rows) =
            taken(&columns, &text, &json!({})).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(report.detected.date_format.as_deref(), Some(pattern), "{text}");
        let dates: Vec<Vec<Value>> = dates.iter().map(|date| vec![(*date).into()]).collect();
        assert_eq!(rows, dates, "{text}");
        // What was found can be said.
        assert_eq!(
            taken(&columns, &text, &json!({"dateFormat": pattern})).expect("again").1,
            dates
        );
    };
    check(&["2025-06-10"], "YYYY-MM-DD", &["2025-06-10"]);
    check(&["2025/6/1", "2025/12/31"], "YYYY/MM/DD", &["2025-06-01", "2025-12-31"]);
    check(&["2025.06.10"], "YYYY.MM.DD", &["2025-06-10"]);
    check(&["20250610"], "YYYYMMDD", &["2025-06-10"]);
    check(&["2025年6月10日"], "YYYY年MM月DD日", &["2025-06-10"]);
    check(&["2025년 6월 10일"], "YYYY년 MM월 DD일", &["2025-06-10"]);
    check(&["2025. 6. 10."], "YYYY. MM. DD.", &["2025-06-10"]);
    check(&["10.06.2025", "1.2.2025"], "DD.MM.YYYY", &["2025-06-10", "2025-02-01"]);
    check(&["10.06.2025 00:00:00"], "DD.MM.YYYY", &["2025-06-10"]);
    check(&["06.13.2025", "06.10.2025"], "MM.DD.YYYY", &["2025-06-13", "2025-06-10"]);
    check(&["03/04/2025", "13/04/2025"], "DD/MM/YYYY", &["2025-04-03", "2025-04-13"]);
    check(&["03/04/2025", "04/13/2025"], "MM/DD/YYYY", &["2025-03-04", "2025-04-13"]);
    check(&["3-4-2025", "31-3-2025"], "DD-MM-YYYY", &["2025-04-03", "2025-03-31"]);
    check(&["05/05/2025"], "DD/MM/YYYY", &["2025-05-05"]);
}

#[test]
fn dates_that_can_be_read_two_ways_are_asked_about() {
    let columns = json!({"d": {"type": "date"}, "t": {"type": "timestamp"}});
    let check = |text: &str, parts: &[&str]| {
        let message = refusal(&columns, text, &json!({}));
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
    };
    check("d\n03/04/2025\n", &["column 'd'", "'03/04/2025'", "'DD/MM/YYYY' or 'MM/DD/YYYY'"]);
    check("t\n03/04/2025 12:00\n", &["column 't'", "dateFormat"]);
    check("d\n13/04/2025\n04/13/2025\n", &["'04/13/2025'", "'13/04/2025'", "dateFormat"]);
    check("d\n03/04/25\n", &["line 2", "year of two digits"]);
    check("d\n2025-06-10 12:30\n", &["line 2", "expected a date"]);
    check("d\n2025-02-30\n", &["line 2", "expected a date"]);
    // Another column may tell.
    let text = "d,t\n03/04/2025,13/04/2025 07:30\n";
    let (_, rows) = taken(&columns, text, &json!({})).expect("is told");
    assert_eq!(rows, [[Value::from("2025-04-03"), Value::Int(1_744_529_400_000)]]);
}

#[test]
fn more_of_the_file_is_looked_at_where_its_beginning_does_not_tell() {
    let columns = json!({"d": {"type": "date"}, "w": {"type": "real"}});
    let mut text = "d;w\n".to_owned();
    (0..60_000).for_each(|i| text.push_str(&format!("{:02}/01/2025;1,234\n", i / 5_000 + 1)));
    assert!(refusal(&columns, &text, &json!({})).contains("decimal"));
    assert!(refusal(&columns, &text, &json!({"decimal": ","})).contains("dateFormat"));
    text.push_str("13/01/2025;0,5\n");
    let (report, rows) = taken(&columns, &text, &json!({})).expect("is told at the end");
    assert_eq!(report.detected.date_format.as_deref(), Some("DD/MM/YYYY"));
    assert_eq!(report.detected.decimal.as_deref(), Some(","));
    assert_eq!(rows.last(), Some(&vec!["2025-01-13".into(), Value::Real(0.5)]));
    assert_eq!(rows[0], ["2025-01-01".into(), Value::Real(1.234)]);
}

#[test]
fn times_are_understood_as_they_are_usually_written() {
    let columns = json!({"t": {"type": "timestampText"}});
    let check = |written: &str, expected: &str| {
        let got = column(&columns, &format!("t\n{written}\n"), &json!({}));
        assert_eq!(got, [Value::from(expected)], "{written}");
    };
    check("2025-06-10T14:30:05.250+09:00", "2025-06-10T05:30:05.250Z");
    check("2025-06-10 14:30", "2025-06-10T14:30:00.000Z");
    check("2025/6/10 9:05", "2025-06-10T09:05:00.000Z");
    check("2025-06-10 오후 2:30:00", "2025-06-10T14:30:00.000Z");
    check("2025年6月10日 14:30", "2025-06-10T14:30:00.000Z");
    check("13/06/2025 2:30 PM", "2025-06-13T14:30:00.000Z");
    check("10.06.2025 14:30:05", "2025-06-10T14:30:05.000Z");
    check("20250610T143005Z", "2025-06-10T14:30:05.000Z");
    check("20250610143005", "2025-06-10T14:30:05.000Z");
    check("2025-06-10", "2025-06-10T00:00:00.000Z");
    for wrong in ["2025-06-10 25:00", "14:30", "2025-06-10 13:00 PM", "20250610146005"] {
        assert!(refusal(&columns, &format!("t\n{wrong}\n"), &json!({})).contains("line 2"));
    }
}

#[test]
fn lists_for_columns_are_rows() {
    let columns = json!({"d": {"type": "date"}, "w": {"type": "real"}, "more": {"type": "json"}});
    let pretty = "{\n  \"d\": [\"31/12/2025\", \"03/04/2025\"],\n  \"w\": [1.5, null],\n  \"more\": [[\"a\"], {}]\n}\n";
    let line = pretty.replace('\n', "");
    let marked = format!("\u{feff}{pretty}");
    for text in [pretty, &line, &marked] {
        let (report, rows) = taken(&columns, text, &json!({})).expect(text);
        assert_eq!(report.detected.format, "json");
        assert_eq!(report.detected.date_format.as_deref(), Some("DD/MM/YYYY"));
        assert_eq!(
            rows,
            [
                ["2025-12-31".into(), Value::Real(1.5), "[\"a\"]".into()],
                ["2025-04-03".into(), Value::Null, Value::from("{}")]
            ]
        );
    }
    // Objects in lines may begin with a list as well.
    let lines = "{\"more\": [1], \"w\": 1}\n{\"more\": [2], \"w\": 2}\n";
    let (report, rows) = taken(&columns, lines, &json!({})).expect("lines");
    assert_eq!((report.detected.format, rows.len()), ("ndjson", 2));
}

#[test]
fn whole_numbers_are_milliseconds_unless_a_pattern_is_given() {
    let columns = json!({"t": {"type": "timestamp"}});
    let (report, rows) = taken(&columns, "t\n20250610\n1750000000000\n", &json!({})).expect("ms");
    assert_eq!(report.detected.date_format, None);
    assert_eq!(rows, [[Value::Int(20_250_610)], [Value::Int(1_750_000_000_000)]]);
    let pattern = json!({"dateFormat": "YYYYMMDD"});
    assert_eq!(column(&columns, "t\n20250610\n", &pattern), [Value::Int(1_749_513_600_000)]);
}

#[test]
fn text_in_json_and_sqlite_files_is_read_the_same_way() {
    let columns = json!({"d": {"type": "date"}, "w": {"type": "real"}});
    let text = r#"[{"d": "31/12/2025", "w": "1.234"}, {"d": "03/04/2025", "w": 2}, {"d": 20250610, "w": null}]"#;
    let (report, rows) = taken(&columns, text, &json!({})).expect("imports");
    assert_eq!(report.detected.date_format.as_deref(), Some("DD/MM/YYYY"));
    assert_eq!(
        rows,
        [
            ["2025-12-31".into(), Value::Real(1.234)],
            ["2025-04-03".into(), Value::Real(2.0)],
            [Value::from("2025-06-10"), Value::Null]
        ]
    );
    let unclear = r#"{"d": "03/04/2025"}"#;
    assert!(refusal(&columns, unclear, &json!({})).contains("dateFormat"));
}

#[test]
fn lines_are_those_of_the_file() {
    let columns = json!({"a": {"type": "text"}, "n": {"type": "integer"}});
    let lines = |text: &str| -> Vec<u64> {
        let (report, _) = taken(&columns, text, &json!({"onError": "skip"})).expect(text);
        report.errors.iter().map(|error| error.line).collect()
    };
    assert_eq!(lines("a,n\r\nx,1\r\n\"two\r\nlines\",2\r\ny,bad\r\n\r\n\r\nz,bad"), [5, 8]);
    assert_eq!(lines("sep=,\r\na,n\r\nx,bad\r\n"), [3]);
    assert_eq!(lines("a,n\n\"\n\n\",bad\nz,bad\n"), [2, 5]);
    assert_eq!(lines("a,n\rx,bad\r\ry,bad\r"), [2, 4]);
    assert_eq!(lines("\u{feff}\n\na,n\nx,bad"), [4]);
}

#[test]
fn halves_of_a_character_in_two_fields_are_no_text() {
    let mut engine = open(&[dataset(
        json!({"name": "t", "columns": {"a": {"type": "text"}, "b": {"type": "text"}}}),
    )]);
    let result = import(&mut engine, json!({"dataset": "t"}), b"a,b\n\xe3,\x81\x82\n", 100);
    match result {
        Err(Error::ImportRefused { errors, .. }) => {
            assert_eq!(errors[0].column.as_deref(), Some("a"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_bad_row_is_counted_and_the_first_hundred_are_told() {
    let columns = json!({"n": {"type": "integer"}});
    let text = format!("n\n{}", "x\n1\n".repeat(500));
    let (report, rows) = taken(&columns, &text, &json!({"onError": "skip"})).expect("imports");
    assert_eq!((report.rows, report.skipped, report.errors.len()), (500, 500, 100));
    assert_eq!((rows.len(), report.errors[99].line), (500, 200));
}

#[test]
fn numbers_of_json_keep_their_digits() {
    let columns = json!({"j": {"type": "json"}, "t": {"type": "text"}, "x": {"type": "real"}, "n": {"type": "integer"}});
    let rows = |text: &str| taken(&columns, text, &json!({})).expect(text).1;
    let big = "123456789012345678901234567890";
    let nested = format!("{{\"a\":[{big},1.10,1e2,-0,\"\\u00e9  \\\"\"],\"a\":{{}}}}");
    let spaced = nested.replace([','], " ,\t").replace(':', ": ");
    let row = |j: &str, t: &str, x: f64| vec![j.into(), t.into(), Value::Real(x), Value::Null];
    for text in [
        format!("[{{\"j\": {spaced} , \"t\": {big}, \"x\": {big}}}]"),
        format!("{{\"j\": [ {spaced} ], \"t\": [{big} ], \"x\": [ {big}]}}"),
    ] {
        assert_eq!(rows(&text), [row(&nested, big, 1.234_567_890_123_456_8e29)], "{text}");
    }
    for scalar in ["9223372036854775808", "-0.50", "1e400", "\"a b\"", "true"] {
        let text = format!("[{{\"j\": {scalar}, \"t\": 0, \"x\": -0}}]");
        assert_eq!(rows(&text), [row(scalar, "0", -0.0)], "{text}");
    }
    let refused = |text: String, reason: &str| {
        let message = refusal(&columns, &text, &json!({}));
        assert!(message.contains(reason), "{text}: {message}");
    };
    refused("[{\"n\": 9223372036854775808}]".to_owned(), "n: 9223372036854775808 does not fit");
    refused(format!("[{{\"n\": -{}}}]", "1".repeat(100_000)), "1 does not fit into 64 bits");
    refused(format!("[{{\"x\": {}}}]", "1".repeat(400)), "x: holds a number out of range");
    refused("[{\"t\": 1e400}]".to_owned(), "t: holds a number out of range");
    // Of members of the same name the last one counts.
    let text = "[{\"n\": \"no number\", \"t\": \"a\", \"n\": 2}]";
    assert_eq!(rows(text), [[Value::Null, "a".into(), Value::Null, Value::Int(2)]]);
    let text = "[{\"x\": \"1,5\", \"x\": \"1.5\"}]";
    assert_eq!(rows(text), [[Value::Null, Value::Null, Value::Real(1.5), Value::Null]]);
}

#[test]
fn broken_json_is_refused_with_its_line() {
    let row = "{\"made_on\":\"2025-01-01\",\"lot_number\":\"a\",\"good\":1}";
    let check = |text: String, reason: &str| match csv(text.as_bytes(), json!({"format": "json"})) {
        Err(error) => {
            assert_eq!(error.code(), "INPUT_INVALID", "{text}: {error}");
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
        Ok(_) => panic!("{text} was imported"),
    };
    check("{}".to_owned(), "array of objects");
    check("{\"a\": [1], \"b\": 1}".to_owned(), "'b' is no array");
    check("{\"a\": [1], \"b\": [1, 2]}".to_owned(), "'b' has 2 values, others 1");
    check("{\"a\": [1], ".to_owned(), "ndjson");
    check("  ".to_owned(), "ends before");
    check("[".to_owned(), "ends before");
    check(format!("[{row}"), "ends before");
    check(format!("[{row} {row}]"), "comma");
    check(format!("[{row},]"), "expected an object");
    check(format!("[{row}\n,7]"), "line 2");
    check(format!("[{row}] {row}"), "follows");
    check(format!("[{}", "[".repeat(10)), "expected an object");
    check(format!("[{{\"made_on\": \"{}", "x".repeat(5_000_000)), "never ends");
    check(format!("[{{\"a\": {}", "[".repeat(100_000)), "ends before");
    check(format!("[{{\"a\": {}{}}}]", "[".repeat(1001), "]".repeat(1001)), "nests too deep");
    let (report, rows) = csv(b"[]", json!({})).expect("nothing to import");
    assert_eq!((report.rows, rows.len()), (0, 0));
}
