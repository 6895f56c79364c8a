//! The engine as a JavaScript class, with an import, a stream and an export under way as others.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

use super::convert::{
    OwnedParams, config_object, integer, node, object_of, params, serialized, thrown,
};
use crate::error::{Error, Result};
use crate::model::config::Config;
use crate::model::dataset::Dataset;
use crate::model::node::{Fields, Node, blame_config, blame_input};
use crate::platform::opfs::Pool;
use crate::platform::sqlite::SqlitePort;
use crate::platform::watch;
use crate::platform::zones::zone;
use crate::storage::engine::{
    Answer, Call, Engine as Core, Import as CoreImport, Inspection, ROUTES, Scope, Written,
};
use crate::storage::export::Export as CoreExport;
use crate::storage::ingest::ON_CONFLICT;
use crate::storage::port::{Params, SqlPort};
use crate::storage::stream::Stream as CoreStream;
use crate::storage::transaction::Begun;

pub(super) type Shared = Rc<RefCell<Option<Core<SqlitePort>>>>;

/// One open database.
#[wasm_bindgen]
pub struct Engine {
    pub(super) core: Shared,
    pool: Option<Pool>,
}

/// A file on its way into a table; its transaction is open until `finish` or `abort`.
#[wasm_bindgen]
pub struct Import {
    pub(super) core: Shared,
    pub(super) import: Option<CoreImport>,
}

/// Rows of a statement, batch by batch; it has to be closed.
#[wasm_bindgen]
pub struct Stream {
    core: Shared,
    stream: Option<CoreStream<SqlitePort>>,
}

/// An export, batch by batch; it has to be closed.
#[wasm_bindgen]
pub struct Export {
    core: Shared,
    export: Option<CoreExport<SqlitePort>>,
}

#[wasm_bindgen]
impl Engine {
    /// Opens files, sets pragmas, creates and migrates datasets.
    pub async fn open(options: JsValue) -> Result<Engine, JsValue> {
        open(node(&options)).await.map_err(|error| thrown(&error))
    }

    /// What the database really runs with.
    pub fn capabilities(&self) -> Result<JsValue, JsValue> {
        let settings = self.with(|core| core.port().settings())?;
        let storage = if self.pool.is_some() { "opfs" } else { "memory" };
        Ok(object_of(&[
            ("storage", storage.into()),
            ("journalMode", settings.journal_mode.into()),
            ("synchronous", settings.synchronous.into()),
            ("sqliteVersion", settings.sqlite_version.into()),
            ("pageBytes", integer(settings.page_bytes)),
            ("pageCacheBytes", integer(settings.page_cache_bytes)),
        ]))
    }

    /// What is in force.
    pub fn config(&self) -> Result<JsValue, JsValue> {
        self.with(|core| Ok(config_object(core.config())))
    }

    /// Brings all that was configured since opening into force; what it leaves out is as the profile has it.
    pub fn configure(&self, given: &JsValue) -> Result<(), JsValue> {
        self.with(|core| core.configure(Config::from_node(&node(given))?))
    }

    /// Segments of each dataset.
    pub fn columnstore(&self) -> Result<JsValue, JsValue> {
        serialized(&self.with(Core::segment_counts)?)
    }

    /// Callers' prepared statements.
    pub fn statements(&self) -> Result<JsValue, JsValue> {
        let counts = self.with(|core| Ok(core.statement_counts()))?;
        Ok(object_of(&[
            ("cached", (counts.cached as f64).into()),
            ("hits", (counts.hits as f64).into()),
            ("misses", (counts.misses as f64).into()),
        ]))
    }

    /// Whether something is committed that may not be on storage.
    pub fn unsynced(&self) -> Result<bool, JsValue> {
        self.with(|core| Ok(core.port().unsynced()))
    }

    /// Puts it there.
    pub fn flush(&self) -> Result<(), JsValue> {
        self.with(|core| core.port().flush())
    }

    /// One statement.
    pub fn query(
        &self,
        sql: &str,
        values: &JsValue,
        options: &JsValue,
    ) -> Result<JsValue, JsValue> {
        self.timed(options, |core, _| core.query(sql, borrowed(&params(values)?))).map(answer)
    }

    /// Statements that write, in one transaction.
    pub fn execute(
        &self,
        sql: &str,
        values: &JsValue,
        options: &JsValue,
    ) -> Result<JsValue, JsValue> {
        self.timed(options, |core, _| core.execute(sql, borrowed(&params(values)?))).map(written)
    }

