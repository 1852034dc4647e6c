"""contract-app.ts for gateways in Python: what the checks ask of an application, path by path, with the same answers."""

import hashlib
import itertools
import json
import os
import resource
import select
import socket
import sys
import threading
import time
from urllib.parse import unquote
from wsgiref.validate import validator

TEXT = [('Content-Type', 'text/plain; charset=utf-8')]


def app(environ, start_response):
    path = environ['PATH_INFO'].split('/')[1]  # what follows is for the check to look at

    def start(status, headers, *exc_info):
        return start_response(status, list(headers), *exc_info)  # a server may change the list, and TEXT is everybody's

    return CASES.get(path, hello)(environ, start)


def hello(environ, start_response):
    start_response('200 OK', TEXT)
    return [b'Hello, ', b'World!\n']


def echo(environ, start_response):
    """What was asked; or the body that came, piece by piece. Its length is said where the request has said it."""
    pieces = pieces_of(environ)
    first = next(pieces, b'')
    query = environ.get('QUERY_STRING')
    target = environ.get('SCRIPT_NAME', '') + environ['PATH_INFO'] + (f'?{query}' if query else '')
    text = f"{environ['REQUEST_METHOD']} {target}\n".encode()
    length = '' if 'HTTP_TRANSFER_ENCODING' in environ else environ.get('CONTENT_LENGTH', '')
    length = length if first else str(len(text))
    start_response('200 OK', TEXT + [('Content-Length', length)] if length.isdecimal() else TEXT)
    return itertools.chain([first], pieces) if first else [text]


def pieces_of(environ):
    """No byte more than there are: some servers wait for it."""
    body = environ['wsgi.input']
    is_chunked = 'HTTP_TRANSFER_ENCODING' in environ
    length = environ.get('CONTENT_LENGTH', '')
    left = None if is_chunked else int(length) if length.isdecimal() else 0
    while left != 0 and (piece := body.read(min(left or 10_000, 10_000))):
        left = left and left - len(piece)
        yield piece


def pieces(environ, start_response):
    start_response('200 OK', TEXT)
    yield from [b'one, ', b'', b'two, ', b'three\n']  # nobody knows its length before its end


