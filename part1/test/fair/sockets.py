"""Correct, and different: plain sockets, other fields in another order, one client at a time."""
import os
import socket
import sys

PAGE = "<h1>hello world</h1> Größe: 1 m\n".encode()
if "--page" in sys.argv:
    with open(sys.argv[sys.argv.index("--page") + 1], "rb") as file:
        PAGE = file.read()


def serve(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(4096)
        if not data:
            return
        head += data
        if len(head) > 100_000:
            client.sendall(b"HTTP/1.1 431 Too Much\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
    for line in head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n"):
        print("<", "".join(c if c.isprintable() else "?" for c in line))
    client.sendall(b"HTTP/1.1 200 Fine\r\ncontent-length:%d\r\nX-More: yes\r\n\r\n%s" % (len(PAGE), PAGE))


with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as server:
    print("Serving HTTP on port", server.getsockname()[1])
    while True:
        connection, _ = server.accept()
        try:
            with connection:
                serve(connection)
        except ConnectionError:
            pass
