//! The engine: tables for datasets, statements, rows in and out, over any host's SQL.
//! Knows the SQL port, not who implements it; no JavaScript, no file names.

pub mod engine;
mod import;
pub mod ingest;
pub mod port;
mod schema;
mod table_text;
