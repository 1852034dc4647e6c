import { setTimeout as delay } from 'node:timers/promises';
import type { Lesson } from '../../shared/checks/check.ts';
import { type Birth, CHANGING, ChangingCode } from '../../shared/checks/run/changing-code.ts';
import { isThere, kill } from '../../shared/checks/run/children.ts';
import {
  type Answer,
  answerOf,
  ask,
  comesTrue,
  PATIENCE,
  takeAnswer,
} from '../../shared/checks/run/clients.ts';
import { Failure } from '../../shared/checks/run/failure.ts';
import { head, takeCall } from '../../shared/checks/run/gateway.ts';
import { startWith } from '../../shared/checks/run/options.ts';
import { sideBySide } from '../../shared/checks/run/side-by-side.ts';
import type { Trial } from '../../shared/checks/run/trial.ts';
import { openGate } from '../../shared/harness/gate.ts';
import { isStopped } from '../../shared/harness/proc.ts';
import type { ServerProcess } from '../../shared/harness/server-process.ts';

/** Seconds without a sign of life. */
const SILENCE = 2;
const OPTIONS = ['--workers', '2', '--worker-timeout', `${SILENCE}`];
/** Seconds in which what was lost is there again; with the silence before it, where that has to be waited for. */
const SOON = 10;
/** Clients that ask at the same time, so that more than one worker has something to do. */
const AT_ONCE = 6;
/** Milliseconds between one who was born dead and the next: two such pauses in a row, or a longer one, are no hurry. */
const [PAUSE, LONG_PAUSE] = [250, 1_000];
/** Births in a row without such pauses; and seconds for them, which only a machine needs that is very busy. */
const [HURRY, LONG] = [8, 25];
/** Answers in a row that say the new words: then nobody is left who says the old ones. */
const SETTLED = 12;

