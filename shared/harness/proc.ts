/**
 * What Linux tells about processes and sockets, from /proc: descriptors, children, the queue of a port. Elsewhere
 * there is no such folder, and the answer is undefined.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  writeFileSync,
} from 'node:fs';

/** For tests that cannot do without it: `test.runIf(hasProc)('... (needs /proc)')`. */
export const hasProc = process.platform === 'linux';

/** Descriptors of a process that are sockets. */
export function openSockets(pid: number): number | undefined {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).filter((fd) => linkOf(`${folder}/${fd}`)?.startsWith('socket:'))
      .length;
  } catch {
    return undefined;
  }
}

/**
 * All that has this parent, with its state: R runs, S sleeps, T is stopped, Z has ended and was not asked about. The
 * main thread is a zombie before the last thread is gone, and the parent hears of it only then: so do we.
 */
export function childrenOf(parent: number): { pid: number; state: string }[] {
  return processes(TELLS_CHILDREN ? childPids(parent) : undefined)
    .filter(({ ppid, name }) => ppid === parent && name !== 'esbuild') // tsx's compiler, if it had work to do
    .map(({ pid, state }) => ({ pid, state: threadStates(pid).find((s) => s !== 'Z') ?? state }));
}

/** Not every kernel has been built to tell; where it does, looking takes a tenth of the time. */
const TELLS_CHILDREN = existsSync('/proc/thread-self/children');

/** The children that each thread of a process has started; none of a process that is gone. */
function childPids(parent: number): string[] {
  return entriesOf(`/proc/${parent}/task`).flatMap((thread) => {
    try {
      const children = readFileSync(`/proc/${parent}/task/${thread}/children`, 'utf8');
      return children.split(' ').filter(Boolean);
    } catch {
      return []; // it ended in the meantime
    }
  });
}

/** Whether a process stands still, with all of its threads: SIGSTOP takes its time, and is not waited for. */
export function isStopped(pid: number): boolean {
  const states = threadStates(pid);
  return states.length > 0 && states.every((state) => state === 'T');
}

/** Whether a process has work under way: it runs, or waits for a processor or a disk. False where nobody can tell. */
function isBusy(pid: number): boolean {
  return threadStates(pid).some((state) => state === 'R' || state === 'D');
}

/** Milliseconds, by the kernel's clock: since it booted, and from then to the birth of a process. Exact to 10 ms. */
export function uptime(): number {
  return Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000;
}

export function bornAt(pid: number): number {
  return parseStat(`/proc/${pid}/stat`).startTicks * 10; // the kernel shows all user space a hundred ticks a second
}

/** Connections on a port that the kernel has made and no process has accepted, whatever address it listens on. */
export function acceptQueue(port: number): number {
  const row = tcpRows('LISTEN').find((r) => r.localPort === port);
  if (!row) throw new Error(`nobody listens on port ${port}`);
  return row.received; // of one that listens, this is the length of its queue
}

/** Sockets of this machine that are connected, or are knocking, at these ports of it. */
export function socketsTo(ports: readonly number[], state: keyof typeof TCP_STATES): number {
  return tcpRows(state).filter(({ remotePort }) => ports.includes(remotePort)).length;
}

/** Whether somebody has read all that was sent to a port of this machine from another one of it. */
export function isReadUp(port: number, from = 0): boolean {
  const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, '0');
  // Asked again and again: one row is looked for, as to take all of them apart takes ten times as long.
  const ports = `\\w+:${hex(port)} \\w+:${hex(from)}`;
  const row = new RegExp(` ${ports} ${TCP_STATES.ESTABLISHED} \\w+:0{8} `);
  return ['tcp', 'tcp6'].some((file) => row.test(readFileSync(`/proc/net/${file}`, 'latin1')));
}

/**
 * Whether the processes of a group hold a socket in one of these states. The table may change while it is read, and lose a row:
 * who waits for one asks again.
 */
export function holdsSocket(group: number, ...states: (keyof typeof TCP_STATES)[]): boolean {
  const held = new Set(membersOf(group).flatMap(({ pid }) => socketsOf(pid)));
  return states.some((state) => tcpRows(state).some(({ inode }) => held.has(inode as string)));
}

/** Connections that a process holds a descriptor of, also those that are closed on the other side. Channels do not count. */
export function connectionsOf(pid: number): number {
  const listening = tcpRows('LISTEN');
  const others = new Set(listening.map(({ inode }) => inode));
  // Num RefCount Protocol Flags Type St Inode Path
  for (const row of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
    others.add(row.trim().split(/\s+/)[6]);
  }
  return socketsOf(pid).filter((inode) => !others.has(inode)).length;
}

