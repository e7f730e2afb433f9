"""A person in front of a browser. What their browser complains about fails the test."""

from django.contrib.auth.models import User
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    ViewportSize,
    WebError,
)

from toolsite.tests.live_site import LiveSite

DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`refused by the policy: ${event.violatedDirective} ${event.blockedURI}`))"""
# Chromium's words for an answer's status; Visitor.on_response judges that itself.
SAID_OF_A_STATUS = "Failed to load resource"


class Visitor:
    """One browser profile, signed in as somebody or not."""

    def __init__(
        self,
        browser: Browser,
        site: LiveSite,
        user: User | None = None,
        *,
        javascript: bool = True,
        viewport: ViewportSize = DESK,
        time_zone: str = "UTC",
    ) -> None:
        self.site = site
        self.faults: list[str] = []
        self.may_lose_connection = False
        """For tests that take the site away under an open page."""
        self.context: BrowserContext = browser.new_context(
            base_url=site.url,
            java_script_enabled=javascript,
            reduced_motion="reduce",
            timezone_id=time_zone,
            viewport=viewport,
        )
        self.context.set_default_timeout(10_000)
        self.context.add_init_script(TELL_VIOLATIONS)
        self.context.on("console", self.on_console)
        self.context.on("weberror", self.on_error)
        self.context.on("response", self.on_response)
        self.context.on("requestfailed", self.on_failed)
        if user is not None:
            self.sign_in(user)
        self.page: Page = self.context.new_page()

    def sign_in(self, user: User) -> None:
        """Be this person from now on, without the form."""
        cookie = self.site.session_cookie(user)
        self.context.add_cookies([{"name": "sessionid", "value": cookie, "url": self.site.url}])

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(SAID_OF_A_STATUS):
            self.note(message.text)

    def on_error(self, error: WebError) -> None:
        self.faults.append(str(error.error))

    def on_response(self, response: Response) -> None:
        """A page may be a refusal; its parts, scripts and styles may not."""
        is_page = response.request.resource_type == "document"
        if response.status >= (500 if is_page else 400):
            self.note(f"{response.status} {response.url}")

    def on_failed(self, request: Request) -> None:
        # A page that is left gives up on what it was loading.
        if request.failure != "net::ERR_ABORTED":
            self.note(f"{request.failure} {request.url}")

    def note(self, fault: str) -> None:
        if not self.may_lose_connection:
            self.faults.append(fault)

    def close(self) -> None:
        self.context.close()
        assert not self.faults, "\n".join(["the browser complains:", *self.faults])
