"""The figures as a table for people and as JSON for comparisons."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from bench.figures import Figure, Findings, Operation, short

Row = Sequence[str]


def show(machine: dict[str, str], findings: Findings) -> str:
    """Return the machine and the tables."""
    width = max(len(name) for name in machine)
    lines = [f"{name:<{width}}  {value}" for name, value in machine.items()]
    if findings.figures:
        rows = [row_of(figure) for figure in findings.figures]
        lines += ["", *aligned([["figure", "measured", "aim", "", "how"], *rows])]
    if findings.operations:
        rows = [cost_of(operation) for operation in findings.operations]
        lines += ["", *aligned([["operation", "round trips", "commits"], *rows])]
    return "\n".join(lines)


def row_of(figure: Figure) -> Row:
    """Return a figure's line of the table."""
    measured = f"{short(figure.value)} {figure.unit}"
    if figure.aim is None:
        return [figure.title, measured, "", "", figure.note]
    verdict = "met" if figure.aim.is_met(figure.value) else "missed"
    return [figure.title, measured, str(figure.aim), verdict, figure.note]


def cost_of(operation: Operation) -> Row:
    """Return an operation's line of the table."""
    return [operation.name, f"{operation.round_trips:.1f}", f"{operation.commits:.1f}"]


def aligned(rows: Sequence[Row]) -> list[str]:
    """Return lines whose columns stand below each other, with a rule below the first."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def save(
    path: Path, *, at: datetime, quick: bool, machine: dict[str, str], findings: Findings
) -> None:
    """Write everything as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "at": at.isoformat(),
        "quick": quick,
        "machine": machine,
        **asdict(findings),
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
