/**
 * What the checks of the ladder let pass, of `npm run mutants`: changes that no client can tell, or that nothing lets a check
 * demand of a reader's program. Each with its reason. What all eight programs have in common stands here once.
 */
import type { Excuse } from '../../shared/checks/proof/fates.ts';
import { STAGES } from '../../shared/stages.ts';

const ALL = ['3a', '3b', '3c', '3d', '3e', '3f', '3g', '3h'];
/** A process for each connection. */
const FORKING = ['3c', '3d', '3e', '3f'];
/** One handler after the other is started, and none is waited for. */
const UNAWAITED = ['3c', '3d', '3e', '3f', '3g', '3h'];

const LIMIT =
  'how long a head may be is for the server to say, and what part3/start gives a reader has no limit';
const DEADLINE =
  'it shows after ten seconds of silence, and what part3/start gives a reader has no deadline: 2-16 asks for one';
const FOR_PEOPLE = 'what is printed, and how, is for people';
const OPTION = 'an option of ours; shared/harness/command-line.test.ts asks it of every stage';
const NONSENSE = 'what a program says to an option that makes no sense is for people';
const HALF_OPEN = 'whether a client may half-close behind its request, 3-05 leaves to the server';
const ORPHAN = 'what becomes of a child whose parent has ended, no client can tell';
const NO_FORK =
  'no check makes a fork fail: who of a crowd gets the last descriptors is for the kernel to say';
const BORN_DEAD =
  'that it ends when its first worker cannot start, shared/harness/command-line.test.ts asks of every stage';
const UNLUCKY =
  'it takes a child that dies between its word and our answer to it, and no check can be so exact';
const IN_3D = '3-06 asks it of 3d, where the chapter tells it';
const LIMITS = '3-07 asks it of 3d, where the chapter tells it';
const NO_ANSWER =
  'no answer is taken whole here; 3-06 asks it of 3d, and the line is the same there';
const COUNTS_SIGNALS = 'an option of ours, for a fault that processes.test.ts asks for';
const IN_3F = '3-09 and 3-10 ask it of 3f, where the chapter tells it';

/** Lines on which everything that survives has one reason, in these stages; `change`: only these changes. */
const LINES: readonly (readonly [
  stages: readonly string[],
  line: string,
  why: string,
  change?: string,
])[] = [
  [
    ALL,
    'setTimeout(() => socket.destroy(), LINGER_TIMEOUT)',
    'who never closes is let go of after two seconds, and no client of a check stays so long',
    'undefined',
  ],
  [
    UNAWAITED,
    'await new Promise<void>((resolve) => socket.end(body',
    'nobody waits for the handler, and all that comes behind it is that clock of two seconds',
    'resolve()',
  ],
  [
    UNAWAITED,
    'if (socket.destroyed || socket.readableEnded)',
    'no connection waits for its turn here, in which its client could leave',
  ],
  [ALL, "let head = ''", 'only the end of a head is looked for'],
  [
    ALL.filter((id) => id !== '3e'),
    "on(socket, 'data', { signal, close: ['end', 'close'] })",
    'who resets is heard as an error, and who says FIN as an end: a close comes behind either',
    "'close'",
  ],
  [ALL, 'if (end === -1 && head.length <= MAX_HEAD_BYTES)', LIMIT, 'head.length'],
  [ALL, 'const isWhole = end !== -1 && end <= MAX_HEAD_BYTES', LIMIT],
  [ALL, "return isWhole ? '200 OK' : '431", LIMIT, '431'],
  [ALL, '  } catch {', DEADLINE],
  [ALL, "return signal.aborted ? '408 Request Timeout'", DEADLINE, '408'],
  [
    ALL,
    "process.once('SIGINT'",
    'Ctrl-C ends it in any case; with which exit status is for the shell',
  ],
  [ALL, 'createServer({ allowHalfOpen: true', HALF_OPEN, 'true'],
  [
    ALL,
    "socket.on('error', () => socket.destroy());",
    'Node.js destroys the socket behind its error by itself; what counts is that somebody listens',
    'undefined',
  ],
  [
    FORKING,
    "socket.on('error', () => socket.destroy());",
    'a child ends behind the error of its one connection in either way',
    "'error'",
  ],
  [['3a'], 'const { values } = parseArgs({', OPTION],
  [ALL, 'const port = values.port ?? (process.env.PORT', OPTION],
  [ALL, "host: values.host ?? '127.0.0.1'", OPTION, '127.0.0.1'],
  [ALL, '} catch (error) {', OPTION],
  [ALL, 'const reason = (error as Error).message', FOR_PEOPLE],
  [
    ['3b', '3c', '3g', '3h'],
    'Number(values.sleep ?? 3)',
    'a busy machine makes a sleep longer, too: the checks know how short it may be, and not how long',
    'sleep &&',
  ],
  [ALL.slice(1), 'if (!(sleep >= 0', NONSENSE],
  [
    ['3c'],
    "pauseOnConnect: !values['no-pause']",
    'an option of ours, for a fault that processes.test.ts asks for',
  ],

  [FORKING, 'if (!process.connected) process.exit();', ORPHAN],
  [FORKING, "process.once('disconnect'", ORPHAN],
  [
    FORKING,
    'if (!socket) return process.exit();',
    'without a socket it fails a line later, and ends all the same',
  ],
  [FORKING, 'socket.allowHalfOpen = true;', HALF_OPEN],
  [['3c', '3e', '3f'], "socket.once('close', () => process.exit());", IN_3D],
  [
    FORKING,
    "process.send?.('ready');",
    'a child has a channel to its parent, and any word on it says that it is ready',
  ],
  [['3c', '3d', '3e'], 'const giveUp = () => socket.destroy();', IN_3F],
  [FORKING, "child.on('error', (error) =>", FOR_PEOPLE, 'undefined'],
  [FORKING, "child.on('error', (error) =>", UNLUCKY, "'error'"],
  [['3c', '3d', '3e'], "child.once('exit', giveUp)", IN_3F, "'exit'"],
  [['3c', '3e'], "child.off('exit', giveUp)", 'its own copy is closed by then', "'exit'"],
  [['3f'], "process.send?.('taken');", 'any word on its channel says so, and it has a channel'],
  [
    ['3f'],
    "child.once('message', letGo);",
    'the child says FIN itself, and its end lets go',
    "'message'",
  ],
  [['3c'], 'if (!child.pid) giveUp();', NO_FORK],
  [['3d', '3e', '3f'], 'if (child.pid) active++;', NO_FORK, 'child.pid'],
  [['3e'], 'if (child.pid) active++;', IN_3F, 'active'],
  [['3d', '3e'], 'while (active >= MAX_CHILDREN)', IN_3F],
  [
    ['3d'],
    'if (keepOpen) return void socket.write(body',
    'where nobody else has a copy, close(2) says FIN, too',
    'true',
  ],

  [
    ['3e'],
    'if (blocked > 0) beBusy();',
    'to block for no time at all is to block for none',
    'blocked',
  ],
  [['3e', '3f'], "server.on('drop', () =>", LIMITS],
  [['3e'], 'send({ sleep }, socket);', 'a sleep without an end is none that is too short', '{}'],
  [['3e'], "children.emit('exit', --active)", IN_3F],
  [['3e'], 'if (!status) return void socket.destroy();', NO_ANSWER],
  [['3e', '3f'], "'Content-Type: text/plain'", NO_ANSWER],
  [['3e', '3f'], 'head.push(`Content-Length', NO_ANSWER],
  [['3e', '3f'], "socket.write(head.join('", NO_ANSWER],
  [['3e'], "on(socket, 'data', { signal, close: ['end', 'close'] })", NO_ANSWER],

  [['3f'], "if (countSignals) process.on('SIGCHLD'", COUNTS_SIGNALS],
  [['3f'], 'if (!countSignals) noteDeath();', COUNTS_SIGNALS, 'true'],
  [['3f'], "countSignals: values['count-signals']", COUNTS_SIGNALS],
  [
    ['3f'],
    'others: active - 1 }',
    'how many are at work is printed for people, and a sleep without an end is none that is too short',
    'active',
  ],

  [['3g'], 'for (const end = performance.now()', 'a microsecond more of work', '<='],

  [['3h'], 'let isServing = false;', BORN_DEAD],
  [['3h'], 'if (!isServing) process.exit(1);', BORN_DEAD, 'false'],
  [
    ['3h'],
    'const isYoung = performance.now()',
    'which worker has lived well shows after five seconds of its life',
  ],
  [['3h'], "JSON.parse(process.env.OPTIONS ?? '{}')", 'the primary always gives them', "'{}'"],
  [['3h'], "schedNone: values['sched-none']", 'an option of ours; processes.test.ts asks for both'],
];

