//! A dataset: a table, what its columns mean, and how it is to be made fast.
//! Reads and checks definitions; does not know how tables are made.

use crate::error::{Error, Result};
use crate::model::json;
use crate::model::node::{Fields, Node, blame_config};
use crate::model::plant::PlantTime;
use crate::model::stored::stored_form;
use crate::model::value::Value;

/// Most columns a dataset may have: what a Durable Object allows.
pub const COLUMNS_MAX: usize = 100;

/// Name of the key column of a table whose definition names none.
pub const HIDDEN_KEY: &str = "lotwise_rowid";

/// A table and its meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Table name.
    pub name: String,
    /// In table order.
    pub columns: Vec<Column>,
    /// Column that places a row in time.
    pub time: Option<String>,
    /// The time in which instants are put into buckets. It does not move columns that hold days.
    pub plant: PlantTime,
    /// Columns that are grouped and filtered by.
    pub dimensions: Vec<String>,
    /// Columns that are aggregated.
    pub measures: Vec<String>,
    /// Secondary indexes.
    pub indexes: Vec<Index>,
    /// Raised by the owner of the definition at each change.
    pub version: u32,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its declared type.
    pub kind: ColumnType,
    /// NOT NULL.
    pub required: bool,
    /// The primary key.
    pub primary_key: bool,
    /// What a row gets that does not name the column.
    pub default: Option<Value>,
    /// `table` or `table(column)`.
    pub references: Option<String>,
    /// Text compares without regard to ASCII case.
    pub nocase: bool,
    /// For people.
    pub label: Option<String>,
    /// For people.
    pub unit: Option<String>,
}

/// Declared types of the public API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// 64-bit integer.
    Integer,
    /// Double.
    Real,
    /// UTF-8.
    Text,
    /// TEXT 'YYYY-MM-DD'.
    Date,
    /// INTEGER epoch milliseconds.
    Timestamp,
    /// TEXT canonical UTC ISO-8601 with milliseconds.
    TimestampText,
    /// Bytes.
    Blob,
    /// TEXT that is JSON.
    Json,
}

const COLUMN_TYPES: [(&str, ColumnType); 8] = [
    ("integer", ColumnType::Integer),
    ("real", ColumnType::Real),
    ("text", ColumnType::Text),
    ("date", ColumnType::Date),
    ("timestamp", ColumnType::Timestamp),
    ("timestampText", ColumnType::TimestampText),
    ("blob", ColumnType::Blob),
    ("json", ColumnType::Json),
];

impl ColumnType {
    /// The word of the public API.
    #[must_use]
    pub fn word(self) -> &'static str {
        COLUMN_TYPES.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    /// The type of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        COLUMN_TYPES.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
    }

    /// The type in a STRICT table.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Integer | Self::Timestamp => "INTEGER",
            Self::Real => "REAL",
            Self::Text | Self::Date | Self::TimestampText | Self::Json => "TEXT",
            Self::Blob => "BLOB",
        }
    }

    /// Whether it can place a row in time.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::TimestampText)
    }

    /// Whether sums of it mean something.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Real | Self::Timestamp)
    }

    /// Whether a value of this storage class can stand in such a column or be compared with it.
    #[must_use]
    pub const fn takes(self, value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Int(_) | Value::Real(_) => self.is_number(),
            Value::Text(_) => {
                matches!(self, Self::Text | Self::Date | Self::TimestampText | Self::Json)
            }
            Value::Blob(_) => matches!(self, Self::Blob),
        }
    }
}

/// A secondary index.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// Its name; unique in the database.
    pub name: String,
    /// Columns and whether descending.
    pub columns: Vec<(String, bool)>,
    /// Condition of a partial index, as SQL.
    pub filter: Option<String>,
    /// No two rows alike.
    pub unique: bool,
}

