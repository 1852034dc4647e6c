"""Flask, the real one. The server below is written in TypeScript, and Flask need not know."""

import os
import time

from flask import Flask, Response, request

flask_app = Flask('flaskapp')


@flask_app.get('/hello')
def hello():
    return Response('Hello world from Flask!\n', mimetype='text/plain')


@flask_app.post('/json')
def json():
    return {'hello': request.get_json()['name']}


@flask_app.post('/form')
def form():
    return Response(f'hello {request.form["name"]}\n', mimetype='text/plain')


@flask_app.post('/upload')
def upload():
    return Response(f'{len(request.get_data())} bytes\n', mimetype='text/plain')


@flask_app.get('/stream')
def stream():
    def countdown():
        for n in (3, 2, 1):
            yield f'{n}\n'
            time.sleep(0.1)
        yield 'lift-off\n'

    return Response(countdown(), mimetype='text/plain')


@flask_app.get('/cookies')
def cookies():
    response = Response('two cookies\n', mimetype='text/plain')
    response.set_cookie('a', '1')
    response.set_cookie('b', '2')
    return response


@flask_app.get('/error')
def error():
    raise RuntimeError('this app was asked to fail')


app = flask_app.wsgi_app
if os.environ.get('FLASK_DEBUG'):  # the error page, without the console that would run a stranger's code
    from werkzeug.debug import DebuggedApplication

    flask_app.debug = True
    app = DebuggedApplication(flask_app.wsgi_app, evalex=False)
