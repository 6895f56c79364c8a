/** A link to other filters: opens in a new tab as any link does, and without loading the page when clicked. */
import { formatFilters, type Filters } from '../model/filters.ts';
import { h, type Child } from './h.ts';

export function filterLink(filters: Filters, navigate: (filters: Filters) => void, label: string | undefined, ...children: Child[]): HTMLAnchorElement {
  return h('a', {
    href: location.pathname + formatFilters(filters),
    'aria-label': label,
    onclick: (event) => {
      const mouse = event as MouseEvent;
      if (mouse.ctrlKey || mouse.metaKey || mouse.shiftKey) return;
      event.preventDefault();
      navigate(filters);
    },
  }, ...children);
}
