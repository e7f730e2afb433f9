"""When a step is tried again: as it says, else as the settings do."""

from workflows.conf import conf
from workflows.core.retry import RetryPolicy
from workflows.definitions.step import DEFAULT_RETRY, StepDefinition


def retry_policy(step: StepDefinition) -> RetryPolicy:
    """Return the policy of a step; of one that has none of its own, that of the setting
    `default_retry`."""
    return conf().retry_policy if step.retry is DEFAULT_RETRY else step.retry
