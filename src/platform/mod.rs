//! What differs by host, one small module each. Knows SQLite and the browser; not datasets or queries.

#[cfg(feature = "sqlite")]
mod authorizer;
#[cfg(feature = "sqlite")]
mod bind;
#[cfg(feature = "sqlite")]
pub mod bulk;
#[cfg(feature = "sqlite")]
pub mod clock;
#[cfg(feature = "sqlite")]
mod cursor;
#[cfg(feature = "sqlite")]
mod foreign_disk;
#[cfg(feature = "sqlite")]
pub mod limits;
#[cfg(all(feature = "sqlite", target_arch = "wasm32"))]
pub mod opfs;
#[cfg(feature = "sqlite")]
pub mod place;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_error;
#[cfg(feature = "sqlite")]
mod statements;
#[cfg(feature = "sqlite")]
pub mod vfs;
#[cfg(feature = "sqlite")]
pub mod watch;
#[cfg(all(feature = "sqlite", target_arch = "wasm32"))]
pub mod zones;
