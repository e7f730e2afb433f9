"""Hear what is logged under a name, and what is announced."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from django.dispatch import Signal

from workflows import signals

Heard = list[tuple[str, dict[str, Any]]]
"""Each signal that was heard: its name, and what it said."""


class Ear(logging.Handler):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def listening(name: str) -> Iterator[Ear]:
    """Hear this logger, from INFO on."""
    logger, ear = logging.getLogger(name), Ear()
    level = logger.level
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    yield ear
    logger.removeHandler(ear)
    logger.setLevel(level)


@contextmanager
def announced(*names: str) -> Iterator[Heard]:
    """Collect what these signals say."""
    found: Heard = []
    with ExitStack() as stack:
        for name in names:
            signal: Signal = getattr(signals, name)
            receiver = mock.Mock(side_effect=lambda _name=name, **said: found.append((_name, said)))
            signal.connect(receiver, weak=False)
            stack.callback(signal.disconnect, receiver)
        yield found
