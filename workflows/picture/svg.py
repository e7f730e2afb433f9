"""Draw the graph of a workflow as SVG.

No style attribute and no script, so that it stands in a page under a strict CSP: colours come from
workflows/picture.css by classes and data-state. What is drawn is escaped. Beside it belongs the table
(table.py), which says the same in words.
"""

from collections.abc import Iterable
from pathlib import Path

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from workflows.picture.graph import Edge, Graph, Node
from workflows.picture.layout import (
    CHARACTER,
    SMALL_CHARACTER,
    Box,
    Direction,
    Layout,
    Point,
    lay_out,
)
from workflows.picture.overlay import PLAIN, Mark, Overlay
from workflows.picture.parts import ActKind
from workflows.picture.words import KINDS, second_line, whole
from workflows.ui.icons import state_icon

MARGIN = 4
_STATIC = Path(__file__).resolve().parents[1] / "static/workflows"
_SHEETS = ("ui.css", "picture.css")
_ACTS = frozenset(ActKind)


def draw(
    graph: Graph, overlay: Overlay = PLAIN, *, direction: Direction = "down", id: str = "picture"
) -> SafeString:
    """Draw a graph, with what lies over it, to stand in a page. id: its own within the page."""
    return _drawn(graph, overlay, direction, id, SafeString(""))


def draw_file(graph: Graph, overlay: Overlay = PLAIN, *, direction: Direction = "down") -> str:
    """Draw a graph as a file that brings its colours along; it follows the viewer's theme."""
    sheets = "\n".join((_STATIC / name).read_text() for name in _SHEETS)
    # Our own files: no text from outside.
    style = mark_safe(f"<style><![CDATA[\n{sheets}]]></style>")  # noqa: S308
    return f"{_drawn(graph, overlay, direction, 'picture', style)}\n"


def _drawn(
    graph: Graph, overlay: Overlay, direction: Direction, id: str, style: SafeString
) -> SafeString:
    layout = lay_out(graph, direction)
    width, height = round(layout.width) + 2 * MARGIN, round(layout.height) + 2 * MARGIN
    title = f"{graph.workflow}, version {graph.version}"
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" class="workflow-picture" id="{id}" width="{width}" '
        'height="{height}" viewBox="-{margin} -{margin} {width} {height}" role="img" '
        'aria-labelledby="{id}-title {id}-desc"{scale}><title id="{id}-title">{title}</title>'
        '<desc id="{id}-desc">{desc}</desc>{style}{markers}{edges}{nodes}</svg>',
        id=id,
        width=width,
        height=height,
        margin=MARGIN,
        scale=format_html(' data-scale="{}"', overlay.scale) if overlay.scale else "",
        title=title,
        desc=_described(graph, overlay),
        style=style,
        markers=_markers(id),
        edges=_join(_edge(edge, layout, overlay, id) for edge in graph.edges),
        nodes=_join(_node(node, layout.boxes[node.id], overlay, id) for node in graph.nodes),
    )


def _described(graph: Graph, overlay: Overlay) -> str:
    counts: dict[str, int] = {}
    for node in graph.nodes:
        if node.act is not None:
            counts[KINDS[node.kind]] = counts.get(KINDS[node.kind], 0) + 1
    told = ", ".join(f"{word}: {count}" for word, count in counts.items()) or "no steps"
    return f"{overlay.caption} {told}; the table says the same in words.".strip()


def _markers(id: str) -> SafeString:
    return _join(
        format_html(
            '<marker id="{}-{}" class="arrow" data-way="{}" viewBox="0 0 8 8" refX="7" refY="4" '
            'markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
            '<path d="M0 .8 7.2 4 0 7.2z"/></marker>',
            id,
            way,
            way,
        )
        for way in ("plain", "taken", "idle")
    )


