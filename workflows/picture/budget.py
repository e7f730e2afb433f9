"""How much of a project's code an outline follows."""

from dataclasses import dataclass

MOST_ACTS = 400
"""Acts and calls of helpers. A picture of more would help nobody; helpers that call helpers would be told again and again."""
DEEPEST = 12
"""Helpers within helpers."""


@dataclass(kw_only=True)
class Budget:
    """What is left for one outline."""

    acts: int = MOST_ACTS
    depth: int = 0

    def spend(self) -> None:
        """One more act is told, or one more helper."""
        self.acts -= 1

    @property
    def is_spent(self) -> bool:
        """Whether helpers are followed no more."""
        return self.acts <= 0 or self.depth >= DEEPEST
