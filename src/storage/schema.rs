//! The catalogue and the tables of datasets: creation and migration, each in one transaction.
//! Knows definitions and DDL; not rows.

use crate::error::{Error, Result};
use crate::model::dataset::{Column, ColumnType, Dataset, HIDDEN_KEY, Index};
use crate::model::value::Value;
use crate::planner::sql::{literal, quote};
use crate::storage::port::{Author, Collected, SqlPort, Statement, collect};

/// Version of the layout of the package's own tables.
const FORMAT_VERSION: i64 = 1;

const CATALOGUE: &str = "
    CREATE TABLE IF NOT EXISTS lotwise_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS lotwise_dataset (name TEXT PRIMARY KEY, definition TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT OR IGNORE INTO lotwise_meta (key, value) VALUES ('data_version', 0);
    PRAGMA user_version = 1;
";

/// Refuses what a newer package or another program wrote, before anything is changed.
pub fn check_format<P: SqlPort>(port: &mut P) -> Result<()> {
    let version = format(port)?;
    let tables = "SELECT count(*) > 0 AND count(*) FILTER (WHERE name = 'lotwise_meta') = 0 FROM sqlite_schema";
    let problem = if version > FORMAT_VERSION {
        format!(
            "the database has format {version}, written by a newer version of lotwise; this one knows {FORMAT_VERSION}. It was left as it was: update the package, or open another name"
        )
    } else if number(&collect(port, tables, &[])?) == 1 {
        "the database was made by another program. It was left as it was: open another name; importFile() takes its rows".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::config("name", problem))
}

fn format<P: SqlPort>(port: &mut P) -> Result<i64> {
    Ok(number(&collect(port, "PRAGMA user_version", &[])?))
}

/// Makes the catalogue where it is missing, and reads the data version and the datasets.
pub fn open_catalogue<P: SqlPort>(port: &mut P) -> Result<(i64, Vec<Dataset>)> {
    if format(port)? < FORMAT_VERSION {
        port.transaction(|port| port.script(CATALOGUE, Author::Engine))?;
    }
    let data_version =
        number(&collect(port, "SELECT value FROM lotwise_meta WHERE key = 'data_version'", &[])?);
    let datasets = collect(port, "SELECT definition FROM lotwise_dataset ORDER BY name", &[])?
        .iter()
        .map(|row| match row.first() {
            Some(Value::Text(definition)) => Dataset::from_json(definition),
            _ => Err(Error::Internal { detail: "the catalogue holds no text".to_owned() }),
        })
        .collect::<Result<_>>()?;
    Ok((data_version, datasets))
}

/// Raises the data version, inside the transaction that changes data.
pub fn raise_data_version<P: SqlPort>(port: &mut P) -> Result<()> {
    collect(port, "UPDATE lotwise_meta SET value = value + 1 WHERE key = 'data_version'", &[])
        .map(drop)
}

/// Creates a dataset, brings an older one up to date, or leaves it as it is. What the database then has.
pub fn define<P: SqlPort>(
    port: &mut P,
    known: Option<&Dataset>,
    wanted: &Dataset,
) -> Result<Dataset> {
    match known {
        Some(known) if known == wanted || known.version > wanted.version => {
            return Ok(known.clone());
        }
        Some(known) if known.version == wanted.version => {
            return Err(Error::config(
                format!("dataset '{}'", wanted.name),
                "differs from the one in the database but has the same version; raise `version` to migrate it",
            ));
        }
        _ => {}
    }
    let statements = match known {
        None => creation(wanted),
        Some(known) => migration(known, wanted)?,
    };
    let definition = wanted.to_json();
    port.transaction(|port| {
        // One statement each, under the rules for callers: the condition of a partial index is SQL text.
        for statement in &statements {
            port.run(Statement::caller(statement, &[]), &mut Collected::default())
                .map_err(|error| in_definition(wanted, error))?;
        }
        collect(
            port,
            "INSERT OR REPLACE INTO lotwise_dataset (name, definition) VALUES (?, ?)",
            &[wanted.name.as_str().into(), definition.as_str().into()],
        )
    })?;
    Ok(wanted.clone())
}

/// Drops the secondary indexes of a table without rows, inside a transaction that fills it: built in one
/// sort afterwards they cost a third of what they cost row by row. Unique ones stay, for what they refuse.
/// None where the table has rows.
pub fn defer_indexes<P: SqlPort>(port: &mut P, dataset: &Dataset) -> Result<Option<Vec<Index>>> {
    let any_row = format!("SELECT 1 FROM {} LIMIT 1", quote(&dataset.name));
    if !collect(port, &any_row, &[])?.is_empty() {
        return Ok(None);
    }
    let deferred: Vec<Index> =
        dataset.indexes.iter().filter(|index| !index.unique).cloned().collect();
    for index in &deferred {
        collect(port, &format!("DROP INDEX IF EXISTS {}", quote(&index.name)), &[])?;
    }
    Ok(Some(deferred))
}

/// Indexes that the definitions have and the database has not. Unique ones cannot be made up for afterwards.
pub fn missing_indexes<P: SqlPort>(
    port: &mut P,
    datasets: &[Dataset],
) -> Result<Vec<(String, Index)>> {
    let there = collect(port, "SELECT name FROM sqlite_schema WHERE type = 'index'", &[])?;
    let is_there = |index: &Index| there.contains(&vec![Value::from(index.name.as_str())]);
    let missing = |dataset: &Dataset| -> Vec<(String, Index)> {
        let missing = dataset.indexes.iter().filter(|index| !index.unique && !is_there(index));
        missing.map(|index| (dataset.name.clone(), index.clone())).collect()
    };
    Ok(datasets.iter().flat_map(missing).collect())
}

/// How a table stands in the database.
#[derive(Debug)]
pub struct TableLayout {
    /// Its root page.
    pub root: u32,
    /// Positions of its columns in the dataset, in the table's order; none for the hidden key.
    pub columns: Vec<Option<usize>>,
    /// Root pages of its indexes, and for each column its position in the dataset and whether it descends;
    /// in the order in which SQLite looks into them.
    pub unique: Vec<(u32, Vec<(usize, bool)>)>,
}

/// The layout of a table whose indexes are all unique. None where an INSERT would do more than its
/// definition says: the table or an index was made by somebody else, a trigger fires, rows of other tables
/// are looked up.
pub fn table_layout<P: SqlPort>(port: &mut P, dataset: &Dataset) -> Result<Option<TableLayout>> {
    let name = Value::from(dataset.name.as_str());
    let text = |value: Option<&Value>| match value {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let names =
        collect(port, "SELECT name FROM pragma_table_info(?)", std::slice::from_ref(&name))?;
    let columns: Vec<Option<usize>> = names
        .iter()
        .map(|row| {
            let name = text(row.first());
            dataset.columns.iter().position(|column| column.name == name)
        })
        .collect();
    // Indexes newest first: that is the order in which SQLite looks for a key that is there.
    let list = "SELECT type, rootpage, sql, name FROM sqlite_schema WHERE tbl_name = ? ORDER BY rowid DESC";
    let mut layout = TableLayout { root: 0, columns, unique: Vec::new() };
    for row in collect(port, list, &[name])? {
        let (kind, sql, name) = (text(row.first()), text(row.get(2)), text(row.get(3)));
        let root = match row.get(1) {
            Some(Value::Int(root)) => u32::try_from(*root).unwrap_or(0),
            _ => 0,
        };
        let position = |name: &String| dataset.columns.iter().position(|c| c.name == *name);
        match kind.as_str() {
            "table" if sql == table_ddl(dataset, &layout.columns) => layout.root = root,
            "index" if sql.is_empty() => match dataset.columns.iter().position(|c| c.primary_key) {
                Some(at) => layout.unique.push((root, vec![(at, false)])),
                None => return Ok(None),
            },
            "index" => {
                let known = dataset.indexes.iter().find(|index| index.name == name);
                let known = known.filter(|index| {
                    index.unique && index.filter.is_none() && index_ddl(dataset, index) == sql
                });
                let columns = known.and_then(|index| {
                    let place = |(name, desc): &(String, bool)| Some((position(name)?, *desc));
                    index.columns.iter().map(place).collect::<Option<Vec<_>>>()
                });
                match columns {
                    Some(columns) => layout.unique.push((root, columns)),
                    None => return Ok(None),
                }
            }
            // What it fires on shows in the program of an INSERT.
            "trigger" => {}
            _ => return Ok(None),
        }
    }
    let insert = format!("EXPLAIN INSERT INTO {} DEFAULT VALUES", quote(&dataset.name));
    let fires = collect(port, &insert, &[])?.iter().any(|row| text(row.get(1)) == "Program");
    let is_plain = !fires && dataset.columns.iter().all(|column| column.references.is_none());
    Ok((is_plain && layout.root > 0).then_some(layout))
}

/// Builds what [`defer_indexes`] dropped.
pub fn build_indexes<P: SqlPort>(
    port: &mut P,
    dataset: &Dataset,
    deferred: &[Index],
) -> Result<()> {
    deferred.iter().try_for_each(|index| collect(port, &index_ddl(dataset, index), &[]).map(drop))
}

fn in_definition(dataset: &Dataset, error: Error) -> Error {
    match error {
        Error::SqlInvalid { reason, .. } => Error::config(
            format!("dataset '{}'", dataset.name),
            format!("SQLite refuses its table: {reason}"),
        ),
        other => other,
    }
}

fn creation(dataset: &Dataset) -> Vec<String> {
    let hidden = (dataset.key() == HIDDEN_KEY).then_some(None);
    let columns: Vec<Option<usize>> =
        hidden.into_iter().chain((0..dataset.columns.len()).map(Some)).collect();
    let table = table_ddl(dataset, &columns);
    let indexes = dataset.indexes.iter().map(|index| index_ddl(dataset, index));
    std::iter::once(table).chain(indexes).collect()
}

/// The table with its columns in that order; none is the hidden key.
fn table_ddl(dataset: &Dataset, columns: &[Option<usize>]) -> String {
    let column = |at: &Option<usize>| match at {
        Some(at) => column_ddl(&dataset.columns[*at]),
        None => format!("{HIDDEN_KEY} INTEGER PRIMARY KEY"),
    };
    let columns: Vec<String> = columns.iter().map(column).collect();
    format!("CREATE TABLE {} ({}) STRICT", quote(&dataset.name), columns.join(", "))
}

/// Columns may be added and indexes changed; anything else would have to touch rows that are there.
fn migration(known: &Dataset, wanted: &Dataset) -> Result<Vec<String>> {
    let field = |column: &str| format!("dataset '{}', column '{column}'", wanted.name);
    for old in &known.columns {
        match wanted.column(&old.name) {
            None => {
                return Err(Error::config(
                    field(&old.name),
                    "is in the database and cannot be left out",
                ));
            }
            Some(new) if column_ddl(new) != column_ddl(old) => {
                return Err(Error::config(
                    field(&old.name),
                    "has another type or constraint in the database, which cannot be changed in place",
                ));
            }
            Some(_) => {}
        }
    }
    let mut statements = Vec::new();
    for new in wanted.columns.iter().filter(|new| known.column(&new.name).is_none()) {
        if new.primary_key || (new.required && new.default.is_none()) {
            return Err(Error::config(
                field(&new.name),
                "a column added later needs a default or must not be required, and is no primary key",
            ));
        }
        statements.push(format!(
            "ALTER TABLE {} ADD COLUMN {}",
            quote(&wanted.name),
            column_ddl(new)
        ));
    }
    for old in known.indexes.iter().filter(|old| !wanted.indexes.contains(old)) {
        statements.push(format!("DROP INDEX IF EXISTS {}", quote(&old.name)));
    }
    for new in wanted.indexes.iter().filter(|new| !known.indexes.contains(new)) {
        statements.push(index_ddl(wanted, new));
    }
    Ok(statements)
}

/// A column, as it stands in CREATE TABLE.
pub fn column_ddl(column: &Column) -> String {
    let name = quote(&column.name);
    let mut ddl = format!("{name} {}", column.kind.sql());
    if column.is_rowid() {
        ddl.push_str(" PRIMARY KEY");
    } else if column.primary_key {
        ddl.push_str(" UNIQUE");
    }
    if column.required || (column.primary_key && !column.is_rowid()) {
        ddl.push_str(" NOT NULL");
    }
    if column.nocase {
        ddl.push_str(" COLLATE NOCASE");
    }
    match &column.default {
        None | Some(Value::Null | Value::Blob(_)) => {}
        Some(Value::Int(n)) => ddl.push_str(&format!(" DEFAULT {n}")),
        Some(Value::Real(x)) => ddl.push_str(&format!(" DEFAULT {x:?}")),
        Some(Value::Text(text)) => ddl.push_str(&format!(" DEFAULT {}", literal(text))),
    }
    // The calendar is relied upon by buckets and ranges, whoever wrote the row.
    match column.kind {
        ColumnType::Date => ddl.push_str(&format!(" CHECK ({name} IS date({name}))")),
        ColumnType::TimestampText => {
            ddl.push_str(&format!(" CHECK ({name} IS strftime('%Y-%m-%dT%H:%M:%fZ', {name}))"));
        }
        ColumnType::Json => ddl.push_str(&format!(" CHECK (json_valid({name}))")),
        _ => {}
    }
    if let Some(target) = &column.references {
        let target = match target.strip_suffix(')').and_then(|t| t.split_once('(')) {
            Some((table, column)) => format!("{}({})", quote(table), quote(column)),
            None => quote(target),
        };
        ddl.push_str(&format!(" REFERENCES {target}"));
    }
    ddl
}

/// CREATE INDEX.
pub fn index_ddl(dataset: &Dataset, index: &Index) -> String {
    let columns: Vec<String> = index
        .columns
        .iter()
        .map(|(name, desc)| format!("{}{}", quote(name), if *desc { " DESC" } else { "" }))
        .collect();
    format!(
        "CREATE {}INDEX {} ON {} ({}){}",
        if index.unique { "UNIQUE " } else { "" },
        quote(&index.name),
        quote(&dataset.name),
        columns.join(", "),
        index.filter.as_ref().map(|filter| format!(" WHERE {filter}")).unwrap_or_default(),
    )
}

fn number(rows: &[Vec<Value>]) -> i64 {
    match rows.first().and_then(|row| row.first()) {
        Some(Value::Int(n)) => *n,
        _ => 0,
    }
}