def _edge(edge: Edge, layout: Layout, overlay: Overlay, id: str) -> SafeString:
    points = layout.routes.get((edge.source, edge.target))
    if points is None:
        return SafeString("")
    way = "plain"
    if overlay.taken is not None:
        way = "taken" if (edge.source, edge.target) in overlay.taken else "idle"
    return format_html(
        '<g class="edge" data-way="{}"{}><path fill="none" stroke="currentColor" d="{}" '
        'marker-end="url(#{}-{})"/>{}</g>',
        way,
        SafeString(' data-fails="yes"') if edge.fails else "",
        _curve(points, down=layout.direction == "down"),
        id,
        way,
        _edge_label(edge.label, points),
    )


def _curve(points: Iterable[Point], *, down: bool) -> str:
    (x, y), *others = points
    told = [f"M{x:g} {y:g}"]
    for to_x, to_y in others:
        if down:
            middle = round((y + to_y) / 2, 1)
            told.append(f"C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {to_y:g}")
        else:
            middle = round((x + to_x) / 2, 1)
            told.append(f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    return "".join(told)


def _edge_label(label: str, points: tuple[Point, ...]) -> SafeString:
    if not label:
        return SafeString("")
    (x, y), (to_x, to_y) = points[0], points[1]
    return format_html(
        '<text class="way" text-anchor="middle" fill="currentColor" x="{}" y="{}">{}</text>',
        round(x + (to_x - x) * 0.45, 1),
        round(y + (to_y - y) * 0.45 + 4, 1),
        _cut(label, 150, SMALL_CHARACTER),
    )


def _node(node: Node, box: Box, overlay: Overlay, id: str) -> SafeString:
    mark = overlay.mark(node.id)
    is_act = node.kind in _ACTS
    return format_html(
        '<g class="node" id="{}-{}"{} transform="translate({} {})"><title>{}</title>'
        '<rect fill="none" stroke="currentColor" width="{}" height="{}" rx="{}"/>{}</g>',
        id,
        node.id,
        _facts(node, mark, overlay),
        box.x,
        box.y,
        whole(node, mark),
        box.width,
        box.height,
        8 if is_act else box.height / 2,
        _act_text(node, box, mark) if is_act else _small_text(node, box),
    )


def _facts(node: Node, mark: Mark, overlay: Overlay) -> SafeString:
    told = {"kind": node.kind}
    if mark.state:
        told["state"] = mark.state
    if overlay.scale and mark.heat:
        told["heat"] = str(mark.heat)
    if overlay.taken is not None and not mark.state:
        gone = any(node.id in pair for pair in overlay.taken)
        told["way"] = "taken" if gone else "idle"
    return format_html_join("", ' data-{}="{}"', told.items())


def _act_text(node: Node, box: Box, mark: Mark) -> SafeString:
    has_icon = bool(mark.state)
    left = 36 if has_icon else 14
    return format_html(
        '{}<text class="name" fill="currentColor" x="{}" y="20">{}</text>'
        '<text class="note" fill="currentColor" x="{}" y="36">{}</text>{}',
        format_html('<g transform="translate(11 14)">{}</g>', state_icon(mark.state))
        if has_icon
        else "",
        left,
        _cut(node.label, box.width - left - 6),
        left,
        _cut(second_line(node, mark), box.width - left - 6, SMALL_CHARACTER),
        _undo(node, box),
    )


def _undo(node: Node, box: Box) -> SafeString:
    """Mark a step that can be undone."""
    if node.act is None or not node.act.undo:
        return SafeString("")
    return format_html(
        '<text class="undo" fill="currentColor" text-anchor="end" x="{}" y="36">↶</text>',
        box.width - 8,
    )


def _small_text(node: Node, box: Box) -> SafeString:
    return format_html(
        '<text class="name" fill="currentColor" text-anchor="middle" x="{}" y="{}">{}</text>',
        round(box.width / 2, 1),
        round(box.height / 2 + 4, 1),
        _cut(node.label, box.width - 16, SMALL_CHARACTER),
    )


def _cut(text: str, room: float, character: float = CHARACTER) -> str:
    most = max(int(room / character), 1)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _join(parts: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))