    /// One statement for each row of a batch.
    #[wasm_bindgen(js_name = executeMany)]
    pub fn execute_many(
        &self,
        sql: &str,
        batch: &[u8],
        named: bool,
        options: &JsValue,
    ) -> Result<JsValue, JsValue> {
        self.timed(options, |core, _| core.execute_many(sql, batch, named)).map(written)
    }

    /// Rows of a batch into a dataset.
    pub fn append(
        &self,
        dataset: &str,
        batch: &[u8],
        options: &JsValue,
    ) -> Result<JsValue, JsValue> {
        self.timed(options, |core, fields| {
            let on_conflict = fields.word("onConflict", &ON_CONFLICT)?.unwrap_or_default();
            core.append(dataset, batch, on_conflict)
        })
        .map(written)
    }

    /// Measures by group.
    pub fn aggregate(&self, query: &JsValue, options: &JsValue) -> Result<JsValue, JsValue> {
        self.timed(options, |core, _| core.aggregate(&node(query))).map(answer)
    }

    /// A page of rows.
    pub fn records(&self, query: &JsValue, options: &JsValue) -> Result<JsValue, JsValue> {
        self.timed(options, |core, _| core.records(&node(query))).map(answer)
    }

    /// How a question would be answered.
    pub fn explain(&self, target: &JsValue, values: &JsValue) -> Result<JsValue, JsValue> {
        let plan = self.with(|core| core.explain(&node(target), borrowed(&params(values)?)))?;
        serialized(&plan)
    }

    /// Whether a statement writes.
    pub fn writes(&self, sql: &str) -> Result<bool, JsValue> {
        self.with(|core| core.writes(sql))
    }

    /// Begins a transaction, or tells what one with the same key was told.
    pub fn begin(&self, options: &JsValue) -> Result<Option<String>, JsValue> {
        self.timed(options, |core, _| core.begin()).map(|begun| match begun {
            Begun::Open => None,
            Begun::Repeated(result) => Some(result),
        })
    }

    /// Commits the transaction that is open.
    pub fn commit(&self, result: &str) -> Result<JsValue, JsValue> {
        self.with(|core| core.commit(result)).map(integer)
    }

    /// Rolls it back.
    pub fn rollback(&self) -> Result<(), JsValue> {
        self.with(|core| {
            core.rollback();
            Ok(())
        })
    }

    /// Opens a savepoint in it.
    pub fn savepoint(&self) -> Result<(), JsValue> {
        self.with(|core| core.savepoint().map(drop))
    }

    /// Keeps or undoes what was written since the innermost savepoint.
    #[wasm_bindgen(js_name = endSavepoint)]
    pub fn end_savepoint(&self, keep: bool) -> Result<(), JsValue> {
        self.with(|core| core.end_savepoint(keep))
    }

    /// Begins a statement that reads.
    #[wasm_bindgen(js_name = openStream)]
    pub fn open_stream(
        &self,
        sql: &str,
        values: &JsValue,
        options: &JsValue,
    ) -> Result<Stream, JsValue> {
        let stream =
            self.timed(options, |core, _| core.open_stream(sql, borrowed(&params(values)?)))?;
        Ok(Stream { core: Rc::clone(&self.core), stream: Some(stream) })
    }

    /// Adds a dataset or migrates one.
    pub fn define(&self, dataset: &JsValue) -> Result<(), JsValue> {
        self.with(|core| core.define(&Dataset::from_node(&node(dataset), "dataset")?))
    }

    /// Begins an export of a question's rows; `as_file`: of the pages of a new file with those rows, or of the
    /// whole database where there is no question.
    #[wasm_bindgen(js_name = openExport)]
    pub fn open_export(
        &self,
        target: &JsValue,
        values: &JsValue,
        as_file: bool,
        options: &JsValue,
    ) -> Result<Export, JsValue> {
        let export = self.timed(options, |core, _| {
            if as_file && target.is_undefined() {
                return core.open_image();
            }
            let file = as_file.then(|| SqlitePort::open_memory("export")).transpose()?;
            let export = core.open_export(&node(target), borrowed(&params(values)?))?;
            Ok(match file {
                Some(file) => export.as_file(file),
                None => export,
            })
        })?;
        Ok(Export { core: Rc::clone(&self.core), export: Some(export) })
    }

