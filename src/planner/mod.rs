//! From a query to what has to be done for it: checks columns and types, writes SQL text with
//! parameters, and turns partial results into the answer.
//! Does not run anything: no SQLite, no clock, no I/O.
//!
//! Invariants:
//! 1. Every value of a caller reaches SQL as a bound parameter, but for a limit; every name is checked against the
//!    dataset and quoted.
//! 2. SQL computes partial results only (counts, sums, smallest, largest, distinct values). Ratios,
//!    averages, HAVING, ORDER BY, LIMIT and bucket texts are made once, in [`finish`], for every route.

pub mod aggregate;
pub mod condition;
pub mod explain;
pub mod finish;
pub mod records;
pub mod route;
pub mod sql;
pub mod steps;
