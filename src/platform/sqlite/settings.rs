//! What a connection runs with: how the configuration becomes pragmas, and what is read back.

use rusqlite::config::DbConfig;

use super::SqlitePort;
use crate::error::{Error, Result};
use crate::model::config::{Config, Setting};
use crate::storage::port::SqlPort;

/// What the connection really runs with, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Such as `wal`.
    pub journal_mode: String,
    /// `off`, `normal`, `full` or `extra`.
    pub synchronous: &'static str,
    /// Version of SQLite.
    pub sqlite_version: &'static str,
    /// Page size.
    pub page_bytes: i64,
    /// Page cache.
    pub page_cache_bytes: i64,
}

impl SqlitePort {
    /// What the connection runs with.
    pub fn settings(&mut self) -> Result<Settings> {
        let synchronous = match self.pragma("synchronous")?.as_str() {
            "0" => "off",
            "1" => "normal",
            "2" => "full",
            _ => "extra",
        };
        let page_bytes = number(&self.pragma("page_size")?);
        let cache = number(&self.pragma("cache_size")?);
        Ok(Settings {
            journal_mode: self.pragma("journal_mode")?,
            synchronous,
            sqlite_version: rusqlite::version(),
            page_bytes,
            page_cache_bytes: if cache < 0 { -cache * 1024 } else { cache * page_bytes },
        })
    }

    /// Acts on a configuration.
    pub(super) fn apply(&mut self, config: &Config) -> Result<()> {
        self.flush()?;
        if !config.read_only() {
            self.pragma("query_only = off")?;
            self.set_journal_mode(config.word(Setting::JournalMode))?;
        }
        self.checkpoint_on_close(!config.read_only())?;
        self.is_wal = self.pragma("journal_mode")? == "wal";
        self.set_relaxed(config.relaxed())?;
        self.set_limits(config.value(Setting::CacheBytes), config.value(Setting::StatementsMax))?;
        self.pragma(if config.read_only() { "query_only = on" } else { "query_only = off" })?;
        self.config = *config;
        Ok(())
    }

    /// Journal modes change only while nothing else reads or writes.
    fn set_journal_mode(&mut self, wanted: &'static str) -> Result<()> {
        let now = self.pragma("journal_mode")?;
        if now == wanted {
            return Ok(());
        }
        match self.pragma(&format!("journal_mode = {wanted}")) {
            Ok(now) if now == wanted => Ok(()),
            Err(error @ (Error::StorageFull { .. } | Error::DatabaseCorrupt { .. })) => Err(error),
            _ => Err(Error::config(
                "sqlite.journalMode",
                format!("stays '{now}': a stream or transaction is open. End it and try again"),
            )),
        }
    }

    /// The page cache and the statements that it may keep.
    pub(super) fn set_limits(&mut self, cache_bytes: u64, statements_max: u64) -> Result<()> {
        let before = number(&self.pragma("cache_size")?);
        let cache = -(cache_bytes as i64 / 1024);
        self.pragma(&format!("cache_size = {cache}"))?;
        if cache > before {
            // Pages above the smaller limit would stay until others need their place.
            self.pragma("shrink_memory")?;
        }
        self.core.connection.set_max(statements_max as usize);
        Ok(())
    }

    /// Whether SQLite itself refuses writes into its schema, its pages and the tables below virtual ones.
    pub fn defend(&self, on: bool) -> Result<()> {
        self.core
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, on)
            .map(drop)
            .map_err(|error| self.core.error(error))
    }

    /// Whether closing moves the log into the database.
    pub(super) fn checkpoint_on_close(&self, on: bool) -> Result<()> {
        self.core
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !on)
            .map(drop)
            .map_err(|error| self.core.error(error))
    }
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_default()
}
