"""The logger of workflow code."""

import logging
from typing import Any

from workflows.core.codec import loads
from workflows.definitions.workflow_guard import lifted
from workflows.engine.session.session import Session

logger = logging.getLogger("workflows.run")


class RunLogger(logging.LoggerAdapter[logging.Logger]):
    """Silent while replaying; each line carries the run's id, workflow and baggage."""

    def __init__(self, session: Session) -> None:
        extra = {"run_id": str(session.run.id), "workflow": session.run.workflow}
        if session.run.baggage != "{}":
            extra["baggage"] = loads(session.run.baggage)
        super().__init__(logger, extra)
        self._session = session

    def isEnabledFor(self, level: int) -> bool:
        session = self._session
        replaying = session.only_replay or session.position < session.history.last_position
        return not replaying and super().isEnabledFor(level)

    log = lifted(logging.LoggerAdapter.log)
    """Handlers may use the database."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        run = self._session.run
        carried = "" if run.baggage == "{}" else f" {run.baggage}"
        return f"{run.workflow} {run.id}{carried}: {msg}", super().process(msg, kwargs)[1]
