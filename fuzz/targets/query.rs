//! Query objects of a caller, sound ones and every kind of wrong ones: SQLite takes the SQL that is made of
//! them with every parameter bound, or the refusal names the field.

use super::input::Input;
use super::tables::{COLUMNS, decoded};
use super::{refusal, with_engine};
use lotwise::model::node::Node;
use lotwise::storage::port::Params;

/// What a query may be refused with.
const CODES: &[&str] = &["QUERY_INVALID", "NOT_FOUND", "LIMIT_EXCEEDED"];

/// Puts a random query to the database.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_aggregate = !input.one_in(3);
    let query = if is_aggregate { aggregate(&mut input) } else { records(&mut input) };
    with_engine(|engine| {
        let result = if is_aggregate { engine.aggregate(&query) } else { engine.records(&query) };
        match &result {
            Ok(answer) => {
                let rows = decoded(&answer.batch);
                assert_eq!(rows.len(), answer.rows);
                if let Some(Node::Int(limit)) = member(&query, "limit") {
                    assert!(rows.len() as i64 <= *limit, "{} rows, limit {limit}", rows.len());
                }
            }
            Err(error) => {
                refusal::check(error, CODES);
                refusal::check_field(error, &query);
            }
        }
        // What can be answered can be explained; only what depends on the rows is found out later.
        let plan = engine.explain(&query, Params::Positional(&[]));
        match (&result, &plan) {
            (Ok(_), Err(error)) => panic!("answered, and not explained: {error}"),
            // Without measures it is a records query to explain().
            (Err(_), Ok(_)) if is_aggregate && member(&query, "measures").is_none() => {}
            (Err(error), Ok(_)) => assert_eq!(error.code(), "LIMIT_EXCEEDED", "{error}"),
            _ => {}
        }
    });
}

/// The member of a query, the first one of that name.
pub fn member<'q>(query: &'q Node, name: &str) -> Option<&'q Node> {
    let Node::Map(entries) = query else { return None };
    entries.iter().find(|(key, _)| key == name).map(|(_, node)| node)
}

/// What `make` makes, or now and then anything else.
fn mostly(input: &mut Input<'_>, make: impl FnOnce(&mut Input<'_>) -> Node) -> Node {
    if input.one_in(40) { input.node(3) } else { make(input) }
}

fn object(input: &mut Input<'_>, members: Vec<(&str, Node)>) -> Node {
    let mut members: Vec<_> =
        members.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
    if input.one_in(40) {
        members.push((input.text(), input.node(2)));
    }
    if input.one_in(40) && !members.is_empty() {
        let at = input.below(members.len());
        members.remove(at);
    }
    Node::Map(members)
}

fn aggregate(input: &mut Input<'_>) -> Node {
    let mut members = vec![("dataset", dataset(input))];
    members.push((
        "measures",
        mostly(input, |input| {
            Node::Map(input.list(4, |input| (result_name(input), measure(input))))
        }),
    ));
    if input.one_in(2) {
        members.push(("groupBy", mostly(input, |input| Node::List(input.list(3, group_key)))));
    }
    shared(input, &mut members);
    if input.one_in(4) {
        members.push((
            "having",
            mostly(input, |input| {
                Node::Map(input.list(2, |input| (result_name(input), condition(input))))
            }),
        ));
    }
    if input.one_in(4) {
        members.push(("fill", mostly(input, |input| Node::Bool(input.one_in(2)))));
    }
    object(input, members)
}

/// A records query.
pub fn records(input: &mut Input<'_>) -> Node {
    let mut members = vec![("dataset", dataset(input))];
    shared(input, &mut members);
    if input.one_in(2) {
        members.push((
            "columns",
            mostly(input, |input| Node::List(input.list(4, |input| Node::Text(column(input))))),
        ));
    }
    if input.one_in(4) {
        members.push(("after", Node::Text(input.text())));
    }
    object(input, members)
}

fn shared(input: &mut Input<'_>, members: &mut Vec<(&str, Node)>) {
    if input.one_in(2) {
        members.push(("where", mostly(input, |input| filter(input, 2))));
    }
    if input.one_in(3) {
        members.push(("range", mostly(input, range)));
    }
    if input.one_in(3) {
        members.push(("orderBy", mostly(input, |input| Node::List(input.list(3, order)))));
    }
    if input.one_in(3) {
        members.push(("limit", mostly(input, |input| Node::Int(input.integer()))));
    }
}

