"""For the tests: a WSGI application that does what it is told, to its worker and at which point of a request.

    /healthy?TOKEN,JOURNAL,PAD             must be answered, whatever the others do
    /ACT/PLACE?TOKEN,JOURNAL,MILLISECONDS  all else; /faults tells what there is, and what it costs

Each request notes its process and its token in the journal, so that a test knows who served it. What forks or hangs
ends by itself, in BOUND seconds.
"""

import builtins
import ctypes
import gc
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings

TEXT = [('Content-Type', 'text/plain')]
BOUND = 4  # seconds; more than the test's --request-timeout
LIBC = ctypes.PyDLL(None)  # keeps the GIL, or a fork might be without it
ACTS = {}  # the name of each: its kind, and the act
served = 0


def kind(name):
    def note(*acts, **named):
        named.update((act.__name__, act) for act in acts)
        ACTS.update((key, (name, act)) for key, act in named.items())
        return acts and acts[0]
    return note


harmless = kind('harmless')  # its own request is answered, too
costly = kind('costly')  # to its own request, and to no other
poisonous = kind('poisonous')  # to the later requests of its worker
wrong = kind('wrong')  # costly, in what it says or returns
endless = kind('endless')
late = kind('late')  # uses what it was given when its request is over


ONLY = {'wrong': 'instead', 'endless': 'instead', 'late': 'later'}


def cost(act, kind, place):
    """None where it has no sense, or, of a fork that is stopped, no end."""
    if ONLY.get(kind, place) != place or (place == 'instead' and kind not in ONLY):
        return None
    if place == 'forked':
        return 'nothing' if act != 'SIGSTOP' else None
    if kind == 'poisonous' or (kind == 'costly' and place == 'later'):  # to whoever is served then
        return 'its worker'
    return {'endless': 'no end', 'harmless': 'nothing', 'late': 'nothing'}.get(kind, 'its request')


def faults():
    costs = {act: {place: cost(act, kind, place) for place in PLACES} for act, (kind, _) in ACTS.items()}
    return {act: {place: cost for place, cost in known.items() if cost} for act, known in costs.items()}


class Told:
    """What a request asks for, and what came with it."""

    def __init__(self, environ, start_response):
        token, self.journal, number = environ['QUERY_STRING'].split(',')
        self.token, self.number = token.encode(), int(number)
        self.environ, self.input, self.start_response = environ, environ['wsgi.input'], start_response
        self.note()

    def note(self):
        journal = os.open(self.journal, os.O_WRONLY | os.O_APPEND)
        os.write(journal, b'%d %s\n' % (os.getpid(), self.token))
        os.close(journal)

    def start(self, length=None):
        lengths = [] if length is None else [('Content-Length', str(length))]
        return self.start_response('200 OK', TEXT + lengths)


def app(environ, start_response):
    global served
    served += 1
    if environ['PATH_INFO'] == '/faults':
        start_response('200 OK', TEXT)
        return [json.dumps(faults()).encode()]
    told = Told(environ, start_response)
    if environ['PATH_INFO'] == '/healthy':
        return healthy(told)
    _, act, place = environ['PATH_INFO'].split('/')
    random.seed(told.number)  # the test's seed repeats this, too
    return PLACES[place](told, ACTS[act][1])


def healthy(told):
    """The token, a pad, the body, and the token again; as a list, from a generator, or by write()."""
    body = told.input.read()
    pieces = [told.token, b'x' * told.number, body, told.token]
    way = told.number % 3
    write = told.start(sum(map(len, pieces)) if told.number % 2 else None)
    if way == 2:
        for piece in pieces:
            write(piece)
    return [pieces, (piece for piece in pieces), []][way]


# Where it happens. The answer is the token, twice, where it is not the act's.


def instead(told, act):
    return act(told)


def before(told, act):
    act(told)
    told.start()
    return [told.token] * 2


def started(told, act):
    told.start()
    act(told)
    return [told.token] * 2


def writing(told, act):
    write = told.start()
    write(told.token)
    act(told)
    write(told.token)
    return []


def halfway(told, act):
    told.start()
    yield told.token
    act(told)
    yield told.token


class closing:
    def __init__(self, told, act):
        told.start()
        self.told, self.act = told, act

    def __iter__(self):
        return iter([self.told.token] * 2)

    def close(self):
        self.act(self.told)


def later(told, act):
    told.write = told.start()

    def wait():
        time.sleep(told.number / 1000)
        act(told)

    threading.Thread(target=wait, daemon=True).start()
    return [told.token] * 2


def forked(told, act):
    if os.fork() == 0:
        act(told)
    told.start()
    return [told.token] * 2


PLACES = {place.__name__: place for place in (instead, before, started, writing, halfway, closing, later, forked)}


