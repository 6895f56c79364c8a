/** The dashboard: opens the database, fills it on the first visit, and shows it. */
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/panels.css';
import './styles/dialog.css';
import { LotwiseError } from 'lotwise';
import { showIcon } from './shell/icon.ts';
import { DEMO_ROWS, fillWithDemo } from './data/demo.ts';
import { Store, type Storage } from './data/store.ts';
import { formatCount, formatRange, plural } from './model/format.ts';
import { extent, type Extent } from './model/queries.ts';
import { createDashboard } from './shell/dashboard.ts';
import { acceptDrops } from './shell/opener.ts';
import { createPageHead, showCapabilities } from './shell/pagehead.ts';
import { replaceByFile } from './shell/replace.ts';
import { describe, isCancelled } from './ui/errors.ts';
import { h, type Child } from './ui/h.ts';
import { messagePage, type Action } from './ui/message.ts';
import { createProgress } from './ui/progress.ts';

const main = document.getElementById('main')!;
const dashboard = createDashboard();
const pageHead = createPageHead(openFile);
let store: Store | undefined;

function showMessage(title: string, content: Child[], actions?: Action[]): void {
  main.replaceChildren(messagePage(title, content, actions));
}

async function start(storage: Storage): Promise<void> {
  pageHead.set('', { canOpen: false, demo: false });
  showMessage('Opening the database', []);
  try {
    store = await Store.open(storage);
    if (store.fresh) await loadDemo(store);
    else await showData(store);
  } catch (error) {
    showFailure(error, storage);
  }
}

async function loadDemo(current: Store): Promise<void> {
  const abort = new AbortController();
  const progress = createProgress('Demo data');
  showMessage('Making demo data', [
    h('p', {}, `${formatCount(DEMO_ROWS)} production records of a plant that does not exist, made in this browser and kept in it. Your own CSV or SQLite file can replace them at any time.`),
    progress.element,
  ], [{ text: 'Skip', run: () => abort.abort() }]);
  progress.set(0, DEMO_ROWS, `0 of ${formatCount(DEMO_ROWS)} records`);
  try {
    await current.replace({ kind: 'demo' }, (database) => fillWithDemo(database, {
      signal: abort.signal,
      onProgress: (rows) => progress.set(rows, DEMO_ROWS, `${formatCount(rows)} of ${formatCount(DEMO_ROWS)} records`),
    }));
  } catch (error) {
    if (!isCancelled(error)) throw error;
    current.keepEmpty();
  }
  await showData(current);
}

async function showData(current: Store): Promise<void> {
  const { database, source } = current;
  const [found] = (await database.aggregate<Extent>(extent)).rows;
  showCapabilities(database.capabilities);
  if (!found || found.first === null || found.last === null) {
    pageHead.set('No data', { canOpen: true, demo: false });
    showMessage('No data yet', [
      h('p', {}, 'Drop a CSV or JSON file, or an SQLite file such as production_analysis.db on this page, or choose one with “Open file…”.'),
    ], [{ text: 'Load demo data', run: () => void loadDemo(current).catch((error: unknown) => showFailure(error, current.storage)) }]);
    return;
  }
  const name = source.kind === 'file' ? source.name : source.kind === 'demo' ? 'Demo data' : 'Stored data';
  const records = plural(found.records, 'record', 'records');
  pageHead.set(`${name} · ${records} · ${formatRange(found.first, found.last)}`, {
    canOpen: true, demo: source.kind === 'demo', shown: `${name} (${records})`,
  });
  main.replaceChildren(dashboard.element);
  dashboard.show(database, { first: found.first, last: found.last });
}

function openFile(file: File, shown: string): void {
  const current = store;
  if (!current) return;
  void replaceByFile(current, file, shown, async () => {
    // Filters of the old data mean nothing for the new.
    history.pushState(null, '', location.pathname);
    await showData(current).catch((error: unknown) => showFailure(error, current.storage));
  });
}

function showFailure(error: unknown, storage: Storage): void {
  const { code, message, advice } = describe(error);
  const known = error instanceof LotwiseError ? FAILURES[error.code] : undefined;
  const actions: Action[] = [{ text: 'Try again', run: () => void start(storage), primary: true }];
  if (code === 'STORAGE_UNAVAILABLE') actions.push({ text: 'Continue without saving', run: () => void start('memory') });
  showMessage(known?.title ?? 'The database could not be opened', [
    h('p', {}, known?.text ?? advice ?? 'Try again, or reload the page.'),
    h('p', { class: 'quiet' }, h('code', {}, code), ' ', message),
  ], actions);
}

const FAILURES: Partial<Record<LotwiseError['code'], { title: string; text: string }>> = {
  DATABASE_BUSY: {
    title: 'Open in another tab',
    text: 'Another tab or window shows this dashboard and holds its database. Close it, or go on there; then try again.',
  },
  STORAGE_UNAVAILABLE: {
    title: 'This browser cannot keep the data',
    text: 'The dashboard keeps its database in the browser’s private file system (OPFS), which is missing or blocked here, as in some private windows and on addresses without HTTPS. Use another window, browser or address, or continue without saving: the data then last until the page is closed.',
  },
  STORAGE_FULL: {
    title: 'There is no room left',
    text: 'The browser gives this site no more storage. Free some disk space or remove data of other sites, then try again.',
  },
};

acceptDrops((file) => pageHead.offer(file));
showIcon();
void start('opfs');
