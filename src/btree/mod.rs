//! SQLite's b-trees written page by page, bottom up, from rows and keys in order: fills an empty table or
//! index at the speed of memory. Follows <https://sqlite.org/fileformat2.html>; knows neither SQLite nor
//! files, and nothing of what it writes is part of a database until somebody publishes it.
//!
//! Invariants:
//! 1. Pages leave in ascending order of their numbers and are never touched again; the page that holds
//!    SQLite's lock byte is passed over.
//! 2. No page but a root is without cells: SQLite takes such a page for damage.
//! 3. The root is never written here. It is handed back, to take the place of the empty root.

pub mod index;
mod interior;
pub mod key;
pub mod page;
pub mod record;
pub mod sorter;
pub mod table;
