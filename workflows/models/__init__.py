"""The engine's tables."""

from workflows.models.chunk import Chunk
from workflows.models.event import Event
from workflows.models.history import History
from workflows.models.limit import (
    LimitMoment,
    LimitRate,
    LimitSetting,
    LimitSlot,
    LimitWait,
)
from workflows.models.pruned_key import PrunedKey
from workflows.models.run import Run
from workflows.models.schedule import Schedule
from workflows.models.start_window import StartWindow
from workflows.models.statistic import Statistic, StatisticMark
from workflows.models.worker import Worker

__all__ = [
    "Chunk",
    "Event",
    "History",
    "LimitMoment",
    "LimitRate",
    "LimitSetting",
    "LimitSlot",
    "LimitWait",
    "PrunedKey",
    "Run",
    "Schedule",
    "StartWindow",
    "Statistic",
    "StatisticMark",
    "Worker",
]
