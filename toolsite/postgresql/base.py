"""What Django loads for ENGINE "toolsite.postgresql"."""

from django.db.backends.postgresql import base

from toolsite.postgresql import driver


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, whose connections are TimedConnections."""

    Database = driver

    def close_if_health_check_failed(self) -> None:
        """Check as Django does, but spare the round trip where the answer is known.

        While many watch a board, a thread's connection is used many times a second.
        """
        if self.connection is not None and self.connection.answered_just_now():
            self.health_check_done = True
        super().close_if_health_check_failed()
