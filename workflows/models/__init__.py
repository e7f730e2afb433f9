"""The engine's tables."""

from workflows.models.event import Event
from workflows.models.history import History
from workflows.models.pruned_key import PrunedKey
from workflows.models.run import Run
from workflows.models.schedule import Schedule
from workflows.models.worker import Worker

__all__ = ["Event", "History", "PrunedKey", "Run", "Schedule", "Worker"]