impl Dataset {
    /// Reads and checks a definition.
    pub fn from_node(node: &Node, path: &str) -> Result<Self> {
        let mut fields = Fields::of(node, path, blame_config)?;
        let columns_path = fields.path_of("columns");
        let dataset = Self {
            name: fields.need_text("name")?,
            columns: fields
                .map("columns")?
                .iter()
                .map(|(name, node)| {
                    Column::from_node(name, node, &format!("{columns_path}.{name}"))
                })
                .collect::<Result<_>>()?,
            time: fields.text("time")?,
            plant: PlantTime::from_fields(&mut fields)?,
            dimensions: fields.texts("dimensions")?,
            measures: fields.texts("measures")?,
            indexes: {
                let path = fields.path_of("indexes");
                fields
                    .list("indexes")?
                    .iter()
                    .enumerate()
                    .map(|(i, node)| Index::from_node(node, &format!("{path}[{i}]")))
                    .collect::<Result<_>>()?
            },
            version: u32::try_from(fields.whole("version", 1, u64::from(u32::MAX))?.unwrap_or(1))
                .unwrap_or(u32::MAX),
        };
        fields.done()?;
        dataset.check(path)?;
        Ok(dataset)
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Name of the INTEGER PRIMARY KEY, hidden or not.
    #[must_use]
    pub fn key(&self) -> &str {
        self.columns
            .iter()
            .find(|column| column.is_rowid())
            .map_or(HIDDEN_KEY, |column| column.name.as_str())
    }

    /// The column that places a row in time.
    #[must_use]
    pub fn time_column(&self) -> Option<&Column> {
        self.time.as_deref().and_then(|name| self.column(name))
    }

    /// Names of the columns.
    #[must_use]
    pub fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The definition as it is kept in the database.
    #[must_use]
    pub fn to_json(&self) -> String {
        let columns = self.columns.iter().map(|column| (column.name.clone(), column.to_node()));
        json::write(&Node::object([
            ("name", self.name.as_str().into()),
            ("columns", Node::Map(columns.collect())),
            ("time", self.time.as_deref().into()),
            ("version", Node::Int(i64::from(self.version))),
            ("timeZone", self.plant.zone_text().into()),
            ("dayStartsAt", self.plant.day_start_text().as_deref().into()),
            ("dimensions", Node::of_texts(&self.dimensions)),
            ("measures", Node::of_texts(&self.measures)),
            ("indexes", Node::List(self.indexes.iter().map(Index::to_node).collect())),
        ]))
    }

    /// A definition that was kept by [`Dataset::to_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        let node = json::read(text.as_bytes()).map_err(|flaw| Error::DatabaseCorrupt {
            name: "catalogue".to_owned(),
            detail: flaw.to_string(),
        })?;
        Self::from_node(&drop_nulls(node), "catalogue")
    }

    fn check(&self, path: &str) -> Result<()> {
        let at = |field: &str| {
            if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
        };
        check_name(&self.name, &at("name"))?;
        if self.columns.is_empty() || self.columns.len() > COLUMNS_MAX {
            return Err(Error::config(
                at("columns"),
                format!("expected 1 to {COLUMNS_MAX} columns"),
            ));
        }
        for (i, column) in self.columns.iter().enumerate() {
            let clash = self.columns[..i].iter().any(|c| c.name.eq_ignore_ascii_case(&column.name));
            if clash {
                return Err(Error::config(
                    at("columns"),
                    format!("'{}' stands twice (SQLite ignores case in names)", column.name),
                ));
            }
        }
        if self.columns.iter().filter(|column| column.primary_key).count() > 1 {
            return Err(Error::config(at("columns"), "only one column can be the primary key"));
        }
        let known = |name: &str, field: String| {
            self.column(name).ok_or_else(|| {
                let names = self.column_names().join(", ");
                Error::config(field, format!("'{name}' is no column; columns are {names}"))
            })
        };
        if let Some(time) = &self.time
            && !known(time, at("time"))?.kind.is_time()
        {
            return Err(Error::config(
                at("time"),
                format!("'{time}' has to be a date, timestamp or timestampText column"),
            ));
        }
        for (i, name) in self.dimensions.iter().enumerate() {
            known(name, format!("{}[{i}]", at("dimensions")))?;
        }
        for (i, name) in self.measures.iter().enumerate() {
            let field = format!("{}[{i}]", at("measures"));
            if !known(name, field.clone())?.kind.is_number() {
                return Err(Error::config(field, format!("'{name}' has to be a numeric column")));
            }
        }
        for (i, index) in self.indexes.iter().enumerate() {
            check_name(&index.name, &format!("{}[{i}].name", at("indexes")))?;
            for (name, _) in &index.columns {
                known(name, format!("{}[{i}].columns", at("indexes")))?;
            }
        }
        Ok(())
    }
}

