"""The gateway in another language and another manner: threads; and where RFC 9112 leaves a choice, the other one than ours."""
import importlib
import os
import re
import socketserver
import sys
import traceback
from email.utils import formatdate
from urllib.parse import unquote_to_bytes

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (/[!-~]*) (HTTP/1\.[01])")
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):[ \t]*([^\0]*?)[ \t]*", re.DOTALL)
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")
MOST = 16_384


class Refusal(Exception):
    pass


class Body:
    """wsgi.input: no byte of it is read before the application wants it."""

    def __init__(self, rfile, length, is_chunked):
        self.rfile, self.left, self.is_chunked = rfile, length, is_chunked
        self.has_ended = length == 0 and not is_chunked

    def read(self, size=-1):
        pieces, wanted = [], sys.maxsize if size < 0 else size
        while wanted > 0 and (piece := self.read_piece(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def read_piece(self, most):
        if self.is_chunked and self.left == 0 and not self.has_ended:
            self.left = self.read_size()
        if self.has_ended:
            return b""
        piece = self.rfile.read(min(most, self.left, 65_536))
        if not piece:
            raise Refusal("400 Bad Request")
        self.left -= len(piece)
        if self.left == 0 and self.is_chunked and self.rfile.read(2) != b"\r\n":
            raise Refusal("400 Bad Request")
        self.has_ended = self.left == 0 and not self.is_chunked
        return piece

    def read_size(self):
        line = CHUNK_LINE.fullmatch(self.rfile.readline(MOST))
        if not line:
            raise Refusal("400 Bad Request")
        size = int(line[1], 16)
        while size == 0 and not self.has_ended:
            trailer = self.rfile.readline(MOST)
            if not trailer.endswith(b"\n"):
                raise Refusal("400 Bad Request")
            self.has_ended = trailer in (b"\r\n", b"\n")
        return size


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        self.keep = True
        while self.keep:
            self.keep = False
            self.status, self.head_sent, self.method, self.version = None, False, "", b"HTTP/1.1"
            try:
                environ = self.read_head()
                if environ is None:
                    return
                self.run(environ)
                while environ["wsgi.input"].read(65_536):
                    pass
            except Refusal as refusal:
                if self.head_sent:
                    return  # without its last chunk it is not whole
                self.apologize(str(refusal))
            except ConnectionError:
                return
            except Exception:
                traceback.print_exc()
                if self.head_sent:
                    return
                self.apologize("500 Internal Server Error")
        self.linger()

    def read_line(self):
        """Without its end; a LF alone is one, too."""
        line = self.rfile.readline(MOST)
        if not line.endswith(b"\n"):
            raise Refusal("431 Request Header Fields Too Large" if len(line) == MOST else "400 Bad Request")
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def read_head(self):
        if not self.rfile.peek(1):
            return None
        first = self.read_line() or self.read_line()
        parts = REQUEST_LINE.fullmatch(first)
        if not parts:
            raise Refusal("400 Bad Request")
        self.method, self.version = parts[1].decode(), parts[3]
        fields = {}
        last = None
        while line := self.read_line():
            if line[:1] in b" \t":
                if last:
                    fields[last][-1] += b" " + line.strip(b" \t")
                continue
            field = FIELD_LINE.fullmatch(line)
            if not field:
                raise Refusal("400 Bad Request")
            last = field[1].decode().lower()
            fields.setdefault(last, []).append(field[2].replace(b"\r", b" "))
        values = {name: b",".join(values).decode("latin-1").strip() for name, values in fields.items()}
        return self.to_environ(parts[2].decode(), values, len(fields.get("host", [])))

    def to_environ(self, target, values, hosts):
        is_new = self.version == b"HTTP/1.1"
        if hosts > 1 or (is_new and hosts == 0):
            raise Refusal("400 Bad Request")
        options = [option.strip().lower() for option in values.get("connection", "").split(",")]
        self.keep = "close" not in options and (is_new or "keep-alive" in options)
        coding = values.pop("transfer-encoding", None)
        lengths = {length.strip() for length in values.pop("content-length", "0").split(",")}
        length = lengths.pop()
        if lengths or not re.fullmatch("[0-9]{1,15}", length):
            raise Refusal("400 Bad Request")
        if coding is not None and coding.lower() != "chunked":
            raise Refusal("501 Not Implemented")
        if coding is not None and (not is_new or length != "0"):
            self.keep = False  # by its chunks alone, and closed behind it
        path, _, query = target.partition("?")
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in values.items() if "_" not in name}
        if coding is not None:
            environ["HTTP_TRANSFER_ENCODING"] = coding
        elif length != "0":
            environ["CONTENT_LENGTH"] = length
        if "HTTP_CONTENT_TYPE" in environ:
            environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
        return environ | {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.version.decode(),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": Body(self.rfile, 0 if coding else int(length), coding is not None),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def run(self, environ):
        result = self.server.application(environ, self.start_response)
        try:
            self.length = sum(map(len, result)) if isinstance(result, list) else None
            for piece in result:
                if piece:
                    self.write(piece)
            if not self.head_sent:
                self.send_head()
            if self.framing == "chunked":
                self.wfile.write(b"0\r\n\r\n")
        finally:
            if hasattr(result, "close"):
                result.close()

    length = None

    def start_response(self, status, headers, exc_info=None):
        if self.status and not exc_info:
            raise AssertionError("start_response was called twice")
        self.status, self.headers = status, headers
        return self.write

    def write(self, piece):
        if not self.head_sent:
            self.send_head()
        if self.framing == "chunked":
            piece = b"%X\r\n%b\r\n" % (len(piece), piece)
        if self.framing != "none":
            self.wfile.write(piece)

    def send_head(self):
        fields = [("date", formatdate(usegmt=True)), ("server", "python"), *self.headers]
        names = {name.lower() for name, _ in fields}
        has_length = "content-length" in names
        self.framing = "length" if has_length or self.length is not None else "chunked"
        if self.method == "HEAD" or self.status[:3] in ("204", "304"):
            self.framing = "none"
        elif self.framing == "length" and not has_length:
            fields.append(("content-length", str(self.length)))
        elif self.framing == "chunked" and self.version == b"HTTP/1.0":
            self.framing, self.keep = "close", False
        elif self.framing == "chunked":
            fields.append(("transfer-encoding", "chunked"))
        fields.append(("connection", "keep-alive" if self.keep else "close"))
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in fields), "", ""]
        self.wfile.write("\r\n".join(lines).encode("latin-1"))
        self.head_sent = True

    def apologize(self, status):
        self.keep = False
        self.status, self.headers, self.length = status, [], 0
        self.send_head()

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


class Gateway(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


module, _, name = sys.argv[1].partition(":")
with Gateway(("127.0.0.1", int(os.environ.get("PORT", "8888"))), Handler) as server:
    server.application = getattr(importlib.import_module(module), name)
    print(f"Serving HTTP on port {server.server_address[1]}", flush=True)
    server.serve_forever()