# It raises, ends, hangs.


class Odd(BaseException):
    pass


def raises(error):
    def act(told):
        raise error
    return act


for error in (RuntimeError, Odd, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, MemoryError, OSError,
              BrokenPipeError, BlockingIOError, TimeoutError, InterruptedError):
    costly(**{f'raises_{error.__name__}': raises(error)})


def kills(number):
    def act(told):
        os.kill(os.getpid(), number)
        time.sleep(0.01)
    return act


for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGSTOP):
    costly(**{number.name: kills(number)})


@costly
def recurses(told):
    recurses(told)


costly(
    exits=lambda told: os._exit(random.choice((0, 1, 255))),
    aborts=lambda told: os.abort(),
    hangs=lambda told: time.sleep(BOUND),
    holds_the_gil=lambda told: LIBC.sleep(BOUND),
)


# Processes and threads.


def forks(then):
    def act(told):
        if os.fork() == 0:
            then(told)
            os._exit(0)
    return act


harmless(
    forks_and_lives=forks(lambda told: time.sleep(BOUND)),
    forks_and_reads=forks(lambda told: told.input.read()),
    forks_and_raises=forks(raises(Odd)),
    forks_and_scribbles=forks(lambda told: scribbles_noise(told)),
    forks_and_returns=lambda told: os.fork(),
    forks_unseen_and_returns=lambda told: LIBC.fork(),  # Python does not know of it
    starts_a_program=lambda told: subprocess.Popen(['sleep', f'{BOUND}'], close_fds=random.random() < 0.5),
)


@costly
def dies_with_an_heir(told):
    if LIBC.fork() == 0:  # unseen: it keeps all descriptors
        time.sleep(BOUND)
    os._exit(9)


@harmless
def spins_in_a_thread(told):
    def spin(until=time.monotonic() + 0.3):
        while time.monotonic() < until:
            pass
    threading.Thread(target=spin, daemon=True).start()


@wrong
def writes_in_two_threads(told):
    write = told.start()
    for _ in range(2):
        threading.Thread(target=write, args=(told.token * 30_000,), daemon=True).start()
    return [told.token * 30_000]


@wrong
def forks_while_a_thread_writes(told):
    write = told.start()
    threading.Thread(target=write, args=(told.token * 2_000_000,), daemon=True).start()
    time.sleep(0.05)
    os.fork()
    return [told.token]


@costly
def reads_in_two_threads(told):
    for _ in range(2):
        threading.Thread(target=told.input.read, daemon=True).start()


late(
    writes_late=lambda told: told.write(told.token * 1000),
    starts_late=lambda told: told.start_response('200 OK', TEXT, (ValueError, ValueError(), None))(told.token),
    reads_late=lambda told: told.input.read(10),
)


# Descriptors.


def others():
    return [int(name) for name in os.listdir('/proc/self/fd') if int(name) > 2]


def each_of(descriptors, use, *args):
    for descriptor in descriptors:
        try:
            use(descriptor, *args)
        except OSError:
            pass  # it is closed, or no socket


def each_other(use, *args):
    each_of(others(), use, *args)


@costly
def covers_all_with_a_socket(told):
    known = others()
    told.pair = ours, _ = socket.socketpair()
    for descriptor in known:
        os.dup2(ours.fileno(), descriptor)


@costly
def scribbles_noise(told):
    each_other(os.write, random.randbytes(random.randint(1, 100)))


def frames(*numbers):
    """An answer for each, as a worker that counts its requests would tell it."""
    head = b'H["200 OK", [["Content-Length", "6"]]]'
    said = [b'%d %s' % (number, frame) for number in numbers for frame in (head, b'Bforged', b'E')]
    return b''.join(b'%d:%s,' % (len(each), each) for each in said)


harmless(
    closes_the_input=lambda told: os.closerange(0, 1),
    closes_the_outputs=lambda told: os.closerange(1, 3),
    blocks_no_output=lambda told: each_of((0, 1, 2), os.set_blocking, False),  # nor the gateway's own
)
costly(
    closes_all=lambda told: os.closerange(3, 100),
    closes_one=lambda told: os.close(random.choice(others()[:-1])),  # the last is of the folder just read
    covers_all_with_stdout=lambda told: each_other(lambda descriptor: os.dup2(1, descriptor)),
    shuts_all_down=lambda told: each_other(LIBC.shutdown, socket.SHUT_RDWR),
    reads_from_all=lambda told: each_other(LIBC.recv, ctypes.create_string_buffer(100), 100, socket.MSG_DONTWAIT),
    scribbles_frames_of_others=lambda told: each_other(os.write, frames(served - 1, served + 1, served + 2)),
)
poisonous(
    blocks_nowhere=lambda told: each_other(os.set_blocking, False),
    scribbles_frames_of_its_own=lambda told: each_other(os.write, frames(served)),
    scribbles_frames_of_the_next=lambda told: each_other(os.write, frames(served, served + 1)),
)


