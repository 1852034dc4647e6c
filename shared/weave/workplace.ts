/**
 * Where the commands of a chapter are run: a folder that looks like the project, in which a reader's files may be made and go
 * with it, and ports of its own for those in the text. The text's words go in and out; what runs sees the others.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { QUICK, ROOT } from '../harness/server-process.ts';

/** The ports of the text: 88xx, 90xx, 8000 and 8080. */
const TEXT_PORT = /(?<![\w.])(?:88\d\d|90\d\d|8000|8080)(?![\w]|\.\d)/g;
/** As long as those of the text, so that lengths stay what they are; below those the kernel hands out. */
const [FIRST, LAST] = [5001, 7999];
/** So many of them for each process of the tests, of which several choose at the same time. */
const SHARE = 400;
const LANE = Number(process.env.VITEST_POOL_ID ?? 0) % 7;
const SERVICES = '/etc/services';
/** What a user's shell does not have, and a test runner's does. */
const NOT_INHERITED = /^(NODE_ENV|NODE_OPTIONS|VITEST.*|FORCE_COLOR|PORT|SERVER|CHECK_.*|npm_.*)$/;
/** In a terminal curl shows no progress, and what it reads as it comes; here it is told so. */
const CURL = 'curl() { command curl -sSN "$@"; }';
/** Where npm's stand-in is: a folder that no `ls` of a reader's shows. */
const STAND_IN = '.npm';
/** What the programs read in the place of a keyboard that nobody types on. */
const KEYBOARD = '.keyboard';

/** Whatever becomes of who opened them, they go. */
const open = new Set<Workplace>();
process.once('exit', () => {
  for (const place of open) place.close();
});

export class Workplace {
  readonly folder: string;
  /**
   * A descriptor that can be read and has nothing to say. A pipe of Node.js is a socket, and uWSGI takes one that it finds
   * at 0 for the one to listen on.
   */
  readonly keyboard: number;
  readonly #ports: ReadonlyMap<string, string>;
  readonly #hasNpm: boolean;

  private constructor(folder: string, ports: ReadonlyMap<string, string>, hasNpm: boolean) {
    this.folder = folder;
    this.#ports = ports;
    this.#hasNpm = hasNpm;
    const keyboard = path.join(folder, KEYBOARD);
    execFileSync('mkfifo', [keyboard]);
    this.keyboard = openSync(keyboard, 'r+');
  }