export const check: Lesson = {
  title: 'A worker that is killed, stuck or born dead is replaced; new code comes without a loss',
  goal: 'Half of serving is burying: somebody must look after those who serve, and serve nobody.',
  hints: [
    'A worker is gone. Another is there, and says nothing. A third dies whenever it is born. Who notices each, and what must that one never do itself?',
    "node:cluster: worker.on('exit'), process.send for a sign of life, worker.process.kill('SIGKILL'), for a stopped one hears nothing else - " +
      'waitpid(2), kill(2), signal(7); for SIGHUP cluster.fork again, then worker.disconnect() for the old ones: a connection that is on its way ' +
      'to one of them is not lost.',
    'A loop: spawn who is missing, kill who gave no sign of life for --worker-timeout S, note who died young and wait twice as long as last time. ' +
      'On SIGHUP: fork new ones, wait until they listen, then let as many old ones finish and exit; if a new one cannot start, the old stay.',
  ],
  anchor: 'server/README.md#supervisor',
  lenient: [
    'who deals the connections out',
    'what becomes of the requests of a worker that is killed',
    'how long the pauses are, if there are some: two of 0.25 s in a row, or one of a second',
    'how many times new code is tried',
    'who loads the application once, before it forks: then nobody is born dead',
    'what is printed',
  ],
  prepare: `echo one > /tmp/code`,
  byHand:
    'while curl -sS http://127.0.0.1:$PORT/words; do echo; sleep 0.2; done  # in a third terminal: kill -9, kill -STOP a worker; echo two > /tmp/code and kill -HUP the server; echo broken',
  solution: 'gateway',
  seconds: 60,
  needs: 'Linux',
  async run(trial) {
    const codes = [new ChangingCode('one'), new ChangingCode('one'), new ChangingCode('one')];
    try {
      const starting = codes.map(({ env }) => startWith(trial, OPTIONS, { app: CHANGING, env }));
      await Promise.allSettled(starting); // so that all can be ended, if one is not there
      const servers = await Promise.all(starting);
      const [first, second, third] = servers.map((server, index) => {
        return new Watch(trial, server, codes[index] as ChangingCode);
      }) as [Watch, Watch, Watch];
      await sideBySide([replacesTheKilled(first), buriesTheStopped(second), reloads(third)]);
    } finally {
      for (const code of codes) code.remove();
    }
  },
  mistakes: [
    {
      name: 'unknown-option',
      file: 'part3/server/options.ts',
      says: 'Started with --workers 2 --worker-timeout 2 your program ended before it was ready',
      edits: [["'worker-timeout': text, ", '']],
    },
    {
      name: 'no-workers',
      says: 'With --workers 2 the application runs in the process that was started: expected two others',
      edits: [['if (staffing.workers > 1 && cluster.isPrimary) {', 'if (staffing.workers > 9) {']],
    },
    {
      name: 'no-respawn',
      file: 'part3/server/supervisor.ts',
      says: 'A worker was killed, and 10 s later 1 of 2 processes answers',
      edits: [
        [
          'if (performance.now() < this.#nextBirth) return;',
          'if (performance.now() < this.#nextBirth || this.#isAnnounced) return;',
        ],
      ],
    },
    {
      name: 'waits-for-the-stopped',
      file: 'part3/server/supervisor.ts',
      says: 'A worker was stopped with SIGSTOP, and with --worker-timeout 2 it is still there 12 s later',
      edits: [
        [
          "const isStuck = now - member.lastSign > (member.state === 'starting' ? MAX_START : timeout);",
          'void timeout;\n      const isStuck = now - member.lastSign > MAX_START;',
        ],
      ],
    },
    {
      name: 'waits-for-the-stopped',
      file: 'part3/server/supervisor.ts',
      says: 'A worker was stopped with SIGSTOP, and with --worker-timeout 2 it is still there 12 s later',
      edits: [
        [
          "member.process.process.kill('SIGKILL');\n      [member.lastSign",
          "member.process.process.kill('SIGTERM');\n      [member.lastSign",
        ],
      ],
    },
    {
      name: 'hurries',
      file: 'part3/server/supervisor.ts',
      says: 'Code that cannot start: 8 workers were born and died, each at once behind the one before; expected pauses',
      edits: [['this.#nextBirth = now + this.#backoff;', 'this.#nextBirth = now;']],
    },
    {
      name: 'no-reload',
      file: 'part3/server/supervisor.ts',
      says: 'SIGHUP, and 10 s later the old code still answers: expected new workers with the new code',
      edits: [["SIGHUP: 'reload'", "SIGHUP: 'status'"]],
    },
    {
      name: 'keeps-an-old-one',
      file: 'part3/server/supervisor.ts',
      says: 'SIGHUP, and 10 s later an old worker is still there',
      edits: [
        [
          'for (const member of old.slice(0, Math.max(0, surplus))) this.#drain(member, true);',
          'for (const member of old.slice(1, Math.max(0, surplus))) this.#drain(member, true);',
        ],
      ],
    },
    {
      name: 'reload-that-drops',
      file: 'part3/server/supervisor.ts',
      says: 'SIGHUP under load: an answer that was under way in an old worker was cut',
      edits: [
        [
          "member.process.send({ kind: 'drain', seconds, inPeace } satisfies Order);",
          "member.process.process.kill('SIGKILL');",
        ],
      ],
    },
    {
      name: 'reload-that-drops',
      file: 'part3/server/supervisor.ts',
      says: 'SIGHUP under load: a client had no answer',
      edits: [
        [
          'const surplus = serving.length - this.#staffing.workers;',
          'const surplus = serving.length;',
        ],
      ],
    },
    {
      name: 'dies-of-new-code',
      file: 'part3/server/supervisor.ts',
      says: 'SIGHUP with code that cannot start: expected the old workers to serve on, and a client had no answer; your program ended',
      edits: [["console.log('* the reload failed: those that serve go on');", 'return true;']],
    },
  ],
};

/** What one process says of itself, and whether it could be asked. */
interface Said {
  readonly pid: number;
  readonly words: string;
}

/** A server whose workers are watched from outside, by what they say. */
class Watch {
  readonly server: ServerProcess;
  readonly code: ChangingCode;
  readonly trial: Trial;

  constructor(trial: Trial, server: ServerProcess, code: ChangingCode) {
    this.trial = trial;
    this.server = server;
    this.code = code;
  }

  /** Asks on a connection of its own; undefined if there is no answer in that time. */
  async ask(seconds: number): Promise<Said | undefined> {
    const client = await ask(this.trial, this.server, head('GET /words')).catch(() => undefined);
    if (!client) return undefined;
    await comesTrue(() => answerOf(client) !== undefined || client.ending !== 'open', seconds);
    const answer = answerOf(client);
    client.leave();
    return answer && toSaid(answer);
  }

