//! What SQL text of a caller may do. SQLite asks at the preparation of each statement.
//! Does not look at the text: only at what SQLite says the statement does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::hooks::{AuthAction, Authorization};

/// Pragmas that only tell something, with or without an argument.
const PRAGMAS_WITH_ARGUMENT: &[&str] = &[
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that tell a setting where they have no argument, and would change it where they have one.
const PRAGMAS_WITHOUT_ARGUMENT: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "cache_size",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "journal_mode",
    "journal_size_limit",
    "locking_mode",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "recursive_triggers",
    "schema_version",
    "synchronous",
    "temp_store",
    "user_version",
    "wal_autocheckpoint",
];

/// Shared between the connection and the hook that SQLite calls.
#[derive(Debug, Default)]
pub struct Guard {
    caller: AtomicBool,
    refusal: Mutex<Option<String>>,
}

impl Guard {
    /// Whether the rules hold for what is prepared from now on.
    pub fn set_caller(&self, caller: bool) {
        self.caller.store(caller, Ordering::Relaxed);
    }

    /// Why the last statement was refused, once.
    pub fn take_refusal(&self) -> Option<String> {
        self.refusal.lock().ok()?.take()
    }

    /// Decides one action of a statement.
    pub fn decide(&self, action: &AuthAction<'_>) -> Authorization {
        if !self.caller.load(Ordering::Relaxed) {
            return Authorization::Allow;
        }
        match refusal(action) {
            None => Authorization::Allow,
            Some(reason) => {
                if let Ok(mut last) = self.refusal.lock() {
                    *last = Some(reason);
                }
                Authorization::Deny
            }
        }
    }
}

fn refusal(action: &AuthAction<'_>) -> Option<String> {
    match action {
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Some(
            "BEGIN, COMMIT, ROLLBACK and SAVEPOINT as text are refused: every call that writes is a transaction of its own; execute() takes several statements in one".to_owned(),
        ),
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
            Some("ATTACH, DETACH and VACUUM are refused: the package owns the files".to_owned())
        }
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let name = pragma_name.to_ascii_lowercase();
            let known = PRAGMAS_WITH_ARGUMENT.contains(&name.as_str())
                || (pragma_value.is_none() && PRAGMAS_WITHOUT_ARGUMENT.contains(&name.as_str()));
            (!known).then(|| match pragma_value {
                Some(_) => format!("PRAGMA {name} with a value is refused: the package sets them"),
                None => format!("PRAGMA {name} is refused"),
            })
        }
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::DropTable { table_name }
        | AuthAction::CreateTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::CreateIndex { table_name, .. }
            if is_internal(table_name) =>
        {
            Some(format!("table '{table_name}' belongs to the package and cannot be written"))
        }
        AuthAction::Read { table_name: name, .. }
        | AuthAction::CreateVtable { module_name: name, .. }
            if name.eq_ignore_ascii_case("sqlite_dbpage") =>
        {
            Some("sqlite_dbpage is refused: it goes around every safeguard".to_owned())
        }
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Some("load_extension is refused".to_owned())
        }
        AuthAction::Unknown { code, .. } => Some(format!("an action of unknown kind {code} is refused")),
        _ => None,
    }
}

/// SQLite itself keeps callers off `sqlite_schema`, but not off the pages below it. Its tables of
/// statistics are written by ANALYZE, and can spoil no more than a plan.
fn is_internal(table: &str) -> bool {
    let lower = table.to_ascii_lowercase();
    lower.starts_with("lotwise_") || lower == "sqlite_dbpage"
}
