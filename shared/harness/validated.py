"""The example apps behind Python's own wsgiref.validate, which raises where a server breaks PEP 3333."""

import importlib
import os
import sys
from wsgiref.validate import validator

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'apps'))


def __getattr__(name):
    """`wsgiapp`, `flaskapp` and so on: the app of that module, wrapped."""
    if not name.endswith('app'):
        raise AttributeError(name)
    app = validator(importlib.import_module(name).app)

    def with_sizes(environ, start_response):
        # Who may read to the end without a size does so; the validator wants one.
        del environ['wsgi.input_terminated']
        return app(environ, start_response)

    return with_sizes