def shown(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/json')])
    own = {key: value for key, value in environ.items() if os.environ.get(key) != value}  # as wsgiref adds
    return [json.dumps(own, default=lambda value: '').encode()]


def pid(environ, start_response):
    start_response('200 OK', TEXT)
    return [b'%d' % os.getpid()]


def sha256(environ, start_response):
    digest = hashlib.sha256()
    while piece := environ['wsgi.input'].read(10_000):
        digest.update(piece)
    start_response('200 OK', TEXT)
    return [digest.hexdigest().encode()]


def ignores(environ, start_response):
    """Answers, and leaves the body where it is."""
    start_response('200 OK', TEXT)
    return [b'not read\n']


def reads_some(environ, start_response):
    piece = environ['wsgi.input'].read(10)
    start_response('200 OK', TEXT)
    return [piece]


def smuggled(environ, start_response):
    """Nobody asks for it: it stands in bodies."""
    environ['wsgi.errors'].write('smuggled\n')
    environ['wsgi.errors'].flush()
    start_response('200 OK', TEXT)
    return [b'smuggled']


PIECE = 64 * 1024
FLOOD = 1024  # pieces: 64 MiB


def call_gate(environ):
    """The check's end of an application's work; for who looks by hand there is none."""
    port = environ['QUERY_STRING']
    return socket.create_connection(('127.0.0.1', int(port))) if port else None


def upload(environ, start_response):
    """Reads a piece of the body for each byte it is told, and says so; and all the rest when there is no more to hear."""
    digest, body, gate = hashlib.sha256(), environ['wsgi.input'], call_gate(environ)
    while word := gate and gate.recv(PIECE):
        for _ in word:
            digest.update(body.read(PIECE))
            gate.sendall(b'.')
    while piece := body.read(PIECE):
        digest.update(piece)
    if gate:
        gate.close()
    start_response('200 OK', TEXT)
    return [digest.hexdigest().encode()]


def answers_first(environ, start_response):
    start_response('200 OK', TEXT)
    yield b'first, '
    yield environ['wsgi.input'].read()


def promise_in(environ):
    """`/promises?200&10&four`: a status, a Content-Length, and the pieces that are yielded."""
    code, length, *pieces = (unquote(part) for part in environ['QUERY_STRING'].split('&'))
    return f'{code} Promised', TEXT + [('Content-Length', length)], [piece.encode() for piece in pieces]


def promises(environ, start_response):
    status, headers, pieces = promise_in(environ)
    start_response(status, headers)
    return iter(pieces)


def promises_list(environ, start_response):
    status, headers, pieces = promise_in(environ)
    start_response(status, headers)
    return pieces


def promises_write(environ, start_response):
    status, headers, pieces = promise_in(environ)
    write = start_response(status, headers)
    for piece in pieces:
        write(piece)
    return []


class Flood:
    """Pieces as they are asked for, each told to the other end of the gate, until that has heard enough of them."""

    def __init__(self, gate):
        self.gate, self.index = gate, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.index == FLOOD or (self.gate and select.select([self.gate], [], [], 0)[0]):
            raise StopIteration
        if self.gate:
            self.gate.sendall(b'.')
        self.index += 1
        return b'%8d' % (self.index - 1) * (PIECE // 8)

    def close(self):
        if self.gate:
            self.gate.close()


def flood(environ, start_response):
    start_response('200 OK', TEXT)
    return Flood(call_gate(environ))


def created(environ, start_response):
    start_response('201 Created', TEXT)
    return iter([b'from ', b'a promise\n'])


def generator(environ, start_response):
    start_response('200 OK', TEXT)  # not called before the first piece is asked for
    yield b''
    yield b'\xff\x00'
    yield 'é👋'.encode()


def text(environ, start_response):
    start_response('200 OK', TEXT)
    return ['Zoë '.encode(), '👋\n'.encode()]


def headers(environ, start_response):
    pairs = [('X-First', '1'), ('Set-Cookie', 'a=1'), ('date', 'Tue, 15 Nov 1994 08:12:31 GMT')]
    pairs += [('SERVER', 'my own'), ('Set-Cookie', 'b=2'), ('X-Last', 'caf\xe9')]
    start_response('200 OK', pairs)
    return [b'x']


def leaves(environ, start_response):
    """A middleware's way: it leaves something in the environ for the application inside."""
    environ['app.left'] = 'here'
    start_response('200 OK', TEXT)
    return [b'x']


def read_zero(environ, start_response):
    body = environ['wsgi.input']
    parts = [body.read(0), body.readline(0), body.read(1), body.read()]
    start_response('200 OK', TEXT)
    return [json.dumps([part.decode() for part in parts]).encode()]


def status(environ, start_response):
    """The status is what the query says."""
    start_response(unquote(environ['QUERY_STRING'], 'latin-1'), TEXT)
    return [b'x']


def header(environ, start_response):
    """A header, `["name","value"]` in the query."""
    start_response('200 OK', [tuple(json.loads(unquote(environ['QUERY_STRING'])))])
    return [b'x']


def brief(environ, start_response):
    """What HEAD is spared the work for."""
    start_response('200 OK', TEXT)
    return [] if environ['REQUEST_METHOD'] == 'HEAD' else [b'five\n']


def two_lengths(environ, start_response):
    start_response('200 OK', [('Content-Length', '1'), ('content-length', '5')])
    return [b'x']


def logs(environ, start_response):
    environ['wsgi.errors'].write('a word ')
    environ['wsgi.errors'].writelines(['for ', 'the operator\n'])
    environ['wsgi.errors'].flush()
    start_response('200 OK', TEXT)
    return [b'said']


def lines(environ, start_response):
    body = environ['wsgi.input']
    line, part = body.readline(), body.read(3)
    hinted = body.readlines(9)
    rest = list(body)
    start_response('200 OK', TEXT)
    text = lambda several: [one.decode() for one in several]
    return [json.dumps({'line': text([line, part]), 'hinted': text(hinted), 'rest': text(rest)}).encode()]


def sheet(environ, start_response):
    start_response('200 OK', TEXT)
    return [b'x' * 32 * 1024]


def large(environ, start_response):
    start_response('200 OK', TEXT)
    return ['é'.encode() * 100_000] * 2


def write(environ, start_response):
    write = start_response('200 OK', TEXT)
    write(b'writ')
    write(b'ten, ')
    return [b'then returned\n']


def mistaken():
    try:
        raise RuntimeError('thought again')
    except RuntimeError:
        return sys.exc_info()


def replaced(environ, start_response):
    start_response('200 OK', [('X-Mistaken', 'yes')])
    start_response('503 Service Unavailable', TEXT, mistaken())
    return [b'sorry\n']


def replaced_behind_nothing(environ, start_response):
    start_response('200 OK', [('X-Mistaken', 'yes')])
    yield b''  # no bytes: the head is still here
    start_response('503 Service Unavailable', TEXT, mistaken())
    yield b'sorry\n'


def too_late(environ, start_response):
    say = start_response('200 OK', TEXT)
    for word in words_from(environ):
        say(word)
    start_response('500 Internal Server Error', TEXT, mistaken())
    return [b'the other half']


def returns_nothing(environ, start_response):
    start_response('200 OK', TEXT)
    return None


def returns_numbers(environ, start_response):
    start_response('200 OK', TEXT)
    return [1, 2, 3]


class Closing:
    """Pieces of a body, and a word on wsgi.errors when nobody wants more of them."""

    def __init__(self, environ, pieces, word):
        self.errors, self.pieces, self.word = environ['wsgi.errors'], pieces, word

    def __iter__(self):
        return iter(self.pieces)

    def close(self):
        self.errors.write(self.word)
        self.errors.flush()


def closes(environ, start_response):
    start_response('200 OK', TEXT)
    return Closing(environ, [b'x'], f"closed {environ['QUERY_STRING']}\n")


def closes_slowly(environ, start_response):
    start_response('200 OK', TEXT)
    return Closing(environ, iter([b'x', b'y']), 'slowly closed\n')


def endless(environ, start_response):
    start_response('200 OK', TEXT)
    return Closing(environ, without_end(), 'endless closed\n')


def without_end():
    """It ends where somebody collects it, before the machine does."""
    for pieces in itertools.count():
        if pieces % 256 == 0 and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1024**2:  # KiB on Linux
            raise MemoryError('an endless body is being collected: send each piece before the next')
        yield b'x' * 64 * 1024


def big(environ, start_response):
    start_response('200 OK', TEXT + [('Content-Length', str(16 * 1024 * 1024))])
    return [b'x' * 64 * 1024] * 256


def no_content(environ, start_response):
    start_response('204 No Content', [])
    return []


def not_modified(environ, start_response):
    start_response('304 Not Modified', [('ETag', '"x"')])
    return [b'not for the wire']


def empty_list(environ, start_response):
    start_response('200 OK', TEXT)
    return []


def words_from(environ):
    """What the check says into its end of this connection, as it comes, until it ends it."""
    if not environ['QUERY_STRING']:  # for who looks by hand, and has no other end
        yield b'first, '
        time.sleep(1)
        yield b'second\n'
        return
    with socket.create_connection(('127.0.0.1', int(environ['QUERY_STRING']))) as gate:
        while words := gate.recv(64 * 1024):
            yield words


def relay(environ, start_response):
    start_response('200 OK', TEXT + [('X-Process', str(os.getpid()))])
    return words_from(environ)


def relay_and_throw(environ, start_response):
    start_response('200 OK', TEXT)
    return Closing(environ, half_of(environ), 'relay closed\n')


def half_of(environ):
    yield from words_from(environ)
    raise RuntimeError('no other half')


class Waiting:
    """A body that says one word, and then waits for its close(): for ever, if nobody calls it."""

    def __init__(self):
        self.words = iter([b'waiting'])
        self.left = threading.Event()

    def __iter__(self):
        return self

    def __next__(self):
        for word in self.words:
            return word
        self.left.wait()
        raise StopIteration

    def close(self):
        self.left.set()


def waits(environ, start_response):
    start_response('200 OK', TEXT)
    return Waiting()


def throws(environ, start_response):
    raise RuntimeError('secret of the application')


def throws_after_start(environ, start_response):
    start_response('200 OK', [('X-Mistaken', 'yes')])
    raise RuntimeError('secret of the application')


def never_starts(environ, start_response):
    return [b'a body without a head']


def starts_twice(environ, start_response):
    start_response('200 OK', TEXT)
    start_response('200 OK', TEXT)
    return [b'x']


CASES = {
    'hello': hello,
    'echo': echo,
    'pieces': pieces,
    'environ': shown,
    'pid': pid,
    'sha256': sha256,
    'ignores': ignores,
    'reads-some': reads_some,
    'smuggled': smuggled,
    'upload': upload,
    'answers-first': answers_first,
    'promises': promises,
    'promises-list': promises_list,
    'promises-write': promises_write,
    'flood': flood,
    'flood-now': flood,
    'async': created,
    'generator': generator,
    'large': large,
    'sheet': sheet,
    'text': text,
    'headers': headers,
    'big': big,
    '204': no_content,
    '304': not_modified,
    'empty-list': empty_list,
    'relay': relay,
    'relay-and-throw': relay_and_throw,
    'waits': waits,
    'throws': throws,
    'rejects': throws,
    'throws-after-start': throws_after_start,
    'never-starts': never_starts,
    'starts-twice': starts_twice,
    'status': status,
    'header': header,
    'leaves': leaves,
    'read-zero': read_zero,
    'brief': brief,
    'two-lengths': two_lengths,
    'logs': logs,
    'lines': lines,
    'write': write,
    'replaced': replaced,
    'replaced-behind-nothing': replaced_behind_nothing,
    'too-late': too_late,
    'returns-nothing': returns_nothing,
    'returns-numbers': returns_numbers,
    'close': closes,
    'close-slowly': closes_slowly,
    'endless': endless,
}


def validated(environ, start_response):
    """The same behind Python's own validator: what the server does wrong is said, and becomes a 500."""
    try:
        return validator(app)(environ, start_response)
    except AssertionError as error:
        print(f'the server broke PEP 3333: {error}', file=sys.stderr, flush=True)
        raise
