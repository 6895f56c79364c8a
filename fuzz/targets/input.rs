//! Bytes of a fuzzer as choices: each one takes what it needs from the front, and there is always an
//! answer, so that every input means something.

use lotwise::model::node::Node;

/// What is left of an input.
#[derive(Debug)]
pub struct Input<'a>(&'a [u8]);

/// Text with everything that SQL, JSON, CSV or a message could trip over.
const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "é",
    "日本",
    "z\u{10FFFF}",
    "'",
    "\"",
    "`",
    "]",
    "\\",
    "a'b",
    "a\"b",
    ";",
    "--",
    "/*",
    "%",
    "_",
    "?",
    "?1",
    ":a",
    "@x",
    "$x",
    "\0",
    "a\0b",
    "\n",
    "\u{FEFF}",
    "NULL",
    "1",
    "1e3",
    "-0",
    " 12",
    "0x10",
    "true",
    "now",
    "2025-06-10",
    "2025-02-30",
    "2025-06",
    "2025",
    "2025-Q2",
    "2025-W24",
    "2025-W53",
    "2025-06-10T14:00",
    "2025-06-10T14:00:00.000Z",
    "2025-06-10T24:00",
    "2025-06-10T14:00+14:00",
    "9999-12-31",
    "0000-01-01",
    "10000-01-01",
    "-0001-01-01",
    "[]",
    "{}",
    "null",
    "rowid",
    "lotwise_meta",
    "sqlite_schema",
    "count",
    "any",
    "x\u{202E}y",
    "\u{200B}",
];

/// Numbers around every edge that matters.
const INTEGERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    7,
    100,
    1000,
    1 << 31,
    (1 << 31) - 1,
    -(1 << 31),
    1 << 53,
    (1 << 53) - 1,
    i64::MAX,
    i64::MIN,
    100_000,
    100_001,
    30_000,
    4_294_967_295,
    4_294_967_296,
    1_749_513_600_000,
    253_402_300_799_999,
    253_402_300_800_000,
    -62_167_219_200_000,
    -62_167_219_200_001,
];

const REALS: &[f64] = &[
    0.0,
    -0.0,
    0.5,
    -1.5,
    1e15,
    1e16,
    1e300,
    f64::MAX,
    f64::MIN_POSITIVE,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

impl<'a> Input<'a> {
    /// All of it.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What nobody has taken yet.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `count`, which is at most 256.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    pub fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }

    /// True once in so many times; never when all is taken.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    /// Up to `max` items.
    pub fn list<T>(&mut self, max: usize, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(max + 1)).map(|_| item(self)).collect()
    }

    /// Text: one of the awkward ones, bytes of the input, or something long.
    pub fn text(&mut self) -> String {
        match self.below(16) {
            0 => {
                let length = self.below(32).min(self.0.len());
                let (head, rest) = self.0.split_at(length);
                self.0 = rest;
                String::from_utf8_lossy(head).into_owned()
            }
            1 => self.pick(TEXTS).repeat(1 + 40 * self.below(256)),
            _ => (*self.pick(TEXTS)).to_owned(),
        }
    }

    pub fn integer(&mut self) -> i64 {
        if self.one_in(4) { i64::from(self.byte()) - 128 } else { *self.pick(INTEGERS) }
    }

    pub fn real(&mut self) -> f64 {
        *self.pick(REALS)
    }

    /// Any tree.
    pub fn node(&mut self, depth: usize) -> Node {
        match self.below(if depth == 0 { 9 } else { 12 }) {
            0 | 1 => Node::Text(self.text()),
            2 | 3 => Node::Int(self.integer()),
            4 => Node::Real(self.real()),
            5 => Node::Null,
            6 => Node::Bool(self.one_in(2)),
            7 => Node::Undefined,
            8 => match self.below(2) {
                0 => Node::Blob(self.text().into_bytes()),
                _ => Node::Foreign("a function".to_owned()),
            },
            9 | 10 => Node::List(self.list(4, |input| input.node(depth - 1))),
            _ => Node::Map(self.list(4, |input| (input.text(), input.node(depth - 1)))),
        }
    }
}
