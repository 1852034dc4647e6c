"""One process, one WSGI application in real CPython, one request at a time in each of its threads.

    python python_worker.py FILE CALLABLE THREADS
    descriptors 3 and on: the server, a channel for each thread; stdin: open as long as it lives

Frames are netstrings, `length:bytes,`: the request's number, a space, a byte that says what kind, and the rest.
The server sends
    Q the environ as JSON, a NUL, and of the body what is here      B a piece of the body, empty at its end
    A the client has left
and the worker sends
    + ready         ! why it never will be, as JSON                 R n: please read, n bytes at most
    H the status, names and values, with NULs between               B a piece of the answer
    E its end       X it failed
Every answer ends with E or X: that somebody hung up never looks like the end of an answer. And no frame is taken
for another request's: what an application does to descriptors and processes stays its own affair.
"""

import fcntl
import gc
import importlib
import io
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from wsgiref.util import FileWrapper

PIECE = 64 * 1024  # bytes in a frame, at most
OUT_OF_THE_WAY = 64  # descriptors from here on are nobody's guess
IN_MEMORY = 512 * 1024  # bytes of a body without a length; more of it goes to a file. waitress: the same

decode = json.JSONDecoder().raw_decode  # json.loads has more to ask


class ClientLeft(OSError):
    """Nobody waits for this answer any more."""


