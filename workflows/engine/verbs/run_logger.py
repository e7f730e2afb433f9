"""The logger of workflow code."""

import logging
from typing import Any

from workflows.definitions.workflow_guard import lifted
from workflows.engine.session.session import Session

logger = logging.getLogger("workflows.run")


class RunLogger(logging.LoggerAdapter[logging.Logger]):
    """Silent while replaying; each line carries the run's id and workflow."""

    def __init__(self, session: Session) -> None:
        extra = {"run_id": str(session.run.id), "workflow": session.run.workflow}
        super().__init__(logger, extra)
        self._session = session

    def isEnabledFor(self, level: int) -> bool:
        session = self._session
        replaying = session.only_replay or session.position < session.history.last_position
        return not replaying and super().isEnabledFor(level)

    log = lifted(logging.LoggerAdapter.log)
    """Handlers may use the database."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return f"{self._session.run.workflow} {self._session.run.id}: {msg}", super().process(
            msg, kwargs
        )[1]
