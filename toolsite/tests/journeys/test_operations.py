"""An operator finds a run in the console, reads why it stands, and puts it right: by browser, and without scripts."""

from playwright.sync_api import expect

from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.look import look_at
from toolsite.tests.journeys.people import (
    moderator,
    new_board,
    reserved,
    sent,
    somebody,
)
from workflows.api import RunState, get_history, get_run, list_runs


def test_an_operator_finds_a_run_and_pauses_it(visit: Visit, links: LinkServer) -> None:
    maker, board = somebody("alice"), new_board(needs_moderator=True)
    submission = sent(maker, board, links.page())
    (run,) = list_runs(key=f"submission-{submission.pk}")
    page = visit(moderator(), time_zone="Asia/Tokyo").page

    page.goto("/operations/")
    expect(page.get_by_text("Times: Asia/Tokyo")).to_be_visible()
    expect(page.get_by_role("button", name="Pause", exact=True).first).to_be_visible()
    look_at(page)
    page.keyboard.press("/")
    page.keyboard.type(str(run.id))
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name=run.workflow).click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    look_at(page)

    page.get_by_role("link", name="Pause", exact=True).click()
    look_at(page)
    page.get_by_label("Reason").fill("the bank called")
    page.get_by_role("button", name="Pause").click()

    expect(page.get_by_text("Pause: done.")).to_be_visible()
    assert get_run(run.id).pausing
    assert "the bank called" in [line.data.get("reason") for line in get_history(run.id)]


def test_the_list_follows_and_stands_still_while_somebody_chooses(visit: Visit) -> None:
    page = visit(moderator()).page
    board = new_board()
    reserved(somebody("bob"), board)
    page.goto("/operations/?within=1h")
    expect(page.locator("tbody tr").first).to_be_visible()
    submission = reserved(somebody("carol"), board, slot=4)
    (run,) = list_runs(key=f"submission-{submission.pk}")
    expect(page.locator(f'tbody a[href*="{run.id}"]').first).to_be_visible()

    page.locator('input[name="run"]').first.check()
    expect(page.get_by_text("1 chosen")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 1 run?")
    look_at(page)


def test_many_are_steered_without_scripts(visit: Visit) -> None:
    maker, board = somebody("dave"), new_board()
    submission = reserved(maker, board)
    (run,) = list_runs(key=f"submission-{submission.pk}")
    page = visit(moderator(), javascript=False).page

    page.goto(f"/operations/?id={run.id}")
    page.get_by_label("All that match").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Pause 1 run").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Pause: 1 done")
    assert get_run(run.id).state in (RunState.PAUSED, RunState.RUNNING)
