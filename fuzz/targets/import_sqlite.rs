//! SQLite files of other programs, sound ones and damaged ones.

use super::import_text::imported;
use super::input::Input;
use super::with_engine;
use lotwise::model::node::Node;

/// Reads the bytes as a file, after one of options.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let word = |text: &str| Node::Text(text.to_owned());
    let mut members =
        vec![("dataset".to_owned(), word("t")), ("format".to_owned(), word("sqlite"))];
    match input.below(8) {
        0 => members.push(("onError".to_owned(), word("skip"))),
        1 => members.push(("onConflict".to_owned(), word("replace"))),
        2 => members.push(("table".to_owned(), word("other"))),
        3 => members.push(("table".to_owned(), Node::Text(input.text()))),
        _ => {}
    }
    let options = Node::Map(members);
    let into_empty = input.one_in(2);
    _ = with_engine(|engine| imported(engine, into_empty, &options, &[input.rest()]));
}
