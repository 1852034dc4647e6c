/** The book in a real browser, as a reader has it: Debian's Chromium, or the one that CHROMIUM names. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { testOnce } from '../../harness/proven.ts';
import {
  ROOT,
  runToEnd,
  type ServerProcess,
  startCommand,
  tsx,
} from '../../harness/server-process.ts';

const CHAPTERS = [
  '/',
  '/part1/',
  '/part2/',
  '/part3/',
  '/part3/http/',
  '/part3/gateway/',
  '/part3/server/',
  '/part3/operating',
  '/growth',
  '/source/part1/webserver1.ts',
];

export function describeInBrowser(executablePath: string): void {
  const home = mkdtempSync(path.join(tmpdir(), 'book-'));
  let book: ServerProcess;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[] = [];
  /** Where pages may load from. */
  let own = '';
  const origin = () => `http://localhost:${book.port}`;

  beforeAll(async () => {
    const command = ['env', `CHECK_HOME=${home}`, ...tsx('shared/book/cli.ts', '--port', '0')];
    book = await startCommand(command, { patience: 600 }); // it may have to be rendered first
    // No name is found but our own: whatever a page asks of another host fails, and is a fault.
    const args = ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost'];
    browser = await chromium.launch({ executablePath, args, timeout: 120_000 });
  }, 780_000);
  afterAll(async () => {
    await browser?.close();
    await book?.stop();
    rmSync(home, { recursive: true, force: true });
  });
  beforeEach(async () => {
    faults = [];
    own = origin();
    context = await browser.newContext({
      viewport: { width: 1400, height: 900 },
      reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(60_000);
    page = await context.newPage();
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(message.text());
    });
    page.on('pageerror', ({ message }) => faults.push(message));
    page.on('requestfailed', (request) => {
      // What is under way when a page is left is broken off: that is no fault.
      if (request.failure()?.errorText !== 'net::ERR_ABORTED')
        faults.push(`failed: ${request.url()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(own) && !request.url().startsWith('data:'))
        faults.push(`abroad: ${request.url()}`);
    });
  });
  afterEach(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });

  /** Opens a page, and resolves when it is alive. */
  const open = async (name: string) => {
    const answer = await page.goto(origin() + name);
    await page.locator('html[data-alive]').waitFor({ state: 'attached' });
    return answer?.status();
  };

  const expectToFit = async (width: number) => {
    await page.setViewportSize({ width, height: 900 });
    const beyond = () => document.documentElement.scrollWidth - innerWidth;
    expect(await page.evaluate(beyond), `${width}`).toBeLessThanOrEqual(0);
  };
  /** A test of a page as it stands, in the place of the one before it. */
  const testPage = (name: string, does: string, body: () => Promise<void>) =>
    testOnce(
      {
        group: 'the pages of the book',
        title: `${name} ${does}`,
        parts: ['part1', 'part2', 'part3'],
        withTexts: true,
        options: { concurrent: false },
      },
      body,
    );

  for (const name of CHAPTERS) {
    const does = 'opens, with its figures, at every width, light and dark, and axe finds nothing';
    testPage(name, does, async () => {
      expect(await open(name)).toBe(200);
      expect(
        await page.evaluate(() =>
          [...document.images]
            .filter(({ naturalWidth }) => naturalWidth === 0)
            .map(({ src }) => src),
        ),
      ).toEqual([]);
      for (const width of [360, 800, 1400]) await expectToFit(width);
      expect(await axe(page)).toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      // In the dark only colours and figures change, and a page of each kind has all colours.
      if (name.length < 8 || name.includes('source'))
        expect(await axe(page, { runOnly: 'color-contrast' }), 'dark').toEqual([]);
      await expectToFit(360);
    });
  }

  for (const name of ['/part1/', '/part3/', '/growth', '/source/part1/webserver1.ts'])
    testPage(name, 'on paper: no navigation, and nothing is cut off', async () => {
      await open(name);
      await page.emulateMedia({ media: 'print' });
      await page.setViewportSize({ width: 700, height: 990 }); // A4 within its margins
      for (const gone of ['.VPNav', '.VPSidebar', '.VPLocalNav', '.try', '.copy', '.check button'])
        expect(await page.locator(gone).filter({ visible: true }).count(), gone).toBe(0);
      const cut = await page.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll<HTMLElement>('.VPDoc *')].flatMap(
          (one) => {
            const { overflowX, overflowY } = getComputedStyle(one);
            const isCut = one.scrollWidth > one.clientWidth + 1 && overflowX !== 'visible';
            const isShort = one.scrollHeight > one.clientHeight + 1 && overflowY !== 'visible';
            const isBeyond = one.getBoundingClientRect().right > innerWidth + 1;
            return isCut || isShort || isBeyond ? `${one.tagName} ${one.className}` : [];
          },
        ),
      );
      expect([...new Set(cut)]).toEqual([]);
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      expect(await axe(page, { runOnly: 'color-contrast' })).toEqual([]);
      const ink = await page.locator('.vp-doc').evaluate((one) => getComputedStyle(one).color);
      const paper = await page
        .locator('body')
        .evaluate((one) => getComputedStyle(one).backgroundColor);
      expect([ink, paper]).toEqual(['rgb(17, 17, 17)', 'rgb(255, 255, 255)']);
    });

  test('a copy of the pages on any web host says how its live parts are had', async () => {
    const site = path.join(ROOT, 'shared/book/cache/site');
    own = 'http://copy.localhost/';
    await page.route(`${own}**`, async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({
        path: path.join(site, pathname, pathname.endsWith('/') ? 'index.html' : ''),
      });
    });
    await page.goto(`${own}part1/`);
    await page.locator('html[data-alive]').waitFor({ state: 'attached' });
    await page
      .getByRole('button', { name: /^Try it/ })
      .first()
      .click();
    await page.getByText('no server stands behind it').waitFor();
    expect(await page.getByRole('button', { name: 'Send' }).count()).toBe(0);
    expect(await page.getByRole('option', { name: 'part1 -- 1b' }).count()).toBe(2);
    await page.goto(own);
    await page.getByText('These pages are a copy').waitFor();
  });

  test('the search finds the backlog', async () => {
    await open('/');
    await page.keyboard.press('Control+k');
    await page.locator('#localsearch-input').fill('backlog');
    await page.locator('.results .result').first().waitFor();
    expect(await page.locator('.results').innerText()).toMatch(
      /Connected is not accepted|The queue has a length/,
    );
    await page.keyboard.press('Enter');
    await page.waitForURL(/part3/);
  });

  test('the name of a file above a block leads to the lines of the block', async () => {
    await open('/part1/');
    await page.locator('p:has-text("1b-hello.ts, server:") a').first().click();
    await page.waitForURL(/source\/part1\/1b-hello\.ts/);
    await page.locator('.line.marked').first().waitFor();
    expect(await page.locator('.line.marked').allInnerTexts()).toContain(
      "  socket.once('data', (request) => {",
    );
  });

  test('a check fails with its reason and turns green when it passes, and the start page counts it', async () => {
    mkdirSync(path.join(home, 'part1/my'), { recursive: true });
    writeFileSync(path.join(home, 'package.json'), '{"type":"module"}');
    cpSync(path.join(ROOT, 'part1/start/server.ts'), path.join(home, 'part1/my/server.ts'));
    await open('/part1/');
    const check = page.locator('.check', {
      has: page.getByRole('button', { name: 'Run check 1-02' }),
    });
    await check.getByRole('button').click();
    await check.locator('.told').waitFor();
    await page.locator('.check[data-state=failing]').waitFor();
    expect(await check.locator('.told').innerText()).toContain('x 1-02 hello');
    cpSync(path.join(ROOT, 'part1/webserver1.ts'), path.join(home, 'part1/my/server.ts'));
    await check.getByRole('button').click();
    await page.locator('.check[data-state=passed]').waitFor();
    // What a terminal does elsewhere, the page follows.
    await runToEnd(tsx('shared/checks/commands/cli.ts', 'check', '1-03'), { CHECK_HOME: home });
    await page.locator('.check[data-state=passed]').nth(1).waitFor();
    await open('/');
    await page.getByText('2 of 8 checks').waitFor();
  });

  /** Opens the wire at a command of a chapter by the keyboard alone; what its time line says in the end. */
  const tryIt = async (chapter: string, command: RegExp, edit?: () => Promise<void>) => {
    await open(chapter);
    await page.getByRole('button', { name: command }).first().focus();
    await page.keyboard.press('Enter');
    if (edit) {
      await page.getByRole('button', { name: 'Stop' }).click();
      await edit();
      await page.getByRole('button', { name: 'Send' }).click();
    }
    await page.getByText('all is over').first().waitFor();
    return page.locator('.timeline').allInnerTexts();
  };
  const choose = async (server: string, beside = '') => {
    await page.getByLabel('Server', { exact: true }).selectOption(server);
    await page.getByLabel('beside it').selectOption(beside);
  };

  test('the wire on 1b and 1c, side by side: one answers half a request, the other waits for it', async () => {
    const [early = '', late = ''] = await tryIt('/part1/', /printf 'GET \/he'; sleep 1/, () =>
      choose('part1 -- 1b', 'part1 -- 1c'),
    );
    expect(early).toMatch(/sent 7 bytes.*read.*Hello, World!.*sent 25 bytes/s);
    expect(late).toMatch(/sent 7 bytes.*of silence.*sent 25 bytes.*read.*Content-Length: 42CRLF/s);
    expect(late).toContain('C3B6'); // the ö of its page
  });

  test('the wire on 2b: a query is taken for a part of the path', async () => {
    const [told = ''] = await tryIt('/part2/', /hello\?x=1/);
    expect(told).toMatch(/part2 -- 2b wsgiapp:app.*HTTP\/1\.1 404 Not FoundCRLF.*FIN/s);
  });

  test('the wire on 3b: a staircase, and on 3g none', async () => {
    const [told = ''] = await tryIt('/part3/', /client3 --clients 3/, async () => {
      await choose('part3 -- 3b --sleep 2');
      await page.getByRole('spinbutton').fill('2');
    });
    const reads = [...told.matchAll(/([\d.]+) s client (\d) ← read/g)].map(
      ([, , client]) => client,
    );
    expect(reads).toEqual(['1', '1', '2', '2']);
    await page.getByLabel('Server', { exact: true }).selectOption('part3 -- 3g --sleep 1');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('part3 -- 3g --sleep 1', { exact: true }).last().waitFor();
    await page.getByText('all is over').first().waitFor();
    const flat = await page.locator('.timeline').innerText();
    expect(
      [...flat.matchAll(/client (\d) ← read/g)]
        .map(([, client]) => client)
        .slice(0, 2)
        .sort(),
    ).toEqual(['1', '2']);
  });

  test('the wire on the gateway: what is smuggled is refused, and nothing of it becomes markup', async () => {
    const [told = ''] = await tryIt('/part3/', /Content-Length: 5.*Transfer-Encoding: chunked/);
    expect(told).toMatch(/HTTP\/1\.1 400 Bad RequestCRLF/);
    await page
      .getByLabel(/What each client does/)
      .fill('send GET /<img/src=x/onerror=alert(1)> HTTP/1.1\\r\\n\\x00\nreset');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.timeline', { hasText: 'NUL' }).getByText('all is over').waitFor();
    expect(await page.locator('.timeline').innerText()).toContain('<img/src=x/onerror=alert(1)>');
    expect(await page.locator('.timeline img').count()).toBe(0);
    expect(await page.locator('.timeline').innerText()).toContain('RST: hangs up rudely');
    expect(await axe(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.locator('dialog.wire').waitFor({ state: 'hidden' });
  });

  test('a line that is no step is said to be none, and a page elsewhere gets nothing', async () => {
    await tryIt('/part1/', /localhost:8888\/still-there/);
    await page.getByLabel(/What each client does/).fill('shout');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Line 1 is none of').waitFor();
    await page.route('http://elsewhere.example/', (route) => route.fulfill({ body: 'elsewhere' }));
    await page.goto('http://elsewhere.example/');
    const told = await page.evaluate(
      (url) =>
        fetch(url, { method: 'POST', mode: 'no-cors', body: '{}' }).then(
          ({ type }) => type,
          ({ name }) => name,
        ),
      `${origin()}/live/run`,
    );
    expect(['opaque', 'TypeError']).toContain(told); // some browsers do not even ask
    faults = faults.filter((text) => !/elsewhere|live\/run|ERR_FAILED|403/.test(text));
  });
}

/** What axe-core finds, in a line each. */
async function axe(page: Page, options: object = {}): Promise<string[]> {
  const source = readFileSync(
    path.join(ROOT, 'shared/book/node_modules/axe-core/axe.min.js'),
    'utf8',
  );
  await page.evaluate(source);
  return page.evaluate(async (given) => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(
          given: object,
        ): Promise<{ violations: { id: string; nodes: { target: string[] }[] }[] }>;
      };
    };
    const { violations } = await axe.run(given);
    return violations.flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ target }) => `${id}: ${target.join(' ')}`),
    );
  }, options);
}
