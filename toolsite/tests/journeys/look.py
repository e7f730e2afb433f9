"""Look at a page as strict people do: accessible in both themes, and no wider than a phone."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from toolsite.tests.journeys.visitor import DESK, PHONE

WIDER_THAN_ITS_WINDOW = (
    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
)

END_TRANSITIONS = """for (const each of document.getAnimations()) {
    if (each.effect.getComputedTiming().endTime === Infinity) each.cancel(); else each.finish();
}"""


def look_at(page: Page) -> None:
    """Fail where axe finds something, or a phone would have to scroll sideways.

    Colours are judged once per theme, everything else once per width.
    """
    assert page.locator("h1").count() == 1, f"{page.url} needs one headline"
    page.evaluate(AXE_SCRIPT)
    page.emulate_media(color_scheme="light")
    refuse_barriers(page, "on a desk, light")
    page.emulate_media(color_scheme="dark")
    refuse_barriers(page, "on a desk, dark", runOnly=["color-contrast"])
    page.set_viewport_size(PHONE)
    refuse_sideways_scroll(page)
    refuse_barriers(page, "on a phone", rules={"color-contrast": {"enabled": False}})
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light")


def refuse_barriers(page: Page, where: str, **options: Any) -> None:
    options["resultTypes"] = ["violations"]
    # For a stylesheet that imports another, as the admin's does, axe would write styles of its own
    # into the page, which the policy refuses.
    options["preload"] = False
    page.evaluate(END_TRANSITIONS)  # the admin's links fade from one theme to the other
    found: list[dict[str, Any]] = page.evaluate("options => axe.run(options)", options)[
        "violations"
    ]
    told = [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
    assert told == [], "\n".join([f"{page.url} {where}", *told])


def refuse_sideways_scroll(page: Page) -> None:
    assert page.evaluate(WIDER_THAN_ITS_WINDOW) <= 0, f"{page.url} is wider than a phone"