const FOR_OPERATORS =
  'for those who run it; part3/test/gateway asks for it, and no client of a reader can';
const SAME = 'no other way through the program comes of it';
const REFUSAL = 'a refusal is a refusal, whichever of two it is';
const NEAR = 'where exactly a limit is, is for the server to say';
const AHEAD = 'how far it reads ahead is for the server to say';
const SPEED = 'how fast it is, or how much it copies, and not what it does';
const PYTHON = 'how long Python may take; part3/test/python.test.ts asks for it';
const UNIX = 'a socket in the file system; part3/test/gateway asks for it';
const RESET = 'whether who is cut sees FIN or RST is for the server to say';
const LINGER =
  'how long who does not take, or never closes, is kept behind an answer: part3/test/gateway asks';
const HALF_CLOSED =
  'an option of ours, for who has said FIN and may have left; part3/test/gateway asks';
const DRAIN = 'how much of a body that nobody read is read on, is for the server to say';
const GIVEN_UP = 'its connection has said FIN by then, and what comes behind that reaches nobody';
const HINT = 'how many lines readlines(hint) gives, PEP 3333 leaves open';
const LATE_READ = 'who reads when the answer is over, or twice at a time: part3/test/gateway asks';
const CHUNK_TALK =
  'how much may be said about chunks, is for the server to say; part3/test/http asks for it';
const TWO_LIMITS = 'trailers have a limit of bytes and one of lines, and each stands for the other';
const BARE_LF = 'a LF alone may be refused, or end a line; RFC 9112 §2.2';
const WHOLE = 'it is looked at again when its line is whole';
const STRAY = 'no standard says what an empty line means behind which nothing comes';
const STAFF =
  'how many are born at a time, or tried, or there while others drain, is for the server to say';
const PAUSES = 'how long the pauses are, is for the server to say';
const OVERDUE = 'how long a start or a farewell may take, is for the server to say';
const TLS = 'a certificate is for those who run it; part3/test/gateway asks for TLS';
const DRAINING = '--drain-timeout is for those who run it; part3/test/gateway asks for it';
const WORN_OUT = '--max-requests is for those who run it; part3/test/gateway asks for it';

