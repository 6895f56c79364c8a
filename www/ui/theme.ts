/** Light or dark: as the system has it, or as chosen here. */
import { recall, rememberIfPossible } from '../data/recall.ts';
import { h } from './h.ts';

const KEY = 'lotwise.theme';
const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const LABELS: Record<Theme, string> = { system: 'System', light: 'Light', dark: 'Dark' };

const listeners = new Set<() => void>();

/** Runs `listener` after colours have changed: canvases have to be drawn again. */
export function onThemeChange(listener: () => void): void {
  listeners.add(listener);
}

function apply(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  for (const listener of listeners) listener();
}

function saved(): Theme {
  const text = recall(KEY);
  return THEMES.find((theme) => theme === text) ?? 'system';
}

/** The switch. Making it applies the saved choice. */
export function themeSwitch(): HTMLElement {
  const theme = saved();
  apply(theme);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const listener of listeners) listener();
  });
  const select = h('select', {
    id: 'theme', 'aria-label': 'Theme',
    onchange: () => {
      rememberIfPossible(KEY, select.value);
      apply(select.value as Theme);
    },
  }, ...THEMES.map((name) => h('option', { value: name, selected: name === theme }, LABELS[name])));
  return h('label', { class: 'field field-inline' }, h('span', { class: 'field-name' }, 'Theme'), select);
}

let probe: HTMLElement | undefined;

/** The colour that a custom property stands for at the moment, as a canvas understands it. */
export function color(property: `--${string}`): string {
  probe ??= document.body.appendChild(h('span', { hidden: true }));
  probe.style.color = `var(${property})`;
  return getComputedStyle(probe).color;
}
