//! The engine on native SQLite, at full speed.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../common/mod.rs"]
mod common;

mod btree;
mod columnar;
mod columnar_import;
mod columnar_job;
mod columnar_steps;
mod config;
mod conformance;
mod damage;
mod engine;
mod export;
mod foreign;
mod fuzz;
mod import;
mod import_forms;
mod import_paths;
mod indexing;
mod inspect;
mod json;
mod oracle;
mod plans;
mod port;
mod publish;
mod random;
mod refusals;
mod safety;
mod storage_failures;
mod sums;
mod transaction;
mod vfs;
mod zones;