/** Which of these processes hold the socket that listens on a port: they accept its connections, or could. */
export function listenersAmong(pids: readonly number[], port: number): number[] {
  const rows = tcpRows('LISTEN').filter((row) => row.localPort === port);
  const inodes = rows.map(({ inode }) => inode);
  return pids.filter((pid) => socketsOf(pid).some((inode) => inodes.includes(inode)));
}

/** The sockets of a process, by their inodes; none of one that is gone. */
function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder)
      .map((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${fd}`) ?? '')?.[1])
      .filter((inode) => inode !== undefined);
  } catch {
    return [];
  }
}

const TCP_STATES = { ESTABLISHED: '01', SYN_SENT: '02', LISTEN: '0A' } as const;

/** sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ... */
const TCP_ROW = /^ *\d+: \w+:(\w{4}) \w+:(\w{4}) (\w\w) \w+:(\w+) \S+ \w+ +\d+ +\d+ (\d+)/gm;

/** Those in one state: of sockets in TIME-WAIT a machine under test has thousands. */
function tcpRows(state: keyof typeof TCP_STATES) {
  const text = ['tcp', 'tcp6'].map((file) => readTable(`/proc/net/${file}`, state)).join('');
  const rows = [...text.matchAll(TCP_ROW)].filter((row) => row[3] === TCP_STATES[state]);
  return rows.map(([, local, remote, , received, inode]) => ({
    localPort: Number.parseInt(local as string, 16),
    remotePort: Number.parseInt(remote as string, 16),
    received: Number.parseInt(received as string, 16),
    inode,
  }));
}

/** The table, or where they are all in its beginning, as the sockets that listen are, that. */
function readTable(file: string, state: keyof typeof TCP_STATES): string {
  if (state !== 'LISTEN') return readFileSync(file, 'latin1');
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(4096);
    for (let text = ''; ; ) {
      const length = readSync(descriptor, buffer);
      text += buffer.toString('latin1', 0, length);
      if (length === 0 || /^ *\d+: \S+ \S+ (?!0A)/m.test(text)) return text;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Whether anything of a process group lives. Zombies do not: they only wait for a parent that is not us. */
export function hasLivingMember(group: number): boolean | undefined {
  try {
    return membersOf(group).some(({ state }) => state !== 'Z' && state !== 'X');
  } catch {
    return undefined;
  }
}

/** Whether all of a process group waits for something: nothing runs, or is about to. */
export function isIdle(group: number): boolean {
  return membersOf(group).every(({ pid }) => !isBusy(pid));
}

/** Processor time of a whole process group so far; NaN where nobody can tell. Its clock ticks 100 times a second. */
export function cpuSeconds(group: number): number {
  if (!hasProc) return Number.NaN;
  return membersOf(group).reduce((sum, { cpuTicks }) => sum + cpuTicks, 0) / 100;
}

/** Bytes of memory a process holds now, and the most it has held; as in /proc/PID/status. */
export function residentBytes(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/**
 * Bytes of memory that a process group holds, what its members share counted once: the proportional set size of each,
 * proc_pid_smaps(5). NaN where nobody can tell.
 */
export function groupBytes(group: number): number {
  if (!hasProc) return Number.NaN;
  return membersOf(group).reduce((sum, { pid }) => sum + proportionalBytes(pid), 0);
}

function proportionalBytes(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it ended in the meantime
  }
}

/** Forgets the peak: from now on, `residentBytes` tells of the most since now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** How many descriptors a process of ours may have. Node.js raises its soft limit to this one when it starts. */
export function descriptorLimit(): number {
  const [, limit] =
    /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit);
}

interface Process {
  pid: number;
  name: string;
  state: string;
  ppid: number;
  pgrp: number;
  startTicks: number;
  cpuTicks: number;
}

/** All of them, or those asked for. */
function processes(pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))): Process[] {
  return pids.flatMap((pid) => {
    try {
      return [parseStat(`/proc/${pid}/stat`)];
    } catch {
      return []; // ended in the meantime
    }
  });
}

/** Those of a process group. */
function membersOf(group: number): Process[] {
  return processes().filter(({ pgrp }) => pgrp === group);
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // the process is gone
  }
}

/** None for a process that is gone. */
function threadStates(pid: number): string[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.map((thread) => parseStat(`/proc/${pid}/task/${thread}/stat`).state);
  } catch {
    return []; // one ended while we looked
  }
}

function parseStat(file: string): Process {
  // pid (name) state ppid pgrp ...; the name may hold anything, so we look behind its last parenthesis
  const stat = readFileSync(file, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', ppid, pgrp] = fields;
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const ids = { pid: Number.parseInt(stat, 10), ppid: Number(ppid), pgrp: Number(pgrp) };
  const cpuTicks = Number(fields[11]) + Number(fields[12]);
  return { ...ids, name, state, startTicks: Number(fields[19]), cpuTicks };
}

function linkOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(descriptor);
  } catch {
    return undefined; // closed in the meantime
  }
}
