/** What goes wrong in part 3, made from our own stages, and what the checks say to it: the ladder to 3-10. */
import type { Mistake } from './mistake.ts';
import { LATER_MISTAKES } from './mistakes-3-later.ts';

const HANDLE = '    await handleRequest(socket);';
const FORK = "    const child = fork(import.meta.filename, ['child']);";
const GIVE_UP = 'const giveUp = () => socket.destroy(); // it never came so far';
const HEAR_ERRORS = "    child.on('error', (error) =>";
const [A, B, C, D, E, F] = [
  'part3/3a-iterative.ts',
  'part3/3b-sleeping.ts',
  'part3/3c-process-per-connection.ts',
  'part3/3d-descriptors.ts',
  'part3/3e-zombies.ts',
  'part3/3f-signals.ts',
] as const;

export const MISTAKES3: readonly Mistake[] = [
  {
    name: 'already-concurrent',
    check: '3-01',
    says: 'The third client was answered while the first had not finished asking: expected one at a time',
    file: A,
    edits: [[HANDLE, '    handleRequest(socket);']],
  },
  {
    name: 'answers-too-soon',
    check: '3-01',
    says: 'The first client was answered before the blank line that ends its head',
    file: A,
    edits: [["head.indexOf('\\r\\n\\r\\n')", "head.indexOf('\\r\\n')"]],
  },
  {
    name: 'waits-for-who-left',
    check: '3-01',
    says: 'A client left without a word, and the next one is still waiting for its turn',
    file: A,
    edits: [["{ signal, close: ['end', 'close'] }", '{ signal }']],
  },
  {
    name: 'timer-for-sleep',
    check: '3-02',
    says: 'The second client was accepted while the handler slept: expected a process that stands still',
    file: B,
    edits: [['  block(sleep);', '  await new Promise((wake) => setTimeout(wake, sleep * 1000));']],
  },
  {
    // Seconds taken for milliseconds.
    name: 'does-not-sleep',
    check: '3-02',
    says: 'With --sleep 0.8 the body came at once: expected it 0.8 s after the head',
    file: B,
    edits: [['0, 0, seconds * 1000)', '0, 0, seconds)']],
  },
  {
    // It shuts the door while it is busy, instead of letting the kernel queue.
    name: 'shuts-the-door',
    check: '3-02',
    says: 'Nobody accepts connections on port 0',
    file: B,
    edits: [
      [
        '    await handleRequest(socket, sleep);',
        '    server.close();\n    await handleRequest(socket, sleep);',
      ],
    ],
    isNamed: false,
  },
  {
    name: 'default-backlog',
    check: '3-03',
    says: 'With --backlog 1 and a server that sleeps, all 4 more callers were connected: expected some to wait outside',
    file: B,
    edits: [["host: values.host ?? '127.0.0.1', backlog }", "host: values.host ?? '127.0.0.1' }"]],
  },
  {
    name: 'answers-in-the-parent',
    check: '3-04',
    says: 'An answer came from the server process itself: expected it from a child',
    file: C,
    edits: [
      [
        FORK,
        `    socket.resume();\n    await handleRequest(socket, { sleep });\n    continue;\n${FORK}`,
      ],
    ],
  },
  {
    name: 'waits-for-its-child',
    check: '3-04',
    says: 'While the child of the first client slept, the second client got nothing',
    file: C,
    edits: [
      [
        '    if (!child.pid) giveUp();',
        "    if (!child.pid) giveUp();\n    await once(child, 'exit');",
      ],
    ],
  },
  {
    name: 'no-pause-on-connect',
    check: '3-05',
    says: '3 of 3 who wrote the instant they connected got nothing; who asked again, later, was answered',
    file: C,
    edits: [["pauseOnConnect: !values['no-pause']", 'pauseOnConnect: false']],
  },
  {
    name: 'keeps-its-copy',
    check: '3-06',
    says: 'All 4 are served and gone, and the server holds 4 connections',
    file: D,
    edits: [['socket, { keepOpen });', 'socket, { keepOpen: true });']],
  },
  {
    // The channel to its parent keeps a child alive that listens for more.
    name: 'children-stay',
    check: '3-06',
    says: '4 clients had their answers and are gone, and 4 children are still there',
    file: D,
    edits: [
      ["process.once('message'", "process.on('message'"],
      ["    socket.once('close', () => process.exit());\n", ''],
      // ... and there is a place for each.
      ['const MAX_CHILDREN = 4;', 'const MAX_CHILDREN = 100;'],
    ],
  },
  {
    name: 'keep-open-keeps-nothing',
    check: '3-06',
    says: 'With --keep-open the server keeps nothing of what it has given away: expected a copy of each',
    file: D,
    edits: [['socket, { keepOpen });', 'socket);']],
  },
  {
    name: 'end-is-not-close',
    check: '3-06',
    says: 'With --keep-open a FIN came although a copy is open: expected the child to close, and not to end()',
    file: D,
    edits: [['  if (keepOpen) return void socket.write(body, () => socket.destroy());\n', '']],
  },
  {
    // It waits for an 'error' of the listener, which never comes when descriptors run out.
    name: 'hangs-up-in-silence',
    check: '3-07',
    says: 'Clients were hung up on, and the server has not said a word about it',
    file: D,
    edits: [
      [
        '    server.maxConnections = max; // those handed to a child do not count\n',
        "    server.on('error', console.error);\n",
      ],
    ],
  },
  {
    // It asks for three children with a signal that a zombie still answers, and does not let the loop turn meanwhile.
    name: 'never-reaps',
    check: '3-08',
    says: 'Dead children stay for ever: the loop does not turn again, and nobody asks about them',
    file: E,
    edits: [
      [
        '.send({ sleep }, socket);',
        '.send({ sleep }, socket);\n      if (pids.push(child.pid ?? 0) === 3) setImmediate(waitForAll);',
      ],
      [
        'async function handleRequest(',
        `function waitForAll(): void {
  for (const pid of pids) {
    try {
      while (process.kill(pid, 0)) block(0.01);
    } catch {
      // gone
    }
  }
}

async function handleRequest(`,
      ],
      ['if (process.argv[2] === ', 'const pids: number[] = [];\nif (process.argv[2] === '],
    ],
  },
  {
    name: 'does-not-block',
    check: '3-08',
    says: 'With --blocked 0.6 3 children died and none stayed a zombie: does the loop stand still?',
    file: E,
    edits: [['    block(blocked);\n', '']],
  },
  {
    name: 'counts-signals',
    check: '3-09',
    says: '4 children ended at once, and then only 1 of 4 newcomers had one: the other places are taken by the dead',
    file: F,
    edits: [
      ["if (countSignals) process.on('SIGCHLD'", "process.on('SIGCHLD'"],
      ['      if (!countSignals) noteDeath();\n', ''],
    ],
  },
  {
    name: 'no-limit-of-children',
    check: '3-09',
    says: '5 children are at work: expected 4 at most, the others wait',
    file: F,
    edits: [["    while (active >= MAX_CHILDREN) await once(children, 'exit');\n", '']],
  },
  {
    name: 'counts-twice',
    check: '3-09',
    says: '4 children ended at once, and then 5 are at work: expected 4; each death makes one place free, and not two',
    file: F,
    edits: [["if (countSignals) process.on('SIGCHLD'", "process.on('SIGCHLD'"]],
  },
  {
    name: 'talks-to-the-dead',
    check: '3-10',
    says: 'One child was killed, and others went with it; your program ended',
    file: F,
    edits: [
      [HEAR_ERRORS, "    child.on('unheard', (error) =>"],
      [
        GIVE_UP,
        "const giveUp = () => {\n      child.send('too late');\n      socket.destroy();\n    };",
      ],
    ],
  },
  {
    name: 'keeps-the-orphan',
    check: '3-10',
    says: 'A child was killed before it had its connection: expected its client to be cut, and it is still waiting',
    file: F,
    edits: [[GIVE_UP, 'const giveUp = () => {};']],
  },
  {
    name: 'ends-with-its-child',
    check: '3-10',
    says: 'One child was killed, and others went with it; your program ended',
    file: F,
    edits: [[GIVE_UP, 'const giveUp = () => process.exit(1);']],
    isNamed: false,
  },
  ...LATER_MISTAKES,
];
