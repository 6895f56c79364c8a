//! What of a database can be tuned: names, defaults by profile and limits, all in [`FIELDS`].
//! docs/configuration.md is checked against it. Knows no SQL and no host: who holds a [`Config`] acts on it.

use crate::error::{Error, Result};
use crate::model::node::Node;

/// Names of the profiles, in the order of the defaults of a [`Field`].
pub const PROFILES: [&str; 4] = ["dashboard", "ingest", "bulkLoad", "lowMemory"];

/// Timers take no more: 24.8 days.
const TIMER_MS_MAX: u64 = (1 << 31) - 1;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number from the first to the second.
    Whole(u64, u64),
    /// One of these words; its place among them is the value.
    Word(&'static [&'static str]),
    /// false or true: 0 or 1.
    Flag,
}

/// One thing that can be tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Member of the configuration that the field is in.
    pub group: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// By profile, in the order of [`PROFILES`].
    pub defaults: [u64; 4],
}

/// Which field, by its place in [`FIELDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Time limit of a call that names none.
    TimeoutMs,
    /// Rows of a batch of a stream that names no size.
    BatchRows,
    /// Most bytes of one result.
    ResultBytesMax,
    /// Prepared statements that are kept.
    StatementsMax,
    /// Calls that may wait.
    QueueMax,
    /// For how long a transaction may lie idle.
    TransactionIdleMs,
    /// Upper limit of SQLite's page cache.
    CacheBytes,
    /// How SQLite keeps a commit whole.
    JournalMode,
    /// Whether writes are refused.
    ReadOnly,
    /// Within what time a relaxed commit is on storage.
    GroupCommitMs,
    /// Durability of a write that names none.
    Durability,
}

/// Every field, in the order of [`Setting`].
pub const FIELDS: [Field; 11] = [
    whole("query", "timeoutMs", 1, TIMER_MS_MAX, [30_000, 30_000, 600_000, 30_000]),
    whole("query", "batchRows", 1, 1_000_000, [1_000, 1_000, 1_000, 100]),
    whole(
        "query",
        "resultBytesMax",
        64 * KIB,
        1024 * MIB,
        [256 * MIB, 256 * MIB, 256 * MIB, 32 * MIB],
    ),
    whole("query", "statementsMax", 0, 10_000, [100, 100, 100, 20]),
    whole("query", "queueMax", 1, 100_000, [1_000, 10_000, 1_000, 200]),
    whole("query", "transactionIdleMs", 1, TIMER_MS_MAX, [10_000, 10_000, 60_000, 10_000]),
    whole("sqlite", "cacheBytes", MIB, 1024 * MIB, [64 * MIB, 16 * MIB, 64 * MIB, 4 * MIB]),
    Field {
        group: "sqlite",
        name: "journalMode",
        kind: Kind::Word(&JOURNAL_MODES),
        defaults: [0; 4],
    },
    Field { group: "sqlite", name: "readOnly", kind: Kind::Flag, defaults: [0; 4] },
    whole("ingest", "groupCommitMs", 1, 60_000, [100; 4]),
    Field {
        group: "ingest",
        name: "durability",
        kind: Kind::Word(&["full", "relaxed"]),
        defaults: [0, 1, 0, 0],
    },
];

const JOURNAL_MODES: [&str; 4] = ["wal", "truncate", "persist", "delete"];

const fn whole(
    group: &'static str,
    name: &'static str,
    min: u64,
    max: u64,
    defaults: [u64; 4],
) -> Field {
    Field { group, name, kind: Kind::Whole(min, max), defaults }
}

/// A complete configuration: every value within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Place of the profile in [`PROFILES`].
    profile: usize,
    values: [u64; FIELDS.len()],
}

impl Default for Config {
    fn default() -> Self {
        Self::of_profile(0)
    }
}

impl Config {
    /// The defaults of the profile at a place of [`PROFILES`].
    #[must_use]
    pub fn of_profile(profile: usize) -> Self {
        Self { profile, values: FIELDS.map(|field| field.defaults[profile]) }
    }

