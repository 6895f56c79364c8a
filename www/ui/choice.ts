/** One of a few: radio buttons that look like one row of buttons. */
import { h } from './h.ts';

export function choiceGroup<K extends string>(
  name: string, legend: string, labels: Record<K, string>, selected: K | undefined, onChoose: (value: K) => void,
): HTMLFieldSetElement {
  return h('fieldset', { class: 'choice' },
    h('legend', { class: 'visually-hidden' }, legend),
    ...(Object.keys(labels) as K[]).map((value) => h('label', {},
      h('input', { type: 'radio', name, value, checked: value === selected, onchange: () => onChoose(value) }),
      h('span', {}, labels[value]))));
}

/** Shows `value` as chosen, or none. */
export function choose(group: HTMLFieldSetElement, value: string | undefined): void {
  for (const input of group.querySelectorAll('input')) input.checked = input.value === value;
}
