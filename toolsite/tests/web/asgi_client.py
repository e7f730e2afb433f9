"""A request as granian hands it over, for tests without a server."""

from typing import Any

from toolsite.web.messages import Message


def scope(
    path: str = "/", *, method: str = "GET", headers: list[tuple[bytes, bytes]] | None = None
) -> dict[str, Any]:
    """Return what is known of a request before its body."""
    raw_path, _, query = path.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": raw_path,
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "headers": headers or [],
        "client": ("192.0.2.7", "40000"),
        "server": ("127.0.0.1", "8000"),
        "scheme": "http",
        "http_version": "1.1",
    }


class Wire:
    """What a visitor sends, part by part, and what is answered."""

    def __init__(self, *parts: bytes, gone: bool = False) -> None:
        self.parts = list(parts)
        self.gone = gone
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> Message:
        """Hand over the next part."""
        if not self.parts and self.gone:
            return {"type": "http.disconnect"}
        body = self.parts.pop(0) if self.parts else b""
        return {
            "type": "http.request",
            "body": body,
            "more_body": bool(self.parts) or self.gone,
        }

    async def send(self, message: dict[str, Any]) -> None:
        """Take what is answered."""
        self.sent.append(message)

    @property
    def status(self) -> int:
        """Return the status of the answer."""
        status: int = self.sent[0]["status"]
        return status
