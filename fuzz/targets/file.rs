//! Files as a host hands them over: text in pieces, a database to be read where it lies.

use lotwise::error::Error;
use lotwise::model::node::Node;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::engine::{Engine, ImportReport, Inspection};
use lotwise::storage::port::ForeignFile;

use super::query::member;

/// A file in memory. It panics where more is read than there is.
pub struct Bytes(pub Vec<u8>);

impl ForeignFile for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<(), String> {
        let start = usize::try_from(offset).expect("within memory");
        buffer.copy_from_slice(&self.0[start..start + buffer.len()]);
        Ok(())
    }
}

/// The file, where it is a database and not to be read as something else.
pub fn database(options: &Node, pieces: &[&[u8]]) -> Option<Box<Bytes>> {
    let is_wanted = match member(options, "format") {
        Some(Node::Text(format)) => format == "sqlite",
        _ => true,
    };
    let bytes = pieces.concat();
    (is_wanted && bytes.starts_with(b"SQLite format 3\0")).then(|| Box::new(Bytes(bytes)))
}

/// Imports the pieces of a file.
pub fn import(
    engine: &mut Engine<SqlitePort>,
    options: &Node,
    pieces: &[&[u8]],
) -> Result<ImportReport, Error> {
    let mut import = engine.start_import(options)?;
    let read = match database(options, pieces) {
        Some(file) => engine.import_file(&mut import, file),
        None => pieces.iter().try_for_each(|piece| engine.push_import(&mut import, piece)),
    };
    match read {
        Ok(()) => engine.finish_import(import),
        Err(error) => {
            engine.abort_import(&import);
            Err(error)
        }
    }
}

/// Looks at the beginning of a file; none where more of it is needed.
pub fn inspect(
    engine: &mut Engine<SqlitePort>,
    options: &Node,
    bytes: &[u8],
    is_whole: bool,
) -> Result<Option<Inspection>, Error> {
    match database(options, &[bytes]) {
        Some(_) if !is_whole => Ok(None),
        Some(file) => engine.inspect_file(options, file).map(Some),
        None => engine.inspect(options, "utf-8", bytes, is_whole),
    }
}
