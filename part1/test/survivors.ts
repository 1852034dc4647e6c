/**
 * What the checks of this part let pass, of `npm run mutants`: changes that no client can tell, or that nothing lets a
 * check demand of a reader's server. Each with its reason.
 */
import type { Excuse } from '../../shared/checks/proof/fates.ts';

const file = 'part1/webserver1.ts';
const OPTIONS = 'an option of ours; shared/harness/command-line.test.ts asks it of every stage';

export const SURVIVORS: readonly Excuse[] = [
  {
    file,
    line: "socket.on('error', () => socket.destroy());",
    change: 'undefined',
    why: 'Node.js destroys the socket behind its error by itself; what counts is that somebody listens',
  },
  {
    file,
    line: 'socket.setTimeout(IDLE_TIMEOUT',
    change: 'undefined',
    why: 'it shows after half a minute of silence, which no check waits for',
  },
  {
    file,
    line: 'if (end > MAX_HEAD_BYTES ||',
    why: 'how long a head may be is for the server to say: a head a little longer is served, or a little shorter refused',
  },
  {
    file,
    line: "Buffer.from('That is too much to ask",
    why: 'the words of an error page are for people',
  },
  {
    file,
    line: 'socket.end(body, () =>',
    change: 'undefined',
    why: 'who never closes is let go of after two seconds: no other client waits for that',
  },
  {
    file,
    line: 'return line.replace(/[^ -~]/g',
    change: "'0'",
    why: 'how an escaped letter is written is for people, as long as two letters are not written alike',
  },
  {
    file,
    line: "process.once('SIGINT'",
    why: 'Ctrl-C ends it in any case; with which exit status is for the shell',
  },
  { file, line: 'port: values.port ??', change: '&&', why: OPTIONS },
  { file, line: 'host: values.host ??', why: OPTIONS },
  { file, line: '} catch (error) {', why: OPTIONS },
  {
    file,
    line: 'const reason = (error as Error).message',
    why: 'how a reason is printed is for people',
  },
];
