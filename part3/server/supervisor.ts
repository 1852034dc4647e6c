/**
 * The processes of a server: starts workers, replaces those that die, hang or grow old, and sees them out. It never
 * touches a request. Both ends of the wire between it and a worker are in this file; what a worker does for a
 * living is not its business.
 */
import cluster, { type Worker as Process } from 'node:cluster';
import { onSignal } from './signals.ts';
import { type Worker, withUmask } from './worker.ts';

export interface Staffing {
  readonly workers: number;
  /** Seconds without a sign of life until a worker is taken for stuck; 0: never. */
  readonly workerTimeout: number;
  /** Requests after which a worker has had enough; 0: never. */
  readonly maxRequests: number;
  /** Seconds a worker has to finish what is under way. */
  readonly drainTimeout: number;
  /** The umask of workers, if it is not the supervisor's. */
  readonly umask?: number | undefined;
}

/** What a worker says. It is worn out after its number of requests, or by a SIGTERM, and serves until it is replaced. */
type Report =
  | { readonly kind: 'serving'; readonly where: string }
  | { readonly kind: 'alive'; readonly requests: number; readonly underWay: number }
  | { readonly kind: 'worn out' };
/** What it is told. In peace: those who are connected may ask once more. */
type Order = { readonly kind: 'drain'; readonly seconds: number; readonly inPeace: boolean };

/** What the operator wants. A signal handler only notes it; the loop acts. */
type Wish = 'reload' | 'status' | 'stop';
const WISHES = { SIGHUP: 'reload', SIGUSR2: 'status', SIGTERM: 'stop', SIGINT: 'stop' } as const;

interface Member {
  readonly process: Process;
  readonly born: number;
  /** Since when it serves; in the future, as long as it does not. */
  served: number;
  /** Which wish for a reload it was born for; 0: it is worn out. */
  generation: number;
  state: 'starting' | 'serving' | 'draining';
  /** When we last heard of it; and when it has to be gone. */
  lastSign: number;
  deadline: number;
  requests: number;
  underWay: number;
}

/** Milliseconds between two rounds of the loop, if nothing happens. */
const ROUND = 100;
/** Milliseconds between two signs of life. */
const PULSE = 500;
/** Milliseconds a worker has to load its application, in which it can say nothing. */
const MAX_START = 60_000;
/** Milliseconds a worker should serve; if not, the next one waits: 100 at first, then twice as long each time. */
const GOOD_AGE = 1_000;
const MAX_BACKOFF = 10_000;
/** Workers that may die in a row before they serve; then it is no accident. */
const MAX_STILLBIRTHS = 3;
/** Processes for each that should serve: one serves, one starts, two drain. With more of them, a reload waits. */
const MAX_CROWD = 4;
/** Milliseconds that a draining worker has beyond its own deadline. */
const GRACE = 2_000;

export class Supervisor {
  readonly #staffing: Staffing;
  readonly #members = new Set<Member>();
  readonly #wishes: Wish[] = [];
  #generation = 1;
  #hasServed = false;
  /** Whether all that should serve have, once: the line that says so is printed once. */
  #isAnnounced = false;
  #stillbirths = 0;
  #backoff = 0;
  #nextBirth = 0;
  #lastRound = performance.now();
  #lastSignal = 0;
  #wake: () => void = () => {};

  constructor(staffing: Staffing) {
    this.#staffing = staffing;
    // Workers take connections from the kernel's queue themselves. Dealt out in turn, a connection on its way to a
    // worker that dies would stay open here for ever, and one that is stuck would be dealt one that it never takes.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
  }

