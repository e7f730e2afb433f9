"""Deeds at the same moment, each on a real connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable

from django.db import connection


def race(
    deeds: Iterable[Callable[[], object]], meanwhile: Callable[[], object] | None = None
) -> list[object]:
    """Do all deeds at once, each on a connection of its own; returns results or refusals.

    `meanwhile` is done by this thread: steps with a time limit run in the main one only.
    """
    deeds = list(deeds)
    results: list[object] = [None] * len(deeds)
    ready = threading.Barrier(len(deeds) + 1)

    def run(index: int, deed: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            ready.wait(timeout=30)
            results[index] = deed()
        except Exception as error:  # the test looks at it
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(deeds)]
    for thread in threads:
        thread.start()
    ready.wait(timeout=30)
    if meanwhile is not None:
        meanwhile()
    for thread in threads:
        thread.join(timeout=60)
    return results


def kinds(results: Iterable[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)
