/**
 * What the commands of a chapter need, and which of them need not be run, since .ci/run does all of them first. An act or a
 * command comes in; tools that are missing, or what is left to run, go out.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../harness/server-process.ts';
import type { Act } from './transcript.ts';

/** Commands that set the project up or test all of it, and where .ci/run does the same; '' is the checkout itself. */
export const DONE_BY_CI: readonly (readonly [command: RegExp, inCi: string])[] = [
  [/^git clone \S+$/, ''],
  [/^cd lets-build-a-web-server$/, ''],
  [/^npm (install|ci)$/, 'npm ci'],
  [/^npm test$/, 'npm test'],
  [/^npm run setup:python$/, 'npm run setup:python'],
  [/^npm run typecheck$/, 'npm run typecheck'],
  [/^npm run lint$/, 'npm run lint'],
  [
    /^\.venv\/bin\/pip install -r shared\/harness\/requirements\.txt$/,
    '-r shared/harness/requirements.txt',
  ],
];

/** What is left to run of a command; undefined: nothing. */
export function leftToRun(command: string): string | undefined {
  const isDone = (one: string) => DONE_BY_CI.some(([pattern]) => pattern.test(one.trim()));
  const left = command.split(' && ').filter((one) => !isDone(one.replace(/\s+#.*$/, '')));
  return left.length > 0 ? left.join(' && ') : undefined;
}

/** A word that needs a tool to be installed. All else is in POSIX, or comes with the project. */
const TOOLS: readonly (readonly [word: RegExp, tool: string])[] = [
  [/\bnc /, 'nc'],
  [/\bcurl /, 'curl'],
  [/\bnginx /, 'nginx'],
  [/\bopenssl /, 'openssl'],
  [/\blsof /, 'lsof'],
  [/\bps /, 'ps'],
  [/\bss -/, 'ss'],
  [/\bpython3 |\b(\w+)\.py:\w/, 'python3'],
  [/\.venv\/|\b(flask|django|pyramid)app\b/, '.venv/bin/python'],
];

/** Why an act cannot be played here; undefined: it can. */
export function whatIsMissing({ steps }: Act): string | undefined {
  if (process.platform !== 'linux') return 'transcripts are those of Linux';
  const text = steps.map(({ command }) => command).join('\n');
  const needed = TOOLS.filter(([word]) => word.test(text)).map(([, tool]) => tool);
  const missing = needed.filter((tool) => !isThere(tool));
  return missing.length > 0 ? `missing: ${missing.join(', ')}` : undefined;
}

function isThere(tool: string): boolean {
  if (tool.includes('/')) return existsSync(path.join(ROOT, tool));
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', tool]).status === 0;
}
