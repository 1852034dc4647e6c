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
    return validator(importlib.import_module(name).app)
