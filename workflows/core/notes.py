"""What a workflow keeps on its run for readers outside: plain values, stored when they change."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from workflows.core.codec import dumps, loads
from workflows.core.errors import DefinitionError, ValueNotStorable, ValueTooLarge
from workflows.core.kept import refuse_loss


class CarriedNotes(NamedTuple):
    """What a run began with, as JSON texts: what the run before it in its chain had kept."""

    data: str = "{}"
    attributes: str = "{}"


class Note:
    """One of the mappings a workflow keeps, and its last stored text."""

    def __init__(self, name: str, stored: str, *, max_bytes: int) -> None:
        self.values: dict[str, Any] = {}
        self.name, self._stored, self._max_bytes = name, _canonical(stored), max_bytes
        self._looked_at = "{}"
        """The last text of which nothing is lost."""

    def replace(self, values: Any) -> None:
        """Take the place of everything kept so far. Raises DefinitionError for no mapping."""
        if not isinstance(values, Mapping):
            raise DefinitionError(f"run.{self.name} is {values!r:.80}; give a dictionary")
        new = dict(values)
        self.values.clear()
        self.values.update(new)

    def restart(self, begun: str) -> None:
        """Hold what the run began with, as JSON text; nothing else."""
        self.values.clear()
        if begun != "{}":
            self.values.update(loads(begun))

    def text(self) -> str:
        """Return the mapping as JSON text. Raises ValueNotStorable, ValueTooLarge."""
        if not self.values:
            return "{}"
        if not all(isinstance(key, str) for key in self.values):
            raise ValueNotStorable(f"run.{self.name}: every key is a text")
        try:
            text = dumps(self.values)
        except ValueNotStorable as exc:
            raise ValueNotStorable(f"run.{self.name}: {exc}") from None
        if text != self._looked_at:
            refuse_loss(self.values, loads(text), f"run.{self.name}")
            self._looked_at = text
        if len(text.encode()) > self._max_bytes:
            raise ValueTooLarge(f"run.{self.name} takes more than {self._max_bytes:,} bytes")
        return text

    def change(self) -> str | None:
        """Return the text to store; None: it is stored already, or cannot be."""
        if not self.values and self._stored == "{}":
            return None  # most workflows keep nothing, and this is asked at every record
        try:
            text = self.text()
        except ValueNotStorable:
            return None
        return None if _canonical(text) == self._stored else text

    def stored(self, text: str | None) -> None:
        """Take note that a text was stored."""
        if text is not None:
            self._stored = _canonical(text)


class RunNotes:
    """What a workflow keeps: data, and attributes to search by."""

    def __init__(self, data: str, attributes: str, *, max_bytes: int) -> None:
        self.data = Note("data", data, max_bytes=max_bytes)
        self.attributes = Note("attributes", attributes, max_bytes=max_bytes)

    def restart(self, carried: CarriedNotes) -> None:
        """Begin again with what the run began with: the code sets all else anew at every replay,
        the same way."""
        self.data.restart(carried.data)
        self.attributes.restart(carried.attributes)

    def check(self) -> None:
        """Raise ValueNotStorable when something in them cannot be stored."""
        self.data.text()
        self.attributes.text()


def _canonical(text: str) -> str:
    return text if text == "{}" else dumps(loads(text))
