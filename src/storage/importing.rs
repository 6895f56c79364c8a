//! Imports as calls of the engine: the transaction around each, and what is left when it ends. What a file is, its
//! reader knows.

use crate::error::Result;
use crate::model::node::Node;
use crate::storage::engine::Engine;
use crate::storage::import::{self, Import, ImportOptions, ImportReport, Inspection};
use crate::storage::port::{BulkPages, ForeignFile, ForeignFiles, LongTransaction};
use crate::storage::schema;
use crate::storage::transaction::Open;

impl<P: LongTransaction + ForeignFiles + BulkPages> Engine<P> {
    /// Looks at the beginning of a file, whose text was in `encoding` before it became UTF-8; none where more
    /// of it is needed. The database has no part in it.
    pub fn inspect(
        &self,
        options: &Node,
        encoding: &str,
        head: &[u8],
        is_whole: bool,
    ) -> Result<Option<Inspection>> {
        import::inspect(&ImportOptions::from_node(options)?, encoding, head, is_whole)
    }

    /// Looks at a database of somebody else.
    pub fn inspect_file(
        &mut self,
        options: &Node,
        file: Box<dyn ForeignFile>,
    ) -> Result<Inspection> {
        import::inspect_file(&mut self.port, &ImportOptions::from_node(options)?, file)
    }

    /// Begins an import: a transaction that stays open until [`Engine::finish_import`] or
    /// [`Engine::abort_import`].
    pub fn start_import(&mut self, options: &Node) -> Result<Import> {
        self.check_idle()?;
        self.check_writable()?;
        let options = ImportOptions::from_node(options)?;
        let mut import = Import::new(self.dataset(&options.dataset)?.clone(), options)?;
        // It may take longer than a relaxed write may wait.
        self.port.flush()?;
        self.port.set_relaxed(false)?;
        let can_write_pages = self.port.can_write_pages()?;
        self.port.begin()?;
        match import.start(&mut self.port, can_write_pages) {
            Ok(()) => {
                self.open = Some(Open::Import);
                Ok(import)
            }
            Err(error) => {
                self.port.rollback();
                Err(error)
            }
        }
    }

    /// The file is a database, read where it lies; it stays open until the import ends.
    pub fn import_file(&mut self, import: &mut Import, file: Box<dyn ForeignFile>) -> Result<()> {
        import.read_file(&mut self.port, file)
    }

    /// The next bytes of any other file.
    pub fn push_import(&mut self, import: &mut Import, chunk: &[u8]) -> Result<()> {
        import.push(&mut self.port, chunk)
    }

    /// The file has ended: commits, or rolls back and fails.
    pub fn finish_import(&mut self, mut import: Import) -> Result<ImportReport> {
        loop {
            if let Some(report) = self.finish_import_step(&mut import)? {
                return Ok(report);
            }
        }
    }

    /// Goes on with that for some milliseconds; none where it is to be called again.
    pub fn finish_import_step(&mut self, import: &mut Import) -> Result<Option<ImportReport>> {
        let result = import.finish(&mut self.port).and_then(|report| {
            if report.is_some() {
                schema::raise_data_version(&mut self.port)?;
                self.port.commit()?;
            }
            Ok(report)
        });
        match &result {
            Ok(None) => {}
            Ok(Some(report)) => {
                self.open = None;
                self.data_version += 1;
                self.missing.extend(import.left_indexes());
                self.sealing.note_changes(i64::try_from(report.rows).unwrap_or(i64::MAX));
                self.segments_changed += 1;
                // Indexes that are built later are looked at then.
                if self.missing.is_empty() {
                    self.refresh_statistics(i64::try_from(report.rows).unwrap_or(i64::MAX));
                }
            }
            Err(_) => self.abort_import(import),
        }
        result
    }

    /// As if it had not begun.
    pub fn abort_import(&mut self, import: &Import) {
        self.open = None;
        import.discard(&mut self.port);
        self.port.rollback();
    }
}
