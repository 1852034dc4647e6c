/**
 * One suite over every stage that has the capability. With SERVER="python3 my.py" in the environment the
 * suites run against that program instead, in whatever language it is written; what only a certain stage of
 * ours does is left out then.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type Capability, STAGES, type Stage } from '../stages.ts';
import { type Ending, parseResponse } from './raw-client.ts';
import {
  type ServerProcess,
  type StartOptions,
  startServer,
  type Target,
} from './server-process.ts';
import { canMakeDoor, type Transport } from './transport.ts';

const YOURS: Stage = {
  id: 'SERVER',
  part: '',
  file: '',
  summary: 'your program',
  can: [],
};

export function describeStages(
  title: string,
  capability: Capability,
  suite: (stage: Stage) => void,
): void {
  const ours = STAGES.filter(({ can }) => can.includes(capability));
  for (const stage of process.env.SERVER ? [YOURS] : ours) {
    describe(`${stage.id} ${stage.file || process.env.SERVER}: ${title}`, () => suite(stage));
  }
}

/** Names a suite and runs it over certain servers: what the suites of `contract/` are given. */
export type DescribeServers = (title: string, suite: (target: Target) => void) => void;

/** For the contract's suites: the gateways of one part that keep it, over one transport. */
export function gatewaysOf(
  part: string,
  transport: Transport = 'tcp',
  workers?: number,
): DescribeServers {
  const isOurs = (stage: Stage) => stage.part === part && stage.can.includes('contract');
  const stages = process.env.SERVER ? [YOURS] : STAGES.filter(isOurs);
  const isElsewhere = transport !== 'tcp';
  return (title, suite) => {
    for (const stage of stages) {
      const over =
        (isElsewhere ? ` over ${transport}` : '') + (workers ? `, ${workers} workers` : '');
      const needs = canMakeDoor(transport) ? '' : ' (needs openssl)';
      const isSkipped = needs !== '' || (isElsewhere && stage === YOURS);
      const name = `${stage.id} ${stage.file || process.env.SERVER}${over}: ${title}${needs}`;
      describe.skipIf(isSkipped)(name, () =>
        suite({ ...stage, transport, ...(workers && { workers }) }),
      );
    }
  };
}

/** For what one stage of ours does and no other has to: its limits. */
export function describeStage(id: string, title: string, suite: (stage: Stage) => void): void {
  const stage = STAGES.find((candidate) => candidate.id === id);
  if (!stage) throw new Error(`no stage ${id}`);
  describe.skipIf(process.env.SERVER)(`${id} ${stage.file}: ${title}`, () => suite(stage));
}

/** What a stage needs to serve `/hello` soon: a gateway an application, a sleeper no sleep, and few workers do. */
export function appFor(stage: Stage): StartOptions {
  if (stage.can.includes('gateway')) return { app: 'wsgiapp:app' };
  return {
    args: [
      ...(hasOption(stage, '--sleep S') ? ['--sleep', '0'] : []),
      ...(hasOption(stage, '--workers N') ? ['--workers', '2'] : []),
    ],
  };
}

/** The same start, with what travels on the terminal: some stages always show it, others when asked. */
export function watched(stage: Stage, options: StartOptions): StartOptions {
  const trace = hasOption(stage, '--trace') ? ['--trace'] : [];
  return { ...options, args: [...(options.args ?? []), ...trace] };
}

export function hasOption(stage: Stage, wanted: string): boolean {
  return stage.options?.some(([option]) => option === wanted) ?? false;
}

/** Servers that the suites of a file share, by stage and options; they stop behind the last of them. */
const shared = new Map<string, Promise<ServerProcess>>();
afterAll(async () => {
  for (const starting of shared.values()) await (await starting).stop();
});

/** Starts the stage before the tests of the surrounding suite, unless another suite of the file has it already. */
export function useServer(stage: Target, options: StartOptions = {}): () => ServerProcess {
  const key = JSON.stringify([stage.id, stage.transport, stage.workers, options]);
  let server: ServerProcess | undefined;
  beforeAll(async () => {
    if (!shared.has(key)) shared.set(key, startServer(stage, options));
    server = await shared.get(key);
  });
  return () => {
    if (!server) throw new Error('the server has not started');
    return server;
  };
}

/** Half an answer, ended so that no client takes it for a whole one: the framing tells, or else a RST. */
export function expectCut({ bytes, ending }: { bytes: Buffer; ending: Ending }): void {
  const isFramed = /\r\n(content-length|transfer-encoding):/i.test(bytes.toString('latin1'));
  if (isFramed) expect([parseResponse(bytes).isWhole, ending]).toEqual([false, 'fin']);
  else expect(ending).toBe('rst');
}

/**
 * For a gateway that is watched while it sends an endless answer, in blocks of 64 KiB, to a client that reads
 * nothing: the buffers on the way fill up, and then nothing more is made. The figure comes to rest, and is small.
 */
export async function expectHeldBack(server: ServerProcess): Promise<void> {
  await server.waitForOutput(/^> \[65536 bytes\]$/m);
  const sent = () => server.stdout.match(/65536 bytes/g)?.length ?? 0;
  let last = -1;
  const isAtRest = () => {
    const before = last;
    last = sent();
    return before === last;
  };
  await expect.poll(isAtRest, { interval: 300, timeout: 20_000 }).toBe(true);
  expect(sent()).toBeLessThan(1024); // 64 MiB
}
