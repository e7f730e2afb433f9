"""The demo's content: made-up tools under example.com, which belongs to nobody's product."""

from dataclasses import dataclass

from submissions.states import Category

BOARD = {
    "name": "Reserve a slot for your tool",
    "intro": (
        "Pick a free slot, then send the details before the time is up."
        " We check the link and publish the tool."
    ),
    "slots": 24,
}
SLUG = "launch"


@dataclass(frozen=True)
class DemoTool:
    slot: int
    name: str
    category: Category
    tagline: str
    description: str
    maker: str = "carla"

    @property
    def link(self) -> str:
        return f"https://{self.name.lower().replace(' ', '-')}.example.com/"


APPROVED = (
    DemoTool(
        1,
        "Driftwatch",
        Category.OPS,
        "Config drift alerts for small teams",
        "Compares what runs with what is written down, and says where they part ways.",
        "ben",
    ),
    DemoTool(
        4,
        "Sundial",
        Category.OPS,
        "Cron with a memory",
        "Keeps every run's output for a month and shows which nights went wrong.",
    ),
    DemoTool(
        6,
        "Inkwell",
        Category.WRITING,
        "Markdown review for docs teams",
        "Comments on sentences instead of lines, and keeps them when the text moves.",
        "dmitri",
    ),
    DemoTool(
        8,
        "Fieldnotes",
        Category.RESEARCH,
        "User interviews, tagged and searchable",
        "Turns an hour of talk into the six remarks you will want to find again.",
        "esra",
    ),
    DemoTool(
        13,
        "Ledgerly",
        Category.FINANCE,
        "Invoices from plain text",
        "Write what you did and for how long; the invoice and the books follow.",
        "femi",
    ),
    DemoTool(
        15,
        "Contrastly",
        Category.DESIGN,
        "Colour contrast in your editor",
        "Marks the pairs that are hard to read while you choose them.",
    ),
    DemoTool(
        16,
        "Hopscotch",
        Category.DEVELOPER,
        "Feature flags without a service",
        "Flags live in your repository and change with a commit, not with a console.",
        "dmitri",
    ),
    DemoTool(
        20,
        "Mapmaker",
        Category.DATA,
        "Static maps from GeoJSON",
        "One file in, one small image out, in the colours of your page.",
        "esra",
    ),
    DemoTool(
        21,
        "Standfirst",
        Category.WRITING,
        "Headlines tested before you publish",
        "Shows five headlines to five readers and tells you what each one expected.",
        "femi",
    ),
    DemoTool(
        23,
        "QueryLens",
        Category.DATA,
        "Explains slow SQL in plain words",
        "Paste a plan and read, in order, what takes the time and what to try.",
        "ana",
    ),
)
IN_REVIEW = (
    DemoTool(
        2,
        "Papertrail Kit",
        Category.WRITING,
        "Changelogs people read",
        "Collects what changed from your commits and leaves the telling to you.",
        "ana",
    ),
    DemoTool(
        12,
        "Tinybus",
        Category.DEVELOPER,
        "An event bus in one file",
        "Copy it into your project; it has no settings and nothing to install.",
    ),
)
RESERVED = {3: ("gita", 3600), 7: ("dmitri", 1800), 11: ("esra", 1200), 18: ("femi", 600)}
"""Slot to maker and window in seconds: longer than the board's, so that a visitor meets them."""

ACCOUNTS = ("admin", "ana", "ben")
"""Those who can sign in; the other makers only fill the board."""
EXTRAS = ("carla", "dmitri", "esra", "femi", "gita")
