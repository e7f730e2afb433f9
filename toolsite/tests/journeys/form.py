"""Fill in the details as a person does."""

from playwright.sync_api import Page

SOUND = {
    "Tool name": "QueryLens",
    "Website": "https://querylens.dev/",
    "Tagline": "Explains slow SQL in plain words",
    "Description": "For teams that own their queries.",
}


def fill_details(page: Page, **changes: str) -> None:
    """Fill in every field with something sound, but for the changes: name=, link=, tagline=."""
    labels = {"name": "Tool name", "link": "Website", "tagline": "Tagline"}
    changed = {labels[field]: text for field, text in changes.items()}
    for label, text in (SOUND | changed).items():
        page.get_by_label(label).fill(text)
    page.get_by_label("Category").select_option("Data")


def send(page: Page) -> None:
    page.get_by_role("button", name="Send for review").click()
