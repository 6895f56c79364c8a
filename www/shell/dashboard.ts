/** Filters and panels over one database: the URL says what is shown, each panel asks for itself. */
import type { Database } from 'lotwise';
import { FILTERS_DEFAULT, formatFilters, parseFilters, sameFilters, withPeriod, type Bounds, type Filters } from '../model/filters.ts';
import { formatRange, plural } from '../model/format.ts';
import { select, type Totals } from '../model/queries.ts';
import { figuresSection, lotsSection } from '../panels/figures.ts';
import { heatSection } from '../panels/heat.ts';
import { paretoSection } from '../panels/pareto.ts';
import { rankingSection } from '../panels/ranking.ts';
import { recordsSection } from '../panels/records.ts';
import { trendSection } from '../panels/trend.ts';
import { filterLink } from '../ui/filterlink.ts';
import { h } from '../ui/h.ts';
import { createFilterBar } from './filterbar.ts';

export interface Dashboard {
  element: HTMLElement;
  /** Shows another database. The filters stay as the URL has them. */
  show(database: Database, bounds: Bounds): void;
}

export function createDashboard(): Dashboard {
  let database: Database | undefined;
  let bounds: Bounds | undefined;
  let running = new AbortController();
  let typed = false;

  const figures = figuresSection();
  const records = recordsSection();
  const lots = lotsSection();
  const [days, months] = [trendSection('day'), trendSection('month')];
  const [pareto, heat, ranking] = [paretoSection(), heatSection(), rankingSection()];
  /** In the order in which the database is asked: what is seen first, first. */
  const sections = [figures, days, pareto, records, months, heat, ranking, lots];
  const summary = h('p', { class: 'summary', role: 'status' });
  const nothing = h('div', { class: 'nothing', hidden: true });
  const filterBar = createFilterBar((filters, { typing = false } = {}) => navigate(filters, typing));

  /** Typing a word is one step in the history, not one for each letter. */
  const navigate = (filters: Filters, typing = false): void => {
    if (sameFilters(filters, parseFilters(location.search))) return;
    const url = location.pathname + formatFilters(filters);
    if (typing && typed) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    typed = typing;
    load();
  };

  const load = (): void => {
    if (!database || !bounds) return;
    running.abort();
    running = new AbortController();
    const filters = parseFilters(location.search);
    const selection = select(filters, bounds);
    filterBar.show(filters, bounds);
    figures.onTotals = ({ records: count }: Totals) => {
      records.setTotal(count);
      summary.textContent = `${plural(count, 'record', 'records')}, ${formatRange(selection.range.from, selection.range.to)}`;
      nothing.hidden = count > 0;
      nothing.replaceChildren(...(count > 0 ? [] : waysOut(filters, navigate)));
    };
    const scope = { database, bounds, filters, selection, signal: running.signal, navigate: (target: Filters) => navigate(target) };
    // The database takes them in this order; an answer out of date is dropped by its panel.
    for (const section of sections) void section.load(scope);
  };

  window.addEventListener('popstate', () => {
    typed = false;
    load();
  });

  return {
    element: h('div', { class: 'dashboard' },
      filterBar.element, summary, nothing,
      h('div', { class: 'panels' }, ...[figures, lots, days, months, pareto, ranking, heat, records].map(({ element }) => element))),
    show(shown, shownBounds) {
      database = shown;
      bounds = shownBounds;
      load();
      // Without its lists the page still works; what is wrong with the database, the panels say.
      filterBar.offer(shown).catch(() => undefined);
    },
  };
}

function waysOut(filters: Filters, navigate: (filters: Filters) => void): HTMLElement[] {
  const allDates = withPeriod(filters, { period: 'all' });
  return [
    h('p', {}, h('strong', {}, 'No records match these filters.')),
    h('p', { class: 'links' },
      ...(filters.period === 'all' ? [] : [filterLink(allDates, navigate, undefined, 'Search all dates'), ' ']),
      filterLink(FILTERS_DEFAULT, navigate, undefined, 'Reset the filters')),
  ];
}
