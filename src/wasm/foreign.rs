//! Databases of callers, read by a function of JavaScript when a page of them is needed.

use js_sys::{Function, Uint8Array};
use wasm_bindgen::prelude::*;

use super::convert::node;
use super::engine::{Engine, Import, ended, inspection, with};
use crate::storage::port::ForeignFile;

struct JsFile {
    size: u64,
    /// `(offset, length) => Uint8Array`; throws a text.
    read: Function,
}

impl ForeignFile for JsFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<(), String> {
        let (offset, length) = (JsValue::from(offset as f64), JsValue::from(buffer.len() as u32));
        let bytes = self
            .read
            .call2(&JsValue::UNDEFINED, &offset, &length)
            .map_err(|reason| reason.as_string().unwrap_or_default())?;
        // What is no array of bytes has no length here, and is none of those asked for.
        let bytes = bytes.unchecked_into::<Uint8Array>();
        if bytes.length() as usize != buffer.len() {
            return Err("it gave another number of bytes".to_owned());
        }
        bytes.copy_to(buffer);
        Ok(())
    }
}

fn file(size: f64, read: Function) -> Box<JsFile> {
    Box::new(JsFile { size: size as u64, read })
}

#[wasm_bindgen]
impl Engine {
    /// Looks at a database.
    #[wasm_bindgen(js_name = inspectFile)]
    pub fn inspect_file(
        &self,
        size: f64,
        read: Function,
        options: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let options = node(options);
        inspection(&with(&self.core, |core| core.inspect_file(&options, file(size, read)))?)
    }
}

#[wasm_bindgen]
impl Import {
    /// The file is a database.
    #[wasm_bindgen(js_name = readFile)]
    pub fn read_file(&mut self, size: f64, read: Function) -> Result<(), JsValue> {
        let Some(import) = &mut self.import else { return Err(ended()) };
        with(&self.core, |core| core.import_file(import, file(size, read)))
    }
}
