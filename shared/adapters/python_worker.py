"""One process, one WSGI application in real CPython, one request at a time.

    python python_worker.py FILE CALLABLE     descriptor 3: the server; stdin: open as long as it lives

Frames are netstrings, `length:bytes,`: the request's number, a space, a byte that says what kind, and the rest.
The server sends
    Q environ as JSON      B a piece of the body, empty at its end      A the client has left
and the worker sends
    + ready                ! why it never will be, as JSON              R n: please read, n bytes at most
    H [status, headers]    B a piece of the answer                      E its end     X it failed
Every answer ends with E or X: that somebody hung up never looks like the end of an answer. And no frame is taken
for another request's: what an application does to descriptors and processes stays its own affair.
"""

import fcntl
import importlib
import io
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback

PIECE = 64 * 1024  # bytes in a frame, at most
OUT_OF_THE_WAY = 64  # descriptors from here on are nobody's guess
IN_MEMORY = 512 * 1024  # bytes of a body without a length; more of it goes to a file. waitress: the same


class ClientLeft(OSError):
    """Nobody waits for this answer any more."""


class Channel:
    """The way to the server. Programs that the application starts do not inherit it, and its forks lose it."""

    def __init__(self, fileno):
        moved = fcntl.fcntl(fileno, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY)
        os.close(fileno)
        self.worker_sock, self.buffer, self.number = socket.socket(fileno=moved), bytearray(), b'0'
        os.register_at_fork(after_in_child=self.worker_sock.close)

    @property
    def sock(self):
        if self.worker_sock.fileno() < 0:
            os._exit(1)  # a fork that came back: what it has to say is nobody's answer
        return self.worker_sock

    def send(self, *frames):
        start = b'%s ' % self.number
        self.sock.sendall(b''.join(b'%d:%s%s,' % (len(start) + len(frame), start, frame) for frame in frames))

    def receive(self):
        """The next frame: its kind, and the rest."""
        while (colon := self.buffer.find(b':')) < 0:
            self.fill()
        end = colon + 1 + int(self.buffer[:colon])
        while len(self.buffer) <= end:
            self.fill()
        self.number, _, frame = bytes(self.buffer[colon + 1:end]).partition(b' ')
        del self.buffer[:end + 1]
        return frame[:1], frame[1:]

    def fill(self):
        received = self.sock.recv(PIECE)
        if not received:
            os._exit(0)  # the server has gone: nobody is left to tell
        self.buffer += received

    def has_news(self):
        return bool(self.buffer or select.select([self.sock], [], [], 0)[0])


class Body(io.RawIOBase):
    """What is under wsgi.input: asks the server for bytes when the application wants them."""

    def __init__(self, channel):
        self.channel, self.ended = channel, False

    def readable(self):
        return True

    def readinto(self, buffer):
        if self.ended:
            return 0
        self.channel.send(b'R%d' % min(len(buffer), PIECE))
        kind, piece = self.channel.receive()
        self.ended = kind == b'A' or not piece
        if kind == b'A':
            raise ClientLeft('the client left before its request was whole')
        buffer[:len(piece)] = piece
        return len(piece)


class Answer:
    """The server's side of PEP 3333: start_response, write, and when the head leaves."""

    def __init__(self, channel):
        self.channel, self.head, self.head_sent = channel, None, False

    def start_response(self, status, headers, exc_info=None):
        try:
            if exc_info and self.head_sent:
                raise exc_info[1].with_traceback(exc_info[2])
            if self.head and not exc_info:
                raise AssertionError('a second start_response needs exc_info')
        finally:
            exc_info = None  # or the traceback holds this frame, and this frame the traceback
        self.head = b'H' + json.dumps([status, headers]).encode()
        return self.write

    def write(self, data):
        if self.channel.has_news():  # all that the server could say now
            self.channel.receive()
            raise ClientLeft('the client left before its answer was whole')
        self.send(*(b'B' + data[i:i + PIECE] for i in range(0, len(data), PIECE)))

    def finish(self):
        if not self.head_sent:
            self.send(b'B')

    def send(self, *pieces):
        if self.head is None:
            raise AssertionError('start_response comes before the body')
        if pieces:  # nothing is sent for nothing: the head leaves with the first bytes
            self.channel.send(*(() if self.head_sent else (self.head,)), *pieces)
            self.head_sent = True


def serve(channel, application, environ):
    environ.update({
        'wsgi.version': (1, 0),
        'wsgi.input': io.BufferedReader(Body(channel), PIECE),
        'wsgi.errors': sys.stderr,
        'wsgi.multithread': False,
        'wsgi.run_once': False,
    })
    answer = Answer(channel)
    try:
        if 'HTTP_TRANSFER_ENCODING' in environ:
            give_length(environ)
        result = application(environ, answer.start_response)
        try:
            for data in result:
                answer.write(data)
            answer.finish()
        finally:
            close(result)
    except ClientLeft:
        pass
    except BaseException:  # SystemExit, too: one request must not end the others
        traceback.print_exc()
        return b'X'
    return b'E'


def give_length(environ):
    """Reads a chunked body to its end: Django, and all who keep to PEP 3333, read what CONTENT_LENGTH says, or nothing."""
    whole = tempfile.SpooledTemporaryFile(IN_MEMORY)
    shutil.copyfileobj(environ['wsgi.input'], whole, PIECE)
    environ['CONTENT_LENGTH'] = str(whole.tell())
    whole.seek(0)
    del environ['HTTP_TRANSFER_ENCODING']
    environ.update({'wsgi.input': whole, 'wsgi.input_terminated': True})


def close(result):
    try:
        getattr(result, 'close', lambda: None)()
    except Exception:
        traceback.print_exc()  # the answer is what it is


def load(file, name):
    """The application, or why there is none."""
    sys.path[0] = os.path.dirname(file)
    try:
        module = importlib.import_module(os.path.splitext(os.path.basename(file))[0])
    except BaseException as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        return None, {'missing': missing, 'traceback': traceback.format_exc()}
    if not hasattr(module, name):
        return None, {'names': [key for key, value in vars(module).items() if callable(value)]}
    application = getattr(module, name)
    return application, None if callable(application) else {'type': type(application).__name__}


def main(file, name):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, and we go when it goes
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()  # even if we hang
    channel = Channel(3)
    application, problem = load(file, name)
    if problem:
        channel.send(b'!' + json.dumps(problem).encode())
        sys.exit(1)
    channel.send(b'+')
    while True:
        kind, rest = channel.receive()
        if kind == b'Q':  # an A may come late, when its answer is already complete
            channel.send(serve(channel, application, json.loads(rest)))


if __name__ == '__main__':
    main(*sys.argv[1:])