    /// Looks at the beginning of a file; undefined where it needs to see more.
    pub fn inspect(
        &self,
        head: &[u8],
        is_whole: bool,
        encoding: &str,
        options: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let found = self.with(|core| core.inspect(&node(options), encoding, head, is_whole))?;
        found.map_or(Ok(JsValue::UNDEFINED), |found| inspection(&found))
    }

    /// Begins an import.
    #[wasm_bindgen(js_name = importStart)]
    pub fn import_start(&self, options: &JsValue) -> Result<Import, JsValue> {
        let import = self.with(|core| core.start_import(&node(options)))?;
        Ok(Import { core: Rc::clone(&self.core), import: Some(import) })
    }

    /// Closes the database and lets go of its files.
    pub fn close(&self) -> Result<(), JsValue> {
        let Some(core) = self.core.borrow_mut().take() else { return Ok(()) };
        let closed = core.into_port().close();
        let released = self.pool.as_ref().map_or(Ok(()), Pool::release);
        closed.and(released).map_err(|error| thrown(&error))
    }
}

impl Engine {
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Core<SqlitePort>) -> Result<T>,
    ) -> Result<T, JsValue> {
        with(&self.core, work)
    }

    /// Runs a call as its options say: under `timeoutMs`, in the open `transaction`, once for each
    /// `idempotencyKey`, as durable as `durability`.
    fn timed<T>(
        &self,
        options: &JsValue,
        work: impl FnOnce(&mut Core<SqlitePort>, &mut Fields<'_>) -> Result<T>,
    ) -> Result<T, JsValue> {
        let look = look_of(options);
        let options = node(options);
        let run = |core: &mut Core<SqlitePort>| {
            let mut fields = Fields::of(&options, "", blame_input)?;
            core.set_call(Call {
                scope: if fields.flag("transaction")? { Scope::Inside } else { Scope::Outside },
                timeout_ms: fields.whole("timeoutMs", 1, u64::from(u32::MAX))?,
                idempotency_key: fields.text("idempotencyKey")?,
                relaxed: fields.word("durability", &[("full", false), ("relaxed", true)])?,
                route: fields.word("route", &ROUTES)?.unwrap_or_default(),
            });
            let result = work(core, &mut fields);
            core.set_call(Call::default());
            result
        };
        watch::during(look, || self.with(run))
    }
}

#[wasm_bindgen]
impl Stream {
    /// The next rows, and whether there may be more.
    pub fn next(&mut self, rows_max: usize, options: &JsValue) -> Result<JsValue, JsValue> {
        let Some(stream) = &mut self.stream else { return Err(ended()) };
        batch(&self.core, options, |core, timeout_ms| core.next_batch(stream, rows_max, timeout_ms))
    }

    /// Frees the statement.
    pub fn close(&mut self) -> Result<(), JsValue> {
        let Some(stream) = self.stream.take() else { return Ok(()) };
        with(&self.core, |core| {
            core.close_stream(stream);
            Ok(())
        })
    }
}

#[wasm_bindgen]
impl Export {
    /// The next rows or pages, none yet perhaps, and whether there may be more.
    pub fn next(&mut self, rows_max: usize, options: &JsValue) -> Result<JsValue, JsValue> {
        let Some(export) = &mut self.export else { return Err(ended()) };
        batch(&self.core, options, |core, timeout_ms| {
            core.next_of_export(export, rows_max, timeout_ms)
        })
    }

    /// Frees what it holds.
    pub fn close(&mut self) -> Result<(), JsValue> {
        let Some(export) = self.export.take() else { return Ok(()) };
        with(&self.core, |core| {
            core.close_export(export);
            Ok(())
        })
    }
}

#[wasm_bindgen]
impl Import {
    /// What the text was before it became UTF-8.
    #[wasm_bindgen(js_name = setEncoding)]
    pub fn set_encoding(&mut self, label: String) {
        if let Some(import) = &mut self.import {
            import.set_encoding(label);
        }
    }

    /// The next bytes of the file.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), JsValue> {
        let Some(import) = &mut self.import else { return Err(ended()) };
        with(&self.core, |core| core.push_import(import, chunk))
    }

    /// The file has ended; undefined where this is to be called again.
    pub fn finish(&mut self) -> Result<JsValue, JsValue> {
        let Some(mut import) = self.import.take() else { return Err(ended()) };
        match with(&self.core, |core| core.finish_import_step(&mut import))? {
            Some(report) => serialized(&report),
            None => {
                self.import = Some(import);
                Ok(JsValue::UNDEFINED)
            }
        }
    }

    /// As if it had not begun.
    pub fn abort(&mut self) -> Result<(), JsValue> {
        let Some(import) = self.import.take() else { return Ok(()) };
        with(&self.core, |core| {
            core.abort_import(&import);
            Ok(())
        })
    }
}

