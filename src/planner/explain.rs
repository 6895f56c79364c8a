//! Reads what SQLite says of a plan: which indexes, which full scans, how many temporary sorts.
//! Does not run EXPLAIN itself.

use serde::Serialize;

/// One line of EXPLAIN QUERY PLAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Identifies the step.
    pub id: i64,
    /// The step that it belongs to, or 0.
    pub parent: i64,
    /// SQLite's words.
    pub detail: String,
}

/// How a query will be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// `columnstore`, `index`, `scan` or `write`.
    pub route: &'static str,
    /// The SQL text; several statements are separated by a semicolon and a new line.
    pub sql: String,
    /// SQLite's steps.
    pub steps: Vec<Step>,
    /// Indexes that are used, each once; the table's own key as `PRIMARY KEY`.
    pub indexes: Vec<String>,
    /// Tables that are read from one end to the other, be it along an index.
    pub full_scans: Vec<String>,
    /// Sorts and groupings that need a temporary b-tree.
    pub temporary_sorts: u32,
    /// Database files that are read.
    pub partitions: Vec<String>,
}

impl Plan {
    /// Reads the steps of a plan.
    #[must_use]
    pub fn of(sql: String, steps: Vec<Step>, writes: bool) -> Self {
        let mut plan = Self {
            route: "index",
            sql,
            steps: Vec::new(),
            indexes: Vec::new(),
            full_scans: Vec::new(),
            temporary_sorts: 0,
            partitions: vec!["live".to_owned()],
        };
        for step in &steps {
            plan.read(&step.detail);
        }
        plan.steps = steps;
        plan.route = match (writes, plan.full_scans.is_empty()) {
            (true, _) => "write",
            (false, true) => "index",
            (false, false) => "scan",
        };
        plan
    }

    fn read(&mut self, detail: &str) {
        if detail.contains("USE TEMP B-TREE") {
            self.temporary_sorts += 1;
        }
        let (scan, rest) = match (detail.strip_prefix("SCAN "), detail.strip_prefix("SEARCH ")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return,
        };
        let index = rest.split_once("INDEX ").map(|(_, after)| first_word(after));
        let index = match index {
            Some(name) => Some(name),
            None if rest.contains("PRIMARY KEY") => Some("PRIMARY KEY"),
            None => None,
        };
        // Rows of a VALUES list, of a subquery or of a table-valued function are no table.
        let no_table = rest.contains("CONSTANT ROW")
            || rest.starts_with('(')
            || rest.contains("VIRTUAL TABLE");
        if scan && !no_table {
            push_once(&mut self.full_scans, first_word(rest));
        }
        if let (Some(index), false) = (index, no_table) {
            push_once(&mut self.indexes, index);
        }
    }
}

fn first_word(text: &str) -> &str {
    text.split([' ', '(']).next().unwrap_or(text)
}

fn push_once(list: &mut Vec<String>, name: &str) {
    if !list.iter().any(|known| known == name) {
        list.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_understood() {
        let check = |detail: &str, indexes: &[&str], scans: &[&str], sorts: u32| {
            let step = Step { id: 1, parent: 0, detail: detail.to_owned() };
            let plan = Plan::of(String::new(), vec![step], false);
            assert_eq!(plan.indexes, indexes, "{detail}");
            assert_eq!(plan.full_scans, scans, "{detail}");
            assert_eq!(plan.temporary_sorts, sorts, "{detail}");
        };
        check("SCAN t", &[], &["t"], 0);
        check("SCAN t USING COVERING INDEX i", &["i"], &["t"], 0);
        check("SEARCH t USING INDEX i (a>? AND a<?)", &["i"], &[], 0);
        check("SEARCH t USING INTEGER PRIMARY KEY (rowid=?)", &["PRIMARY KEY"], &[], 0);
        check("USE TEMP B-TREE FOR GROUP BY", &[], &[], 1);
        check("SCAN json_each VIRTUAL TABLE INDEX 1:", &[], &[], 0);
        check("SCAN CONSTANT ROW", &[], &[], 0);
    }
}
