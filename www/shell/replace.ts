/**
 * The dialog that replaces the data shown by a file: asks, shows how far it is, and says what came of it.
 * The data shown stay until the file is in completely.
 */
import { LotwiseError, type ImportOptions, type ImportReport, type Progress } from 'lotwise';
import type { Store } from '../data/store.ts';
import { formatBytes, formatCount, formatMs, plural } from '../model/format.ts';
import { DATASET } from '../model/queries.ts';
import { describe, isCancelled } from '../ui/errors.ts';
import { h, type Child } from '../ui/h.ts';
import { createProgress } from '../ui/progress.ts';
import { dataTable, scrollArea } from '../ui/table.ts';

const ERRORS_SHOWN_MAX = 100;

type RowError = ImportReport['errors'][number];
type Choice = Pick<ImportOptions, 'onError' | 'table'>;

/** The file held nothing, so nothing was replaced. */
class NoRows extends Error {
  readonly report: ImportReport;
  constructor(report: ImportReport) {
    super('The file holds no records that could be imported.');
    this.report = report;
  }
}

/** `shown` names the data that would be replaced. */
export async function replaceByFile(store: Store, file: File, shown: string, onReplaced: () => Promise<void>): Promise<void> {
  const body = h('div', { class: 'dialog-body' });
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title' }, body);
  let running: AbortController | undefined;
  // Escape ends what runs; closing then follows by itself.
  dialog.addEventListener('cancel', (event) => {
    if (!running) return;
    event.preventDefault();
    running.abort();
  });
  dialog.addEventListener('close', () => dialog.remove());

  const step = (title: string, content: Child[], buttons: HTMLButtonElement[]): void => {
    const heading = h('h2', { id: 'dialog-title', tabindex: -1 }, title);
    body.replaceChildren(heading, ...content.filter((child): child is Node | string => Boolean(child)), h('div', { class: 'buttons' }, ...buttons));
    (buttons[0] ?? heading).focus();
  };
  const button = (text: string, onclick: () => void, primary = false): HTMLButtonElement =>
    h('button', { type: 'button', class: primary ? 'button button-primary' : 'button', onclick }, text);
  const close = (): void => dialog.close();

  const ask = (): void => step('Replace the data shown?', [
    h('p', {}, h('strong', {}, file.name), ` (${formatBytes(file.size)}) will replace `, h('strong', {}, shown), '.'),
    h('p', { class: 'quiet' }, 'The file stays on this device. The data shown now are removed only after the whole file has been imported.'),
  ], [button('Replace', () => void run({}), true), button('Keep the data shown', close)]);

  const run = async (choice: Choice): Promise<void> => {
    const progress = createProgress('Import');
    running = new AbortController();
    const { signal } = running;
    step('Importing', [h('p', {}, h('strong', {}, file.name)), progress.element], [button('Cancel', () => running?.abort())]);
    progress.set(0, undefined, 'Reading the file');
    try {
      const report = await store.replace({ kind: 'file', name: file.name }, async (database) => {
        const done = await database.importFile(file, {
          dataset: DATASET, ...choice, signal,
          onProgress: (event) => progress.set(event.done, event.total, progressWords(event)),
        });
        if (done.rows === 0) throw new NoRows(done);
        return done;
      });
      running = undefined;
      await onReplaced();
      succeeded(report);
    } catch (error) {
      running = undefined;
      failed(error, choice);
    }
  };

  const succeeded = (report: ImportReport): void => step('Import finished', [
    h('p', {}, `${plural(report.rows, 'record', 'records')} of ${file.name} are shown now.`),
    facts(report), errorTable(report.errors, report.skipped),
  ], [button('Show the data', close, true)]);

  const failed = (error: unknown, choice: Choice): void => {
    if (isCancelled(error)) {
      step('Import cancelled', [h('p', {}, `Nothing was changed: ${shown} is still shown.`)], [button('Close', close, true)]);
      return;
    }
    if (error instanceof NoRows) {
      step('Nothing to import', [
        h('p', {}, error.message, ` Nothing was changed: ${shown} is still shown.`), facts(error.report), errorTable(error.report.errors, error.report.skipped),
      ], [button('Close', close, true)]);
      return;
    }
    const { code, message, advice } = describe(error);
    const { errors, skipped, tables } = detailsOf(error);
    const buttons = [button('Close', close)];
    if (errors.length > 0 && choice.onError !== 'skip') buttons.unshift(button('Import the good rows', () => void run({ ...choice, onError: 'skip' })));
    step('The file was not imported', [
      h('p', {}, h('code', {}, code), ' ', message),
      advice !== undefined && h('p', {}, advice),
      h('p', {}, `Nothing was changed: ${shown} is still shown.`),
      errorTable(errors, skipped), tableChoice(tables, (table) => void run({ ...choice, table })),
    ], buttons);
  };

  document.body.append(dialog);
  dialog.showModal();
  ask();
}