fn dataset(input: &mut Input<'_>) -> Node {
    mostly(input, |input| match input.below(12) {
        10 => Node::Text(input.text()),
        11 => Node::Text("per day".to_owned()),
        _ => Node::Text("t".to_owned()),
    })
}

fn column(input: &mut Input<'_>) -> String {
    if input.one_in(24) { input.text() } else { (*input.pick(&COLUMNS)).to_owned() }
}

fn result_name(input: &mut Input<'_>) -> String {
    match input.below(6) {
        0 => input.text(),
        1 => column(input),
        _ => (*input.pick(&["m", "n", "day", "a b", "ü"])).to_owned(),
    }
}

fn value(input: &mut Input<'_>) -> Node {
    match input.below(8) {
        0 => Node::Null,
        1 => Node::Real(input.real()),
        2 | 3 => Node::Int(input.integer()),
        4 => input.node(1),
        _ => Node::Text(input.text()),
    }
}

fn measure(input: &mut Input<'_>) -> Node {
    mostly(input, |input| {
        let text = |input: &mut Input<'_>| Node::Text(column(input));
        let mut members = match input.below(8) {
            0 => return Node::Text("count".to_owned()),
            1 => vec![("count", Node::Bool(true))],
            2 => vec![("sum", text(input))],
            3 => vec![("min", text(input))],
            4 => vec![("max", text(input))],
            5 => vec![("avg", text(input))],
            6 => vec![("countDistinct", text(input))],
            _ => {
                let sides =
                    (0..2).map(|_| Node::List(input.list(2, |input| Node::Text(column(input)))));
                vec![("ratio", Node::List(sides.collect()))]
            }
        };
        if input.one_in(3) {
            members.push(("where", mostly(input, |input| filter(input, 1))));
        }
        object(input, members)
    })
}

fn group_key(input: &mut Input<'_>) -> Node {
    const BUCKETS: [&str; 7] = ["minute", "hour", "day", "week", "month", "quarter", "year"];
    mostly(input, |input| match input.below(2) {
        0 => Node::Text(column(input)),
        _ => {
            let bucket = Node::Text((*input.pick(&BUCKETS)).to_owned());
            object(input, vec![("time", bucket)])
        }
    })
}

fn filter(input: &mut Input<'_>, depth: usize) -> Node {
    Node::Map(input.list(3, |input| {
        if depth > 0 && input.one_in(4) {
            let any =
                mostly(input, |input| Node::List(input.list(3, |input| filter(input, depth - 1))));
            return ("any".to_owned(), any);
        }
        (column(input), condition(input))
    }))
}

fn condition(input: &mut Input<'_>) -> Node {
    mostly(input, |input| match input.below(4) {
        0 => value(input),
        1 => Node::List(input.list(4, value)),
        2 => {
            // Long lists take another way into SQL.
            let count = 30 + input.below(60) as i64;
            Node::List(
                (0..count).map(|n| if n % 2 == 0 { Node::Int(n) } else { value(input) }).collect(),
            )
        }
        _ => {
            let members = input.list(3, |input| match input.below(7) {
                0 => (
                    "not",
                    if input.one_in(2) { Node::List(input.list(4, value)) } else { value(input) },
                ),
                1 => ("prefix", Node::Text(input.text())),
                2 => ("isNull", Node::Bool(input.one_in(2))),
                other => (["gt", "gte", "lt", "lte"][other - 3], value(input)),
            });
            object(input, members)
        }
    })
}

fn range(input: &mut Input<'_>) -> Node {
    let mut members = Vec::new();
    for name in ["from", "to"] {
        if !input.one_in(3) {
            let end =
                if input.one_in(4) { Node::Int(input.integer()) } else { Node::Text(input.text()) };
            members.push((name, mostly(input, |_| end)));
        }
    }
    object(input, members)
}

fn order(input: &mut Input<'_>) -> Node {
    mostly(input, |input| {
        let by = if input.one_in(2) { result_name(input) } else { column(input) };
        let mut members = vec![("by", Node::Text(by))];
        if input.one_in(2) {
            members.push(("desc", Node::Bool(input.one_in(2))));
        }
        object(input, members)
    })
}
