//! What JavaScript sees: convert the arguments, delegate, convert the result; nothing else.
//! The worker's TypeScript is the only caller.

mod background;
mod convert;
mod engine;
mod foreign;

use wasm_bindgen::prelude::*;

/// Leaves the text of a panic where the worker finds it: after the trap nothing of this module can run.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        _ = js_sys::Reflect::set(
            &js_sys::global(),
            &"__lotwisePanic".into(),
            &info.to_string().into(),
        );
    }));
}

/// Panics, so that tests see what a caller is told of it.
#[cfg(feature = "faults")]
#[wasm_bindgen(js_name = panicForTest)]
pub fn panic_for_test() {
    panic!("asked for by a test");
}