class Channel:
    """A thread's way to the server. Programs that the application starts do not inherit it, and its forks lose it."""

    def __init__(self, fileno):
        moved = fcntl.fcntl(fileno, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY)
        os.close(fileno)
        self.worker_sock, self.pid = socket.socket(fileno=moved), os.getpid()
        self.buffer, self.number = b'', b'0'
        self.requests, self.pieces, self.client_left = {}, [], False
        self.sending, self.reading = threading.Lock(), threading.Lock()  # an application may have threads of its own
        os.register_at_fork(after_in_child=self.worker_sock.close)

    @property
    def sock(self):
        if os.getpid() != self.pid:
            os._exit(1)  # a fork that came back: what it has to say is nobody's answer
        return self.worker_sock

    def send(self, number, *frames):
        length = len(number) + 1
        message = b''.join([b'%d:%s %s,' % (length + len(frame), number, frame) for frame in frames])
        sock = self.sock  # before the lock: in a fork nobody may be left to open it
        with self.sending:
            self.check_number(number)
            sock.sendall(message)
            if frames[-1] in (b'E', b'X'):
                self.number = None

    def check_number(self, number):
        """What an application has kept of one request is of no use while the next one is under way."""
        if number != self.number:
            raise ClientLeft('this request has been answered')

    def next_request(self):
        """Waits for it. One may be here already: it came while another was under way."""
        self.fill_until(lambda: self.requests)
        number = next(iter(self.requests))
        self.pieces, self.client_left = [], False
        self.number = number
        return self.requests.pop(number)

    def next_piece(self, number):
        self.fill_until(lambda: number != self.number or self.pieces or self.client_left)
        self.check_number(number)
        if self.client_left:
            raise ClientLeft('the client left before its request was whole')
        return self.pieces.pop(0)

    def check(self, number):
        """Raises if the client has left. To look for news costs a system call."""
        self.check_number(number)
        if self.reading.acquire(blocking=False):
            try:
                self.fill(self.sock, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            finally:
                self.reading.release()
        if self.client_left:
            raise ClientLeft('the client left before its answer was whole')

    def fill_until(self, is_there):
        """Whoever reads sorts for all, and who waits for the lock meanwhile finds what is his."""
        while not is_there():
            sock = self.sock
            with self.reading:
                if not is_there():
                    self.fill(sock)

    def fill(self, sock, flags=0):
        received = sock.recv(PIECE, flags)
        if not received:
            os._exit(0)  # the server has gone: nobody is left to tell
        self.buffer += received
        while (colon := self.buffer.find(b':')) > 0:
            end = colon + 1 + int(self.buffer[:colon])
            if len(self.buffer) <= end:
                break
            number, _, frame = self.buffer[colon + 1:end].partition(b' ')
            self.buffer = self.buffer[end + 1:]
            self.sort(number, frame[:1], frame[1:])

    def sort(self, number, kind, rest):
        if kind == b'Q':
            self.requests[number] = rest
        elif number in self.requests:  # A: its client has left before its turn came
            self.requests[number] = None
        elif number == self.number and kind == b'B':
            self.pieces.append(rest)
        elif number == self.number:
            self.client_left = True


class Body(io.RawIOBase):
    """What is under wsgi.input where not all of the body is here: asks the server when the application wants more."""

    def __init__(self, channel, piece):
        self.channel, self.number, self.rest, self.ended = channel, channel.number, piece, False

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.rest and not self.ended:
            self.channel.send(self.number, b'R%d' % min(len(buffer), PIECE))
            self.rest = self.channel.next_piece(self.number)
            self.ended = not self.rest
        piece, self.rest = self.rest[:len(buffer)], self.rest[len(buffer):]
        buffer[:len(piece)] = piece
        return len(piece)


class Answer:
    """The server's side of PEP 3333: start_response, write, and when the head leaves."""

    def __init__(self, channel):
        self.channel, self.number, self.head, self.head_sent = channel, channel.number, None, False

    def start_response(self, status, headers, exc_info=None):
        try:
            if exc_info and self.head_sent:
                raise exc_info[1].with_traceback(exc_info[2])
            if self.head and not exc_info:
                raise AssertionError('a second start_response needs exc_info')
        finally:
            exc_info = None  # or the traceback holds this frame, and this frame the traceback
        self.head = [status, list(headers)]
        return self.write

    def write(self, data):
        if self.head_sent or not data:
            self.channel.check(self.number)
        if data:  # nothing is sent for nothing: the head leaves with the first bytes
            self.send(*pieces_of(data))

    def write_list(self, result):
        """All of the body, whose length is known, and the end behind it."""
        length = sum(len(data) for data in result)
        if self.head and length > 0:
            add_length(*self.head, length)
        self.send(*(piece for data in result if data for piece in pieces_of(data)), b'E')

    def finish(self):
        if not self.head_sent:
            self.send()

    def send(self, *frames):
        if self.head is None:
            raise AssertionError('start_response comes before the body')
        head = () if self.head_sent else (b'H' + join(*self.head),)
        self.channel.send(self.number, *head, *frames)
        self.head_sent = True


def pieces_of(data):
    if len(data) <= PIECE:
        return (b'B' + data,)
    return (b'B' + data[i:i + PIECE] for i in range(0, len(data), PIECE))


def join(status, headers):
    words = [status]
    for name_and_value in headers:
        words += name_and_value
    head = '\0'.join(words)
    if head.count('\0') != 2 * len(headers):
        raise ValueError('a header is a name and a value, without a NUL')
    return head.encode('latin-1')


def add_length(status, headers, length):
    """PEP 3333 "Handling the Content-Length Header". RFC 9110 section 8.6: not where there is no body."""
    if status[:3] not in ('204', '304') and not any(name.lower() == 'content-length' for name, _ in headers):
        headers.append(('Content-Length', str(length)))


def serve(channel, application, request, environ):
    """Answers a request. Returns what is to be said behind that: b'E', b'X', or nothing more."""
    head, _, piece = request.partition(b'\0')
    environ = {**decode(head.decode())[0], **environ, 'wsgi.errors': sys.stderr}
    environ['RAW_URI'] = environ.get('REQUEST_URI', '')  # as gunicorn calls it
    answer = Answer(channel)
    try:
        give_body(channel, piece, environ)
        result = application(environ, answer.start_response)
        if type(result) in (list, tuple) and not answer.head_sent:
            answer.write_list(result)
            return b''
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


def give_body(channel, piece, environ):
    """wsgi.input. All of the body may be here; else the application asks for it as it goes."""
    if len(piece) == int(environ.get('CONTENT_LENGTH') or 0) and 'HTTP_TRANSFER_ENCODING' not in environ:
        environ['wsgi.input'] = io.BytesIO(piece)
        return
    environ['wsgi.input'] = io.BufferedReader(Body(channel, piece), PIECE)
    if 'HTTP_TRANSFER_ENCODING' in environ:
        give_length(environ)


def give_length(environ):
    """Reads a chunked body to its end: Django, and all who keep to PEP 3333, read what CONTENT_LENGTH says, or nothing."""
    whole = tempfile.SpooledTemporaryFile(IN_MEMORY)
    shutil.copyfileobj(environ['wsgi.input'], whole, PIECE)
    environ['CONTENT_LENGTH'] = str(whole.tell())
    whole.seek(0)
    del environ['HTTP_TRANSFER_ENCODING']
    environ['wsgi.input'] = whole


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


def work(channel, application, environ):
    """What a thread does all its life."""
    while True:
        request = channel.next_request()
        number = channel.number
        end = serve(channel, application, request, environ) if request else b'E'
        if end:
            channel.send(number, end)


def main(file, name, threads):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, and we go when it goes
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()  # even if we hang
    channels = [Channel(3 + i) for i in range(int(threads))]
    application, problem = load(file, name)
    if problem:
        channels[0].send(b'0', b'!' + json.dumps(problem).encode())
        sys.exit(1)
    environ = {
        'wsgi.version': (1, 0),
        'wsgi.multithread': len(channels) > 1,
        'wsgi.run_once': False,
        'wsgi.input_terminated': True,  # whoever reads on does not wait for more than there is
        'wsgi.file_wrapper': lambda file, _=0: FileWrapper(file, PIECE),
    }
    gc.freeze()  # what is here now, stays: the collector need not look at it again and again
    channels[0].send(b'0', b'+')
    for channel in channels[1:]:
        threading.Thread(target=work, args=(channel, application, environ), daemon=True).start()
    work(channels[0], application, environ)


if __name__ == '__main__':
    main(*sys.argv[1:])
