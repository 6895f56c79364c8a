/** The filters as a form: shows what the URL says and says what the person chooses. */
import type { Database } from 'lotwise';
import {
  cleanText, customPeriod, FILTERS_DEFAULT, sameFilters, shownRange, withFilter, withPeriod,
  type Bounds, type Filters, type Period,
} from '../model/filters.ts';
import { choices } from '../model/queries.ts';
import { choose, choiceGroup } from '../ui/choice.ts';
import { h } from '../ui/h.ts';

const PERIODS: Record<Period, string> = { '30d': '30 days', '90d': '90 days', '1y': '1 year', all: 'All' };
const ALL_LINES = 'All lines';
const ALL_SHIFTS = 'All shifts';
const TYPING_MS = 300;

export interface FilterBar {
  element: HTMLElement;
  show(filters: Filters, bounds: Bounds): void;
  /** Offers the values that occur in the data. */
  offer(database: Database): Promise<void>;
}

/** `typing`: one of several changes that belong together, one step back in the history. */
export type OnFilters = (filters: Filters, options?: { typing?: boolean }) => void;

export function createFilterBar(onFilters: OnFilters): FilterBar {
  let filters: Filters = FILTERS_DEFAULT;
  let items = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const period = choiceGroup<Period>('period', 'Period, up to the newest record', PERIODS, undefined, (value) =>
    onFilters(withPeriod(filters, { period: value })));
  const takeDates = (): void => {
    // An input that is half filled in is empty: wait for the rest.
    if (from.validity.badInput || to.validity.badInput) return;
    onFilters(withPeriod(filters, from.value || to.value ? customPeriod(from.value || undefined, to.value || undefined) : { period: 'all' }));
  };
  const from = h('input', { type: 'date', id: 'from', onchange: takeDates });
  const to = h('input', { type: 'date', id: 'to', onchange: takeDates });

  const itemList = h('datalist', { id: 'items' });
  const takeItem = (): void => onFilters(withFilter(filters, 'item', cleanText(item.value)));
  const item = h('input', {
    type: 'search', id: 'item', list: 'items', autocomplete: 'off', spellcheck: 'false', placeholder: 'All items',
    onchange: takeItem,
    // A value chosen from the list is complete, one being typed is not.
    oninput: () => { if (item.value === '' || items.has(item.value)) takeItem(); },
  });
  const line = h('select', { id: 'line', onchange: () => onFilters(withFilter(filters, 'line', line.value || undefined)) }, ...options(ALL_LINES, []));
  const shift = h('select', { id: 'shift', onchange: () =>
    onFilters(withFilter(filters, 'shift', shift.value === '' ? undefined : Number(shift.value))) }, ...options(ALL_SHIFTS, []));
  const takeLot = (typing: boolean): void => {
    clearTimeout(timer);
    onFilters(withFilter(filters, 'lot', cleanText(lot.value)), { typing });
  };
  const lot = h('input', {
    type: 'search', id: 'lot', autocomplete: 'off', spellcheck: 'false', placeholder: 'Begins with …',
    onchange: () => takeLot(true),
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(() => takeLot(true), TYPING_MS);
    },
  });
  const reset = h('button', { type: 'button', class: 'button', onclick: () => onFilters(FILTERS_DEFAULT) }, 'Reset');

  const element = h('form', { class: 'filters', 'aria-label': 'Filters', onsubmit: (event) => event.preventDefault() },
    h('div', { class: 'field' }, h('span', { class: 'field-name', 'aria-hidden': 'true' }, 'Period'), period),
    field('From', from), field('To', to), field('Item', item), field('Line', line), field('Shift', shift),
    field('Lot', lot), reset, itemList);

  return {
    element,
    show(shown, bounds) {
      filters = shown;
      const range = shownRange(shown, bounds);
      choose(period, shown.period);
      from.value = range.from;
      to.value = range.to;
      item.value = shown.item ?? '';
      // Not while it is typed into: the text may be ahead of the filter.
      if (document.activeElement !== lot) lot.value = shown.lot ?? '';
      select(line, shown.line);
      select(shift, shown.shift?.toString());
      reset.disabled = sameFilters(shown, FILTERS_DEFAULT);
    },
    async offer(database) {
      const [itemValues, lines, shifts] = await Promise.all([
        values(database, 'item_code'), values(database, 'line'), values(database, 'shift'),
      ]);
      items = new Set(itemValues);
      itemList.replaceChildren(...itemValues.map((value) => h('option', { value })));
      line.replaceChildren(...options(ALL_LINES, lines));
      shift.replaceChildren(...options(ALL_SHIFTS, shifts));
      select(line, filters.line);
      select(shift, filters.shift?.toString());
    },
  };
}

function field(name: string, control: HTMLElement): HTMLElement {
  return h('label', { class: `field field-${control.id}` }, h('span', { class: 'field-name' }, name), control);
}

function options(all: string, values: string[]): HTMLOptionElement[] {
  return [h('option', { value: '' }, all), ...values.map((value) => h('option', { value }, value))];
}

/** A value that the data do not have, from a URL, is shown as it is: the filter is on. */
function select(control: HTMLSelectElement, value = ''): void {
  if (value !== '' && ![...control.options].some((option) => option.value === value)) {
    control.append(h('option', { value }, value));
  }
  control.value = value;
}

async function values(database: Database, column: 'item_code' | 'line' | 'shift'): Promise<string[]> {
  const result = await database.aggregate(choices(column));
  return Array.from(result.column(0), String);
}
