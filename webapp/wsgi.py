"""WSGI entry for gunicorn: `webapp.wsgi:application`."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
application = get_wsgi_application()
# All views now, before gunicorn forks, and not in each worker at its first request: that made somebody wait, and each
# worker had 28 MB more of its own.
import_module(settings.ROOT_URLCONF)