  /**
   * Opens a place for a text, whose ports may be in it and in the project's configurations. `npm run` is done by npm itself
   * only where it is asked for: it takes longer to start than what it starts.
   */
  static async open(text: string, hasNpm = false): Promise<Workplace> {
    const named = new Set(['8888', ...(text.match(TEXT_PORT) ?? []), ...portsOfConfigurations()]);
    const ports = await choosePorts([...named], text);
    const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'chapter-')));
    const place = new Workplace(folder, ports, hasNpm);
    open.add(place);
    place.#furnish();
    return place;
  }

  close(): void {
    if (!open.delete(this)) return;
    closeSync(this.keyboard);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A command of the text as it is run. */
  toCommand(text: string): string {
    const silent = text.replace(/\bnpm run (?!-s\b|--silent\b)/g, 'npm run --silent ');
    const here = silent.replace(/(?<![\w./])\/tmp\b/g, `${this.folder}/tmp`);
    return `exec 2>&1\n${CURL}\n${this.#toReal(here)}`;
  }

  /** What was printed, as the text would have it. */
  toText(printed: string): string {
    let text = printed
      .replaceAll(`${this.folder}/tmp`, '/tmp')
      .replaceAll(`${this.folder}/`, '')
      .replaceAll(`${ROOT}/`, '');
    for (const [named, real] of this.#ports)
      text = text.replace(new RegExp(`(?<![\\w.])${real}(?!\\w)`, 'g'), named);
    return text;
  }

  get environment(): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
    return {
      ...Object.fromEntries(inherited),
      PATH: [
        ...(this.#hasNpm ? [] : [path.join(this.folder, STAND_IN)]),
        path.join(this.folder, 'node_modules', '.bin'),
        path.dirname(process.execPath), // the Node.js that runs the tests runs the text
        process.env.PATH,
      ].join(path.delimiter),
      PORT: this.#ports.get('8888'),
      CHECK_HOME: this.folder,
      PYTHONUNBUFFERED: '1',
      PYTHONHASHSEED: '0',
      NO_COLOR: '1',
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
    };
  }

  #toReal(text: string): string {
    return text.replace(TEXT_PORT, (named) => this.#ports.get(named) ?? named);
  }

  /** The project's files, as links; what a reader makes beside them stays here. */
  #furnish(): void {
    mkdirSync(path.join(this.folder, 'tmp'));
    for (const name of readdirSync(ROOT)) {
      if (name === '.git') continue;
      if (/^part\d$/.test(name)) this.#furnishPart(name);
      else if (name === 'package.json') this.#copyScripts();
      else symlinkSync(path.join(ROOT, name), path.join(this.folder, name));
    }
  }

  /** The project's scripts, with the loader that the tests have: the chapters start some hundred programs. */
  #copyScripts(): void {
    const text = readFileSync(path.join(ROOT, 'package.json'), 'utf8');
    const quick = text.replaceAll('--import tsx', QUICK.join(' '));
    writeFileSync(path.join(this.folder, 'package.json'), quick);
    const { scripts } = JSON.parse(quick) as { scripts: Record<string, string> };
    const file = path.join(this.folder, STAND_IN, 'npm');
    mkdirSync(path.dirname(file));
    writeFileSync(file, standIn(scripts), { mode: 0o755 });
  }

  #furnishPart(part: string): void {
    mkdirSync(path.join(this.folder, part));
    for (const name of readdirSync(path.join(ROOT, part))) {
      const [from, to] = [path.join(ROOT, part, name), path.join(this.folder, part, name)];
      if (name.endsWith('.conf')) writeFileSync(to, this.#toReal(readFileSync(from, 'utf8')));
      else if (name !== 'my') symlinkSync(from, to);
    }
  }
}

/** What `npm run --silent NAME -- ...` does, for the scripts that become their program by `exec`; npm does all else. */
function standIn(scripts: Readonly<Record<string, string>>): string {
  const cases = Object.entries(scripts)
    .filter(([, script]) => /^exec [^"'&|;]+$/.test(script))
    .map(
      ([name, script]) =>
        `'run --silent ${name}') shift 3; [ "$1" != -- ] || shift; ${script} "$@";;`,
    );
  return [
    '#!/bin/sh',
    'case "$1 $2 $3" in',
    ...cases,
    'esac',
    `PATH=\${PATH#*:} exec npm "$@"`,
    '',
  ].join('\n');
}

function portsOfConfigurations(): string[] {
  const parts = readdirSync(ROOT).filter((name) => /^part\d$/.test(name));
  return parts.flatMap((part) => {
    const files = readdirSync(path.join(ROOT, part)).filter((name) => name.endsWith('.conf'));
    return files.flatMap(
      (file) => readFileSync(path.join(ROOT, part, file), 'utf8').match(TEXT_PORT) ?? [],
    );
  });
}

/** Goes round: who opens a place shortly after another one gets other ports. */
let next = Math.floor(Math.random() * SHARE);

/** A free port for each, none of which is a number of the text: that would be taken for a port in what is printed. */
async function choosePorts(named: readonly string[], text: string): Promise<Map<string, string>> {
  const ports = new Map<string, string>();
  const known = existsSync(SERVICES) ? readFileSync(SERVICES, 'utf8') : ''; // nc would call them by name
  const taken = text + known;
  for (const name of named) {
    for (let tries = 0; !ports.has(name); tries++) {
      if (tries === SHARE) throw new Error(`no port is free from ${FIRST} to ${LAST}`);
      const port = FIRST + LANE * SHARE + (next++ % SHARE);
      if (!taken.includes(`${port}`) && (await isFree(port))) ports.set(name, `${port}`);
    }
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer();
  const isOpen = await new Promise<boolean>((resolve) => {
    listener.once('error', () => resolve(false)).listen(port, () => resolve(true));
  });
  await new Promise((resolve) => listener.close(resolve));
  return isOpen;
}
