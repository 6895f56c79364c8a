//! The reader and writer of JSON against serde_json: random documents, every cut of them, and random changes.

use crate::fuzz::targets::json::run;
use crate::random::{Random, times};
use lotwise::model::json::{CHECKED_DEPTH_MAX, Item, TREE_DEPTH_MAX, check, items, members, read};

/// Beginnings, ends and middles of what a grammar may get wrong.
const NUMBERS: [&str; 24] = [
    "0",
    "-0",
    "-0.0",
    "7",
    "-12",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "1e400",
    "-1e400",
    "1E-400",
    "4.9e-324",
    "2.4703282292062328e-324",
    "1.7976931348623158e308",
    "0.1",
    "1.0",
    "-1.5e+3",
    "0e0",
    "9007199254740992.5000000000000000000001",
];
const TEXTS: [&str; 20] = [
    "\"\\ud83d\\ue000\"",
    "\"\\ud83d\\udbff\"",
    "\"\\ud800\\udc00\"",
    "\"\\udbff\\udfff\"",
    "\"\"",
    "\"a\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ud83d\\u0041\"",
    "\"\\n\\t\\r\\b\\f\\/\\\\\\\"\"",
    "\"日本\"",
    "\"𝄞é\"",
    "\"\\u0000\"",
    "\" , ] } : \"",
    "\"\\\\\"",
    "\"\\uD834\\uDD1E x\"",
    "\"\u{7f}\"",
    "\"\\u001f\"",
];
const PIECES: [&str; 28] = [
    "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u", "\\ud800", "-", "+", ".", "e", "0", "01", "1",
    "null", "true", "fals", " ", "\n", "\u{1}", "\u{feff}", "é", "\"a\":", "/", "NaN",
];

fn push_white(random: &mut Random, out: &mut String) {
    for _ in 0..random.of(&[0, 0, 0, 1, 2]) {
        out.push(random.of(&[' ', '\n', '\t', '\r']));
    }
}

fn push_value(random: &mut Random, out: &mut String, depth: u64) {
    push_white(random, out);
    match random.below(8) {
        0 | 1 if depth > 0 => {
            out.push('[');
            for i in 0..random.below(4) {
                out.push_str(if i > 0 { "," } else { "" });
                push_value(random, out, depth - 1);
            }
            push_white(random, out);
            out.push(']');
        }
        2 | 3 if depth > 0 => {
            out.push('{');
            for i in 0..random.below(4) {
                out.push_str(if i > 0 { "," } else { "" });
                push_white(random, out);
                out.push_str(random.of(&TEXTS));
                push_white(random, out);
                out.push(':');
                push_value(random, out, depth - 1);
            }
            push_white(random, out);
            out.push('}');
        }
        4 => out.push_str(random.of(&TEXTS)),
        5 => out.push_str(&format!("{:e}", f64::from_bits(random.next())).replace("NaN", "0")),
        6 => out.push_str(random.of(&["null", "true", "false"])),
        _ => out.push_str(random.of(&NUMBERS)),
    }
    push_white(random, out);
}

