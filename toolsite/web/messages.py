"""The messages between an ASGI server and this application, as far as they are used here."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Scope = Mapping[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def refusal(status: int, sentence: str, *, retry_after_seconds: int | None = None) -> Answer:
    """Return an answer that the site's pages have no part in; it ends the connection."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
    if retry_after_seconds is not None:
        headers.append(("Retry-After", str(retry_after_seconds)))
    return Answer(status, headers, f"{sentence}\n".encode())


async def send_answer(send: Send, answer: Answer) -> None:
    """Hand a whole response to the server, which from then on needs nothing of us."""
    headers = [
        (name.lower().encode("latin-1"), value.strip().encode("latin-1"))
        for name, value in answer.headers
    ]
    if not any(name == b"content-length" for name, _ in headers) and answer.body:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
