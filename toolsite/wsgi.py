"""What the web server serves: granian --interface wsgi toolsite.wsgi:application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "toolsite.settings")

application = get_wsgi_application()
