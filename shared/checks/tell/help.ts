/** What `--help` says. */
const SERVER = `SERVER="python3 my.py" puts a program of yours, in any language, in the place of partN/my/server.ts. It gets its port
from the environment variable PORT (0: any that is free), and prints "Serving HTTP on port N" when it listens. Part 3
looks at several small programs: in SERVER="python3 {file}.py" the word {file} becomes 3a, 3b, ... server. What such a
program passes is remembered for it alone.

A gateway of parts 2 and 3 also gets an application, as module:callable. If SERVER is in Python (it runs python, or a
.py file; APPS=python or APPS=typescript says it where that does not show), these are WSGI applications in Python, which
"import" finds: shared/apps/wsgiapp.py, shared/harness/contract_app.py; flaskapp.py where Flask is installed. Else they
are in TypeScript. There are none in other languages yet: a server in one of them can be checked in part 1, and in part 3
as far as 3-12.`;

export const HELP = {
  start: `Usage: npm run start -- [part1 | part2 | part3] [options]

Puts the pages you start from at partN/my/, where git does not look, and says what to do next.
What is there already is left alone, unless you say --force.

  --gateway  of part 3 the server behind the ladder (from 3-13 on). part3/my/server.ts begins where your server of part 2
             stands, with the modules of part2/my/ that it imports. The checks of part 2 are run first. If one fails, it
             begins as a copy of our server of part 2.
  --force    write over what is there
  --help     this text

A server in another language is not copied. It stays where it is, and you go on with it:
SERVER="python3 my.py" npm run learn -- part3`,

  check: `Usage: npm run check -- [part1 | part2 | part3 | ID] [options]

Runs the checks of a part on your server (partN/my/), in order, and explains the first that fails. With an ID, like
1-03, that one alone. With nothing, the part you worked on last. Exit status: 0 passed, 1 failed, 2 not understood.

  --all          go on after a failure
  --exercises    the exercises, too, that come after the part
  -v, --verbose  all bytes: what was sent (>), what came back (<), what your program printed (|)
  --help         this text

${SERVER}`,

  learn: `Usage: npm run learn -- [part1 | part2 | part3]

Watches your files in partN/my/. Each time you save, it says whether the current check passes, and goes on to the
next by itself when it does. It remembers where you were.

  n  next check        h  a hint            l  list of all checks
  a  run them all      s  a solution        r  forget what was passed (your files stay)
  q  quit

${SERVER}`,

  hint: `Usage: npm run hint -- [part1 | part2 | part3 | ID]

Three hints for a check: a question, what to read, the shape of the answer. One more each time you ask.
Without an ID, for the first check of the part that you have not passed.`,

  solution: `Usage: npm run solution -- [part1 | part2 | part3 | ID] [--peek]

Shows our program for a check, and how it differs from yours, once yours passes. --peek shows it before.`,
};
