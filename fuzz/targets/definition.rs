//! Definitions of datasets: taken and kept word for word, or refused with the field.

use super::input::Input;
use super::refusal;
use lotwise::model::dataset::Dataset;
use lotwise::model::node::Node;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::Engine;
use lotwise::storage::port::Params;

const TYPES: [&str; 8] =
    ["integer", "real", "text", "date", "timestamp", "timestampText", "blob", "json"];

/// Defines a random dataset, twice, and uses it.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let node = definition(&mut input);
    let dataset = match Dataset::from_node(&node, "") {
        Ok(dataset) => dataset,
        Err(error) => {
            refusal::check(&error, &["CONFIG_INVALID"]);
            return refusal::check_field(&error, &node);
        }
    };
    let again = Dataset::from_json(&dataset.to_json()).expect("the catalogue can read it");
    assert_eq!(again, dataset, "a definition changes in the catalogue");
    let port = SqlitePort::open_memory("fuzz").expect("opens");
    let mut engine = Engine::open(port, &[]).expect("opens");
    match engine.define(&dataset) {
        Ok(()) => {}
        Err(error) => {
            refusal::check(&error, &["CONFIG_INVALID"]);
            assert!(engine.dataset(&dataset.name).is_err(), "refused, and there");
            let left = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'lotwise%' AND name NOT LIKE 'sqlite%'";
            let answer = engine.query(left, Params::Positional(&[])).expect("reads");
            let left = super::tables::decoded(&answer.batch);
            assert_eq!(left, [[lotwise::model::value::Value::Int(0)]], "refused, and a trace left");
            return;
        }
    }
    engine.define(&dataset).expect("the same again");
    assert_eq!(engine.dataset(&dataset.name).expect("is there"), &dataset);
    let query = Node::Map(vec![("dataset".to_owned(), Node::Text(dataset.name.clone()))]);
    assert_eq!(engine.records(&query).expect("an empty dataset is read").rows, 0);
}

fn definition(input: &mut Input<'_>) -> Node {
    let names: Vec<String> = input.list(5, name);
    let columns = names.iter().map(|name| (name.clone(), column(input))).collect();
    let some = |input: &mut Input<'_>| match names.is_empty() || input.one_in(16) {
        true => input.text(),
        false => input.pick(&names).clone(),
    };
    let mut members = vec![("name", Node::Text(name(input))), ("columns", Node::Map(columns))];
    if input.one_in(2) {
        members.push(("time", Node::Text(some(input))));
    }
    if input.one_in(2) {
        members.push(("dimensions", Node::List(input.list(2, |input| Node::Text(some(input))))));
    }
    if input.one_in(2) {
        members.push(("measures", Node::List(input.list(2, |input| Node::Text(some(input))))));
    }
    if input.one_in(2) {
        let index = |input: &mut Input<'_>| {
            let mut members = vec![
                ("name".to_owned(), Node::Text(name(input))),
                ("columns".to_owned(), Node::List(input.list(3, |input| Node::Text(some(input))))),
            ];
            if input.one_in(4) {
                let word = *input.pick(&[
                    "1",
                    "n > 0",
                    "",
                    ";",
                    "1; DROP TABLE t",
                    "random() > 0",
                    "nosuch = 1",
                    "'",
                ]);
                members.push(("where".to_owned(), Node::Text(word.to_owned())));
            }
            if input.one_in(4) {
                members.push(("unique".to_owned(), Node::Bool(true)));
            }
            Node::Map(members)
        };
        members.push(("indexes", Node::List(input.list(3, index))));
    }
    if input.one_in(8) {
        members.push(("version", Node::Int(input.integer())));
    }
    if input.one_in(16) {
        members.push(("colour", input.node(2)));
    }
    Node::Map(members.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
}

fn name(input: &mut Input<'_>) -> String {
    match input.below(3) {
        0 => input.text(),
        _ => (*input.pick(&[
            "a", "b", "t", "the lot", "select", "日本", "a'b", "n", "A", "x]", "order", "Key",
        ]))
        .to_owned(),
    }
}

fn column(input: &mut Input<'_>) -> Node {
    if input.one_in(24) {
        return input.node(2);
    }
    let mut members = vec![("type", Node::Text((*input.pick(&TYPES)).to_owned()))];
    if input.one_in(3) {
        members.push(("required", Node::Bool(true)));
    }
    if input.one_in(6) {
        members.push(("primaryKey", Node::Bool(true)));
    }
    if input.one_in(3) {
        members.push(("default", input.node(0)));
    }
    if input.one_in(6) {
        members.push(("collate", Node::Text("nocase".to_owned())));
    }
    if input.one_in(8) {
        members.push((
            "references",
            Node::Text((*input.pick(&["t", "t(id)", "nosuch(x)", "a b", ""])).to_owned()),
        ));
    }
    if input.one_in(8) {
        members.push(("label", Node::Text(input.text())));
    }
    Node::Map(members.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
}
