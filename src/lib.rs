//! lotwise: SQLite for production records, in the browser and at the edge.
//!
//! `model`, `planner` and `storage` know no host. `platform` brings SQLite; `wasm` is what JavaScript sees.

#![deny(missing_docs)]
#![deny(unsafe_code)]

#[cfg(feature = "sqlite")]
pub mod btree;
pub mod columnstore;
pub mod error;
pub mod model;
pub mod planner;
pub mod platform;
#[cfg(feature = "sqlite")]
pub mod storage;
#[cfg(all(feature = "sqlite", target_arch = "wasm32"))]
mod wasm;
