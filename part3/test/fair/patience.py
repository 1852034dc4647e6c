"""3-24, 3-25 and 3-26 in another language and another manner: a thread for each connection, and deadlines of the socket."""
import argparse
import importlib
import io
import os
import re
import socket
import sys
import threading
import time

options = argparse.ArgumentParser()
options.add_argument('app')
for name in ('head', 'body', 'request', 'write', 'keep-alive'):
    options.add_argument(f'--{name}-timeout', type=float, default=10)
options.add_argument('--max-head-bytes', type=int, default=16_384)
options.add_argument('--max-body-bytes', type=int, default=10**9)
options.add_argument('--max-connections', type=int, default=1000)
options.add_argument('--forwarded-allow-ips', default='')
own = options.parse_args()
FROM_PROXIES = re.compile('HTTP_(FORWARDED|X_FORWARDED_.*|X_REAL_IP|PROXY)$')


class Refusal(Exception):
    pass


class Late(Exception):
    pass


class Connection:
    def __init__(self, client, address):
        self.client, self.address, self.rest = client, address, b''
        self.head_sent = False

    def serve(self):
        try:
            while self.serve_one():
                self.head_sent = False
        except Refusal as refusal:
            if not self.head_sent:
                self.send(f'HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'.encode())
        except (Late, OSError):
            pass
        self.hang_up()

    def hang_up(self):
        try:
            self.client.shutdown(socket.SHUT_WR)
            self.client.settimeout(0.5)
            while self.client.recv(65_536):
                pass
        except OSError:
            pass
        self.client.close()

    def receive(self, deadline):
        """The next bytes, until a moment of the clock."""
        self.client.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            return self.client.recv(65_536)
        except TimeoutError:
            raise Late from None

    def send(self, data):
        for start in range(0, len(data), 16_384):
            self.client.settimeout(own.write_timeout)
            self.client.sendall(data[start : start + 16_384])

    def read_head(self):
        if not self.rest:
            self.rest = self.receive(time.monotonic() + own.keep_alive_timeout)  # Late: without a word
        deadline = time.monotonic() + own.head_timeout
        while b'\r\n\r\n' not in self.rest:
            if len(self.rest) > own.max_head_bytes:
                raise Refusal('400 Bad Request' if b'\r\n' in self.rest[:9000] else '414 URI Too Long')
            try:
                piece = self.receive(deadline)
            except Late:
                raise Refusal('408 Request Timeout') from None
            if not piece:
                raise Late
            self.rest += piece
        head, self.rest = self.rest.split(b'\r\n\r\n', 1)
        if len(head) > own.max_head_bytes:
            raise Refusal('431 Request Header Fields Too Large')
        lines = head.decode('latin-1').split('\r\n')
        if len(lines[0]) > 9000:
            raise Refusal('414 URI Too Long')
        if len(lines) > 200:
            raise Refusal('431 Request Header Fields Too Large')
        return lines

    def read_exactly(self, size):
        while len(self.rest) < size:
            self.read_more()
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def read_more(self):
        try:
            piece = self.receive(time.monotonic() + own.body_timeout)  # for each piece
        except Late:
            raise Refusal('408 Request Timeout') from None
        if not piece:
            raise Late
        self.rest += piece

    def read_line(self):
        while b'\r\n' not in self.rest:
            self.read_more()
        line, self.rest = self.rest.split(b'\r\n', 1)
        return line

    def read_body(self, environ):
        length = int(environ.get('CONTENT_LENGTH', '0'))
        if length > own.max_body_bytes:
            raise Refusal('413 Content Too Large')
        if 'HTTP_TRANSFER_ENCODING' not in environ:
            return self.read_exactly(length)
        body = b''
        while size := int(self.read_line(), 16):
            if len(body) + size > own.max_body_bytes:
                raise Refusal('413 Content Too Large')
            body += self.read_exactly(size)
            self.read_line()
        self.read_line()
        return body

    def to_environ(self, lines):
        method, target, version = lines[0].split(' ')
        path, _, query = target.partition('?')
        environ = {'REQUEST_METHOD': method, 'SCRIPT_NAME': '', 'PATH_INFO': path, 'QUERY_STRING': query}
        environ |= {'SERVER_PROTOCOL': version, 'REMOTE_ADDR': self.address, 'wsgi.url_scheme': 'http'}
        environ['wsgi.errors'] = sys.stderr
        is_proxy = self.address in own.forwarded_allow_ips.split(',')
        for line in lines[1:]:
            name, _, value = line.partition(':')
            if '_' in name:
                raise Refusal('400 Bad Request')  # not left out: refused
            key = name.upper().replace('-', '_')
            key = key if key in ('CONTENT_TYPE', 'CONTENT_LENGTH') else f'HTTP_{key}'
            if key == 'HTTP_PROXY' or (FROM_PROXIES.match(key) and not is_proxy):
                continue
            environ[key] = f'{environ[key]},{value.strip()}' if key in environ else value.strip()
        if is_proxy:  # and what it said is not passed on
            hops = environ.pop('HTTP_X_FORWARDED_FOR', self.address)
            environ['REMOTE_ADDR'] = hops.split(',')[-1].strip()
            environ['wsgi.url_scheme'] = environ.pop('HTTP_X_FORWARDED_PROTO', 'http')
        return environ

    def serve_one(self):
        environ = self.to_environ(self.read_head())
        environ['wsgi.input'] = io.BytesIO(self.read_body(environ))
        keeps = 'close' not in environ.get('HTTP_CONNECTION', '').lower()
        steps = iter(self.run(environ, keeps))
        while True:  # each step in a thread that may be left behind
            done = []
            thread = threading.Thread(target=lambda: done.append(next(steps, None)), daemon=True)
            thread.start()
            thread.join(own.request_timeout)
            if not done:
                raise Refusal('504 Gateway Timeout')
            if done[0] is None:
                return keeps
            self.head_sent = True
            self.send(done[0])

    def run(self, environ, keeps):
        given = []
        result = application(environ, lambda status, headers, exc_info=None: given.extend((status, headers)))
        started = False
        for piece in result:
            if not piece:
                continue
            if not started:
                started = True
                yield self.to_head(given, keeps)
            yield b'%x\r\n%b\r\n' % (len(piece), piece)
        yield (b'' if started else self.to_head(given, keeps)) + b'0\r\n\r\n'

    def to_head(self, given, keeps):
        status, headers = given
        fields = [f'{name}: {value}' for name, value in headers if name.lower() != 'content-length']
        fields.append('Connection: keep-alive' if keeps else 'Connection: close')
        return '\r\n'.join([f'HTTP/1.1 {status}', *fields, 'Transfer-Encoding: chunked', '', '']).encode('latin-1')


def serve(client, address):
    try:
        Connection(client, address).serve()
    finally:
        places.release()


def turn_away(client):
    client.recv(65_536)  # its request, and then no
    client.sendall(b'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    client.close()


module, _, name = own.app.partition(':')
application = getattr(importlib.import_module(module), name)
places = threading.BoundedSemaphore(own.max_connections)
server = socket.create_server(('127.0.0.1', int(os.environ.get('PORT', '8888'))), backlog=128)
print(f'Serving HTTP on port {server.getsockname()[1]}', flush=True)
while True:
    client, (address, _) = server.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    has_place = places.acquire(blocking=False)
    target, args = (serve, (client, address)) if has_place else (turn_away, (client,))
    threading.Thread(target=target, args=args, daemon=True).start()
