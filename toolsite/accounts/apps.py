"""The accounts room as a Django app: for its workflow and its command."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Beside allauth's "account", which has the tables."""

    name = "toolsite.accounts"
    label = "accounts"
