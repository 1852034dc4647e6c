"""For the tests: what a WSGI application in Python can do to its server, one path each."""

import ctypes
import errno
import hashlib
import json
import os
import socket
import stat
import sys
import threading
import time
from wsgiref.validate import validator

TEXT = [('Content-Type', 'text/plain')]
HEAD = b'half of '


def wait_at_gate(environ):
    """Until the test, which listens on the port in the query, opens it."""
    with socket.create_connection(('127.0.0.1', int(environ['QUERY_STRING']))) as gate:
        gate.recv(1)


def tell(text):
    sys.stderr.write(f'{text}\n')  # in one piece: workers share it, and print() writes a line in two


def app(environ, start_response):
    return globals()[environ['PATH_INFO'][1:].replace('-', '_')](environ, start_response)


def pid(environ, start_response):
    start_response('200 OK', TEXT)
    return [b'%d' % os.getpid()]


def environ(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/json')])
    shown = {key: value if isinstance(value, (str, bool)) else repr(value) for key, value in environ.items()}
    return [json.dumps(shown).encode()]


def sha256(environ, start_response):
    digest = hashlib.sha256()
    while piece := environ['wsgi.input'].read(10_000):
        digest.update(piece)
    start_response('200 OK', TEXT)
    return [digest.hexdigest().encode()]


def lines(environ, start_response):
    body = environ['wsgi.input']
    found = [body.readline(), *body.readlines(1), *body]
    start_response('200 OK', TEXT)
    return [json.dumps([line.decode() for line in found]).encode()]


def write(environ, start_response):
    start_response('200 OK', TEXT)(b'written, ')
    return [b'then returned']


def replaced(environ, start_response):
    start_response('200 OK', TEXT + [('X-Mistaken', 'yes')])
    try:
        raise ValueError('thought again')
    except ValueError:
        start_response('503 Service Unavailable', TEXT, sys.exc_info())
    return [b'sorry']


def errors(environ, start_response):
    environ['wsgi.errors'].write('told on wsgi.errors\n')
    return pid(environ, start_response)


def slow(environ, start_response):
    time.sleep(float(environ['QUERY_STRING']))
    return pid(environ, start_response)


def pieces(environ, start_response):
    start_response('200 OK', TEXT)
    return iter([b'x' * 20_000, b'y' * 20_000])


def file(environ, start_response):
    start_response('200 OK', TEXT)
    return environ['wsgi.file_wrapper'](open(__file__, 'rb'), 10)


def note(environ, start_response):
    """Writes down, before anything else, that it has been here."""
    name, _, path = environ['QUERY_STRING'].partition('@')
    with open(path, 'a') as notes:
        notes.write(f'{name}\n')
    return pid(environ, start_response)


def later(environ, start_response):
    """A thread of ours goes on when all is answered, and has kept what it should not use any more."""
    write = start_response('200 OK', TEXT)

    def go_on():
        wait_at_gate(environ)
        for use in (lambda: write(b'late'), lambda: environ['wsgi.input'].read(100_000)):
            try:
                use()
            except OSError as error:
                tell(f'later: {error}')

    threading.Thread(target=go_on).start()
    return [b'%d' % os.getpid()]


def babbles_when_idle(environ, start_response):
    def babble():
        wait_at_gate(environ)
        os.write(channel(), b'1:x,')

    threading.Thread(target=babble).start()
    return pid(environ, start_response)


def ignores_body(environ, start_response):
    return pid(environ, start_response)


def raise_before(environ, start_response):
    raise RuntimeError('before the head')


def raise_after(environ, start_response):
    start_response('200 OK', TEXT)
    yield HEAD
    wait_at_gate(environ)  # so that the client has this, and the cut comes apart from it
    raise RuntimeError('behind the head')


def too_late(environ, start_response):
    start_response('200 OK', TEXT)
    yield HEAD
    wait_at_gate(environ)
    try:
        raise ValueError('too late for another head')
    except ValueError:
        start_response('500 Internal Server Error', TEXT, sys.exc_info())
    yield b'the other half'


def starts_twice(environ, start_response):
    start_response('200 OK', TEXT)
    start_response('200 OK', TEXT)
    return [b'x']


def sys_exit(environ, start_response):
    sys.exit(3)


def die_before(environ, start_response):
    os._exit(9)


def die_during(environ, start_response):
    start_response('200 OK', TEXT)
    yield HEAD
    wait_at_gate(environ)
    os._exit(9)


class Closing:
    """Says so when it is closed."""

    def __init__(self, name, chunks, then=lambda: None):
        self.name, self.chunks, self.then = name, chunks, then

    def __iter__(self):
        return iter(self.chunks)

    def close(self):
        tell(f'{self.name} closed')
        self.then()


def writes_to_3(environ, start_response):
    try:
        os.write(3, b'5:0 B!!,')
    except OSError as error:
        start_response('200 OK', TEXT)
        return [str(error.errno == errno.EBADF).encode()]


def channel():
    """The worker's own descriptor: no application should know it."""
    paths = ((int(name), f'/proc/self/fd/{name}') for name in os.listdir('/proc/self/fd'))
    return next(fd for fd, path in paths if fd > 2 and os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode))


def talks_nonsense(environ, start_response):
    os.write(channel(), environ['QUERY_STRING'].encode())
    time.sleep(3600)


def fork_returns(environ, start_response):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    start_response('200 OK', TEXT)
    return [b'parent' if child else b'child']


def fork_unseen(environ, start_response):
    """As C code forks: Python's os.fork() has hooks, this one has none."""
    child = ctypes.CDLL(None).fork()
    if child:
        os.waitpid(child, 0)
    return pid(environ, start_response)


def fork_raises(environ, start_response):
    if os.fork() == 0:
        raise RuntimeError('in the child')
    os.wait()
    return pid(environ, start_response)


def die_with_heir(environ, start_response):
    if ctypes.CDLL(None).fork() == 0:  # not os.fork(): of this one Python does not know
        wait_at_gate(environ)  # with all of our descriptors
    os._exit(9)


def die_after(environ, start_response):
    start_response('200 OK', TEXT + [('Content-Length', '4')])
    return Closing('die-after', [b'done'], lambda: os._exit(9))


def close_raises(environ, start_response):
    def then():
        raise RuntimeError('close() itself failed')

    start_response('200 OK', TEXT)
    return Closing('close-raises', [b'done'], then)


def endless(environ, start_response):
    def chunks():
        while True:
            yield b'x' * 64 * 1024

    start_response('200 OK', TEXT)
    return Closing('endless', chunks())


def gate(environ, start_response):
    wait_at_gate(environ)
    return pid(environ, start_response)


def waits(environ, start_response):
    def chunks():
        tell(f'{environ["QUERY_STRING"]} waits')
        while True:
            time.sleep(0.05)
            yield b''  # nothing leaves; but if the client has left, this is where we hear of it

    start_response('200 OK', TEXT)
    return Closing(environ['QUERY_STRING'], chunks())


def hang(environ, start_response):
    tell('hanging')
    time.sleep(3600)


def no_start(environ, start_response):
    return [b'a body without a head']


def text(environ, start_response):
    start_response('200 OK', TEXT)
    return ['a str, and not bytes']


def splits(environ, start_response):
    start_response('200 OK', [('X-Split', 'a\r\nSet-Cookie: stolen=1')])
    return [b'x']


validated = validator(app)
