"""What is told at a scrape: the engine's collector, and those of the project."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from workflows.metrics.collector import EngineCollector


def registry_of(collectors: Iterable[Collector] = ()) -> CollectorRegistry:
    """Return the registry of the engine's metrics and of these collectors'."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in (EngineCollector(), *collectors):
        registry.register(collector)
    return registry
