"""What the django-q2 cluster calls. The queue is the run table; the task is only a doorbell."""

from workflows.cluster import worker


def drive_due() -> None:
    """Drive due runs until there are none."""
    worker.ring()
