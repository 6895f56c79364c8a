/** Filtered records as a CSV file, page by page, so that memory does not grow with their number. */
import type { Database } from 'lotwise';
import { csvLine } from '../model/csv.ts';
import { COLUMNS, records, type Selection } from '../model/queries.ts';

const PAGE_ROWS = 5_000;

/** Where the text goes. Each is ended by exactly one of close() and abort(). */
export interface Sink {
  write(text: string): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** Resolves with the number of records written. */
export async function exportCsv(
  database: Database, selection: Selection, sink: Sink,
  options: { signal: AbortSignal; onProgress: (rows: number) => void },
): Promise<number> {
  let rows = 0;
  let after: string | undefined;
  try {
    await sink.write(csvLine(COLUMNS));
    do {
      const page = await database.records(records(selection, PAGE_ROWS, after), { signal: options.signal });
      const columns = COLUMNS.map((name) => page.column(name));
      let text = '';
      for (let i = 0; i < page.rowCount; i++) text += csvLine(columns.map((column) => column[i] ?? null));
      await sink.write(text);
      rows += page.rowCount;
      options.onProgress(rows);
      after = page.next;
    } while (after !== undefined);
  } catch (error) {
    await sink.abort();
    throw error;
  }
  await sink.close();
  return rows;
}

interface SavePicker {
  showSaveFilePicker(options: { suggestedName: string; types: { accept: Record<string, string[]> }[] }): Promise<FileSystemFileHandle>;
}

/** Asks where to save, where the browser can; otherwise the file is downloaded when it is complete.
 *  To be called from a click. Undefined: the person changed their mind. */
export async function chooseSink(name: string): Promise<Sink | undefined> {
  if (!('showSaveFilePicker' in window)) return downloadSink(name);
  const picker = window as unknown as SavePicker;
  try {
    const handle = await picker.showSaveFilePicker({ suggestedName: name, types: [{ accept: { 'text/csv': ['.csv'] } }] });
    const file = await handle.createWritable();
    return { write: (text) => file.write(text), close: () => file.close(), abort: () => file.abort() };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}

function downloadSink(name: string): Sink {
  // A Blob per page: the browser may keep them on disk.
  let parts: Blob[] = [];
  return {
    write: async (text) => { parts.push(new Blob([text])); },
    close: async () => {
      const url = URL.createObjectURL(new Blob(parts, { type: 'text/csv;charset=utf-8' }));
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      // The download has its own hold on the data once it has begun.
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    abort: async () => { parts = []; },
  };
}
