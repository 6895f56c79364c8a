//! A columnstore beside the rows: segments of consecutive rows, column by column, and aggregates over them.
//! Pure: knows bytes, not where they are kept, who wrote the rows, or whether a segment is still true of them.
//! The format is written down in `docs/columnstore.md`.
//!
//! Invariants:
//! 1. A segment holds every row of its range of keys, in their order, as they were when it was encoded.
//! 2. Hostile bytes give DATABASE_CORRUPT or an answer: every length is checked before it is used.
//! 3. An answer is the one that SQL gives: conditions mean what `planner::condition` says, buckets what
//!    `model::range` says, and partial results are finished by `planner::finish` like those of SQL.

pub mod build;
pub mod cache;
pub mod column;
mod filter;
mod group;
pub mod head;
pub mod layout;
mod local;
pub mod scan;
mod select;
mod totals;
