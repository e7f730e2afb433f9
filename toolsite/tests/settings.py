"""The settings the tests run with: the demo's, with nothing slow and nothing of this machine's."""

import os

# DATABASE_URL is given by `python3 run.py test`; without it, libpq's own defaults are tried.
os.environ.setdefault("DATABASE_URL", "postgresql:///toolsite")
os.environ.setdefault("TOOLSITE_DEBUG", "1")
os.environ.setdefault("TOOLSITE_SECRET_KEY", "tests-only-" + "0123456789" * 5)

from toolsite.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
