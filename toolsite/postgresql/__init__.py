"""Django's PostgreSQL backend, with connections that give up where a request's time is spent."""
