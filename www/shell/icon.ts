/** The icon in the browser's tab, under the name that the bundler gives the file. */
import { h } from '../ui/h.ts';

export function showIcon(): void {
  document.head.append(h('link', { rel: 'icon', type: 'image/svg+xml', href: new URL('../icon.svg', import.meta.url).href }));
}