impl Column {
    /// Whether it is the table's own integer key.
    #[must_use]
    pub fn is_rowid(&self) -> bool {
        self.primary_key && matches!(self.kind, ColumnType::Integer | ColumnType::Timestamp)
    }

    fn from_node(name: &str, node: &Node, path: &str) -> Result<Self> {
        check_name(name, path)?;
        if ["rowid", "oid", "_rowid_", "any"].contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Error::config(path, format!("a column cannot be called '{name}'")));
        }
        let mut fields = Fields::of(node, path, blame_config)?;
        let kind = fields.word("type", &COLUMN_TYPES)?;
        let default = match fields.get("default") {
            None => None,
            Some(node) => {
                Some(node.to_value().ok_or_else(|| fields.error("default", "has to be a value"))?)
            }
        };
        let mut column = Self {
            name: name.to_owned(),
            kind: kind.ok_or_else(|| fields.error("type", "is missing"))?,
            required: fields.flag("required")?,
            primary_key: fields.flag("primaryKey")?,
            references: fields.text("references")?,
            nocase: fields
                .word("collate", &[("binary", false), ("nocase", true)])?
                .unwrap_or(false),
            label: fields.text("label")?,
            unit: fields.text("unit")?,
            // Null is what a row gets anyway.
            default: default.filter(|value| *value != Value::Null),
        };
        if let Some(default) = &column.default {
            let stored = stored_form(&column, default.as_ref())
                .map_err(|reason| fields.error("default", &reason))?;
            // The catalogue keeps definitions as JSON, which has neither bytes nor infinities.
            match stored.as_ref().unwrap_or(default) {
                Value::Blob(_) => return Err(fields.error("default", "cannot be bytes")),
                Value::Real(x) if !x.is_finite() => {
                    return Err(fields.error("default", "has to be a finite number"));
                }
                _ => {}
            }
            column.default = stored.or(column.default);
        }
        if column.nocase && column.kind != ColumnType::Text {
            return Err(fields.error("collate", "nocase is for text columns"));
        }
        if let Some(target) = &column.references {
            check_reference(target, &fields.path_of("references"))?;
        }
        fields.done()?;
        Ok(column)
    }

    fn to_node(&self) -> Node {
        let default = self.default.as_ref().map_or(Node::Null, |v| Node::of_value(v.as_ref()));
        Node::object([
            ("type", self.kind.word().into()),
            ("required", Node::Bool(self.required)),
            ("primaryKey", Node::Bool(self.primary_key)),
            ("default", default),
            ("references", self.references.as_deref().into()),
            ("collate", if self.nocase { "nocase" } else { "binary" }.into()),
            ("label", self.label.as_deref().into()),
            ("unit", self.unit.as_deref().into()),
        ])
    }
}

