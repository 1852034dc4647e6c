/**
 * The requests that the chapters show, as bytes that can be sent again: the commands of an act come in, and out go the
 * server that was started last in it and the steps of a client. What is no plain request has no scene.
 */
import { parseArgs } from 'node:util';
import type { Chapter } from '../weave/chapter.ts';
import { toActs } from '../weave/transcript.ts';
import { ESCAPES, formatScript, type Step } from './notation.ts';
import { readServer } from './servers.ts';

export interface Scene {
  /** As in `npm run part3 -- 3b --sleep 2`, without the first two words. */
  readonly server: string;
  readonly script: string;
  readonly clients: number;
}

/** The scenes of a chapter: for the line of each command that has one. */
export function scenesOf(chapter: Chapter): Map<number, Scene> {
  const scenes = new Map<number, Scene>();
  for (const { steps } of toActs(chapter)) {
    let server: string | undefined;
    for (const step of steps) {
      if (step.kind !== 'shows' && step.kind !== 'runs') continue;
      if (step.terminal !== '' && step.command.startsWith('npm run part'))
        server = serverOf(step.command);
      const asked = server === undefined ? undefined : requestOf(step.command);
      if (server && asked)
        scenes.set(step.line, {
          server,
          clients: asked.clients,
          script: formatScript(asked.steps),
        });
    }
  }
  return scenes;
}

/** The words behind `npm run`, if they start a server that a page may ask for. */
function serverOf(command: string): string | undefined {
  const [, words] = /^npm run (part\d(?: -- [\w ./:-]+)?)$/.exec(command) ?? [];
  return words !== undefined && readServer(words) ? words : undefined;
}

/** The steps of a client that a command is; undefined for all that is more than one plain request. */
export function requestOf(command: string): { steps: Step[]; clients: number } | undefined {
  const text = command.replaceAll('\\\n', ' ').trim();
  const [, clients] = /^npm run part3 -- client3 --clients (\d+)/.exec(text) ?? [];
  if (clients)
    return {
      steps: [send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
      clients: Math.min(Number(clients), 8),
    };
  const [, group, piped] =
    /^(?:\(([^()]*)\)|(printf '[^']*')) \| nc localhost 8888(?: \||$)/.exec(text) ?? [];
  const pieces = (group ?? piped)?.split(/; (?=printf|sleep)/).map(pieceOf);
  if (pieces?.every((piece) => piece !== undefined)) return { steps: pieces, clients: 1 };
  const [, words] =
    /^curl ((?:'[^']*'|"[^"$`]*"|[^'"|;&<>$`()])+)(?:2> \/dev\/null)?(?:$| \||;| &)/.exec(text) ??
    [];
  const steps = words && curl(words.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []);
  return steps ? { steps, clients: 1 } : undefined;
}

function send(bytes: string): Step {
  return { kind: 'send', bytes };
}

function pieceOf(text: string): Step | undefined {
  const [, seconds] = /^sleep ([\d.]+)$/.exec(text.trim()) ?? [];
  if (seconds) return { kind: 'pause', seconds: Number(seconds) };
  const [, quoted, bare] = /^printf (?:'([^'%]*)'|(\w+))$/.exec(text.trim()) ?? [];
  const format = quoted ?? bare;
  if (format === undefined) return undefined;
  return send(
    format.replace(/\\(?:([0-7]{1,3})|([rnt\\]))/g, (all, octal, letter) =>
      octal ? String.fromCharCode(Number.parseInt(octal, 8)) : (ESCAPES[letter] ?? all),
    ),
  );
}

/** What curl sends for its words; undefined for options that mean more than these bytes. */
function curl(words: readonly string[]): Step[] | undefined {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
  const many = { ...text, multiple: true, short: 'H' } as const;
  const options = {
    request: { ...text, short: 'X' },
    header: many,
    data: { ...text, short: 'd' },
    agent: { ...text, short: 'A' },
    output: { ...text, short: 'o' },
    format: { ...text, short: 'w' },
    time: { ...text, short: 'm' },
    'http0.9': flag,
    include: { ...flag, short: 'i' },
    silent: { ...flag, short: 's' },
    errors: { ...flag, short: 'S' },
  };
  try {
    const args = words.map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [isOurs, target = ''] = /^localhost:8888(\/\S*)?$/.exec(positionals.join(' ')) ?? [];
    if (isOurs === undefined) return undefined;
    const body = values.data && Buffer.from(values.data).toString('latin1');
    const given = (values.header ?? []).map((line) => Buffer.from(line).toString('latin1'));
    const isGiven = (name: string) =>
      given.some((line) => line.toLowerCase().startsWith(`${name}:`));
    const isChunked = isGiven('transfer-encoding');
    const head = [
      `${values.request ?? (body ? 'POST' : 'GET')} ${target || '/'} HTTP/1.1`,
      'Host: localhost:8888',
      `User-Agent: ${values.agent ?? 'curl/7.88.1'}`,
      'Accept: */*',
      ...given,
      ...(body && !isChunked ? [`Content-Length: ${body.length}`] : []),
      ...(body && !isGiven('content-type')
        ? ['Content-Type: application/x-www-form-urlencoded']
        : []),
    ];
    const framed =
      body && isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : (body ?? '');
    return [send(`${head.join('\r\n')}\r\n\r\n${framed}`)];
  } catch {
    return undefined; // an option that is not in the list above
  }
}
