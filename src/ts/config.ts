/** What was configured since opening, patch upon patch. Which fields there are, and their limits, is the engine's to know. */
import type { Config, DeepPartial } from './types.ts';

export type ConfigPatch = DeepPartial<Config>;

type Members = Record<string, unknown>;

/** `given` with the members that `patch` sets; a member that is undefined sets nothing. */
export function patched(given: ConfigPatch, patch: ConfigPatch): ConfigPatch {
  return merge(given as Members, patch as Members);
}

function merge(given: Members, patch: Members): Members {
  const members = Object.entries(patch).filter(([, value]) => value !== undefined).map(([key, value]) => {
    const before = Object.hasOwn(given, key) ? given[key] : undefined;
    return [key, isMembers(value) && isMembers(before) ? merge(before, value) : value] as const;
  });
  return { ...given, ...Object.fromEntries(members) };
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
