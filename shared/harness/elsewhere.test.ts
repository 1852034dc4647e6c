/**
 * The contracts of other languages: each hello of `shared/apps/elsewhere/` is called by the least that can be called a
 * server there, in its own language, where that is on this machine. What comes of it is the same everywhere.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromFetchHandler } from '../adapters/fetch-handler.ts';
import helloFetch from '../apps/elsewhere/hello-fetch.ts';
import type { Environ } from '../wsgi.ts';

const FOLDER = path.join(import.meta.dirname, '..', 'apps', 'elsewhere');
const ANSWER = '200\ncontent-type: text/plain\n\nHello from /the/middle!\n';

/** Rack: what `run` is given is called with the environ, and returns all three at once. */
const RACK = `
  def run(app = nil, &block) = $app = app || block
  load 'hello.ru'
  status, headers, body = $app.call({ 'REQUEST_METHOD' => 'GET', 'PATH_INFO' => '/the/middle' })
  puts status
  headers.each { |name, value| puts "#{name}: #{value}" }
  puts
  body.each { |chunk| print chunk }`;

/** PSGI: the last value of the file is the application. */
const PSGI = `
  my $app = do './hello.psgi' or die $@ || $!;
  my ($status, $headers, $body) = @{ $app->({ REQUEST_METHOD => 'GET', PATH_INFO => '/the/middle' }) };
  print "$status\\n";
  while (my ($name, $value) = splice @$headers, 0, 2) { print "$name: $value\\n" }
  print "\\n", @$body;`;

/** ASGI: the application reads and writes events. */
const ASGI = `
import asyncio, hello_asgi

async def receive():
    return {'type': 'http.request', 'body': b'', 'more_body': False}

async def send(event):
    if event['type'] == 'http.response.start':
        print(event['status'])
        print(*(f'{name.decode()}: {value.decode()}' for name, value in event['headers']), '', sep='\\n')
    else:
        print(event['body'].decode(), end='')

asyncio.run(hello_asgi.app({'type': 'http', 'method': 'GET', 'path': '/the/middle'}, receive, send))`;

/** Of Servlet's API what Hello.java touches, as the specification declares it: the API itself is no part of Java. */
const SERVLET_API = {
  HttpServletRequest: 'public interface HttpServletRequest { String getPathInfo(); }',
  HttpServletResponse: `public interface HttpServletResponse {
    void setContentType(String type);
    java.io.PrintWriter getWriter() throws java.io.IOException;
  }`,
  HttpServlet: `public abstract class HttpServlet {
    protected void doGet(HttpServletRequest q, HttpServletResponse r) throws java.io.IOException {}
    public void service(HttpServletRequest q, HttpServletResponse r) throws java.io.IOException { doGet(q, r); }
  }`,
};

/** And the container, for one request. */
const SERVLET = `
  import jakarta.servlet.http.*;
  import java.io.PrintWriter;
  class Container {
    public static void main(String[] args) throws Exception {
      new Hello().service(() -> "/the/middle", new HttpServletResponse() {
        public void setContentType(String type) { System.out.print("200\\ncontent-type: " + type + "\\n\\n"); }
        public PrintWriter getWriter() { return new PrintWriter(System.out, true) {
          @Override public void print(String text) { super.print(text); flush(); } }; }
      });
    }
  }`;

/** Whether a language is here; where CI is set it has to be. */
const has = (program: string, ...args: string[]) =>
  process.env.CI !== undefined || spawnSync(program, args).status === 0;

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { cwd: FOLDER, encoding: 'utf8' });
}

describe.skipIf(process.env.SERVER)('the same idea elsewhere', () => {
  const hasRuby = has('ruby', '-v');
  test.skipIf(!hasRuby)(`Rack${hasRuby ? '' : ' (needs ruby)'}`, () => {
    expect(run('ruby', '-e', RACK)).toBe(ANSWER);
  });

  const hasPerl = has('perl', '-v');
  test.skipIf(!hasPerl)(`PSGI${hasPerl ? '' : ' (needs perl)'}`, () => {
    expect(run('perl', '-e', PSGI).replace('Content-Type', 'content-type')).toBe(ANSWER);
  });

  const hasPython = has('python3', '--version');
  test.skipIf(!hasPython)(`ASGI${hasPython ? '' : ' (needs python3)'}`, () => {
    expect(run('python3', '-B', '-c', ASGI)).toBe(ANSWER);
  });

  const hasJava = has('javac', '-version');
  test.skipIf(!hasJava)(`Servlet${hasJava ? '' : ' (needs javac)'}`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'servlet-'));
    try {
      const api = path.join(folder, 'jakarta/servlet/http');
      mkdirSync(api, { recursive: true });
      for (const [name, declaration] of Object.entries(SERVLET_API)) {
        const text = `package jakarta.servlet.http;\n${declaration}\n`;
        writeFileSync(path.join(api, `${name}.java`), text);
      }
      writeFileSync(path.join(folder, 'Container.java'), SERVLET);
      const container = path.join(folder, 'Container.java');
      run('javac', '-d', folder, '-sourcepath', folder, 'Hello.java', container);
      expect(run('java', '-cp', folder, 'Container')).toBe(ANSWER);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('Fetch, called as it is', async () => {
    const response = helloFetch.fetch(new Request('http://localhost:8888/the/middle'));
    const head = [...response.headers].map(([name, value]) => `${name}: ${value}\n`).join('');
    expect(`${response.status}\n${head}\n${await response.text()}`).toBe(ANSWER);
  });

  test('Fetch, as an application', async () => {
    const sent: string[] = [];
    const environ = { REQUEST_METHOD: 'GET', REQUEST_URI: '/the/middle', HTTP_HOST: 'localhost' };
    const app = fromFetchHandler(helloFetch.fetch);
    const start = (status: string, headers: [string, string][]) => {
      sent.push(status.slice(0, 3), ...headers.map((header) => header.join(': ')), '', '');
      return async () => {};
    };
    const whole = { ...environ, SERVER_NAME: 'localhost', 'wsgi.url_scheme': 'http' };
    const chunks: Buffer[] = [];
    for await (const chunk of await app(whole as unknown as Environ, start)) {
      chunks.push(Buffer.from(chunk));
    }
    expect(sent.join('\n') + Buffer.concat(chunks).toString()).toBe(ANSWER);
  });
});
