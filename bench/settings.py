"""The site's own settings, with the workflows that are measured."""

from toolsite.settings import *  # noqa: F403

INSTALLED_APPS = ["bench", *INSTALLED_APPS]  # noqa: F405