/** The gateway's: everything that survives on a line (no text: in the file) has one reason; `change`: only these changes. */
const GATEWAY: readonly (readonly [file: string, line: string, why: string, change?: string])[] = [
  ['webserver3.ts', "setFlagsFromString('--no-allocation-site-pretenuring')", SPEED],
  ['webserver3.ts', 'const isOurs = code === undefined', FOR_PEOPLE],
  ['webserver3.ts', 'for (const output of [process.stdout', FOR_OPERATORS],
  ['webserver3.ts', 'if (door.unix !== undefined', UNIX],
  [
    'webserver3.ts',
    'if (staffing.workers > 1',
    'one worker with a supervisor serves as one process does',
  ],
  ['webserver3.ts', 'const umask = door.umask', UNIX],
  ['webserver3.ts', 'const application = await loadApplication(name, {', PYTHON],
  ['webserver3.ts', 'requestTimeout: limits.requestTimeout', PYTHON],
  ['webserver3.ts', 'queueTimeout: limits.queueTimeout', PYTHON],
  [
    'webserver3.ts',
    "process.on('unhandledRejection'",
    'a promise that an application has forgotten: there is none in WSGI; part3/test/gateway asks for it',
  ],
  ['webserver3.ts', 'const log = accessLog === undefined', FOR_OPERATORS],
  ['webserver3.ts', 'if (isStopping) process.exit(128 + number);', FOR_OPERATORS, '128 - number'],
  ['webserver3.ts', 'if (cut > 0) console.error', FOR_PEOPLE],

  ['server/supervisor.ts', 'readonly #wishes: Wish[] = ', 'a wish that nobody knows is none'],
  ['server/supervisor.ts', '#hasServed = false;', STAFF],
  ['server/supervisor.ts', "if (wish === 'status')", FOR_OPERATORS],
  ['server/supervisor.ts', 'if (this.#isHopeless())', BORN_DEAD],
  ['server/supervisor.ts', 'if (this.#wishes.length === 0) await', SAME, 'true'],
  ['server/supervisor.ts', 'this.#generation++', SAME, '--'],
  ['server/supervisor.ts', 'if (performance.now() < this.#nextBirth)', NEAR, '<='],
  ['server/supervisor.ts', 'const isSure = ', STAFF],
  ['server/supervisor.ts', 'const canWait = ', STAFF],
  ['server/supervisor.ts', 'const room = ', STAFF],
  ['server/supervisor.ts', 'for (let left = Math.min(births', SAME, '>='],
  ['server/supervisor.ts', "member.process.once('exit'", FOR_PEOPLE, 'signal && code'],
  ['server/supervisor.ts', "member.process.on('error'", UNLUCKY],
  ['server/supervisor.ts', "if (report.kind === 'alive') {", FOR_OPERATORS],
  ['server/supervisor.ts', "if (report.kind === 'worn out')", WORN_OUT],
  ['server/supervisor.ts', "if (report.kind === 'serving' && member", SAME],
  ['server/supervisor.ts', 'this.#hasServed = true;', STAFF],
  ['server/supervisor.ts', "if (member.state === 'draining') return;", PAUSES],
  ['server/supervisor.ts', "if (member.state === 'starting') {", STAFF],
  ['server/supervisor.ts', 'if (!this.#isCurrent(member)) return;', STAFF],
  ['server/supervisor.ts', 'this.#stillbirths++;', STAFF],
  ['server/supervisor.ts', 'const isYoung = now - member.served', PAUSES],
  ['server/supervisor.ts', 'if (!this.#hasServed) return;', FOR_PEOPLE],
  ['server/supervisor.ts', 'console.log(`', FOR_PEOPLE],
  ['server/supervisor.ts', 'const old = serving.filter', SAME],
  [
    'server/supervisor.ts',
    'this.#drain(member, true);',
    'RFC 9112 §9.6 lets a server close at any time',
    'false',
  ],
  ['server/supervisor.ts', "if (member.state === 'starting') member.process", OVERDUE],
  ['server/supervisor.ts', "member.state = 'draining';", SAME],
  ['server/supervisor.ts', 'member.deadline = performance.now() + ', OVERDUE],
  ['server/supervisor.ts', 'if (member.process.isConnected()) {', UNLUCKY, 'true'],
  ['server/supervisor.ts', "member.process.send({ kind: 'drain'", OVERDUE],
  [
    'server/supervisor.ts',
    'const haveSlept = ',
    'what it makes of a time in which it was stopped itself, is for the server to say',
  ],
  [
    'server/supervisor.ts',
    'if (haveSlept) member.lastSign',
    'what it makes of a time in which it was stopped itself, is for the server to say',
  ],
  ['server/supervisor.ts', 'const isStuck = ', NEAR, '>='],
  ['server/supervisor.ts', 'const isStuck = ', OVERDUE, 'starting'],
  ['server/supervisor.ts', 'if (!isStuck && now < member.deadline)', OVERDUE, 'now <'],
  ['server/supervisor.ts', 'const silence = ', FOR_PEOPLE],
  ['server/supervisor.ts', 'const reason = ', FOR_PEOPLE],
  [
    'server/supervisor.ts',
    '[member.lastSign, member.deadline] = [now',
    'who has been killed may be killed again',
  ],
  ['server/supervisor.ts', '#isHopeless(): boolean {', BORN_DEAD],
  ['server/supervisor.ts', 'if (this.#stillbirths === 0) return false;', BORN_DEAD],
  ['server/supervisor.ts', 'if (serving.length === 0) return', BORN_DEAD],
  ['server/supervisor.ts', 'if (serving.every(this.#isCurrent) ||', STAFF],
  ['server/supervisor.ts', "for (const member of this.#those('starting')) this.#drain", STAFF],
  ['server/supervisor.ts', 'async #giveUp(): Promise<number> {', BORN_DEAD],
  ['server/supervisor.ts', 'if (this.#hasServed) {', FOR_PEOPLE],
  ['server/supervisor.ts', "for (const member of this.#those('starting', 'serving'))", OVERDUE],
  ['server/supervisor.ts', "if (this.#wishes.shift() === 'stop') {", FOR_OPERATORS],
  ['server/supervisor.ts', "member.process.process.kill('SIGKILL');", FOR_OPERATORS, '""'],
  ['server/supervisor.ts', 'return 128 + this.#lastSignal;', FOR_OPERATORS],
  [
    'server/supervisor.ts',
    'if (serving === this.#staffing.workers && !this.#isAnnounced)',
    'who has one worker that listens serves, and may say so',
  ],
  ['server/supervisor.ts', 'this.#isAnnounced = true;', FOR_PEOPLE],
  ['server/supervisor.ts', '#printStatus(): void {', FOR_OPERATORS],
  ['server/supervisor.ts', 'for (const member of this.#members) {', FOR_OPERATORS, 'const age'],
  ['server/supervisor.ts', 'const age = ', FOR_OPERATORS],
  ['server/supervisor.ts', ' s old, ', FOR_OPERATORS],
  ['server/supervisor.ts', 'const report = (message: Report)', SAME],
  [
    'server/supervisor.ts',
    "for (const signal of ['SIGINT', 'SIGHUP'",
    'a check tells the supervisor alone; that a terminal tells the whole group, part3/test/gateway asks',
  ],
  ['server/supervisor.ts', "process.on('SIGTERM', () => report", WORN_OUT],
  ['server/supervisor.ts', 'const limit = staffing.maxRequests', WORN_OUT],
  ['server/supervisor.ts', 'let isWornOut = false;', WORN_OUT],
  ['server/supervisor.ts', "report({ kind: 'alive'", FOR_OPERATORS],
  ['server/supervisor.ts', 'if (isWornOut || worker.stats', WORN_OUT],
  ['server/supervisor.ts', 'isWornOut = true;', WORN_OUT],
  ['server/supervisor.ts', "report({ kind: 'worn out' });", WORN_OUT],
  ['server/supervisor.ts', 'function pidOf(member: Member)', FOR_PEOPLE],

  ['server/worker.ts', 'readonly stats = ', FOR_OPERATORS],
  ['server/worker.ts', 'canReset: door.tls === undefined', TLS],
  ['server/worker.ts', 'const options = { allowHalfOpen', TLS],
  ['server/worker.ts', 'const handshakeTimeout = ', TLS],
  ['server/worker.ts', 'tls.createServer({', TLS],
  ['server/worker.ts', 'door.tls ?', TLS],
  ['server/worker.ts', "this.#listener.on('tlsClientError'", TLS],
  ['server/worker.ts', 'fd === undefined ?', UNIX],
  ['server/worker.ts', 'const isTcp = ', UNIX],
  ['server/worker.ts', 'const where = ', UNIX],
  ['server/worker.ts', 'return `', FOR_PEOPLE],
  ['server/worker.ts', 'this.#isDraining = true;', TLS],
  [
    'server/worker.ts',
    'this.#listener.close(() => resolve())',
    'the last connection tells it, too',
  ],
  ['server/worker.ts', 'if (!inPeace) this.#onEmpty', TLS],
  ['server/worker.ts', 'if (this.#connections.size === 0) this.#onEmpty();', SAME, 'false'],
  ['server/worker.ts', 'if (seconds > 0) timer', DRAINING],
  ['server/worker.ts', 'const late = new Promise', DRAINING],
  ['server/worker.ts', 'const cut = [', DRAINING],
  ['server/worker.ts', 'if (this.#isDraining) connection.drain', TLS],
  ['server/worker.ts', 'const scheme = this.#door.tls', TLS],
  ['server/worker.ts', 'serverName: socket.localAddress', UNIX],
  ['server/worker.ts', 'remoteAddress: socket.remoteAddress', UNIX],
  ['server/worker.ts', 'remotePort: `', UNIX],
  ['server/worker.ts', 'if (!proxies) return false;', UNIX],
  ['server/worker.ts', 'return address === undefined ||', UNIX],
  ['server/worker.ts', 'export async function removeStaleSocket', UNIX],
  ['server/worker.ts', 'if (!lstatSync(file', UNIX],
  ['server/worker.ts', 'try {', UNIX, 'probe'],
  ['server/worker.ts', "await once(probe, 'connect');", UNIX],
  ['server/worker.ts', '} catch (error) {', UNIX],
  ['server/worker.ts', 'if ((error as NodeJS.ErrnoException)', UNIX],
  ['server/worker.ts', '} finally {', UNIX],
  ['server/worker.ts', 'if (umask === undefined) return action();', UNIX],
  ['server/worker.ts', 'try {', UNIX, 'action'],

  ['server/options.ts', '', 'an option of ours, or nonsense; part3/test/gateway asks for both'],
  [
    'server/signals.ts',
    '',
    'whether a second SIGINT is npm that passes on the first; part3/test/gateway/signals.test.ts asks',
  ],
  [
    'http/http-error.ts',
    '',
    'the words behind a status are for people, and may be missing; RFC 9112 §4',
  ],
  ['server/access-log.ts', '', FOR_OPERATORS],
  ['server/trace.ts', '', FOR_OPERATORS],

  ['server/connection.ts', 'const READ_AHEAD = ', AHEAD],
  ['server/connection.ts', 'const FLUSHING: State = ', 'states are compared as objects'],
  ['server/connection.ts', 'const CLOSING: State = ', 'states are compared as objects'],
  [
    'server/connection.ts',
    "socket.on('error', () => socket.destroy());",
    'Node.js destroys it, too',
    '() => undefined',
  ],
  [
    'server/connection.ts',
    "socket.once('close', () => this.#abandon",
    'a write tells it, too, or the clock',
  ],
  [
    'server/connection.ts',
    "if (state.kind === 'answering' && (!inPeace",
    'RFC 9112 §9.6 lets a server close at any time; that nobody is cut in peace, part3/test/gateway asks',
    'inPeace',
  ],
  [
    'server/connection.ts',
    "const isIdle = state.kind === 'reading' &&",
    SAME,
    "state.kind === 'reading'",
  ],
  [
    'server/connection.ts',
    "if (!inPeace && (isIdle || state.kind === 'discarding'))",
    'the deadline for a body ends it, too',
    "'discarding'",
  ],
  ['server/connection.ts', 'const isTcp = ', RESET],
  ['server/connection.ts', 'if (isTcp && this.#service.canReset)', RESET],
  ['server/connection.ts', "if (turn === 'client: FIN' || (turn", LINGER],
  ['server/connection.ts', 'if (isSending) return void this.#clock.start', LINGER],
  ['server/connection.ts', "if (turn === 'client: answer' && this.#state.kind", LINGER],
  ['server/connection.ts', "if (turn === 'application, after FIN')", HALF_CLOSED],
  [
    'server/connection.ts',
    "if (turn === 'client: body') return",
    'it is told 408 a line later, too',
  ],
  [
    'server/connection.ts',
    "if (this.#state.kind === 'closing') return;",
    'it is not read any more',
  ],
  ['server/connection.ts', 'if (this.#isAhead && this.#parser.bufferedBytes', AHEAD],
  ['server/connection.ts', '      default:', SAME],
  [
    'server/connection.ts',
    'if (!isIdle) throw new HttpError(400',
    'who has left may be told, and need not',
  ],
  ['server/connection.ts', "this.#clock.start('client: answer');", LINGER, "'client: answer'"],
  ['server/connection.ts', 'if (this.#state === FLUSHING) this.#state = READING;', LINGER, 'true'],
  ['server/connection.ts', 'this.#service.stats', FOR_OPERATORS],
  ['server/connection.ts', 'if (body.isAwaited) this.#wind();', SAME, 'true'],
  ['server/connection.ts', 'if (this.#state === state) this.#finish(state);', GIVEN_UP],
  ['server/connection.ts', 'if (this.#state !== state) return;', GIVEN_UP],
  ['server/connection.ts', 'if (this.#state === state) this.#fail(error);', GIVEN_UP],

  [
    'server/connection.ts',
    "if (state.kind === 'answering' && (!inPeace",
    'RFC 9112 §9.6 lets a server close at any time',
    'state.answer.headSent',
  ],
  ['server/connection.ts', "this.#service.trace?.('<', bytes);", FOR_OPERATORS],
  ['server/connection.ts', '    return false;', SAME, 'true'],
  [
    'server/connection.ts',
    'if (state.isHeldBack) this.#letGo(state',
    'who has the body already may say 100, and need not',
    'event === undefined',
  ],
  [
    'server/connection.ts',
    'if (!answer.headSent) return void this.#fail(error);',
    'in whose words a broken body is refused, part3/test/gateway/broken-bodies.test.ts asks',
  ],
  [
    'server/connection.ts',
    'if (isWaiting) this.#outbox.send(CONTINUE);',
    'who has the body already may say 100, and need not',
    'true',
  ],
  [
    'server/connection.ts',
    "if (event?.kind === 'end') this.#state = READING;",
    'it throws, and closes',
    'event.kind',
  ],
  ['server/connection.ts', "if (event?.kind === 'data') state.leftBytes", DRAIN],
  ['server/connection.ts', 'if (state.leftBytes < 0 ||', DRAIN],
  ['server/connection.ts', "this.#clock.continue('client: body');", DRAIN],
  ['server/connection.ts', 'else if (!this.#mayHaveLeft) this.#clock', HALF_CLOSED, 'true'],
  ['server/connection.ts', 'else if (isSending) this.#clock', HALF_CLOSED],
  ['server/connection.ts', "else this.#clock.continue('application, after FIN');", HALF_CLOSED],
  ['server/connection.ts', 'get #mayHaveLeft(): boolean {', HALF_CLOSED],
  ['server/connection.ts', 'return this.#socket.readableEnded &&', HALF_CLOSED],
  ['server/connection.ts', 'this.#wind(bytes > 0);', HALF_CLOSED],
  ['server/connection.ts', '#wind(isSending = false): void {', HALF_CLOSED, 'true'],
  ['server/connection.ts', "return state.kind === 'flushing' ||", AHEAD],
  ['server/connection.ts', 'if (this.#socket.isPaused()) this.#socket', SAME, 'true'],
  [
    'server/connection.ts',
    "const isOver = this.#state.kind === 'closing'",
    'who has been answered, and is broken in what nobody read, may be told so, and need not',
  ],
  [
    'server/connection.ts',
    'if (this.#socket.destroyed) return;',
    'what is written then reaches nobody',
    'false',
  ],
  [
    'server/connection.ts',
    'if (isOver) return void this.#close();',
    'who has been answered, and is broken in what nobody read, may be told so, and need not',
  ],
  ['server/connection.ts', 'if (!hasLeft && !(error instanceof HttpError)) console', FOR_PEOPLE],
  [
    'server/connection.ts',
    'if (answer?.headSent && (hasLeft || !answer.showsItsEnd))',
    'where only the end of the connection shows the end of an answer, no standard asks for a RST',
  ],
  ['server/connection.ts', 'if (hasLeft || isGivenUp(error)) return', GIVEN_UP],
  ['server/connection.ts', 'error instanceof HttpError ? [error.status', FOR_PEOPLE],
  ['server/connection.ts', 'const body = `', FOR_PEOPLE],
  ['server/connection.ts', "refusal.sendHead(status, [['Content-Type'", FOR_PEOPLE],
  ['server/connection.ts', "const method = request?.method ?? '';", SAME, '"Stryker'],

  ['server/connection.ts', "if (this.#clock.turn !== 'client: head')", STRAY],
  [
    'server/connection.ts',
    'state.answer.keepAlive = state.request.keepAlive',
    'RFC 9112 §9.6 lets a server close behind any answer',
    'false',
  ],
  [
    'server/connection.ts',
    'state.answer.keepAlive = state.request.keepAlive',
    'RFC 9112 §9.6 lets a server close behind any answer',
    'this.#isLast',
  ],
  [
    'server/connection.ts',
    'return wait?.then(() => this.#wind());',
    'the clock looks again when it is over',
  ],
  ['server/connection.ts', 'if (state.answer.headSent) this.#log', FOR_OPERATORS],
  ['server/connection.ts', "this.#socket.end(() => this.#clock.start('client: FIN'))", LINGER],
  ['server/connection.ts', '#log(request: RequestHead', FOR_OPERATORS],
  ['server/connection.ts', 'if (!log) return;', FOR_OPERATORS],
  ['server/connection.ts', 'const { remoteAddress } = ', FOR_OPERATORS],
  ['server/connection.ts', 'log({ remoteAddress, request', FOR_OPERATORS],
  [
    'server/connection.ts',
    'isGivenUp(error: unknown)',
    'a handler of Node.js that destroys its response; shared/adapters/adapters.test.ts asks',
  ],
  [
    'server/connection.ts',
    "error.name === 'ResponseDestroyed'",
    'a handler of Node.js that destroys its response; shared/adapters/adapters.test.ts asks',
  ],

  ['server/outbox.ts', 'const MAX_', SPEED],
  ['server/outbox.ts', 'const FAIR_SHARE', SPEED],
  ['server/outbox.ts', 'const TOO_EARLY', FOR_PEOPLE],
  ['server/outbox.ts', '#isHeld = ', SPEED],
  ['server/outbox.ts', '#isCorked = ', SPEED],
  ['server/outbox.ts', "socket.once('close', () => this.#settle());", 'who waits is aborted, too'],
  ['server/outbox.ts', "return this.#text === '' &&", LINGER],
  ['server/outbox.ts', "this.#trace?.('>', piece);", FOR_OPERATORS],
  ['server/outbox.ts', 'this.#inARow', SPEED],
  ['server/outbox.ts', 'piece.length <= MAX_JOINED', SPEED],
  ['server/outbox.ts', 'if (!this.#isCorked) this.#socket.cork();', SPEED],
  ['server/outbox.ts', 'if (this.#isHeld) return;', SPEED],
  ['server/outbox.ts', 'if (this.#socket.destroyed) return', GIVEN_UP, 'false'],
  ['server/outbox.ts', 'if (!this.#waiting) {', SAME, 'true'],
  ['server/outbox.ts', 'let [resolve, reject]', SAME],
  ['server/outbox.ts', 'if (this.#socket.destroyed) waiting?.reject', GIVEN_UP, 'false'],
  [
    'server/outbox.ts',
    'else waiting?.resolve();',
    'somebody waits, where there is anything to drain',
  ],
  ['server/outbox.ts', 'if (Buffer.isBuffer(bytes)) return bytes;', SPEED, 'false'],
  ['server/outbox.ts', 'hold(): void {', SPEED],
  ['server/outbox.ts', 'if (this.#isCorked) this.#socket.uncork();', SPEED],
  ['server/outbox.ts', 'if (this.#text.length > MAX_TEXT ||', SPEED],

  [
    'http/response-writer.ts',
    'get showsItsEnd(): boolean {',
    'where only the end of the connection shows the end of an answer, no standard asks for a RST',
  ],
  [
    'http/response-writer.ts',
    "return framing?.kind === 'chunked' ||",
    'where only the end of the connection shows the end of an answer, no standard asks for a RST',
  ],
  [
    'http/response-writer.ts',
    "else if (this.#question.version === 'HTTP/1.0') head",
    'keep-alive may be said to all',
    'true',
  ],
  ['http/response-writer.ts', 'const surplus = ', FOR_PEOPLE],
  ['http/response-writer.ts', "const size = typeof chunk === 'string'", SAME, 'true'],
  ['http/response-writer.ts', 'if (size === 0 || framing === undefined', SAME, 'false'],
  ['http/response-writer.ts', "if (framing.kind === 'length') framing.left -= size;", SAME, 'true'],
  ['http/response-writer.ts', 'this.bodyBytes += size;', FOR_OPERATORS],
  ['http/response-writer.ts', "const piece = typeof chunk === 'string' &&", SPEED],
  ['http/response-writer.ts', "if (framing?.kind === 'length' && framing.left > 0) {", SAME],
  ['http/response-writer.ts', "if (framing?.kind === 'chunked') this.#send", SAME, 'framing.kind'],
  ['http/response-writer.ts', "return { kind: 'close' };", SAME],
  ['http/response-writer.ts', "let date = '';", SAME],
  ['http/response-writer.ts', 'const current = Math.floor', SPEED],
  ['http/response-writer.ts', 'if (current !== second) {', SPEED, 'true'],

  [
    'gateway/run-application.ts',
    "this.#errors = environ['wsgi.errors'];",
    'who breaks a rule may be answered 500',
  ],
  [
    'gateway/run-application.ts',
    'if (!Array.isArray(result)) return this.#sendSlowly',
    SPEED,
    'true',
  ],
  ['gateway/run-application.ts', 'if (length > WRITE_SIZE || this.#writes)', SPEED],
  [
    'gateway/run-application.ts',
    'if (Symbol.asyncIterator in body) {',
    'it throws a line later',
    'true',
  ],
  [
    'gateway/run-application.ts',
    '} else if (Symbol.iterator in body) {',
    'it throws a line later',
    'true',
  ],
  ['gateway/run-application.ts', 'if (this.#isOver) return', GIVEN_UP],
  [
    'gateway/run-application.ts',
    'if (!this.#writer.headSent) this.#sendHead(length ?? 0, 0);',
    SAME,
    'length && 0',
  ],
  ['gateway/run-application.ts', 'for (const piece of size > WRITE_SIZE', SPEED],
  [
    'gateway/run-application.ts',
    'if (this.#writer.hasNoBody) break;',
    'nothing of it is sent',
    'false',
  ],
  ['gateway/run-application.ts', 'if (wait) await wait;', SAME, 'true'],
  ['gateway/run-application.ts', 'const rule = ', FOR_PEOPLE],
  ['gateway/run-application.ts', 'this.#errors.write(`left out', FOR_PEOPLE],
  ['gateway/run-application.ts', 'if (name.length === 14 &&', SPEED, 'true'],
  [
    'gateway/run-application.ts',
    'if (name.length === 14 &&',
    'it takes a name of fourteen letters, and no application of the checks has another one',
    '=== 14 || ',
  ],
  [
    'gateway/run-application.ts',
    'const copy: wsgi.Headers = [];',
    'a server may add fields, and which no check can know',
  ],
  [
    'gateway/run-application.ts',
    'promised: promised === undefined',
    'who breaks its promise may be answered 500, and may be cut: answers.test.ts asks for the 500',
    'true',
  ],
  [
    'gateway/run-application.ts',
    'if (promised !== undefined && hasBody',
    'who breaks its promise may be answered 500, and may be cut: answers.test.ts asks for the 500',
  ],
  [
    'gateway/run-application.ts',
    'if (!this.#writer.headSent) this.#sendHead(undefined',
    'not every gateway sends a head for a write of nothing; gateway-units.test.ts asks it of ours',
    'false',
  ],
  ['gateway/run-application.ts', "const bytes = typeof chunk === 'string'", SPEED, 'true'],
  ['gateway/run-application.ts', 'start < bytes.length; start += WRITE_SIZE', SAME],
  [
    'gateway/run-application.ts',
    'if (promised !== undefined || !',
    'it is a breach when the head is sent, too',
  ],
  ['gateway/run-application.ts', 'if (this.#isOver) throw new Error', GIVEN_UP],

  ['gateway/run-application.ts', '!/^(204|304)/.test(status)', SAME],
  [
    'gateway/run-application.ts',
    'this.#writer.sendHead(status, headers, length === 0 &&',
    'a length may be said to HEAD, and need not',
  ],
  [
    'gateway/run-application.ts',
    'const closing = result?.close?.();',
    'it is told on wsgi.errors, and the answer stands',
  ],
  ['gateway/run-application.ts', 'if (isPromise(closing)) closing.then', FOR_PEOPLE],
  ['gateway/run-application.ts', '} catch (error) {', FOR_PEOPLE, 'this.#tell(error)'],
  ['gateway/run-application.ts', '#tell(error: unknown): void {', FOR_PEOPLE],
  ['gateway/run-application.ts', 'this.#errors.write(`$', FOR_PEOPLE],
  [
    'gateway/run-application.ts',
    "const isString = typeof name === 'string'",
    'it is refused a line later',
    'true',
  ],
  ['gateway/run-application.ts', 'breach(`malformed header', FOR_PEOPLE],
  [
    'gateway/run-application.ts',
    "if (typeof chunk === 'string') return Buffer.byteLength",
    SAME,
    'true',
  ],
  ['gateway/run-application.ts', 'return typeof (value as { then', SPEED],

  [
    'gateway/environ.ts',
    "if (variable === '' || (!peer.isProxy",
    'a variable without a name is read by nobody',
    "''",
  ],
  [
    'gateway/environ.ts',
    'if (peer.isProxy) believe(environ);',
    'what it would believe has been left out',
    'true',
  ],
  ['gateway/environ.ts', 'const FORWARDED = ', 'what names like these mean, no standard says'],
  ['gateway/environ.ts', 'const address = environ.HTTP_X_FORWARDED_FOR', SAME, '.at(-1).trim'],
  ['gateway/environ.ts', 'const scheme = environ.HTTP_X_FORWARDED_PROTO', SAME, '.at(-1).trim'],
  [
    'gateway/environ.ts',
    'const scheme = environ.HTTP_X_FORWARDED_PROTO',
    'that it may be a list no standard says; supervisor.test.ts asks it',
    ".split(',').at(-1)?.trim()",
  ],
  [
    'gateway/environ.ts',
    "if (upper.includes('_') || upper === 'PROXY')",
    'a variable of a name that we make up is read by nobody',
    "''",
  ],
  [
    'gateway/environ.ts',
    "environ.REMOTE_PORT = '';",
    'the port of a client behind a proxy is nobody knows which',
  ],
  [
    'gateway/environ.ts',
    "if (scheme === 'http' || scheme === 'https')",
    'it is http already',
    "'http'",
  ],
  ['gateway/environ.ts', 'if (variables.size < MAX_VARIABLES)', SPEED],
  ['gateway/environ.ts', "if (!text.includes('%')) return text;", SPEED],

  ['gateway/input-stream.ts', 'if (size > 0 && this.#rest.length === 0)', SAME],
  [
    'gateway/input-stream.ts',
    'const piece = this.#take(Math.min(end ||',
    'how much of a line readline(size) gives, PEP 3333 leaves open',
    'limit + length',
  ],
  ['gateway/input-stream.ts', 'const piece = this.#take(Math.min(end ||', SPEED, 'true'],
  ['gateway/input-stream.ts', 'total += line.length;', HINT],
  ['gateway/input-stream.ts', 'if (hint > 0 && total >= hint) break;', HINT],
  [
    'gateway/input-stream.ts',
    'if (this.#hasEnded) return false;',
    'behind an end comes an end',
    'false',
  ],
  ['gateway/input-stream.ts', 'const isAll = size >= rest.length;', SPEED],

  ['gateway/request-body.ts', 'if (this.#over', LATE_READ],
  ['gateway/request-body.ts', 'if (this.#reader) return reject', LATE_READ],
  ['gateway/request-body.ts', 'close(): void {', LATE_READ],
  ['gateway/request-body.ts', 'this.#over = { isWhole: true };', LATE_READ],
  ['gateway/request-body.ts', 'abandon(reason: unknown): void {', LATE_READ],
  ['gateway/request-body.ts', 'this.#over = { isWhole: false, reason };', LATE_READ],

  ['http/receive-buffer.ts', 'if (bytes.length === 0) return;', SAME],
  ['http/receive-buffer.ts', 'if (line.charCodeAt(line.length - 1) !== CR)', BARE_LF, 'false'],
  ['http/receive-buffer.ts', 'if (this.#length < 2) return false;', SAME, '<='],
  ['http/receive-buffer.ts', 'const room = maxBytes', NEAR],
  ['http/receive-buffer.ts', 'if (at !== -1 && at - this.#offset < room)', NEAR, '<='],
  ['http/receive-buffer.ts', 'if (never.test(text)) throw', 'the grammar refuses it, too', 'false'],
  ['http/receive-buffer.ts', 'const seam = ', WHOLE],
  ['http/receive-buffer.ts', 'if (never.test(seam + rest)) throw', WHOLE],
  ['http/receive-buffer.ts', 'if (this.#begunBytes === 0) return text;', SPEED, 'false'],
  ['http/receive-buffer.ts', 'if (this.#offset < (this.#pieces[0]?.length', SAME, '[0].length'],
  ['http/receive-buffer.ts', 'const last = this.#pieces.length - 1;', SPEED],
  ['http/receive-buffer.ts', 'if (before && last > 0 &&', SPEED, 'MAX_CRUMB'],
  ['http/receive-buffer.ts', 'if (before && last > 0 &&', SPEED, 'before.length - bytes.length'],
  ['http/receive-buffer.ts', 'clear(): void {', 'it is never read again'],
  ['http/receive-buffer.ts', 'this.#begun = [];', 'it is never read again'],
  ['http/receive-buffer.ts', 'at -= piece.length;', STRAY],

  ['http/limits.ts', 'maxDrainBytes: ', DRAIN],
  ['http/body-framing.ts', 'const NONE: BodyFraming = ', SAME],
  ['http/body-framing.ts', '      default:', SAME],
  ['http/body-framing.ts', 'CHUNK_LINE.exec(line) ?? []', SAME, 'Stryker'],
  ['http/body-framing.ts', 'this.#surplus', CHUNK_TALK],
  ['http/body-framing.ts', 'if (!FIELD_LINE.test(line))', 'a trailer that is none may be refused'],
  ['http/body-framing.ts', 'state.leftBytes -= ', TWO_LIMITS],
  ['http/body-framing.ts', 'state.leftLines', TWO_LIMITS],
  ['http/body-framing.ts', 'if (CODINGS_THEN_CHUNKED.test(codings)', REFUSAL],

  ['server/clock.ts', "#turn: Turn = 'nobody';", SAME],
  [
    'server/clock.ts',
    'this.#deadline = seconds > 0',
    'that 0 means never, part3/test/gateway asks',
  ],
  ['server/clock.ts', "this.#turn = 'nobody';", SAME],
  ['server/clock.ts', 'return now >= this.#deadline;', NEAR],

  ['http/request-head.ts', 'if (!HTTP_VERSION.test(version)) throw', REFUSAL],
  ['http/request-head.ts', "if (method === 'CONNECT') throw", REFUSAL],
  ['http/request-head.ts', 'ORIGIN_FORM.exec(target) ?? []', SAME, 'Stryker'],
  ['http/request-head.ts', 'ABSOLUTE_FORM.exec(target) ?? []', SAME, '["Stryker'],
  [
    'http/request-head.ts',
    "if (target === '*' && method",
    'what OPTIONS of an absolute target means to an application, no standard says',
    "target === '*'",
  ],
  [
    'http/request-head.ts',
    "authority: undefined, path: '*'",
    'what an application hears of OPTIONS *, no standard says',
  ],
  ['http/request-head.ts', 'host: authority ?? own.host', 'the fields have it, too', '&&'],
  [
    'http/request-head.ts',
    "path = '/', query = ''] = ABSOLUTE_FORM",
    'the path of a target that has none may be empty, says PEP 3333',
    "'/'",
  ],
  ['http/request-head.ts', 'const own: OwnFields = {', SAME],
  ['http/request-head.ts', "case 'content-type':", 'no standard asks for the refusal of two types'],
  ['http/request-head.ts', 'hasType', 'no standard asks for the refusal of two types'],
  ['http/request-head.ts', 'if (connection === undefined) return version', SAME],
  [
    'http/request-head.ts',
    "if (expect.toLowerCase() !== '100-continue') throw",
    'an expectation that nobody knows may be refused, and need not; RFC 9110 §10.1.1',
  ],
  [
    'http/request-head.ts',
    "return framing.kind === 'chunked' ||",
    'to whom has no body to hold back, 100 may be said, and need not',
  ],

  ['http/grammar.ts', 'export const HTTP_VERSION', REFUSAL],
  [
    'http/grammar.ts',
    'export const ORIGIN_FORM',
    'a target with a fragment should be refused, and need not; RFC 9112 §3.2',
  ],
  [
    'http/grammar.ts',
    'export const ABSOLUTE_FORM',
    'a target that is none should be refused, and need not',
  ],
  ['http/grammar.ts', 'export const CODINGS_THEN_CHUNKED', REFUSAL],

  [
    'http/request-parser.ts',
    'const AFTER_EMPTY_LINE',
    'a second empty line may be refused, and need not',
  ],
  [
    'http/request-parser.ts',
    "if (this.#state.kind !== 'refused') this.#buffer",
    'it is never read',
  ],
  [
    'http/request-parser.ts',
    "if (state.kind !== 'idle' || this.#buffer.length === 0)",
    'it shows in the moment in which bytes have come and are not looked at yet; request-parser.test.ts asks for it',
  ],
  ['http/request-parser.ts', 'return state.mayBeEmptyLine', STRAY],
  ['http/request-parser.ts', 'head.leftBytes -= version.length + 2;', NEAR],
  ['http/request-parser.ts', "this.#state.kind === 'head' ? this.#state.head.leftBytes", AHEAD],
  ['http/request-parser.ts', 'return this.#buffer.length + this.#limits', AHEAD],
  ['http/request-parser.ts', 'if (!this.#buffer.takeLineEnd()) return false;', STRAY],
  ['http/request-parser.ts', 'if (!head.line) return undefined;', SAME],
  ['http/request-parser.ts', 'head.leftBytes -= line.length + 2;', NEAR],
  ['http/request-parser.ts', 'if (head.fields.length > maxFieldLines)', NEAR],
  ['http/request-parser.ts', "if (head.method === '') throw", 'it is refused a line later'],
  ['http/request-parser.ts', 'head.leftBytes -= head.method.length + 1;', NEAR],
  ['http/request-parser.ts', 'const mayTake = ', NEAR],
  ['http/request-parser.ts', 'const [maxBytes, tooLong] = ', NEAR],
  ['http/request-parser.ts', 'head.leftBytes -= head.target.length + 1;', NEAR],
  ['http/request-parser.ts', 'for (let last = first; last.length < MAX_CRUMB', SPEED],
  ['http/request-parser.ts', 'try {', SPEED, 'for (let last'],
  ['http/request-parser.ts', '} catch (error) {', 'it is refused when it is read', 'thrown when'],
  ['http/request-parser.ts', 'return pieces.length === 1 ? first', SPEED],
  ['http/request-parser.ts', '#refuse(error: unknown): void {', 'it closes, and reads no more'],
  ['http/request-parser.ts', 'while (end > start && isWhitespace', SAME],
  ['http/request-parser.ts', '#isStrayLine(): boolean {', STRAY],
  ['http/request-parser.ts', 'return length <= 2 && this.#buffer.byteAt(0) === CR', STRAY],
];

export const SURVIVORS: readonly Excuse[] = [
  ...LINES.flatMap(([stages, line, why, change]) =>
    stages.map((id) =>
      toExcuse(STAGES.find((stage) => stage.id === id)?.file ?? '', line, why, change),
    ),
  ),
  ...GATEWAY.map(([file, line, why, change]) => toExcuse(`part3/${file}`, line, why, change)),
];

function toExcuse(file: string, line: string, why: string, change: string | undefined): Excuse {
  return { file, line, why, ...(change !== undefined && { change }) };
}