  /** Those who answer, but for these: two of them, or as many as there are in that time. */
  async crew(but: readonly number[] = []): Promise<Set<number>> {
    const pids = new Set<number>();
    for (const end = performance.now() + SOON * 1000; pids.size < 2 && performance.now() < end; ) {
      const said = await Promise.all(Array.from({ length: AT_ONCE }, () => this.ask(1)));
      for (const one of said) if (one && !but.includes(one.pid)) pids.add(one.pid);
      if (pids.has(this.server.pid))
        throw new Failure(
          'With --workers 2 the application runs in the process that was started: expected two others',
          { mistake: 'no-workers' },
        );
      await delay(40);
    }
    return pids;
  }

  async two(but: readonly number[], what: string, mistake: string): Promise<[number, number]> {
    const pids = await this.crew(but);
    if (pids.size === 2) return [...pids] as [number, number];
    throw new Failure(`${what}, and ${SOON} s later ${pids.size} of 2 processes answers`, {
      mistake,
    });
  }
}

function toSaid({ status, text }: Answer): Said | undefined {
  const [, pid, words = ''] = /^(\d+) (.*)$/.exec(text) ?? [];
  return status === 200 && pid ? { pid: Number(pid), words } : undefined;
}

/** One is stopped, and gives no sign of life any more. */
async function buriesTheStopped(watch: Watch): Promise<void> {
  const [stopped] = await watch.two([], 'It was started with --workers 2', 'no-workers');
  process.kill(stopped, 'SIGSTOP');
  await comesTrue(() => isStopped(stopped), 2);
  if (await comesTrue(() => !isStopped(stopped), SOON + SILENCE)) {
    await watch.two([stopped], 'A worker was stopped, and is gone', 'no-respawn');
    return;
  }
  const message = `A worker was stopped with SIGSTOP, and with --worker-timeout ${SILENCE} it is still there ${SOON + SILENCE} s later`;
  throw new Failure(message, { mistake: 'waits-for-the-stopped' });
}

/** One is killed, and another comes in its place; then with broken code, where each that is to come dies, in no hurry. */
async function replacesTheKilled(watch: Watch): Promise<void> {
  const { code } = watch;
  const [first, other] = await watch.two([], 'It was started with --workers 2', 'no-workers');
  kill(first);
  const after = await watch.two([first], 'A worker was killed', 'no-respawn');
  if (!after.includes(other)) throw new Failure('One worker was killed, and both are new');
  const before = code.births().length;
  code.write('broken');
  kill(other);
  for (const end = performance.now() + LONG * 1000; performance.now() < end; await delay(30)) {
    const dead = code.births().slice(before);
    if (hasPaused(dead)) break;
    if (dead.length >= HURRY) {
      const message = `Code that cannot start: ${HURRY} workers were born and died, each at once behind the one before; expected pauses`;
      throw new Failure(message, { mistake: 'hurries' });
    }
  }
  const said = await watch.ask(SOON);
  if (said?.words === 'one') return;
  throw new Failure(
    'Code that cannot start: expected the other worker to serve on, and a client had no answer',
  );
}

/**
 * From a death to the next birth. The last pause is still going on, or the next one is born already, and has not come to its
 * code. Where processes take long to begin, because the machine is busy, they also take long to end, and that is no pause.
 */
function hasPaused(dead: readonly Birth[]): boolean {
  const longest = Math.max(...dead.map(({ began, loaded }) => loaded - began));
  const pauses = dead.map(({ began, loaded }, index) => {
    const next = dead[index + 1]?.began ?? Date.now() - 2 * longest;
    return next - loaded < (loaded - began) / 2 ? 0 : next - loaded;
  });
  const isPause = (pause = 0) => pause >= PAUSE;
  return pauses.some(
    (pause, index) => pause >= LONG_PAUSE || (isPause(pause) && isPause(pauses[index + 1])),
  );
}

