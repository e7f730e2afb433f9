"""Whether the dependencies of a graph make sense."""

from collections.abc import Mapping, Sequence

from workflows.core.errors import DefinitionError


def check_graph(after: Mapping[str, Sequence[str]]) -> None:
    """Raise DefinitionError for a dependency that does not exist, or a cycle."""
    for name, needs in after.items():
        for need in needs:
            if not isinstance(need, str) or need not in after:
                raise DefinitionError(f"graph: {name!r} comes after {need!r}, which is not in it")
    left = {name: set(needs) for name, needs in after.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    if left:
        raise DefinitionError(f"graph: {', '.join(sorted(left))} wait for each other in a cycle")
