/**
 * From the command line to what the gateway is made of: options and their values come in, and a door, limits and a staff go
 * out, or one line about what was wrong. It opens nothing, and starts nobody.
 */
import cluster from 'node:cluster';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { parseArgs } from 'node:util';
import { LIMITS, type Limits } from '../http/limits.ts';
import type { Staffing } from './supervisor.ts';
import type { Door } from './worker.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const OPTIONS = {
  ...{ host: text, port: text, unix: text, 'unix-mode': text },
  ...{ 'tls-cert': text, 'tls-key': text },
  ...{ workers: text, 'worker-timeout': text, 'max-requests': text },
  ...{ 'python-workers': text, 'python-threads': text, 'queue-timeout': text },
  ...{ 'forwarded-allow-ips': text, 'access-log': text, trace: flag },
  ...{ 'max-connections': text, 'max-body-bytes': text, 'max-head-bytes': text },
  ...{ 'head-timeout': text, 'keep-alive-timeout': text, 'body-timeout': text },
  ...{ 'write-timeout': text, 'request-timeout': text, 'half-close-timeout': text },
  ...{ 'drain-timeout': text },
} as const;

/** As far as a timer of Node.js goes: 24 days. */
export const MAX_SECONDS = 2 ** 21;

/** All of it, understood. */
export interface Options {
  /** The application, as `module:callable`. */
  readonly name: string;
  readonly door: Door;
  readonly limits: Limits;
  readonly staffing: Staffing;
  /** Processes that run an application in Python, and threads in each. */
  readonly python: { readonly workers: number; readonly threads: number };
  /** A path, or `-` for standard output. */
  readonly accessLog: string | undefined;
  readonly trace: boolean;
}

type Values = ReturnType<typeof readCommandLine>['values'];

/** Throws an error whose message is for the person who typed the command. */
export function readOptions(): Options {
  const { values, positionals } = readCommandLine();
  const [name, surplus] = positionals;
  if (!name) throw new Error('Provide a WSGI application object as module:callable');
  if (surplus) throw new Error(`One application, please: what is '${surplus}'?`);
  const limits = readLimits(values);
  return {
    name,
    limits,
    door: readDoor(values),
    staffing: readStaffing(values, limits),
    python: {
      workers: count(values['python-workers'] ?? '1', 'python-workers', 1),
      threads: count(values['python-threads'] ?? '1', 'python-threads', 1, 1000),
    },
    accessLog: values['access-log'] || undefined,
    trace: values.trace,
  };
}

function readCommandLine() {
  return parseArgs({ options: OPTIONS, allowPositionals: true });
}

function readDoor(values: Values): Door {
  const [cert, key] = [values['tls-cert'], values['tls-key']];
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error('TLS needs both: --tls-cert FILE --tls-key FILE');
  }
  if (values['unix-mode'] !== undefined && values.unix === undefined) {
    throw new Error('--unix-mode is for --unix PATH');
  }
  const fd = inheritedSocket();
  return {
    host: values.host ?? '127.0.0.1',
    port: count(values.port ?? (process.env.PORT || '8888'), 'port', 0, 65535),
    unix: fd === undefined ? values.unix : undefined,
    umask: readUmask(values['unix-mode']),
    fd,
    proxies: readProxies(values['forwarded-allow-ips']),
    tls: cert !== undefined && key !== undefined ? { cert, key } : undefined,
  };
}

/** A socket gets all permissions that the umask leaves. */
function readUmask(mode: string | undefined): number | undefined {
  if (mode === undefined) return undefined;
  if (/^0?[0-7]{3}$/.test(mode)) return 0o777 & ~Number.parseInt(mode, 8);
  throw new Error(`--unix-mode takes three octal digits, like 660, not '${mode}'`);
}

/** systemd opens the door itself and says so, sd_listen_fds(3): descriptor 3, for a process of this number. */
function inheritedSocket(): number | undefined {
  const { LISTEN_FDS, LISTEN_PID } = process.env;
  if (!LISTEN_FDS || Number(LISTEN_PID) !== (cluster.isPrimary ? process.pid : process.ppid))
    return;
  if (LISTEN_FDS !== '1') throw new Error(`One socket, please: systemd gave us ${LISTEN_FDS}`);
  return 3;
}

/** Addresses and networks, with commas between them; `*` is everybody. */
function readProxies(list: string | undefined): BlockList | undefined {
  if (list === undefined) return undefined;
  const proxies = new BlockList();
  const all = list === '*' ? ['0.0.0.0/0', '::/0'] : list.split(',');
  for (const entry of all) {
    const [address = '', bits] = entry.trim().split('/');
    const [family, most] = isIPv6(address) ? (['ipv6', 128] as const) : (['ipv4', 32] as const);
    const prefix = bits === undefined ? most : Number(bits || Number.NaN);
    if (isIP(address) === 0 || !(prefix >= 0 && prefix <= most)) {
      throw new Error(`--forwarded-allow-ips takes addresses and networks, not '${entry}'`);
    }
    proxies.addSubnet(address, prefix, family);
  }
  return proxies;
}

function readStaffing(values: Values, { drainTimeout }: Limits): Staffing {
  return {
    workers: count(values.workers ?? '1', 'workers', 1),
    workerTimeout: seconds(values['worker-timeout'] ?? '30', 'worker-timeout'),
    maxRequests: count(values['max-requests'] ?? '0', 'max-requests', 0),
    drainTimeout,
  };
}

/** The limits that can be set, named like their options: `--max-body-bytes` is maxBodyBytes. */
function readLimits(values: Values): Limits {
  const limits: Record<string, number> = { ...LIMITS };
  for (const [option, value] of Object.entries(values)) {
    const name = option.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (!(name in LIMITS) || typeof value !== 'string') continue;
    limits[name] = option.endsWith('timeout') ? seconds(value, option) : count(value, option, 1);
  }
  return limits as Limits;
}

function count(value: string, option: string, least: number, most = Number.MAX_SAFE_INTEGER) {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Error(`--${option} takes a whole number from ${least}, not '${value}'`);
}

function seconds(value: string, option: string): number {
  const number = Number(value);
  if (value !== '' && number >= 0 && number <= MAX_SECONDS) return number;
  throw new Error(`--${option} takes seconds (0: for ever), not '${value}'`);
}
