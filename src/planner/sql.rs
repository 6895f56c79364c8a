//! SQL text under construction, with its parameters: names quoted, values bound.
//! Does not know what the text means.

use crate::model::json;
use crate::model::node::Node;
use crate::model::value::Value;

/// From this many values on, a list goes as one JSON array: a Durable Object binds 100 parameters.
const LIST_BIND_MAX: usize = 40;

/// A statement and its positional parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// One for each `?`.
    pub params: Vec<Value>,
}

impl Sql {
    /// Adds text that this crate wrote.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a name.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.text.push_str(&quote(name));
        self
    }

    /// Adds a value.
    pub fn bind(&mut self, value: Value) -> &mut Self {
        self.text.push('?');
        self.params.push(value);
        self
    }

    /// Adds ` IN (…)` for values that are not null.
    pub fn bind_list(&mut self, values: &[Value]) -> &mut Self {
        let as_json = values.len() > LIST_BIND_MAX
            && values.iter().all(|v| matches!(v, Value::Int(_) | Value::Text(_)));
        if as_json {
            let items = values.iter().map(|value| Node::of_value(value.as_ref())).collect();
            return self
                .push(" IN (SELECT value FROM json_each(")
                .bind(Value::Text(json::write(&Node::List(items))))
                .push("))");
        }
        self.push(" IN (");
        self.separated(", ", values, |sql, value| {
            sql.bind(value.clone());
        });
        self.push(")")
    }

    /// Adds one piece an item, with text between them.
    pub fn separated<T>(
        &mut self,
        between: &str,
        items: impl IntoIterator<Item = T>,
        mut add: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.push(between);
            }
            add(self, item);
        }
        self
    }

    /// Adds another piece with its parameters.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        self.text.push_str(&other.text);
        self.params.extend_from_slice(&other.params);
        self
    }
}

/// A name as SQL has it.
#[must_use]
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text literal, for DDL, which takes no parameters.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
