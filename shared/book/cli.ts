/** The command line behind `npm run book`: renders what has changed, and becomes the gateway with the book as its application. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { renderBook, renderTo } from './render.ts';

const HELP = `Usage: npm run book -- [options]

Shows the chapters in a browser, served by part 3's gateway: with search, the state of your checks, and a wire that sends
the requests of the chapters to the servers of the chapters. The first start installs what renders the pages.

Options
  --port N      port to listen on (default: 8800; the chapters' own programs have 8888)
  --open        open it in your browser
  --build DIR   write the pages into a new folder DIR for any web host, and serve nothing
  --help        this text`;

try {
  await main();
} catch (error) {
  console.error(`${(error as Error).message.split('. ')[0]} (npm run book -- --help)`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
  const { values } = parseArgs({
    options: { port: text, open: flag, build: text, help: { ...flag, short: 'h' } },
  });
  if (values.help) return console.log(HELP);
  if (values.build !== undefined) {
    if (existsSync(values.build))
      throw new Error(`${values.build} is there already: name a new folder`);
    await renderTo(path.resolve(values.build));
    return console.log(`The pages are in ${values.build}.`);
  }
  const port = values.port ?? '8800';
  const address = `http://localhost:${port}/`;
  await renderBook(); // the application asks for it again, and finds it done
  const program = path.join(import.meta.dirname, '..', 'run.ts');
  process.argv = [process.execPath, program, 'part3', 'book:app', '--port', port];
  await import('../run.ts'); // which comes back when it serves
  if (port !== '0') console.log(`The book: ${address}    Ctrl-C ends it.`);
  if (values.open) openInBrowser(address);
}

function openInBrowser(address: string): void {
  const openers: Record<string, string[]> = { darwin: ['open'], win32: ['cmd', '/c', 'start'] };
  const [command = '', ...args] = openers[process.platform] ?? ['xdg-open'];
  spawn(command, [...args, address], { stdio: 'ignore', detached: true })
    .on('error', ({ message }) => console.error(`${message}: open ${address} yourself`))
    .unref();
}
