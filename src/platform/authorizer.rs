//! What SQL text of a caller may do. SQLite asks at the preparation of each statement, and says in which
//! trigger or view an action stands. Does not look at the text: only at what SQLite says the statement does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

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

/// Modules that a caller may make virtual tables of.
const MODULES: &[&str] = &["fts5", "fts5vocab"];

/// On whose behalf SQLite asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asking {
    /// The engine prepares or runs a statement of its own.
    #[default]
    Engine,
    /// A caller's statement is prepared.
    Preparing,
    /// A caller's statement runs. What is prepared now was allowed before and is prepared again, or belongs
    /// to a virtual table that it writes: FTS5 keeps its index in tables of its own.
    Running,
}

/// Shared between the connection and the hook that SQLite calls.
#[derive(Debug, Default)]
pub struct Guard {
    asking: AtomicU8,
    altered: AtomicBool,
    /// The table that the statement drops.
    dropped: Mutex<Option<String>>,
    refusal: Mutex<Option<String>>,
}

impl Guard {
    /// On whose behalf statements are prepared and run from now on.
    pub fn set(&self, asking: Asking) {
        self.asking.store(asking as u8, Ordering::Relaxed);
        self.note_drop(None);
    }

    /// A statement that was prepared runs from now on.
    pub fn runs(&self) {
        if self.asking.load(Ordering::Relaxed) == Asking::Preparing as u8 {
            self.set(Asking::Running);
        }
    }

    /// Why the last statement was refused, once.
    pub fn take_refusal(&self) -> Option<String> {
        self.refusal.lock().ok()?.take()
    }

    /// Whether the last statement of a caller alters a table, once: SQLite does not tell the new name.
    pub fn take_altered(&self) -> bool {
        self.altered.swap(false, Ordering::Relaxed)
    }

    /// Decides one action of a statement.
    pub fn decide(&self, context: &AuthContext<'_>) -> Authorization {
        let asking = self.asking.load(Ordering::Relaxed);
        let reason = if asking == Asking::Engine as u8 {
            // What a caller's trigger or view does, it does as the caller, whoever set it off.
            context.accessor.filter(|by| !is_internal(by)).and_then(|_| refusal(context, false))
        } else {
            self.refusal(context, asking == Asking::Running as u8)
        };
        if matches!(context.action, AuthAction::AlterTable { .. }) && asking != Asking::Engine as u8
        {
            self.altered.store(true, Ordering::Relaxed);
        }
        let Some(reason) = reason else { return Authorization::Allow };
        if let Ok(mut last) = self.refusal.lock() {
            *last = Some(match context.accessor {
                Some(by) => format!("trigger or view '{by}': {reason}"),
                None => reason,
            });
        }
        Authorization::Deny
    }

    fn note_drop(&self, table: Option<&str>) {
        if let Ok(mut dropped) = self.dropped.lock() {
            *dropped = table.map(str::to_owned);
        }
    }

    fn refusal(&self, context: &AuthContext<'_>, is_running: bool) -> Option<String> {
        // With a table of a caller go the triggers of the package on it.
        let goes_with = |table: &str| {
            self.dropped.lock().is_ok_and(|dropped| dropped.as_deref() == Some(table))
        };
        match context.action {
            AuthAction::DropTrigger { table_name, .. } if goes_with(table_name) => None,
            action => {
                let refusal = refusal(context, is_running);
                if let (None, AuthAction::DropTable { table_name }) = (&refusal, action) {
                    self.note_drop(Some(table_name));
                }
                refusal
            }
        }
    }
}

