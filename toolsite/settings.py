"""Django's settings: the only reader of the environment (docs/settings.md has a line for each name)."""

import os
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

import workflows
from toolsite import log_lines
from toolsite.addresses import Database
from toolsite.env import read_or_exit
from toolsite.secret_key import kept_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = read_or_exit(os.environ, base_dir=BASE_DIR)

# Demo or production

DEMO = ENV.debug
"""Demo data is allowed, mail verification is optional, plain HTTP on this machine only."""
DEBUG = False
"""Off in the demo too: its error pages are the real ones, and tracebacks go to the log."""
DATA_DIR = ENV.data_dir
SECRET_KEY = ENV.secret_key or kept_secret_key(DATA_DIR)
ALLOWED_HOSTS = ENV.allowed_hosts or [".localhost", "127.0.0.1", "[::1]"]
HTTPS = not DEMO and ENV.https
SITE_HOST = ALLOWED_HOSTS[0].lstrip(".*") or "localhost"
SITE_URL = ENV.site_url or (f"https://{SITE_HOST}" if HTTPS else f"http://{SITE_HOST}:8000")

# The two apps of this repository

SUBMISSIONS: dict[str, Any] = {
    "reservation_seconds": ENV.reservation_seconds,
    "link_check_allow": ENV.link_check_allow,
}
WORKFLOWS: dict[str, Any] = {
    "slots": ENV.slots,
    "pools": ENV.pools,
    "metrics_token": ENV.metrics_token,
    # Its steps that wait outside need none, and the others compute: an interpreter does one thing at a time.
    "connections": 4,
    # Their inputs hold people's addresses, and nobody asks for a letter that left a month ago.
    "retention": {"accounts.letter": {"completed": "30d"}},
}

# Django's parts

INSTALLED_APPS = [
    # First: its createsuperuser goes before Django's.
    "toolsite.accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "csp",
    "django_q",
    "workflows",
    "submissions",
    # Last: it takes out of the admin what the apps above have put in.
    "toolsite",
]
MIDDLEWARE = [
    # These two only add headers: outside, so that every answer has them.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Before all that asks for the host.
    "toolsite.door.DoorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Inside those above, so that a 503 has their headers; outside all that ask the database.
    "toolsite.outage.OutageMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "toolsite.accounts.private_pages.PrivatePagesMiddleware",
    "toolsite.accounts.listed_sessions.ListedSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "toolsite.error_pages.NulMiddleware",
]
ROOT_URLCONF = "toolsite.urls"
WSGI_APPLICATION = "toolsite.wsgi.application"
WEB_PROCESSES = ENV.web_processes
WEB_THREADS = ENV.web_threads
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "submissions.context.open_reservation",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# A 1 MB field reaches its form, which names it; what is larger gets the 400 page.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# PostgreSQL holds everything: rows, sessions, and the cache that all processes share

NOTICE_A_CUT = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""Seconds, and milliseconds for the last: the kernel's own would let a page or a drive wait for a
quarter of an hour on a network that swallows packets. Unix sockets know nothing of it."""


def _database(where: Database, **more: Any) -> dict[str, Any]:
    return {
        # Django's own, but a web request does not wait for a frozen server.
        "ENGINE": "toolsite.postgresql",
        "NAME": where.name,
        "USER": where.user,
        "PASSWORD": where.password,
        "HOST": where.host,
        "PORT": where.port,
        "OPTIONS": {**NOTICE_A_CUT, **where.options},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        **more,
    }


DATABASES: dict[str, dict[str, Any]] = {"default": _database(ENV.database)}
if ENV.direct_database is not None:
    # The default one is a pooler's, which gives each transaction another session of the server's.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = None
    DATABASES["direct"] = _database(ENV.direct_database, TEST={"MIRROR": "default"})
    WORKFLOWS["direct_database"] = "direct"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "toolsite_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# The cluster that drives runs, and one for ordinary async_task() and schedule() calls, started by
# Q_CLUSTER_NAME=tasks manage.py qcluster

Q_CLUSTER = workflows.cluster_settings(
    name="toolsite",
    workers=ENV.workers,
    # Travels with every ordinary task: one that failed is not tried again.
    ack_failures=True,
    ALT_CLUSTERS={
        "tasks": {
            "broker_class": None,
            "orm": "default",
            "workers": 2,
            "bulk": 1,
            "queue_limit": 50,
            "save_limit": 250,
            "recycle": 500,
            "scheduler": True,
            "timeout": 300,
            "retry": 360,
            "max_attempts": 5,
            # Where django-q2 keeps its statistics: its sentinel must not open database connections
            # of its own before it forks.
            "cache": "process",
        }
    },
)

# Accounts: e-mail and password. Its rate limits count in the shared cache.

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in [
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    ]
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional" if DEMO else "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
# To add, remove or choose an address takes the password once more, unless typed within minutes.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_ADAPTER = "toolsite.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "toolsite.accounts.forms.AlikeSignupForm",
    "reset_password": "toolsite.accounts.forms.AlikeResetPasswordForm",
    "request_login_code": "toolsite.accounts.forms.PatientRequestLoginCodeForm",
    "confirm_login_code": "toolsite.accounts.forms.ComputedLoginCodeForm",
}
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
# "key" is an account and a place where "anywhere" is not said (toolsite/accounts/wrong_passwords.py).
ACCOUNT_RATE_LIMITS = {
    "login_failed": "10/m/ip,5/5m/key",
    "login_failed_anywhere": "30/h/key",
    # These two mail to whatever address is typed: by the hour too, or they are somebody's mail cannon.
    "request_login_code": "20/m/ip,60/h/ip,3/10m/key",
    "manage_email": "10/m/user,30/h/user",
    # By address only: a limit by account would let strangers keep somebody from a new password.
    "reset_password": "5/m/ip,30/h/ip",
}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = ENV.proxies

# Mail

DEFAULT_FROM_EMAIL = SERVER_EMAIL = f"Toolsite <noreply@{SITE_HOST}>"
EMAIL_TIMEOUT = 10
if ENV.mail_server is None:
    EMAIL_BACKEND = "toolsite.mail_files.EmailBackend"
    EMAIL_FILE_PATH = str(DATA_DIR / "mail")
else:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = ENV.mail_server.host
    EMAIL_PORT = ENV.mail_server.port
    EMAIL_HOST_USER = ENV.mail_server.user
    EMAIL_HOST_PASSWORD = ENV.mail_server.password
    EMAIL_USE_TLS = ENV.mail_server.starttls
    EMAIL_USE_SSL = ENV.mail_server.tls

# Static files: straight from the source in the demo, hashed and compressed in production

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEMO
WHITENOISE_AUTOREFRESH = DEMO
WHITENOISE_MAX_AGE = 0 if DEMO else 60

# What a browser is told to refuse

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Whether every other subdomain is HTTPS-only is for the domain's owner to say, not for one site.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if ENV.proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
if HTTPS:
    CSRF_TRUSTED_ORIGINS = [
        f"https://*{host}" if host.startswith(".") else f"https://{host}"
        for host in ALLOWED_HOSTS
        if host != "*"
    ]

# Logs: one line each, to stderr; whoever starts the process decides where they are kept

LOGGING = log_lines.LOGGING