async fn open(options: Node) -> Result<Engine> {
    let mut fields = Fields::of(&options, "", blame_config)?;
    let name = fields.need_text("name")?;
    let in_opfs = fields.word("storage", &[("opfs", true), ("memory", false)])?.unwrap_or(true);
    let datasets = fields
        .list("datasets")?
        .iter()
        .enumerate()
        .map(|(i, node)| Dataset::from_node(node, &format!("datasets[{i}]")))
        .collect::<Result<Vec<_>>>()?;
    let config = fields.get("config").map_or_else(|| Ok(Config::default()), Config::from_node)?;
    fields.done()?;
    if !in_opfs {
        let core = Core::open_with(SqlitePort::open_memory(&name)?, &datasets, config, zone)?;
        return Ok(Engine { core: Rc::new(RefCell::new(Some(core))), pool: None });
    }
    let pool = Pool::open(&name).await?;
    match pool.connect().and_then(|port| Core::open_with(port, &datasets, config, zone)) {
        Ok(core) => Ok(Engine { core: Rc::new(RefCell::new(Some(core))), pool: Some(pool) }),
        Err(error) => {
            pool.release()?;
            Err(error)
        }
    }
}

pub(super) fn with<T>(
    core: &Shared,
    work: impl FnOnce(&mut Core<SqlitePort>) -> Result<T>,
) -> Result<T, JsValue> {
    let mut core = core.borrow_mut();
    let closed = || Error::Internal { detail: "a call reached a closed engine".to_owned() };
    core.as_mut().ok_or_else(closed).and_then(work).map_err(|error| thrown(&error))
}

/// A batch of a stream, and whether there may be more.
fn batch(
    core: &Shared,
    options: &JsValue,
    next: impl FnOnce(&mut Core<SqlitePort>, Option<u64>) -> Result<(Answer, bool)>,
) -> Result<JsValue, JsValue> {
    let look = look_of(options);
    let options = node(options);
    let run = |core: &mut Core<SqlitePort>| {
        let mut fields = Fields::of(&options, "", blame_input)?;
        let timeout_ms = fields.whole("timeoutMs", 1, u64::from(u32::MAX))?;
        next(core, timeout_ms)
    };
    let (batch, more) = watch::during(look, || with(core, run))?;
    Ok(object_of(&[("reply", answer(batch)), ("more", more.into())]))
}

/// `watch` of a call: asked while its statements run, and ends them by answering true.
fn look_of(options: &JsValue) -> Option<watch::Look> {
    let look = Reflect::get(options, &"watch".into()).ok()?.dyn_into::<Function>().ok()?;
    Some(Box::new(move || look.call0(&JsValue::UNDEFINED).is_ok_and(|stop| stop.is_truthy())))
}

pub(super) fn ended() -> JsValue {
    thrown(&Error::Internal { detail: "the import or stream has ended".to_owned() })
}

const fn borrowed(params: &OwnedParams) -> Params<'_> {
    match params {
        OwnedParams::Positional(values) => Params::Positional(values.as_slice()),
        OwnedParams::Named(values) => Params::Named(values.as_slice()),
    }
}

pub(super) fn inspection(found: &Inspection) -> Result<JsValue, JsValue> {
    let object = serialized(found)?;
    let batch = Uint8Array::new_from_slice(&found.sample);
    // Defining a property of a fresh plain object cannot fail.
    _ = Reflect::set(&object, &"batch".into(), &batch);
    Ok(object)
}

fn answer(answer: Answer) -> JsValue {
    let meta = object_of(&[
        ("route", answer.route.into()),
        ("rows", (answer.rows as f64).into()),
        ("dataVersion", integer(answer.data_version)),
    ]);
    let batch = Uint8Array::new_from_slice(&answer.batch);
    let next = answer.next.map_or(JsValue::UNDEFINED, JsValue::from);
    object_of(&[("batch", batch.into()), ("meta", meta), ("next", next)])
}

fn written(written: Written) -> JsValue {
    object_of(&[
        ("changes", integer(written.changes)),
        ("lastInsertRowid", integer(written.last_insert_rowid)),
        ("dataVersion", integer(written.data_version)),
    ])
}
