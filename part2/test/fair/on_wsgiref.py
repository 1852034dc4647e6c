"""A gateway of a few lines on the standard library: what it does right passes, and it does not do everything."""
import importlib
import os
import sys
from wsgiref.simple_server import make_server

module, _, name = sys.argv[1].partition(":")
application = getattr(importlib.import_module(module), name)
with make_server("127.0.0.1", int(os.environ.get("PORT", "8888")), application) as server:
    print(f"Serving HTTP on port {server.server_port}", flush=True)
    server.serve_forever()
