"""A bare WSGI application in Python: wsgiapp.ts, in the contract's mother tongue."""

import json
import time
from urllib.parse import parse_qs

TEXT = [('Content-Type', 'text/plain; charset=utf-8')]


def app(environ, start_response):
    route = environ['REQUEST_METHOD'].replace('HEAD', 'GET') + ' ' + environ['PATH_INFO']
    if route in ('GET /', 'GET /hello'):
        start_response('200 OK', TEXT)
        return [b'Hello world from WSGI!\n']
    if route == 'POST /json':
        name = json.loads(read_all(environ))['name']
        start_response('200 OK', [('Content-Type', 'application/json')])
        return [json.dumps({'hello': name}).encode()]
    if route == 'POST /form':
        name = parse_qs(read_all(environ).decode())['name'][0]
        start_response('200 OK', TEXT)
        return [f'hello {name}\n'.encode()]
    if route == 'POST /upload':
        start_response('200 OK', TEXT)
        return [f'{len(read_all(environ))} bytes\n'.encode()]
    if route == 'GET /stream':
        start_response('200 OK', TEXT)
        return countdown()
    if route == 'GET /cookies':
        start_response('200 OK', TEXT + [('Set-Cookie', 'a=1; Path=/'), ('Set-Cookie', 'b=2; Path=/')])
        return [b'two cookies\n']
    if route == 'GET /error':
        raise RuntimeError('this app was asked to fail')
    start_response('404 Not Found', TEXT)
    return [b'not found\n']


def read_all(environ):
    return environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))


def countdown():
    for n in (3, 2, 1):
        yield b'%d\n' % n
        time.sleep(0.1)
    yield b'lift-off\n'
