"""Pyramid, the framework the original series begins with."""

import time

from pyramid.config import Configurator
from pyramid.response import Response


def hello(request):
    return Response('Hello world from Pyramid!\n', content_type='text/plain')


def json(request):
    return Response(json_body={'hello': request.json_body['name']})


def form(request):
    return Response(f'hello {request.POST["name"]}\n', content_type='text/plain')


def upload(request):
    return Response(f'{len(request.body)} bytes\n', content_type='text/plain')


def stream(request):
    def countdown():
        for n in (3, 2, 1):
            yield b'%d\n' % n
            time.sleep(0.1)
        yield b'lift-off\n'

    return Response(app_iter=countdown(), content_type='text/plain')


def cookies(request):
    response = Response('two cookies\n', content_type='text/plain')
    response.set_cookie('a', '1')
    response.set_cookie('b', '2')
    return response


def error(request):
    raise RuntimeError('this app was asked to fail')


config = Configurator()
for view, method in (
    (hello, 'GET'),
    (json, 'POST'),
    (form, 'POST'),
    (upload, 'POST'),
    (stream, 'GET'),
    (cookies, 'GET'),
    (error, 'GET'),
):
    config.add_route(view.__name__, f'/{view.__name__}')
    config.add_view(view, route_name=view.__name__, request_method=method)
app = config.make_wsgi_app()