    /// Reads what a caller gave; the rest is as the profile has it. The error names every field that is
    /// wrong.
    pub fn from_node(given: &Node) -> Result<Self> {
        let mut problems = Vec::new();
        let mut config = Self::default();
        let members = members(given, "config", &mut problems);
        if let Some((_, profile)) = members.iter().find(|(key, _)| key == "profile") {
            match read(profile, Kind::Word(&PROFILES)) {
                Ok(profile) => config = Self::of_profile(profile.unwrap_or(0) as usize),
                Err(reason) => problems.push(("profile".to_owned(), reason)),
            }
        }
        for (group, node) in members.iter().filter(|(key, _)| key != "profile") {
            if FIELDS.iter().any(|field| field.group == group) {
                config.read_group(group, node, &mut problems);
            } else if *node != Node::Undefined {
                problems.push((group.clone(), unknown(&["profile", "query", "sqlite", "ingest"])));
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(Error::ConfigInvalid { problems }) }
    }

    fn read_group(&mut self, group: &str, node: &Node, problems: &mut Vec<(String, String)>) {
        for (name, node) in members(node, group, problems) {
            let at = FIELDS.iter().position(|field| field.group == group && field.name == name);
            let result = match at {
                _ if *node == Node::Undefined => Ok(()),
                None => {
                    let known = FIELDS.iter().filter(|field| field.group == group);
                    Err(unknown(&known.map(|field| field.name).collect::<Vec<_>>()))
                }
                Some(at) => read(node, FIELDS[at].kind)
                    .map(|value| self.values[at] = value.unwrap_or(self.values[at])),
            };
            if let Err(reason) = result {
                problems.push((format!("{group}.{name}"), reason));
            }
        }
    }

    /// Name of the profile.
    #[must_use]
    pub const fn profile(&self) -> &'static str {
        PROFILES[self.profile]
    }

    /// A number, a flag as 0 or 1, or the place of a word among those of its field.
    #[must_use]
    pub const fn value(&self, setting: Setting) -> u64 {
        self.values[setting as usize]
    }

    /// The word that a setting is at; '' where it holds none.
    #[must_use]
    pub fn word(&self, setting: Setting) -> &'static str {
        match FIELDS[setting as usize].kind {
            Kind::Word(words) => words[self.value(setting) as usize],
            _ => "",
        }
    }

    /// Most bytes of one result.
    #[must_use]
    pub const fn result_bytes_max(&self) -> usize {
        self.value(Setting::ResultBytesMax) as usize
    }

    /// Whether writes are refused.
    #[must_use]
    pub const fn read_only(&self) -> bool {
        self.value(Setting::ReadOnly) == 1
    }

    /// Whether a write that names no durability need not be on storage when it resolves.
    #[must_use]
    pub const fn relaxed(&self) -> bool {
        self.value(Setting::Durability) == 1
    }

    /// Every field with its value.
    pub fn fields(&self) -> impl Iterator<Item = (&'static Field, u64)> {
        FIELDS.iter().zip(self.values)
    }
}

fn members<'n>(
    node: &'n Node,
    path: &str,
    problems: &mut Vec<(String, String)>,
) -> &'n [(String, Node)] {
    match node {
        Node::Map(members) => return members,
        Node::Undefined => {}
        other => {
            problems.push((path.to_owned(), format!("expected an object, got {}", other.kind())));
        }
    }
    &[]
}

/// None where nothing is given; else what would be right.
fn read(node: &Node, kind: Kind) -> Result<Option<u64>, String> {
    let got = match node {
        Node::Undefined => return Ok(None),
        Node::Int(n) => n.to_string(),
        Node::Real(x) => x.to_string(),
        Node::Text(text) => format!("'{}'", text.chars().take(80).collect::<String>()),
        Node::Bool(flag) => flag.to_string(),
        other => other.kind().to_owned(),
    };
    let expected = match (kind, node) {
        (Kind::Whole(min, max), node) => match node {
            Node::Int(n) if u64::try_from(*n).is_ok_and(|n| (min..=max).contains(&n)) => {
                return Ok(Some(n.unsigned_abs()));
            }
            _ => format!("a whole number from {min} to {max}"),
        },
        (Kind::Flag, Node::Bool(flag)) => return Ok(Some(u64::from(*flag))),
        (Kind::Flag, _) => "true or false".to_owned(),
        (Kind::Word(words), node) => match node {
            Node::Text(text) if words.contains(&text.as_str()) => {
                return Ok(words.iter().position(|word| word == text).map(|at| at as u64));
            }
            _ => format!("'{}'", words.join("' or '")),
        },
    };
    Err(format!("expected {expected}, got {got}"))
}

fn unknown(known: &[&str]) -> String {
    format!("is not known; known are {}", known.join(", "))
}