/// Why an action of a caller is refused.
fn refusal(context: &AuthContext<'_>, is_running: bool) -> Option<String> {
    use AuthAction as A;
    if context.database_name == Some("temp") && creates(&context.action) {
        return Some(
            "temporary tables, views, indexes and triggers are refused: calls may run on different connections. Use WITH, or a table that is dropped afterwards".to_owned(),
        );
    }
    match &context.action {
        A::Transaction { .. } | A::Savepoint { .. } => Some(
            "BEGIN, COMMIT, ROLLBACK and SAVEPOINT as text are refused: use transaction(), or execute(), which runs several statements in one".to_owned(),
        ),
        A::Attach { .. } | A::Detach { .. } => Some(
            "ATTACH, DETACH and VACUUM are refused: the package owns the files. importFile() takes the rows of other SQLite files".to_owned(),
        ),
        A::Pragma { pragma_name, pragma_value } => pragma(pragma_name, pragma_value.is_some()),
        A::Read { table_name: name, .. }
        | A::Insert { table_name: name }
        | A::Delete { table_name: name }
        | A::Update { table_name: name, .. }
        | A::CreateVtable { module_name: name, .. }
            if name.eq_ignore_ascii_case("sqlite_dbpage") =>
        {
            Some("sqlite_dbpage is refused: it goes around every safeguard".to_owned())
        }
        A::CreateVtable { module_name, .. }
            if !MODULES.iter().any(|known| module_name.eq_ignore_ascii_case(known)) =>
        {
            Some(format!(
                "virtual tables of module '{module_name}' are refused; there are {}",
                MODULES.join(", ")
            ))
        }
        A::Insert { table_name } | A::Delete { table_name } | A::Update { table_name, .. }
            if is_internal(table_name) =>
        {
            // The package's own triggers write its tables, and so does FTS5 below them.
            let by_package = context.accessor.map_or(is_running, is_internal);
            (!by_package).then(|| belongs(table_name))
        }
        A::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Some("load_extension is refused: there is nothing to load".to_owned())
        }
        A::Unknown { code, .. } => Some(format!("an action of unknown kind {code} is refused")),
        action => names(action).into_iter().find(|name| is_internal(name)).map(belongs),
    }
}

fn pragma(name: &str, has_value: bool) -> Option<String> {
    let is_one = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is_one(PRAGMAS_WITH_ARGUMENT) || (!has_value && is_one(PRAGMAS_WITHOUT_ARGUMENT)) {
        return None;
    }
    Some(if has_value {
        format!(
            "PRAGMA {name} with a value is refused: the package sets them; configure() changes what can be changed"
        )
    } else {
        format!(
            "PRAGMA {name} is refused: only those are taken that tell something and change nothing"
        )
    })
}

const fn creates(action: &AuthAction<'_>) -> bool {
    use AuthAction as A;
    matches!(
        action,
        A::CreateTable { .. }
            | A::CreateTempTable { .. }
            | A::CreateIndex { .. }
            | A::CreateTempIndex { .. }
            | A::CreateTrigger { .. }
            | A::CreateTempTrigger { .. }
            | A::CreateView { .. }
            | A::CreateTempView { .. }
            | A::CreateVtable { .. }
    )
}

/// What an action makes, changes or drops, and the table that it belongs to.
fn names<'c>(action: &AuthAction<'c>) -> [&'c str; 2] {
    use AuthAction as A;
    match *action {
        A::CreateTable { table_name }
        | A::DropTable { table_name }
        | A::AlterTable { table_name, .. }
        | A::CreateVtable { table_name, .. }
        | A::DropVtable { table_name, .. } => [table_name; 2],
        A::CreateView { view_name } | A::DropView { view_name } => [view_name; 2],
        A::CreateIndex { index_name: name, table_name }
        | A::DropIndex { index_name: name, table_name }
        | A::CreateTrigger { trigger_name: name, table_name }
        | A::DropTrigger { trigger_name: name, table_name } => [name, table_name],
        _ => [""; 2],
    }
}

fn belongs(name: &str) -> String {
    format!(
        "'{name}' belongs to the package, as all names that begin with lotwise_: it cannot be made, written or dropped. Use another name"
    )
}

/// Names that are kept for the package. SQLite itself keeps callers off `sqlite_schema`; its tables of
/// statistics and of AUTOINCREMENT keys may be written: they can spoil no more than a plan or a key.
/// 'lotwise' alone too: FTS5 makes tables of that name with endings.
pub fn is_internal(name: &str) -> bool {
    let start = name.get(..8).unwrap_or_default();
    start.eq_ignore_ascii_case("lotwise_") || name.eq_ignore_ascii_case("lotwise")
}
