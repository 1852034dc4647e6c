/** Whether there is a browser, and what it takes to look at the book in it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe } from 'vitest';
import { ROOT } from '../../harness/server-process.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const isThere =
  existsSync(CHROMIUM) && existsSync(path.join(ROOT, 'shared/book/node_modules/playwright-core'));
const needs = 'needs npm ci --prefix shared/book, and chromium or CHROMIUM';
// Loaded by a name that is put together: the type check of the root knows no playwright.
const { describeInBrowser } = isThere ? await import(`./in-${'browser'}.ts`) : {};

// It bounds a hang; nothing is measured against it.
const timeout = 120_000;
describe.skipIf(!isThere)(`the book in a browser (${needs})`, { timeout }, () =>
  describeInBrowser?.(CHROMIUM),
);
