"""The ASGI application: reads a request whole, then lets a thread answer it."""

import logging

from toolsite.web.environ import wsgi_environ
from toolsite.web.messages import Answer, Receive, Scope, Send, refusal, send_answer
from toolsite.web.request_reader import Gone, RequestReader, RequestRefused
from toolsite.web.threads import Threads

logger = logging.getLogger(__name__)

BROKEN = "The body of this request breaks off, or its chunks cannot be read."
"""granian tells of a wrong chunk as of a visitor who has gone away, and without an answer of ours
would give a bare 500."""


class WebApplication:
    """What granian calls for each request, in its loop."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self.reader = RequestReader()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Who has gone away does not hear it."""
        try:
            body = await self.reader.read(scope, receive)
        except Gone:
            await send_answer(send, refusal(400, BROKEN))
            return
        except RequestRefused as refused:
            await send_answer(send, refusal(refused.status, refused.sentence))
            return
        await send_answer(send, await self.answer(scope, body))

    async def answer(self, scope: Scope, body: bytes) -> Answer:
        """Return the site's answer. An error that Django did not catch becomes a plain 500."""
        try:
            return await self.threads.answer(wsgi_environ(scope, body))
        except Exception:
            logger.exception("%s %s failed outside of Django", scope["method"], scope["path"])
            return refusal(500, "Something went wrong here. It has been noted.")
