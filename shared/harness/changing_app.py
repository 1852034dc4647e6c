"""changing-app.ts for gateways in Python: the same file, the same words, the same lines."""

import os
import time

from contract_app import TEXT
from contract_app import app as contract

CODE = os.environ['CODE']


def began():
    """Milliseconds since 1970 at which this process began; the kernel counts ticks since it booted, a hundred a second."""
    with open('/proc/self/stat') as stat, open('/proc/uptime') as uptime:
        ticks = int(stat.read().rpartition(')')[2].split()[19])
        return (time.time() - float(uptime.read().split()[0]) + ticks / 100) * 1000


with open(f'{CODE}.births', 'a') as births:
    births.write(f'{os.getpid()} {began():.0f} {time.time() * 1000:.0f}\n')
with open(CODE) as code:
    words = code.read().strip()
if words == 'broken':
    raise RuntimeError('this code cannot start')


def app(environ, start_response):
    if environ['PATH_INFO'] != '/words':
        return contract(environ, start_response)
    start_response('200 OK', TEXT)
    return [f'{os.getpid()} {words}'.encode()]