/** New code under load, then code that cannot start, and good code again. */
async function reloads(watch: Watch): Promise<void> {
  const { code, server, trial } = watch;
  const old = await watch.two([], 'It was started with --workers 2', 'no-workers');
  const gate = await openGate();
  const load = new Load(watch);
  try {
    const busy = await ask(trial, server, head(`GET /relay?${gate.port}`));
    const app = await takeCall(gate.opened, busy);
    app.on('error', () => {}); // it goes when the application goes
    app.write('begun, ');
    await comesTrue(() => busy.size > 0, SOON);
    code.write('two');
    server.signal('SIGHUP');
    await load.settlesOn('two', 'SIGHUP');
    if (load.losses > 0) await comesTrue(() => busy.ending !== 'open', 2); // who is cut is told, and not who was unlucky
    app.end('done');
    const cut = 'SIGHUP under load: an answer that was under way in an old worker was cut';
    const answer = await takeAnswer(busy, cut).catch(({ details }: Failure) => {
      throw new Failure(cut, { ...details, mistake: 'reload-that-drops' });
    });
    if (answer.text !== 'begun, done')
      throw new Failure(cut, { received: busy.received, mistake: 'reload-that-drops' });
    busy.leave(); // who keeps its half open may be waited for
    load.expectNoLoss('SIGHUP under load: a client had no answer', 'reload-that-drops');
    if (!(await comesTrue(() => !old.some(isThere), SOON))) throw stillThere('SIGHUP');
    await triesBrokenCode(watch, load);
  } finally {
    await load.end();
    gate.close();
  }
}

function stillThere(what: string): Failure {
  const message = `${what}, and ${SOON} s later an old worker is still there`;
  return new Failure(message, { mistake: 'keeps-an-old-one' });
}

async function triesBrokenCode({ code, server }: Watch, load: Load): Promise<void> {
  const before = code.births().length;
  const since = Date.now();
  code.write('broken');
  server.signal('SIGHUP');
  await comesTrue(() => load.losses > 0 || hasTried(code.births(), before, since), SOON);
  if (load.losses > 0) await comesTrue(() => server.hasExited, 1);
  const what = 'SIGHUP with code that cannot start';
  load.expectNoLoss(
    `${what}: expected the old workers to serve on, and a client had no answer`,
    'dies-of-new-code',
  );
  code.write('three');
  server.signal('SIGHUP');
  await load.settlesOn('three', 'SIGHUP after code that could not start');
  load.expectNoLoss(`${what}, and then with code that can: a client had no answer`);
}

/** Nobody else was born for a while, or three were, and what follows from that has had its moment. */
function hasTried(births: readonly Birth[], before: number, since: number): boolean {
  const longest = Math.max(...births.map(({ began, loaded }) => loaded - began));
  const last = births.length > before ? births.at(-1)?.loaded : undefined;
  const patience = births.length < before + 3 ? 500 + 2 * longest : 300 + longest;
  return Date.now() - (last ?? since) > patience;
}

/** Clients that ask one after the other, each on a connection of its own, until it is enough. */
class Load {
  readonly #watch: Watch;
  readonly #clients: Promise<void>[];
  #isOver = false;
  losses = 0;
  readonly #heard = new Set<string>();
  /** What was said last, and how many times in a row. */
  #words = '';
  #inARow = 0;

  constructor(watch: Watch) {
    this.#watch = watch;
    this.#clients = Array.from({ length: 3 }, () => this.#askOn());
  }

  async settlesOn(words: string, what: string): Promise<void> {
    const isSettled = () => this.#words === words && this.#inARow >= SETTLED;
    if (await comesTrue(() => isSettled() || this.losses > 0, SOON)) return;
    if (this.#heard.has(words)) throw stillThere(what);
    const message = `${what}, and ${SOON} s later the old code still answers: expected new workers with the new code`;
    throw new Failure(message, { ...(words === 'two' && { mistake: 'no-reload' }) });
  }

  expectNoLoss(message: string, mistake?: string): void {
    if (this.losses > 0) throw new Failure(message, { ...(mistake && { mistake }) });
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #askOn(): Promise<void> {
    while (!this.#isOver) {
      const said = await this.#watch.ask(PATIENCE);
      if (!said) this.losses++;
      this.#inARow = said?.words === this.#words ? this.#inARow + 1 : 1;
      this.#words = said?.words ?? '';
      this.#heard.add(this.#words);
      await delay(15);
    }
  }
}
