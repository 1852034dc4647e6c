"""Django, with the project in helloworld/: routes in urls.py, the admin, and its static files."""

import os

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

os.environ['DJANGO_SETTINGS_MODULE'] = 'helloworld.settings'
app = StaticFilesHandler(get_wsgi_application())
