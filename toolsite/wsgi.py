"""The site as a WSGI application: Django's own, which toolsite.asgi calls in threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "toolsite.settings")

application = get_wsgi_application()
