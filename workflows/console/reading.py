"""Runs as operators may read them: what is encrypted stays so, unless the setting says otherwise."""

from uuid import UUID

from workflows import api
from workflows.api import HistoryEntry, RunView
from workflows.conf import conf


def read_run(run_id: UUID) -> RunView:
    """Return a run. Raises RunNotFound."""
    return api.get_run(run_id, decrypt=conf().admin_decrypts)


def read_history(run_id: UUID) -> list[HistoryEntry]:
    """Return everything a run has done, oldest first. Raises RunNotFound."""
    return api.get_history(run_id, decrypt=conf().admin_decrypts)
