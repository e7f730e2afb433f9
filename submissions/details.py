"""What a maker says about a tool, once the form has found it sound."""

from dataclasses import dataclass
from hashlib import sha256

from submissions.link_check import normalise_link


@dataclass(frozen=True, kw_only=True)
class Details:
    name: str
    category: str
    link: str
    tagline: str
    description: str = ""

    @property
    def link_key(self) -> str:
        """Equal for links that lead to the same place; short enough for an index."""
        return sha256(normalise_link(self.link).encode()).hexdigest()
