//! The columnstore in the database: its segments, whether they are still true of the rows, and the work beside
//! calls that keeps them so. Knows keys and blocks of keys; not what is inside a segment.
//!
//! A segment holds rows whose keys follow each other without a gap, within one block of 65,536 keys.
//!
//! Invariants:
//! 1. A segment that is not stale is what its rows are. Triggers on UPDATE and DELETE mark it in the transaction
//!    that changes a row. No INSERT puts a row into a range without gaps but by a conflict, and every way out of a
//!    conflict updates or deletes a row.
//! 2. Segments are used only while those triggers stand as this package makes them, on a table that has the
//!    dataset's columns; whoever makes the triggers deletes in the same transaction all segments that were there.
//! 3. ALTER TABLE changes rows and the meaning of names without a trigger: then all segments are stale.
//! 4. A segment under way is there from before its first row is read, without a head, so that it is marked too.
//! 5. Numbers of segments are never given twice, so that what was read of one can be kept under its number.

pub(super) mod along;
pub mod blocks;
pub mod catalogue;
pub mod job;
pub mod look;
mod rows;
pub mod verify;
