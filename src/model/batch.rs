//! One columnar batch: how rows cross a boundary, in both directions, as one buffer (format LWB1).
//! Does not know who sends it, nor which dataset the columns belong to.
//!
//! Layout, little endian: `LWB1`, u32 length H of the header, H bytes of JSON, zero bytes up to the
//! next multiple of 8 (the data start D), then the parts of all columns, each at a multiple of 8 from D.
//! The header is `{"rows":N,"columns":[{"name","type","encoding","nulls"?,"parts","units"?}]}` with
//! `[offset, length]` pairs relative to D.
//!
//! | encoding | parts |
//! |---|---|
//! | i32, f64, int53, i64 | one array of Int32, Float64, Float64 (whole numbers), Int64 |
//! | text, blob | Uint32\[N+1\] offsets, bytes; text offsets count `units` (utf16 in results, utf8 in input) |
//! | dict | Uint32\[N\] codes, Uint32\[K+1\] offsets, bytes |
//! | any | Uint8\[N\] tags (0 null, 1 int, 2 real, 3 text, 4 blob, 5 absent), 8 bytes × N, bytes |
//! | null | none: every value is null |

pub mod decode;
pub mod encode;

const MAGIC: [u8; 4] = *b"LWB1";

const TAG_NULL: u8 = 0;
const TAG_INT: u8 = 1;
const TAG_REAL: u8 = 2;
const TAG_TEXT: u8 = 3;
const TAG_BLOB: u8 = 4;
const TAG_ABSENT: u8 = 5;

#[derive(Debug)]
struct ColumnHeader {
    name: String,
    kind: String,
    encoding: Encoding,
    nulls: Option<Part>,
    parts: Vec<Part>,
    units: Option<Units>,
}

/// Offset and length in bytes.
#[derive(Debug, Clone, Copy)]
struct Part(u32, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    I32,
    F64,
    Int53,
    I64,
    Text,
    Dict,
    Blob,
    Any,
    Null,
}

const ENCODINGS: [(&str, Encoding); 9] = [
    ("i32", Encoding::I32),
    ("f64", Encoding::F64),
    ("int53", Encoding::Int53),
    ("i64", Encoding::I64),
    ("text", Encoding::Text),
    ("dict", Encoding::Dict),
    ("blob", Encoding::Blob),
    ("any", Encoding::Any),
    ("null", Encoding::Null),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    Utf8,
    Utf16,
}

const UNITS: [(&str, Units); 2] = [("utf8", Units::Utf8), ("utf16", Units::Utf16)];
