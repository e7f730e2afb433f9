"""What Django loads for ENGINE "toolsite.postgresql"."""

from django.db.backends.postgresql import base

from toolsite.postgresql import driver


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, whose connections are TimedConnections."""

    Database = driver
