/** That the measurements run, not what comes out of them: a machine under test is no place for that. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { testOnce } from '../harness/proven.ts';
import { quick, ROOT, runToEnd } from '../harness/server-process.ts';

const BENCH = path.join(ROOT, 'shared', 'bench', 'bench.ts');

const grounds = {
  group: 'the benchmark',
  parts: ['part3'],
  withTexts: true,
  options: { concurrent: false },
  file: import.meta.filename,
};

testOnce(
  {
    title:
      'a table has a row for each server, ours first, and a ratio for each other one; and so has the chart',
    ...grounds,
  },
  async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-'));
    try {
      const options = ['--rounds', '1', '--seconds', '0.1', '--warm-up', '0', '--connections', '2'];
      const command = quick(BENCH, 'gateway', ...options, '--svg', folder);
      const { code, stdout, stderr } = await runToEnd(command);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(
        /our gateway +\d+ .*\n +bare node:net +\d+ +\d+\.\d\d \(.*\n +node:http/,
      );
      for (const theme of ['light', 'dark']) {
        const svg = readFileSync(path.join(folder, `bench-${theme}.svg`), 'utf8');
        expect(svg).toMatch(
          /^<svg [^>]*role="img"[^>]*>\n<title [^>]*>Answers .*\n<desc .*our gateway 1/,
        );
        expect(svg).toMatch(/<text [^>]*>our gateway<\/text>[\s\S]*<text [^>]*>1<\/text>/);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

testOnce(
  { title: 'the rooms have a row each, for each packet, and shares of a whole', ...grounds },
  async () => {
    const { code, stdout, stderr } = await runToEnd(
      quick(BENCH, 'rooms', '--rounds', '1', '--seconds', '0.1', '--warm-up', '0'),
    );
    expect([code, stderr]).toEqual([0, '']);
    const rows = (name: string) =>
      stdout.match(new RegExp(`^  ${name}.* -?\\d+ +-?\\d\\.\\d\\d \\(`, 'gm'))?.length;
    for (const name of ['parser', 'environ', 'exchange', 'response writer', 'connection']) {
      expect([name, rows(name)]).toEqual([name, 4]);
    }
    expect(stdout.match(/^ {2}the whole +\d+$/gm)?.length).toBe(4);
  },
);

test('a table that is not there is one clear line', async () => {
  const { code, stderr } = await runToEnd(quick(BENCH, 'gatway'));
  expect([code, stderr.trim()]).toEqual([
    1,
    "No table 'gatway'; there are rooms, gateway, hosting, memory, transfer, tails, workers, nginx, python",
  ]);
});

test('a chart of what it does not show is one clear line', async () => {
  const { code, stderr } = await runToEnd(quick(BENCH, 'tails', '--svg', '.'));
  expect([code, stderr.trim()]).toEqual([1, '--svg draws gateway and python: name one of them']);
});
