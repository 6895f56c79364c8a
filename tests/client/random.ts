/** Random test data from a seed, which a failing test prints. */

/** The seed of this run: LOTWISE_SEED, or a new one. */
export function testSeed(): number {
  return Number(process.env['LOTWISE_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
}

/** Numbers in [0, 1): mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
