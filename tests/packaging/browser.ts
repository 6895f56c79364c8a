/** Chromium with a profile on disk, where OPFS outlives a reload. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Page, chromium } from 'playwright-core';
import { CHROMIUM_FLAGS, chromium as chromiumPath } from '../../scripts/programs.mjs';

/** Hands a page of a fresh profile to `work`, and ends the browser whatever comes of it. */
export async function inChromium<T>(work: (page: Page) => Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), 'lotwise-profile-'));
  const executablePath = chromiumPath();
  const context = await chromium.launchPersistentContext(profile, { ...(executablePath && { executablePath }), args: CHROMIUM_FLAGS });
  try {
    return await work(await context.newPage());
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}
