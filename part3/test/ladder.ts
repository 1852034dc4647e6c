/** What the tests of the ladder have in common: clients that ask, and servers that are ended after each test. */

import { request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { hasProc } from '../../shared/harness/proc.ts';
import { headerOf, parseResponse, RawClient } from '../../shared/harness/raw-client.ts';
import { quick, type ServerProcess, startCommand } from '../../shared/harness/server-process.ts';
import { STAGES } from '../../shared/stages.ts';

export const GET = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Seconds of sleep that no test waits for: what is awaited happens during it. */
export const LONG = '600';
export const linux = test.runIf(hasProc);

/** Servers in the middle of a long sleep do not stop when asked. */
const running = new Set<ServerProcess>();
afterEach(async () => {
  const servers = [...running];
  running.clear();
  for (const server of servers) await server.kill();
});

export async function start(id: string, ...args: string[]): Promise<ServerProcess> {
  return launch(quick(fileOf(id), ...args));
}

export async function launch(command: string[]): Promise<ServerProcess> {
  const server = await startCommand(command);
  running.add(server);
  return server;
}

export function fileOf(id: string): string {
  return STAGES.find((stage) => stage.id === id)?.file ?? '';
}

export async function ask(server: ServerProcess): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  await client.send(GET);
  return client;
}

/** Several clients at once, all of which have asked. */
export function askAll(server: ServerProcess, count: number): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: count }, () => ask(server)));
}

/** The head of an answer has come: from here on its handler sleeps. */
export async function isAnswering(client: RawClient): Promise<void> {
  expect(await client.readUntil('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
}

/** The whole answer, and the process that gave it. */
export async function answerOf(client: RawClient): Promise<{ pid: number; text: string }> {
  const { bytes, ending } = await client.readToEnd();
  const response = parseResponse(bytes);
  const text = response.body.toString();
  expect(ending).toBe('fin');
  expect(headerOf(response, 'Content-Length')).toBe(`${text.length}`);
  return { pid: Number(/process (\d+)/.exec(text)?.[1]), text };
}

export function isCut({ bytes }: { bytes: Buffer }): boolean {
  return bytes.indexOf('\r\n\r\n') + 4 === bytes.length;
}

export async function expectService(server: ServerProcess): Promise<void> {
  const { statusCode, body } = await request(`${server.origin}/hello`);
  expect(statusCode).toBe(200);
  expect(await body.text()).toMatch(/^Hello, World!/);
}
