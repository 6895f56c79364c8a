//! Whether segments can be trusted: the triggers that mark them, and the table that they stand on.

use crate::columnstore::layout::Layout;
use crate::error::Result;
use crate::model::dataset::{Dataset, HIDDEN_KEY};
use crate::model::value::Value;
use crate::planner::sql::{literal, quote};
use crate::storage::columnar::catalogue::{self, BLOCK_BITS};
use crate::storage::port::{Author, SqlPort, collect};
use crate::storage::schema::column_ddl;

/// What changes rows.
const EVENTS: [&str; 2] = ["UPDATE", "DELETE"];

/// How a dataset's table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It lacks a column, or one has another type, or it is no table of this kind at all: rows only.
    Unfit,
    /// Nobody marks segments.
    Unguarded,
    /// Segments can be used.
    Guarded,
}

/// What was found out of datasets, for one state of the schema.
#[derive(Debug, Default)]
pub struct Verified {
    schema_version: i64,
    /// By name, for a layout.
    standings: Vec<(String, Layout, Standing)>,
}

impl Verified {
    /// Whether the schema has changed since the last time.
    pub fn refresh<P: SqlPort>(&mut self, port: &mut P) -> Result<bool> {
        let version = match collect(port, "PRAGMA schema_version", &[])?.first().map(Vec::as_slice)
        {
            Some([Value::Int(version)]) => *version,
            _ => 0,
        };
        let has_changed = version != self.schema_version;
        if has_changed {
            self.standings.clear();
            self.schema_version = version;
        }
        Ok(has_changed)
    }

    /// As [`standing`], asked of the database once for each state of its schema. Not for use inside a transaction
    /// of a caller: rolled back, another schema may come by the same version.
    pub fn standing<P: SqlPort>(
        &mut self,
        port: &mut P,
        dataset: &Dataset,
        layout: &Layout,
    ) -> Result<Standing> {
        self.refresh(port)?;
        let is_it = |(name, of, _): &&(String, Layout, _)| *name == dataset.name && of == layout;
        if let Some((_, _, known)) = self.standings.iter().find(is_it) {
            return Ok(*known);
        }
        let found = standing(port, dataset, layout)?;
        self.standings.push((dataset.name.clone(), layout.clone(), found));
        Ok(found)
    }
}

/// Whether segments of a dataset can be used now.
pub fn usable<P: SqlPort>(port: &mut P, dataset: &Dataset, layout: &Layout) -> Result<bool> {
    Ok(standing(port, dataset, layout)? == Standing::Guarded)
}

/// How its table stands, by the text of the schema: that has the type, the collation and the key of a column.
pub fn standing<P: SqlPort>(port: &mut P, dataset: &Dataset, layout: &Layout) -> Result<Standing> {
    let sql = "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ? AND type IN ('table', 'trigger')";
    let mut is_fit = false;
    let mut guards = 0;
    for row in collect(port, sql, &[dataset.name.as_str().into()])? {
        let [Value::Text(kind), Value::Text(name), Value::Text(text)] = row.as_slice() else {
            continue;
        };
        if kind == "table" {
            is_fit = fits(text, dataset, layout);
        } else if let Some(event) =
            EVENTS.iter().find(|event| trigger_name(dataset, event) == *name)
        {
            guards += usize::from(trigger_ddl(dataset, event) == *text);
        }
    }
    Ok(match (is_fit, guards == EVENTS.len()) {
        (false, _) => Standing::Unfit,
        (true, false) => Standing::Unguarded,
        (true, true) => Standing::Guarded,
    })
}

/// Whether a table is STRICT, with rowids, and has the key and the columns of the layout as this package
/// declares them. Others it may have too.
fn fits(table: &str, dataset: &Dataset, layout: &Layout) -> bool {
    let has = |ddl: &str| {
        let mut found = table.match_indices(ddl);
        found.any(|(at, _)| table[at + ddl.len()..].starts_with([',', ')']))
    };
    let key = dataset.columns.iter().find(|column| column.is_rowid());
    let key = key.map_or_else(|| format!("{HIDDEN_KEY} INTEGER PRIMARY KEY"), column_ddl);
    let is_strict = table.ends_with(") STRICT");
    let stored = |source: usize| has(&column_ddl(&dataset.columns[source]));
    is_strict && has(&key) && layout.columns.iter().all(|column| stored(column.source))
}

/// Makes tables and triggers where they are missing, inside a transaction. Without the triggers nobody has
/// marked segments: then those that are there go.
pub fn guard<P: SqlPort>(port: &mut P, dataset: &Dataset, layout: &Layout) -> Result<()> {
    if standing(port, dataset, layout)? == Standing::Guarded {
        return Ok(());
    }
    catalogue::create(port)?;
    catalogue::delete_all(port, &dataset.name)?;
    for event in EVENTS {
        let name = quote(&trigger_name(dataset, event));
        port.script(&format!("DROP TRIGGER IF EXISTS {name}"), Author::Engine)?;
        port.script(&trigger_ddl(dataset, event), Author::Engine)?;
    }
    Ok(())
}

fn trigger_name(dataset: &Dataset, event: &str) -> String {
    format!("lotwise_{}_{}", event.to_ascii_lowercase(), dataset.name)
}

/// BEFORE, so that no trigger of a caller can end a statement between the change of a row and the mark. The old
/// key is enough: a row cannot come into a range without gaps before another one has left it.
fn trigger_ddl(dataset: &Dataset, event: &str) -> String {
    let (name, table) = (quote(&trigger_name(dataset, event)), quote(&dataset.name));
    let (text, key) = (literal(&dataset.name), quote(dataset.key()));
    format!(
        "CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN UPDATE lotwise_segment SET stale = 1 WHERE dataset = {text} AND block = old.{key} >> {BLOCK_BITS} AND stale = 0 AND old.{key} BETWEEN first_key AND last_key; END"
    )
}
