/** Two ways to bring a file: a button, and dropping it anywhere on the page. */
import { h } from '../ui/h.ts';

const ACCEPT = '.csv,.tsv,.txt,.json,.ndjson,.jsonl,.db,.sqlite,.sqlite3,text/csv,application/json,application/vnd.sqlite3';

/** The file button. A real input under a label: it works by keyboard and by touch as any other. */
export function fileButton(onFile: (file: File) => void): HTMLElement {
  const input = h('input', {
    type: 'file', id: 'file', accept: ACCEPT, class: 'visually-hidden',
    onchange: () => {
      const file = input.files?.[0];
      // The same file may be chosen again after it has been corrected.
      input.value = '';
      if (file) onFile(file);
    },
  });
  return h('label', { class: 'button button-primary file-button' }, input, 'Open file…');
}

export function acceptDrops(onFile: (file: File) => void): void {
  const overlay = h('div', { class: 'drop-overlay', hidden: true, 'aria-hidden': 'true' },
    h('p', {}, 'Drop a CSV, JSON or SQLite file to see its data'));
  document.body.append(overlay);
  const carriesFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
  // A dialog is open: one file at a time.
  const isOccupied = (): boolean => document.querySelector('dialog[open]') !== null;

  document.addEventListener('dragover', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    overlay.hidden = isOccupied();
    if (event.dataTransfer) event.dataTransfer.dropEffect = isOccupied() ? 'none' : 'copy';
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) overlay.hidden = true;
  });
  document.addEventListener('drop', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    overlay.hidden = true;
    const file = event.dataTransfer?.files[0];
    if (file && !isOccupied()) onFile(file);
  });
}
