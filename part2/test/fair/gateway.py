"""Parts 2 and 3 in another language and another manner: threads, chunks, and applications by WSGI itself."""
import importlib
import io
import os
import re
import signal
import socket
import socketserver
import sys
import threading
import traceback
from email.utils import formatdate
from urllib.parse import unquote_to_bytes

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (/[!-~]*|https?://[!-~]+|\*) (HTTP/1\.[01])")
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.~!$&'()*+;=%-]*)(:\d*)?", re.ASCII)
STATUS = re.compile(r"[2-9]\d\d [\t -~\x80-\xff]*")
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "trailers", "transfer-encoding", "upgrade"}
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):[ \t]*(.*?)[ \t]*", re.DOTALL)


class Refusal(Exception):
    pass


class Gateway(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    idle = set()  # connections on which nothing of a request has come


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.status = self.protocol = None
        self.head_sent = self.is_chunked = False
        self.method = "GET"
        try:
            self.run(self.read_request())
        except Refusal as refusal:
            self.apologize(str(refusal))
        except Exception:
            traceback.print_exc()
            if not self.head_sent:
                self.apologize("500 Internal Server Error")
            return  # a body without its last chunk is not whole
        self.linger()

    def read_request(self):
        self.server.idle.add(self.request)
        self.rfile.peek(1)
        self.server.idle.discard(self.request)
        size, lines = 0, []
        while (line := self.rfile.readline(16_384)) not in (b"\r\n", b""):
            size += len(line)
            if size > 16_000:
                raise Refusal("431 Request Header Fields Too Large")
            lines.append(line.removesuffix(b"\r\n"))
        first = REQUEST_LINE.fullmatch(lines[0] if lines else b"")
        if not first:
            raise Refusal("400 Bad Request")
        self.method, target, self.protocol = (part.decode("latin-1") for part in first.groups())
        if target == "*" and self.method != "OPTIONS":
            raise Refusal("400 Bad Request")
        path, _, query = re.sub("^https?://[^/?]*", "", target).partition("?")
        environ = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.protocol,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for line in lines[1:]:
            field = FIELD_LINE.fullmatch(line)
            if not field:
                raise Refusal("400 Bad Request")
            name, value = (part.decode("latin-1") for part in field.groups())
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        host = environ.get("HTTP_HOST", "" if self.protocol == "HTTP/1.0" else ",")
        if not HOST.fullmatch(host):
            raise Refusal("400 Bad Request")
        if "HTTP_TRANSFER_ENCODING" in environ:
            raise Refusal("501 Not Implemented")
        length = environ.get("CONTENT_LENGTH", "0")
        if not re.fullmatch(r"\d{1,9}", length, re.ASCII):
            raise Refusal("400 Bad Request")
        if int(length) and self.protocol == "HTTP/1.1" and environ.get("HTTP_EXPECT") == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ["wsgi.input"] = io.BytesIO(self.rfile.read(int(length)))
        return environ

    def run(self, environ):
        result = self.server.application(environ, self.start_response)
        try:
            self.length = sum(map(len, result)) if isinstance(result, (list, tuple)) else None
            for chunk in result:
                self.write(chunk)
            if not self.head_sent:
                self.send_head()
            if self.is_chunked:
                self.wfile.write(b"0\r\n\r\n")
        finally:
            if hasattr(result, "close"):
                result.close()

    length = None

    def start_response(self, status, headers, exc_info=None):
        if self.status and not exc_info:
            raise AssertionError("start_response was called twice")
        if self.head_sent:
            raise exc_info[1]
        if not STATUS.fullmatch(status):
            raise AssertionError(f"start_response was given the status {status!r}")
        for name, value in headers:
            if not re.fullmatch(TOKEN.decode(), name) or not re.fullmatch(r"[\t -~\x80-\xff]*", value):
                raise AssertionError(f"start_response was given the header {name!r}")
            if name.lower() in HOP_BY_HOP:
                raise AssertionError(f"{name} is the server's to send")
        self.status, self.headers = status, list(headers)
        return self.write

    def write(self, chunk):
        if not chunk:
            return
        if not self.head_sent:
            self.send_head()
        if self.has_body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self.is_chunked else chunk)

    def send_head(self):
        if not self.status:
            raise AssertionError("start_response was not called")
        given = {name.lower() for name, _ in self.headers}
        own = [("date", formatdate(usegmt=True)), ("server", "python"), ("connection", "close")]
        self.has_body = self.method != "HEAD" and self.status[:3] not in ("204", "304")
        if self.length and self.has_body:
            own.append(("content-length", str(self.length)))
        elif self.has_body and "content-length" not in given and self.protocol == "HTTP/1.1":
            own.append(("transfer-encoding", "chunked"))
            self.is_chunked = True
        fields = [pair for pair in own if pair[0] not in given] + self.headers
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in fields), "", ""]
        self.wfile.write("\r\n".join(lines).encode("latin-1"))
        self.head_sent = True

    def apologize(self, status):
        self.status, self.headers, self.length = status, [("content-type", "text/plain")], None
        body = f"{status}\n".encode()
        self.length = len(body)
        self.write(body)

    def linger(self):
        """Who closes with bytes unread sends a RST, and the client may lose the answer."""
        self.request.shutdown(1)
        self.request.settimeout(2)
        while self.request.recv(65_536):
            pass

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass  # the client left first


def stop(*_):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    threading.Thread(target=end).start()


def end():
    server.shutdown()  # nobody is accepted from here on
    for connection in list(server.idle):
        connection.shutdown(socket.SHUT_RD)  # who asks nothing is not waited for


if len(sys.argv) < 2:
    sys.exit("Which application? Say module:callable")
module, _, name = sys.argv[1].partition(":")
application = getattr(importlib.import_module(module), name)
server = Gateway(("127.0.0.1", int(os.environ.get("PORT", "8888"))), Handler)
server.application = application
signal.signal(signal.SIGTERM, stop)
print(f"Serving HTTP on port {server.server_address[1]}", flush=True)
server.serve_forever(poll_interval=0.1)
server.server_close()  # waits for the threads
