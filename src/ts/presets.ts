/**
 * Ready-made datasets. They are data: the very files that the Rust side tests its plans against.
 */
import { dataset as changeEvents } from '../model/presets/change_events.json';
import { dataset as productionRecords } from '../model/presets/production_records.json';
import type { Dataset } from './types.ts';

/**
 * Ready-made datasets, frozen. Copy one to change it.
 *
 * - `productionRecords`: table `production_records`, what was made when, of which lot, how much of it good.
 * - `changeEvents`: table `events`, readings of machine components in time.
 *
 * @example
 * const db = await open({ datasets: [presets.productionRecords, presets.changeEvents] });
 */
export const presets: { readonly productionRecords: Dataset; readonly changeEvents: Dataset } = deepFreeze({
  productionRecords: productionRecords as unknown as Dataset,
  changeEvents: changeEvents as unknown as Dataset,
});

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) deepFreeze(member);
  }
  return Object.freeze(value);
}
