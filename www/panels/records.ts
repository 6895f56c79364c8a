/** The records themselves, newest first, a page at a time, and their export as CSV. */
import { chooseSink, exportCsv } from '../data/export.ts';
import { withFilter } from '../model/filters.ts';
import { formatCount, formatDay, formatShareTenth, plural } from '../model/format.ts';
import { records, type Quantity } from '../model/queries.ts';
import { describe, isCancelled } from '../ui/errors.ts';
import { filterLink } from '../ui/filterlink.ts';
import { h } from '../ui/h.ts';
import { createPanel, type Scope, type Section } from '../ui/panel.ts';
import { dataTable, scrollArea } from '../ui/table.ts';

const PAGE_ROWS = 25;

interface Row {
  id: number | bigint; production_date: string; item_code: string; lot_number: string; line: string; shift: number;
  good_quantity: Quantity; defect_quantity: Quantity; defect_code: string;
}

export interface RecordsSection extends Section {
  /** Number of records that match, once it is known. */
  setTotal(total: number): void;
}

export function recordsSection(): RecordsSection {
  let scope: Scope | undefined;
  /** `after` of the page shown, and those of the pages before it: keys only lead forward. */
  let after: string | undefined;
  let before: (string | undefined)[] = [];
  let next: string | undefined;
  let rowCount = 0;
  let total: number | undefined;

  const content = scrollArea('Records');
  const position = h('p', { class: 'pager-position', role: 'status' });
  const newer = h('button', { type: 'button', class: 'button', onclick: () => turn('newer') }, 'Newer');
  const older = h('button', { type: 'button', class: 'button', onclick: () => turn('older') }, 'Older');
  const exporter = exportControl(() => scope, () => total);
  const panel = createPanel({
    id: 'records', title: 'Records', note: 'Newest first', content: h('div', {}, content,
      h('nav', { class: 'pager', 'aria-label': 'Pages of records' }, newer, older, position)),
    actions: [exporter],
  });

  const showPosition = (): void => {
    const first = before.length * PAGE_ROWS + 1;
    position.textContent = `${formatCount(first)}–${formatCount(first + rowCount - 1)}${total === undefined ? '' : ` of ${formatCount(total)}`}`;
    newer.disabled = before.length === 0;
    older.disabled = next === undefined;
  };

  const turn = (direction: 'newer' | 'older'): void => {
    if (!scope) return;
    if (direction === 'older') {
      if (next === undefined) return;
      before.push(after);
      after = next;
    } else {
      if (before.length === 0) return;
      after = before.pop();
    }
    newer.disabled = older.disabled = true;
    void loadPage(scope);
  };

  const loadPage = (current: Scope): Promise<void> => panel.run(current, async ({ database, selection, signal }) => {
    const page = await database.records<Row>(records(selection, PAGE_ROWS, after), { signal });
    if (signal.aborted) return undefined;
    next = page.next;
    rowCount = page.rowCount;
    content.replaceChildren(recordTable(page.rows, current));
    content.scrollTop = 0;
    showPosition();
    return { meta: page.meta, rows: page.rowCount };
  });

  return {
    element: panel.element,
    setTotal(value) {
      total = value;
      showPosition();
    },
    load(current) {
      scope = current;
      after = undefined;
      before = [];
      total = undefined;
      return loadPage(current);
    },
  };
}

function recordTable(rows: Row[], { filters, navigate }: Scope): HTMLTableElement {
  const link = (key: 'item' | 'line' | 'lot', value: string): HTMLElement =>
    filterLink(withFilter(filters, key, value), navigate, undefined, value);
  return dataTable('Records, newest first', [
    { title: 'Lot', cell: (row: Row) => link('lot', row.lot_number) },
    { title: 'Date', cell: (row) => formatDay(row.production_date) },
    { title: 'Item', cell: (row) => link('item', row.item_code) },
    { title: 'Line', cell: (row) => link('line', row.line) },
    { title: 'Shift', numeric: true, cell: (row) => formatCount(row.shift) },
    { title: 'Good (pcs)', numeric: true, cell: (row) => formatCount(row.good_quantity) },
    { title: 'Defects (pcs)', numeric: true, cell: (row) => formatCount(row.defect_quantity) },
    { title: 'Defect rate', numeric: true, cell: (row) => formatShareTenth(rate(row)) },
    { title: 'Defect code', cell: (row) => row.defect_code },
    { title: 'Id', numeric: true, cell: (row) => String(row.id) },
  ], rows);
}

function rate(row: Row): number | null {
  const [good, defects] = [Number(row.good_quantity), Number(row.defect_quantity)];
  return good + defects > 0 ? defects / (good + defects) : null;
}

/** One button that begins the export and, while it runs, ends it. */
function exportControl(scope: () => Scope | undefined, total: () => number | undefined): HTMLElement {
  let running: AbortController | undefined;
  const status = h('p', { class: 'export-status', role: 'status' });
  const button = h('button', { type: 'button', class: 'button', id: 'export', onclick: () => {
    if (running) running.abort();
    else void run();
  } }, 'Export CSV');

  const run = async (): Promise<void> => {
    const current = scope();
    if (!current) return;
    const expected = total();
    try {
      const sink = await chooseSink(`production_records_${current.selection.range.from}_${current.selection.range.to}.csv`);
      if (!sink) return;
      running = new AbortController();
      button.textContent = 'Cancel export';
      const rows = await exportCsv(current.database, current.selection, sink, {
        signal: running.signal,
        onProgress: (done) => { status.textContent = `${formatCount(done)}${expected === undefined ? '' : ` of ${formatCount(expected)}`} records`; },
      });
      status.textContent = `Exported ${plural(rows, 'record', 'records')}.`;
    } catch (error) {
      const { code, message } = describe(error);
      status.textContent = isCancelled(error) ? 'Export cancelled.' : `${code}: ${message}`;
    } finally {
      running = undefined;
      button.textContent = 'Export CSV';
    }
  };
  return h('div', { class: 'export' }, status, button);
}
