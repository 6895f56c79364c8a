//! Work beside calls as a JavaScript class.

use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::engine::{Engine, Shared, with};
use crate::storage::columnar::job::SealJob;
use crate::storage::indexing::IndexJob;

/// An index that an import left for later, or segments of a dataset, made step by step. It is dropped when it is
/// done or fails.
#[wasm_bindgen]
pub struct Job {
    core: Shared,
    work: Work,
}

enum Work {
    Index(IndexJob),
    Seal(SealJob),
}

#[wasm_bindgen]
impl Engine {
    /// The next index that is declared and missing.
    #[wasm_bindgen(js_name = indexStart)]
    pub fn index_start(&self) -> Result<Option<Job>, JsValue> {
        let job = self.with(|core| Ok(core.start_index()))?;
        Ok(job.map(|job| self.job(Work::Index(job))))
    }

    /// The next segments that are to be made.
    #[wasm_bindgen(js_name = sealStart)]
    pub fn seal_start(&self) -> Result<Option<Job>, JsValue> {
        let job = self.with(|core| Ok(core.start_seal()))?;
        Ok(job.map(|job| self.job(Work::Seal(job))))
    }

    /// Whether some have to wait.
    #[wasm_bindgen(js_name = sealWaits)]
    pub fn seal_waits(&self) -> Result<bool, JsValue> {
        self.with(|core| Ok(core.seal_waits()))
    }
}

impl Engine {
    fn job(&self, work: Work) -> Job {
        Job { core: Rc::clone(&self.core), work }
    }
}

#[wasm_bindgen]
impl Job {
    /// Whether the next step belongs to a transaction: nobody else may be in one.
    #[wasm_bindgen(js_name = needsWriter)]
    pub fn needs_writer(&self) -> bool {
        match &self.work {
            Work::Index(job) => job.needs_writer(),
            Work::Seal(_) => true,
        }
    }

    /// Goes on for some milliseconds; true when all is done.
    pub fn step(&mut self) -> Result<bool, JsValue> {
        with(&self.core, |core| match &mut self.work {
            Work::Index(job) => core.step_index(job),
            Work::Seal(job) => core.step_seal(job),
        })
    }

    /// As if it had not begun.
    pub fn abort(&self) -> Result<(), JsValue> {
        with(&self.core, |core| {
            if let Work::Index(job) = &self.work {
                core.abort_index(job);
            }
            Ok(())
        })
    }
}
