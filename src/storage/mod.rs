//! The engine: tables for datasets, statements, rows in and out, over any host's SQL.
//! Knows the SQL port, not who implements it; no JavaScript, no file names.

pub mod columnar;
pub mod engine;
pub mod export;
mod import;
mod importing;
pub mod indexing;
pub mod ingest;
pub mod port;
pub mod read;
mod repeat;
pub mod scan;
mod schema;
pub mod stream;
mod table_text;
pub mod transaction;