impl Index {
    fn from_node(node: &Node, path: &str) -> Result<Self> {
        let mut fields = Fields::of(node, path, blame_config)?;
        let columns_path = fields.path_of("columns");
        let columns = fields
            .list("columns")?
            .iter()
            .enumerate()
            .map(|(i, node)| match node {
                Node::Text(name) => Ok((name.clone(), false)),
                node => {
                    let mut part = Fields::of(node, &format!("{columns_path}[{i}]"), blame_config)?;
                    let column = (part.need_text("column")?, part.flag("desc")?);
                    part.done()?;
                    Ok(column)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        if columns.is_empty() {
            return Err(fields.error("columns", "expected at least one column"));
        }
        let index = Self {
            name: fields.need_text("name")?,
            columns,
            filter: fields.text("where")?,
            unique: fields.flag("unique")?,
        };
        fields.done()?;
        Ok(index)
    }

    fn to_node(&self) -> Node {
        let part = |(name, desc): &(String, bool)| {
            Node::object([("column", name.as_str().into()), ("desc", Node::Bool(*desc))])
        };
        Node::object([
            ("name", self.name.as_str().into()),
            ("columns", Node::List(self.columns.iter().map(part).collect())),
            ("where", self.filter.as_deref().into()),
            ("unique", Node::Bool(self.unique)),
        ])
    }
}

/// Names are quoted wherever they go into SQL; this keeps out what people could not type or what is ours.
fn check_name(name: &str, path: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    let reason = if name.is_empty() || name.len() > 64 {
        "a name has 1 to 64 bytes"
    } else if name.chars().any(|c| c.is_control() || c == '"') {
        "a name has no control characters and no double quotes"
    } else if lower.starts_with("sqlite_") || lower.starts_with("lotwise_") {
        "names that begin with sqlite_ or lotwise_ are reserved"
    } else {
        return Ok(());
    };
    Err(Error::config(path, format!("'{name}': {reason}")))
}

fn check_reference(target: &str, path: &str) -> Result<()> {
    let (table, column) = match target.strip_suffix(')').and_then(|t| t.split_once('(')) {
        Some((table, column)) => (table, Some(column)),
        None => (target, None),
    };
    let plain = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if plain(table) && column.is_none_or(plain) {
        Ok(())
    } else {
        Err(Error::config(path, "expected 'table' or 'table(column)'"))
    }
}

fn drop_nulls(node: Node) -> Node {
    match node {
        Node::Map(entries) => Node::Map(
            entries
                .into_iter()
                .filter(|(_, node)| *node != Node::Null)
                .map(|(key, node)| (key, drop_nulls(node)))
                .collect(),
        ),
        Node::List(items) => Node::List(items.into_iter().map(drop_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: serde_json::Value) -> Result<Dataset> {
        let node = json::read(json.to_string().as_bytes()).expect("is JSON");
        Dataset::from_node(&node, "datasets[0]")
    }

    #[test]
    fn a_definition_survives_the_catalogue() {
        let dataset = crate::model::presets::production_records();
        let again = Dataset::from_json(&dataset.to_json()).expect("reads back");
        assert_eq!(dataset, again);
        let there = json!({"name": "t", "columns": {"at": {"type": "timestamp"}}, "time": "at", "timeZone": "Asia/Seoul", "dayStartsAt": "06:30"});
        let dataset = read(there).expect("a sound definition");
        let again = Dataset::from_json(&dataset.to_json()).expect("reads back");
        assert_eq!(dataset, again);
        assert_eq!(again.plant.zone.name(), "Asia/Seoul");
        assert_eq!(again.plant.day_starts_ms, 23_400_000);
    }

    #[test]
    fn wrong_definitions_name_the_field() {
        let check = |json, field: &str| match read(json) {
            Err(Error::ConfigInvalid { problems }) => assert_eq!(problems[0].0, field),
            other => panic!("{field}: {other:?}"),
        };
        check(json!({"columns": {"a": {"type": "text"}}}), "datasets[0].name");
        check(json!({"name": "t", "columns": {}}), "datasets[0].columns");
        check(
            json!({"name": "t", "columns": {"a": {"type": "txt"}}}),
            "datasets[0].columns.a.type",
        );
        check(
            json!({"name": "t", "columns": {"rowid": {"type": "text"}}}),
            "datasets[0].columns.rowid",
        );
        check(
            json!({"name": "t", "columns": {"a": {"type": "text"}}, "time": "a"}),
            "datasets[0].time",
        );
        check(
            json!({"name": "t", "columns": {"a": {"type": "text"}}, "colour": 1}),
            "datasets[0].colour",
        );
        for (field, value) in [
            ("timeZone", "+09:00"),
            ("timeZone", ""),
            ("timeZone", "Asia/Seoul; DROP"),
            ("dayStartsAt", "6:00"),
            ("dayStartsAt", "24:00"),
            ("dayStartsAt", "06:60"),
            ("dayStartsAt", "06:00:00"),
        ] {
            check(
                json!({"name": "t", "columns": {"a": {"type": "text"}}, field: value}),
                &format!("datasets[0].{field}"),
            );
        }
        check(json!({"name": "sqlite_t", "columns": {"a": {"type": "text"}}}), "datasets[0].name");
        check(
            json!({"name": "t", "columns": {"a": {"type": "text"}}, "indexes": [{"name": "i", "columns": ["b"]}]}),
            "datasets[0].indexes[0].columns",
        );
    }
}