#[test]
fn random_documents_their_cuts_and_changes_are_read_as_serde_json_reads_them() {
    let seed = std::env::var("LOTWISE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed =
        seed.unwrap_or(std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() as u64);
    println!("LOTWISE_SEED={seed}");
    let mut random = Random::new(seed);
    for _ in 0..times(1_000) {
        let mut text = String::new();
        push_value(&mut random, &mut text, 4);
        let bytes = text.as_bytes();
        run(bytes);
        (0..bytes.len()).for_each(|end| run(&bytes[..end]));
        for _ in 0..20 {
            let mut bytes = bytes.to_vec();
            for _ in 0..=random.below(2) {
                let at = random.below(bytes.len() as u64 + 1) as usize;
                let end = (at + random.of(&[0, 0, 1, 3])).min(bytes.len());
                match random.below(5) {
                    0 => bytes.splice(at..end, [random.next() as u8]).for_each(drop),
                    _ => bytes.splice(at..end, random.of(&PIECES).bytes()).for_each(drop),
                }
            }
            run(&bytes);
        }
    }
}

#[test]
fn flaws_are_named_with_their_place() {
    let case = |bytes: &[u8], expected: &str| {
        let flaw = check(bytes).expect_err(expected).to_string();
        assert_eq!(flaw, expected, "{}", String::from_utf8_lossy(bytes));
    };
    case(b"", "expected a value at line 1 column 1");
    case(b"{\"a\": [1, 2,\n  ]}", "expected a value at line 2 column 3");
    case(b"{\"a\" 1}", "expected a colon at line 1 column 6");
    case(b"{a: 1}", "expected a name in quotes at line 1 column 2");
    case(b"{\"a\": 1,}", "expected a name in quotes at line 1 column 9");
    case(b"{\"a\": 1", "expected a comma or '}' at line 1 column 8");
    case(b"[1 2]", "expected a comma or ']' at line 1 column 4");
    case(b"[1] 2", "expected the end at line 1 column 5");
    case(b"[01]", "holds a number that begins with a zero at line 1 column 3");
    case(b"[1.]", "expected a digit at line 1 column 4");
    case(b"[-]", "expected a digit at line 1 column 3");
    case(b"\"ab", "ends inside a text at line 1 column 4");
    case(
        b"\"a\tb\"",
        "holds a control character in text, which has to be escaped at line 1 column 3",
    );
    case(b"\"\\x\"", "holds a backslash that escapes nothing at line 1 column 2");
    case(b"[\"a\", \"\xff\"]", "holds no UTF-8 at line 1 column 8");
    case(b"[x, \"\xff\"]", "expected a value at line 1 column 2");
    let tree = |bytes: &[u8], expected: &str| {
        assert_eq!(read(bytes).expect_err(expected).to_string(), expected);
    };
    tree(b"[1, 1e999]", "holds a number out of range at line 1 column 5");
    tree(b"{\"a\":\n\"\\ud800\"}", "holds half a surrogate pair at line 2 column 1");
    tree(b"{\"\\ud800\": 1}", "holds half a surrogate pair at line 1 column 2");
    assert_eq!(
        members(b" []").expect_err("no object").to_string(),
        "expected an object at line 1 column 2"
    );
    assert_eq!(
        items(b"1").expect_err("no array").to_string(),
        "expected an array at line 1 column 1"
    );
}

#[test]
fn nesting_has_a_bound() {
    let nested =
        |open: &str, close: &str, depth: usize| open.repeat(depth) + "1" + &close.repeat(depth);
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = nested(open, close, TREE_DEPTH_MAX);
        read(text.as_bytes()).expect("as deep as it goes");
        serde_json::from_str::<serde_json::Value>(&text).expect("as deep as that goes");
        let text = nested(open, close, TREE_DEPTH_MAX + 1);
        let flaw = read(text.as_bytes()).expect_err("too deep").to_string();
        assert!(flaw.starts_with("nests too deep at line 1"), "{flaw}");
        check(nested(open, close, CHECKED_DEPTH_MAX).as_bytes()).expect("as deep as it goes");
        assert!(check(nested(open, close, CHECKED_DEPTH_MAX + 1).as_bytes()).is_err());
        assert!(check(open.repeat(1_000_000).as_bytes()).is_err());
    }
}

#[test]
fn no_digit_is_lost() {
    let digits = "123456789012345678901234567890";
    assert_eq!(Item::of(digits), Ok(Item::Digits(digits)));
    assert_eq!(Item::of("-9223372036854775808"), Ok(Item::Int(i64::MIN)));
    assert_eq!(Item::of("-9223372036854775809"), Ok(Item::Digits("-9223372036854775809")));
    assert_eq!(Item::of("-0"), Ok(Item::Real(-0.0)));
    let list = format!("[ {digits} , 1.10,1e2 ]");
    assert_eq!(items(list.as_bytes()), Ok(vec![digits, "1.10", "1e2"]));
}
