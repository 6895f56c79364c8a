//! What is done to each foreign input, and what has to hold afterwards. `fuzz_targets/` puts the bytes of
//! libFuzzer in; `tests/native/fuzz.rs` those of the corpus and of a generator, with a stable compiler.
//!
//! A target panics where something is wrong, and returns otherwise.

pub mod batch;
pub mod cursor;
pub mod definition;
pub mod file;
pub mod import_sqlite;
pub mod import_text;
pub mod input;
pub mod inspect;
pub mod json;
pub mod proposal;
pub mod query;
pub mod refusal;
pub mod segment;
pub mod tables;

use std::cell::RefCell;

use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;

/// Takes one input.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const ALL: [(&str, Target); 10] = [
    ("batch", batch::run),
    ("cursor", cursor::run),
    ("definition", definition::run),
    ("import_sqlite", import_sqlite::run),
    ("import_text", import_text::run),
    ("inspect", inspect::run),
    ("json", json::run),
    ("proposal", proposal::run),
    ("query", query::run),
    ("segment", segment::run),
];

/// Gives a filled database to `work`; the next one gets it as this one did.
fn with_engine<T>(work: impl FnOnce(&mut Engine<SqlitePort>) -> T) -> T {
    thread_local! {
        static ENGINE: RefCell<Engine<SqlitePort>> = RefCell::new(tables::open());
    }
    ENGINE.with_borrow_mut(|engine| {
        let result = work(engine);
        tables::reset(engine);
        result
    })
}
