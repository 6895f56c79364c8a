//! Time zones by the host's Intl, which has the tz database that a wasm module would be too heavy with.

use std::cell::RefCell;

use wasm_bindgen::prelude::*;

use crate::model::zone::Zone;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Intl, js_name = DateTimeFormat)]
    type Formatter;

    #[wasm_bindgen(constructor, catch, js_namespace = Intl, js_class = "DateTimeFormat")]
    fn new(locale: &str, options: &JsValue) -> Result<Formatter, JsValue>;

    #[wasm_bindgen(method)]
    fn format(this: &Formatter, ms: f64) -> String;
}

thread_local! {
    /// Zones that the host was asked about: it takes some milliseconds.
    static KNOWN: RefCell<Vec<Zone>> = const { RefCell::new(Vec::new()) };
}

/// The zone of an IANA name; none where the host does not know it.
pub fn zone(name: &str) -> Option<Zone> {
    KNOWN.with_borrow_mut(|known| {
        if let Some(zone) = known.iter().find(|zone| zone.name() == name) {
            return Some(zone.clone());
        }
        let zone = ask(name)?;
        known.push(zone.clone());
        Some(zone)
    })
}

fn ask(name: &str) -> Option<Zone> {
    let options = js_sys::Object::new();
    // Few parts make short texts, which are made faster. Without one of the time, the date would be added.
    for (option, value) in
        [("timeZone", name), ("timeZoneName", "longOffset"), ("minute", "numeric")]
    {
        js_sys::Reflect::set(&options, &option.into(), &value.into()).ok()?;
    }
    let formatter = Formatter::new("en", &options).ok()?;
    Zone::probe(name, &mut |ms| offset_ms(&formatter.format(ms as f64)))
}

/// Of '7 GMT+01:00', '7 GMT-00:44:30' or '7 GMT'.
fn offset_ms(text: &str) -> Option<i64> {
    let (_, offset) = text.split_once("GMT")?;
    if offset.is_empty() {
        return Some(0);
    }
    crate::model::calendar::parse_offset(offset.as_bytes())
}
