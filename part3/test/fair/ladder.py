"""3a, 3b and 3c in another language and another manner: HTTP/1.0, other headers, a body that ends with its connection."""
import os
import signal
import socket
import sys
import time

options = {"--stage": "3a", "--sleep": "3", "--backlog": "511"}
words = [word for argument in sys.argv[1:] for word in argument.split("=")]
options.update(zip(words[::2], words[1::2]))
stage, nap = options["--stage"], float(options["--sleep"])


def read_head(client):
    head = b""
    while b"\r\n\r\n" not in head:
        packet = client.recv(1000)
        if not packet:
            return False
        head += packet
    return True


def handle(client):
    try:
        if read_head(client):
            head = "HTTP/1.0 200 Fine\r\nserver: python\r\nX-EXTRA: 1\r\n\r\n"
            client.sendall(head.encode())
            if stage != "3a":
                time.sleep(nap)
            client.sendall(f"This is process {os.getpid()}.\n".encode())
            client.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    client.close()


listener = socket.socket()
listener.bind(("0.0.0.0", int(os.environ.get("PORT", "8888"))))
listener.listen(int(options["--backlog"]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(f"Serving HTTP on port {listener.getsockname()[1]}", flush=True)
while True:
    connection, _ = listener.accept()
    if stage != "3c":
        handle(connection)
    elif os.fork() == 0:
        listener.close()
        handle(connection)
        os._exit(0)
    else:
        connection.close()
