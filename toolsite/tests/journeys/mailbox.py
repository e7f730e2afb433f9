"""The letters that the site has written to its mail folder."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

from toolsite.tests.journeys.waiting import wait_until
from toolsite.tests.live_site import LiveSite

BETWEEN_LETTERS = b"-" * 79 + b"\n"


def letters_to(site: LiveSite, address: str) -> list[EmailMessage]:
    """Return all letters to this address, in no special order."""
    files = (site.data_dir / "mail").glob("*.log")
    texts = [text for file in files for text in file.read_bytes().split(BETWEEN_LETTERS)]
    letters = [message_from_bytes(text, policy=policy.default) for text in texts if text.strip()]
    return [letter for letter in letters if letter["To"] == address]


def wait_for_letter(site: LiveSite, address: str) -> str:
    """Return the text of the one letter to this address, as soon as it is there."""
    [letter] = wait_until(lambda: letters_to(site, address), f"a letter to {address}")
    return str(letter.get_content())


def link_in(text: str) -> str:
    """Return the only address in a letter."""
    [link] = set(re.findall(r"https?://\S+", text))
    return str(link)
