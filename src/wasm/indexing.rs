//! An index under way as a JavaScript class.

use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::engine::{Engine, Shared, with};
use crate::storage::indexing::IndexJob as Job;

/// An index that an import left for later, built step by step. It is dropped when it is done or fails.
#[wasm_bindgen]
pub struct IndexJob {
    core: Shared,
    job: Job,
}

#[wasm_bindgen]
impl Engine {
    /// The next index that is declared and missing.
    #[wasm_bindgen(js_name = indexStart)]
    pub fn index_start(&self) -> Result<Option<IndexJob>, JsValue> {
        let job = with(&self.core, |core| Ok(core.start_index()))?;
        Ok(job.map(|job| IndexJob { core: Rc::clone(&self.core), job }))
    }
}

#[wasm_bindgen]
impl IndexJob {
    /// Whether the next step belongs to a transaction: nobody else writes from then on.
    #[wasm_bindgen(js_name = needsWriter)]
    pub fn needs_writer(&self) -> bool {
        self.job.needs_writer()
    }

    /// Goes on for some milliseconds; true when the index is in place.
    pub fn step(&mut self) -> Result<bool, JsValue> {
        with(&self.core, |core| core.step_index(&mut self.job))
    }

    /// As if it had not begun.
    pub fn abort(&self) -> Result<(), JsValue> {
        with(&self.core, |core| {
            core.abort_index(&self.job);
            Ok(())
        })
    }
}
