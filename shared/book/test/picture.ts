/**
 * Makes the pictures at the head of the root README: the wire in the middle of 3b's staircase, light and dark.
 *
 *   node --import tsx shared/book/test/picture.ts
 */
import path from 'node:path';
import { chromium } from 'playwright-core';
import { ROOT, startCommand, tsx } from '../../harness/server-process.ts';

const book = await startCommand(tsx('shared/book/cli.ts', '--port', '0'), { patience: 600 });
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
for (const colorScheme of ['light', 'dark'] as const) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 720 }, colorScheme });
  await page.goto(`http://localhost:${book.port}/part3/#connected-is-not-accepted`);
  await page.locator('html[data-alive]').waitFor({ state: 'attached' });
  await page
    .getByRole('button', { name: /^Try it: curl localhost:8888/ })
    .nth(2)
    .click();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByLabel('Server', { exact: true }).selectOption('part3 -- 3b --sleep 2');
  await page.getByRole('spinbutton').fill('3');
  await page
    .getByLabel(/What each client does/)
    .fill('send GET /hello HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n');
  await page.getByRole('button', { name: 'Send' }).click();
  await page
    .getByText(/client 2 ← read/)
    .nth(1)
    .waitFor();
  await page.screenshot({ path: path.join(ROOT, `shared/book/pictures/wire-${colorScheme}.png`) });
}
await browser.close();
await book.stop();