  /** The job. Resolves with the exit code when all are gone. */
  async run(): Promise<number> {
    for (const [signal, wish] of Object.entries(WISHES) as [NodeJS.Signals, Wish][]) {
      onSignal(signal, (number) => {
        this.#lastSignal = number;
        this.#wishes.push(wish);
        this.#wake();
      });
    }
    for (;;) {
      const wish = this.#wishes.shift();
      if (wish === 'stop') return this.#stop();
      if (wish === 'reload') this.#outdateAll();
      if (wish === 'status') this.#printStatus();
      this.#killOverdue();
      this.#spawnMissing();
      this.#retireOld();
      if (this.#isHopeless()) return this.#giveUp();
      if (this.#wishes.length === 0) await this.#somethingHappens();
    }
  }

  /** There may be new code, and what became of workers with the old says nothing about it. */
  #outdateAll(): void {
    this.#generation++;
    [this.#stillbirths, this.#backoff, this.#nextBirth] = [0, 0, 0];
  }

  /**
   * Workers that are starting count, whatever code they load: each will serve before it is replaced. So every reload
   * comes to its end, however many signals come. As long as it is not sure that one can live, one starts at a time:
   * at first, and after one that could not.
   */
  #spawnMissing(): void {
    if (performance.now() < this.#nextBirth) return;
    const { workers } = this.#staffing;
    const serving = this.#those('serving');
    const missing = workers - serving.filter(this.#isCurrent).length;
    const isSure = this.#hasServed && this.#stillbirths === 0;
    const births = Math.min(missing, isSure ? workers : 1) - this.#those('starting').length;
    const canWait = serving.length >= workers;
    const room = canWait ? workers * MAX_CROWD - this.#members.size : births;
    for (let left = Math.min(births, room); left > 0; left--) this.#spawn();
  }

  #spawn(): void {
    const now = performance.now();
    const member: Member = {
      process: withUmask(this.#staffing.umask, () => cluster.fork()),
      born: now,
      served: Number.POSITIVE_INFINITY,
      generation: this.#generation,
      state: 'starting',
      lastSign: now,
      deadline: Number.POSITIVE_INFINITY,
      requests: 0,
      underWay: 0,
    };
    this.#members.add(member);
    member.process.on('message', (report: Report) => this.#hear(member, report));
    member.process.once('exit', (code, signal) => this.#reap(member, signal ?? code));
    member.process.on('error', () => {}); // it was told something when it was gone: its exit is on the way
  }

  #hear(member: Member, report: Report): void {
    member.lastSign = performance.now();
    if (report.kind === 'alive') {
      member.requests = report.requests;
      member.underWay = report.underWay;
      return;
    }
    if (report.kind === 'worn out') member.generation = 0;
    if (report.kind === 'serving' && member.state === 'starting') {
      member.state = 'serving';
      member.served = performance.now();
      this.#hasServed = true;
      this.#stillbirths = 0;
      this.#welcome(report.where);
    }
    this.#wake();
  }

  #reap(member: Member, cause: string | number): void {
    this.#members.delete(member);
    this.#wake();
    if (member.state === 'draining') return;
    if (member.state === 'starting') {
      if (!this.#isCurrent(member)) return; // of its code nobody wants to know any more
      this.#stillbirths++;
    }
    const now = performance.now();
    const isYoung = now - member.served < GOOD_AGE;
    this.#backoff = isYoung ? Math.min(this.#backoff * 2 || 100, MAX_BACKOFF) : 0;
    this.#nextBirth = now + this.#backoff;
    if (!this.#hasServed) return; // it has said itself why
    console.log(`* worker ${pidOf(member)} ended: ${cause}; the next one in ${this.#backoff} ms`);
  }

  /** An old worker goes when more serve than there should be, and not before: one that is starting serves nobody yet. */
  #retireOld(): void {
    const serving = this.#those('serving');
    const surplus = serving.length - this.#staffing.workers;
    const old = serving.filter((member) => !this.#isCurrent(member));
    for (const member of old.slice(0, Math.max(0, surplus))) this.#drain(member, true);
  }

  #drain(member: Member, inPeace: boolean): void {
    // One that still loads its application dies of it. One that has just opened its door does not, and drains.
    if (member.state === 'starting') member.process.process.kill('SIGTERM');
    const seconds = this.#staffing.drainTimeout;
    member.state = 'draining';
    member.deadline = performance.now() + (seconds || Number.POSITIVE_INFINITY) * 1000 + GRACE;
    if (member.process.isConnected()) {
      member.process.send({ kind: 'drain', seconds, inPeace } satisfies Order);
    }
  }

  #killOverdue(): void {
    const now = performance.now();
    const timeout = this.#staffing.workerTimeout * 1000 || Number.POSITIVE_INFINITY;
    // Where we were stopped ourselves for a while, nobody is to blame for what we did not hear.
    const haveSlept = now - this.#lastRound > Math.max(PULSE * 2, timeout / 2);
    this.#lastRound = now;
    for (const member of this.#members) {
      if (haveSlept) member.lastSign = now;
      const isStuck = now - member.lastSign > (member.state === 'starting' ? MAX_START : timeout);
      if (!isStuck && now < member.deadline) continue;
      const silence = Math.floor((now - member.lastSign) / 1000);
      const reason = isStuck ? `gave no sign of life for ${silence} s` : 'did not drain';
      console.log(`* worker ${pidOf(member)} ${reason}: killed`);
      member.process.process.kill('SIGKILL');
      [member.lastSign, member.deadline] = [now, Number.POSITIVE_INFINITY];
    }
  }

  /** Nobody serves, and nobody lives long enough to. Where old workers still serve, a reload has failed, no more. */
  #isHopeless(): boolean {
    if (this.#stillbirths === 0) return false;
    const serving = this.#those('serving');
    if (serving.length === 0) return !this.#hasServed || this.#stillbirths >= MAX_STILLBIRTHS;
    if (serving.every(this.#isCurrent) || this.#stillbirths < MAX_STILLBIRTHS) return false;
    console.log('* the reload failed: those that serve go on');
    for (const member of this.#those('starting')) this.#drain(member, false);
    for (const member of serving) member.generation = this.#generation;
    this.#stillbirths = 0;
    return false;
  }

  async #giveUp(): Promise<number> {
    if (this.#hasServed) {
      console.error(
        `* ${this.#stillbirths} workers in a row died before they could serve: giving up`,
      );
    }
    await this.#stop();
    return 1;
  }

  /** All drain. Who asks again does not want to wait. */
  async #stop(): Promise<number> {
    for (const member of this.#those('starting', 'serving')) this.#drain(member, false);
    while (this.#members.size > 0) {
      if (this.#wishes.shift() === 'stop') {
        for (const member of this.#members) member.process.process.kill('SIGKILL');
        return 128 + this.#lastSignal;
      }
      this.#killOverdue();
      await this.#somethingHappens();
    }
    return 0;
  }

  #welcome(where: string): void {
    const serving = this.#those('serving').length;
    if (serving === this.#staffing.workers && !this.#isAnnounced) {
      this.#isAnnounced = true;
      console.log(`webserver3: Serving ${where} ... (${serving} workers)\n`);
    }
  }

  #printStatus(): void {
    const now = performance.now();
    for (const member of this.#members) {
      const age = Math.round((now - member.born) / 1000);
      const { state, requests, underWay } = member;
      console.log(
        `* worker ${pidOf(member)}: ${state}, ${age} s old, ${requests} requests, ${underWay} under way`,
      );
    }
  }

  #those(...states: Member['state'][]): Member[] {
    return [...this.#members].filter(({ state }) => states.includes(state));
  }

  readonly #isCurrent = (member: Member): boolean => member.generation === this.#generation;

  async #somethingHappens(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, ROUND);
    });
  }
}

/** The other end of the wire: opens the door, says so, gives signs of life, and goes when it is told to. */
export async function serveUnderSupervisor(worker: Worker, staffing: Staffing): Promise<void> {
  const report = (message: Report) => process.connected && process.send?.(message);
  process.on('message', async ({ seconds, inPeace }: Order) => {
    await worker.drain(seconds, inPeace);
    process.exit();
  });
  // To the whole group these come from the terminal, and our supervisor will tell us what to do.
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => {});
  process.on('SIGTERM', () => report({ kind: 'worn out' }));
  report({ kind: 'serving', where: await worker.listen() });
  // Not all at the same time: workers that began together would also end together.
  const limit = staffing.maxRequests * (1 + Math.random() / 10) || Number.POSITIVE_INFINITY;
  let isWornOut = false;
  setInterval(() => {
    report({ kind: 'alive', ...worker.stats });
    if (isWornOut || worker.stats.requests < limit) return;
    isWornOut = true;
    report({ kind: 'worn out' });
  }, PULSE).unref();
}

function pidOf(member: Member): number | undefined {
  return member.process.process.pid;
}
