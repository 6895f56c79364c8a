//! Values of JavaScript as values of ours, and back.

use js_sys::{Array, BigInt, JsString, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{Error, Result};
use crate::model::config::{Config, Kind};
use crate::model::node::Node;
use crate::model::value::Value;

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;
/// Largest whole number that a JavaScript number holds exactly, with all smaller ones.
const SAFE_MAX: f64 = 9_007_199_254_740_991.0;

/// Any value as a tree.
pub fn node(value: &JsValue) -> Node {
    node_at(value, 0)
}

fn node_at(value: &JsValue, depth: usize) -> Node {
    if depth > DEPTH_MAX {
        return Node::Foreign("an object that nests too deep".to_owned());
    }
    if value.is_undefined() {
        Node::Undefined
    } else if value.is_null() {
        Node::Null
    } else if let Some(flag) = value.as_bool() {
        Node::Bool(flag)
    } else if let Some(x) = value.as_f64() {
        number(x)
    } else if let Some(text) = value.dyn_ref::<JsString>() {
        if text.is_valid_utf16() {
            Node::Text(text.into())
        } else {
            Node::Foreign("text with a lone surrogate".to_owned())
        }
    } else if value.is_bigint() {
        match i64::try_from(BigInt::unchecked_from_js(value.clone())) {
            Ok(n) => Node::Int(n),
            Err(_) => Node::Foreign("a bigint beyond 64 bits".to_owned()),
        }
    } else if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        Node::Blob(bytes.to_vec())
    } else if Array::is_array(value) {
        let items = Array::unchecked_from_js(value.clone());
        Node::List(items.iter().map(|item| node_at(&item, depth + 1)).collect())
    } else if value.is_object() && !value.is_function() {
        object(value.unchecked_ref(), depth)
    } else {
        Node::Foreign("something that is no data".to_owned())
    }
}

fn object(object: &Object, depth: usize) -> Node {
    let entries = Object::entries(object);
    let members = entries.iter().map(|entry| {
        let entry = Array::unchecked_from_js(entry);
        (String::from(JsString::unchecked_from_js(entry.get(0))), node_at(&entry.get(1), depth + 1))
    });
    Node::Map(members.collect())
}

fn number(x: f64) -> Node {
    if x.fract() == 0.0 && x.abs() <= SAFE_MAX { Node::Int(x as i64) } else { Node::Real(x) }
}

/// Parameters of a statement, by position or by name.
#[derive(Debug)]
pub enum OwnedParams {
    Positional(Vec<Value>),
    Named(Vec<(String, Value)>),
}

/// Reads parameters; none where there is no value.
pub fn params(value: &JsValue) -> Result<OwnedParams> {
    let read = |place: String, node: &Node| {
        node.to_value().ok_or_else(|| {
            let what = if let Node::Foreign(what) = node { what } else { node.kind() };
            Error::sql(format!(
                "{place}: expected null, a boolean, number, bigint, text or bytes, got {what}"
            ))
        })
    };
    match node(value) {
        Node::Undefined | Node::Null => Ok(OwnedParams::Positional(Vec::new())),
        Node::List(items) => items
            .iter()
            .enumerate()
            .map(|(i, node)| read(format!("params[{i}]"), node))
            .collect::<Result<_>>()
            .map(OwnedParams::Positional),
        Node::Map(entries) => entries
            .iter()
            .map(|(name, node)| Ok((name.clone(), read(format!("params.{name}"), node)?)))
            .collect::<Result<_>>()
            .map(OwnedParams::Named),
        other => {
            Err(Error::sql(format!("params: expected an array or an object, got {}", other.kind())))
        }
    }
}

/// An integer as a number while that is exact, else as a bigint.
pub fn integer(n: i64) -> JsValue {
    let x = n as f64;
    if x.abs() <= SAFE_MAX { x.into() } else { BigInt::from(n).into() }
}

/// A plain object.
pub fn object_of(members: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in members {
        // Defining a property of a fresh plain object cannot fail.
        _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

/// A configuration, group by group.
pub fn config_object(config: &Config) -> JsValue {
    let result = object_of(&[("profile", config.profile().into())]);
    for (field, value) in config.fields() {
        let value = match field.kind {
            Kind::Whole(..) => (value as f64).into(),
            Kind::Word(words) => words[value as usize].into(),
            Kind::Flag => (value == 1).into(),
        };
        let name = JsValue::from(field.group);
        let mut group = Reflect::get(&result, &name).unwrap_or_default();
        if group.is_undefined() {
            group = object_of(&[]);
            _ = Reflect::set(&result, &name, &group);
        }
        _ = Reflect::set(&group, &field.name.into(), &value);
    }
    result
}

/// Serialisable data as plain objects.
pub fn serialized<T: serde::Serialize>(value: &T) -> Result<JsValue, JsValue> {
    serde_wasm_bindgen::to_value(value)
        .map_err(|error| thrown(&Error::Internal { detail: error.to_string() }))
}

/// What is thrown for an error.
pub fn thrown(error: &Error) -> JsValue {
    let details = match error {
        Error::ImportRefused { bad_rows, errors } => {
            let errors = serde_wasm_bindgen::to_value(errors).unwrap_or(JsValue::UNDEFINED);
            object_of(&[("skipped", (*bad_rows as f64).into()), ("errors", errors)])
        }
        Error::NotFound { kind, name, known } => {
            let known: Array = known.iter().map(|name| JsValue::from_str(name)).collect();
            object_of(&[("kind", (*kind).into()), ("name", name.into()), ("known", known.into())])
        }
        Error::QueryInvalid { field, .. } => object_of(&[("field", field.into())]),
        Error::ConfigInvalid { problems } => {
            let of = |(field, reason): &(String, String)| {
                object_of(&[("field", field.into()), ("reason", reason.into())])
            };
            let first = problems.first().map(|(field, _)| field.into()).unwrap_or_default();
            let all: Array = problems.iter().map(of).collect();
            object_of(&[("field", first), ("fields", all.into())])
        }
        Error::InputInvalid { place, .. } => object_of(&[("place", place.into())]),
        Error::SqlInvalid { offset: Some(offset), .. } => {
            object_of(&[("offset", (*offset as f64).into())])
        }
        Error::Timeout { timeout_ms } => object_of(&[("timeoutMs", (*timeout_ms as f64).into())]),
        _ => JsValue::UNDEFINED,
    };
    object_of(&[
        ("lotwise", true.into()),
        ("code", error.code().into()),
        ("message", error.to_string().into()),
        ("retryable", error.retryable().into()),
        ("details", details),
    ])
}
