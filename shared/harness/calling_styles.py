"""wsgiapp.py in the three shapes that PEP 3333 has for an application: a function, an instance, and a class."""

from wsgiapp import app as inner


def function(environ, start_response):
    yield from greet(environ, start_response, 'a function')  # the head is due at the first piece


class Callable:
    """Sends its body through write(), as old frameworks do, and returns nothing to iterate over."""

    def __call__(self, environ, start_response):
        write = None

        def start(status, headers):
            nonlocal write
            write = start_response(status, headers)

        for piece in greet(environ, start, 'an instance'):
            write(piece)
        return []


class Response:
    """Is its own body: the server calls the class and iterates over what it gets."""

    def __init__(self, environ, start_response):
        self.environ, self.start_response = environ, start_response

    def __iter__(self):
        yield from greet(self.environ, self.start_response, 'a class')


instance = Callable()


def greet(environ, start_response, who):
    return [piece.replace(b'WSGI', who.encode()) for piece in inner(environ, start_response)]
