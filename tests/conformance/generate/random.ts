/** Choices from a seed. */
import { randomFrom } from '../../client/random.ts';

export interface Random {
  /** A whole number from 0 to below `count`. */
  below(count: number): number;
  /** One of them. */
  pick<T>(items: readonly T[]): T;
  /** True once in so many times. */
  oneIn(count: number): boolean;
  /** From `min` to `max` items. */
  list<T>(min: number, max: number, item: (index: number) => T): T[];
  /** Some of them, in their order; at least one. */
  some<T>(items: readonly T[]): T[];
}

export function randomOf(seed: number): Random {
  const next = randomFrom(seed);
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    pick: (items) => items[below(items.length)]!,
    oneIn: (count) => below(count) === 0,
    list: (min, max, item) => Array.from({ length: min + below(max - min + 1) }, (_, index) => item(index)),
    some: (items) => {
      const chosen = items.filter(() => next() < 0.5);
      return chosen.length > 0 ? chosen : [items[below(items.length)]!];
    },
  };
}