# Answers.


def answers(result, status='200 OK', headers=TEXT):
    def act(told):
        told.start_response(status, headers)
        return result
    return act


wrong(
    answers_a_number=answers(42),
    answers_numbers=answers([1, 2, 3]),
    answers_text=answers(['text']),
    answers_nothing_in_a_list=answers([b'x', None]),
    answers_too_little=answers([b'x'], headers=[('Content-Length', '5')]),
    answers_too_much=answers([b'x' * 100_000], headers=[('Content-Length', '5')]),
    answers_two_lengths=answers([b'x'], headers=[('Content-Length', '1'), ('Content-Length', '2')]),
    answers_a_strange_length=answers([b'x'], headers=[('Content-Length', '-1')]),
    answers_a_split=answers([b'x'], headers=[('X', 'a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n')]),
    answers_no_status=answers([b'x'], status=None),
    answers_a_strange_status=answers([b'x'], status='42'),
    answers_a_continue=answers([b'x'], status='100 Continue'),
    answers_bytes_for_headers=answers([b'x'], headers=[(b'X', b'y')]),
    answers_a_snowman=answers([b'x'], headers=[('X', '\u2603')]),
    answers_half_a_pair=answers([b'x'], headers=[('X', '\ud83d')]),
    answers_no_headers=answers([b'x'], headers=None),
    answers_a_lone_header=answers([b'x'], headers=[('X',)]),
    answers_not_a_number=answers([b'x'], headers=[('X', float('nan'))]),
    answers_huge_headers=answers([b'x'], headers=[('X', 'y' * 3_000_000)]),
    answers_a_body_for_204=answers([b'x'], status='204 No Content'),
    starts_twice=lambda told: (told.start(), told.start()),
    never_starts=lambda told: [told.token],
    says_nothing=lambda told: [],
)


def repeats(times):
    def act(told):
        told.start()
        while True:
            yield told.token * times
    return act


endless(pieces=repeats(5000), crumbs=repeats(1))


@endless
def writes(told):
    write = told.start()
    while True:
        write(told.token * 50_000)


# The environ and the interpreter.


@harmless
def handles_signals(told):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGALRM):
        signal.signal(number, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)


@harmless
def leaves_the_group(told):
    if os.getsid(0) != os.getpid():
        os.setsid()


harmless(
    clears_the_environ=lambda told: told.environ.clear(),
    replaces_the_streams=lambda told: told.environ.update({'wsgi.input': 42, 'wsgi.errors': object()}),
    closes_its_input=lambda told: told.input.close(),
    reads_a_little=lambda told: told.input.read(7),
    takes_memory=lambda told: bytearray(64 * 1024 * 1024),
    ignores_children=lambda told: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    goes_elsewhere=lambda told: os.chdir('/'),
    masks_all=lambda told: os.umask(0o777),
    becomes_nice=lambda told: os.nice(1),
    times_sockets_out=lambda told: socket.setdefaulttimeout(0.001),
    collects_no_garbage=lambda told: gc.disable(),
    seeds=lambda told: random.seed(1),
    loses_stdout=lambda told: setattr(sys, 'stdout', None),
    loses_stderr=lambda told: setattr(sys, 'stderr', None),
    closes_stderr=lambda told: sys.__stderr__.close(),
    warns_by_raising=lambda told: warnings.simplefilter('error'),
    forgets_its_environment=lambda told: os.environ.clear(),
)


@poisonous
def alarms_later(told):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.05)


@poisonous
def raises_later(told):
    signal.signal(signal.SIGALRM, lambda *_: raises(Odd)(told))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)


@poisonous
def raises_from_afar(told):
    ident = ctypes.c_ulong(threading.main_thread().ident)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(Odd))


@poisonous
def breaks_the_library(told):
    module, name = random.choice((('json', 'dumps'), ('json', 'loads'), ('select', 'select'), ('io', 'BufferedReader'),
                                  ('traceback', 'print_exc'), ('socket', 'socket')))
    setattr(sys.modules[module], name, None)


poisonous(
    limits_recursion=lambda told: sys.setrecursionlimit(40),
    opens_nothing_more=lambda told: resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)),
    traces=lambda told: sys.settrace(lambda *_: raises(Odd)(told)),
    clears_the_modules=lambda told: sys.modules.clear(),
    damages_the_builtins=lambda told: setattr(
        builtins, random.choice(('len', 'int', 'bytes', 'range', 'getattr', 'BaseException')), None),
)
