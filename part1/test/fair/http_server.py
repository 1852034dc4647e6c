"""Correct, and different: Python's http.server, HTTP/1.0, one client at a time."""
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

PAGE = "Hello, World! Grüße 🌍\n".encode()
if "--page" in sys.argv:
    with open(sys.argv[sys.argv.index("--page") + 1], "rb") as file:
        PAGE = file.read()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        print(f"< {self.requestline}")
        for name, value in self.headers.items():
            print(f"< {name}: {value!r}"[:-1].replace(": '", ": ", 1))
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)


server = HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
print(f"Serving HTTP on port {server.server_port}")
server.serve_forever()
