"""robots.txt keeps crawlers out of what is private, and shows them the sitemap."""

from django.test import Client
from pytest_django import Settings


def test_what_is_private_is_left_alone_and_the_sitemap_is_named(
    client: Client, settings: Settings
) -> None:
    settings.SITE_URL = "https://tools.example/"

    answer = client.get("/robots.txt")

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    lines = answer.content.decode().splitlines()
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /admin/", "Disallow: /accounts/", "Disallow: /submissions/"} <= set(lines)
    assert lines[-1] == "Sitemap: https://tools.example/sitemap.xml"


def test_it_takes_no_session_and_no_post(client: Client) -> None:
    assert "Cookie" not in client.get("/robots.txt").headers.get("Vary", "")
    assert client.post("/robots.txt").status_code == 405