function progressWords({ done, total, unit }: Progress): string {
  const format = unit === 'bytes' ? formatBytes : formatCount;
  const amount = total === undefined ? format(done) : `${format(done)} of ${format(total)}`;
  return unit === 'bytes' ? amount : `${amount} ${unit}`;
}

function facts({ detected, rows, skipped, bytes, elapsedMs }: ImportReport): HTMLElement {
  const entries: [string, string | undefined][] = [
    ['Format', detected.format === 'sqlite' ? 'SQLite' : detected.format.toUpperCase()],
    ['Delimiter', detected.delimiter === '\t' ? 'Tab' : detected.delimiter],
    ['Header', detected.header === undefined ? undefined : detected.header ? 'First line' : 'None'],
    ['Decimal mark', detected.decimal],
    ['Date format', detected.dateFormat],
    ['Encoding', detected.encoding],
    ['Imported', plural(rows, 'row', 'rows')],
    ['Skipped', plural(skipped, 'row', 'rows')],
    ['Size', formatBytes(bytes)],
    ['Time', formatMs(elapsedMs)],
  ];
  return h('dl', { class: 'facts' }, ...entries.flatMap(([name, value]) =>
    value === undefined ? [] : [h('div', {}, h('dt', {}, name), h('dd', {}, value))]));
}

/** `total` may be more than the errors listed: of many bad rows only the first are kept. */
function errorTable(errors: RowError[], total: number): HTMLElement | undefined {
  if (errors.length === 0) return undefined;
  const shown = errors.slice(0, ERRORS_SHOWN_MAX);
  return h('div', {},
    h('h3', {}, total > shown.length ? `First ${formatCount(shown.length)} of ${formatCount(total)} errors` : plural(shown.length, 'error', 'errors')),
    scrollArea('Errors', dataTable('Errors in the file', [
      { title: 'Line', numeric: true, cell: ({ line }: RowError) => formatCount(line) },
      { title: 'Column', cell: ({ column }) => column ?? '–' },
      { title: 'Reason', cell: ({ reason }) => reason },
    ], shown)));
}

function tableChoice(tables: string[], onChoose: (table: string) => void): HTMLElement | undefined {
  if (tables.length === 0) return undefined;
  return h('fieldset', { class: 'tables' }, h('legend', {}, 'Read another table of the file'),
    ...tables.map((table) => h('button', { type: 'button', class: 'button', onclick: () => onChoose(table) }, table)));
}

/** `details` differ by error: bad rows with INPUT_INVALID, the tables there are with NOT_FOUND. What is neither counts as none. */
function detailsOf(error: unknown): { errors: RowError[]; skipped: number; tables: string[] } {
  const details: unknown = error instanceof LotwiseError ? error.details : undefined;
  if (typeof details !== 'object' || details === null) return { errors: [], skipped: 0, tables: [] };
  const errors: unknown = 'errors' in details ? details.errors : undefined;
  const tables: unknown = 'kind' in details && details.kind === 'table' && 'known' in details ? details.known : undefined;
  const skipped: unknown = 'skipped' in details ? details.skipped : undefined;
  return {
    skipped: typeof skipped === 'number' ? skipped : 0,
    errors: Array.isArray(errors) ? errors.filter((entry): entry is RowError => typeof entry?.line === 'number' && typeof entry?.reason === 'string') : [],
    tables: Array.isArray(tables) ? tables.filter((entry) => typeof entry === 'string') : [],
  };
}
