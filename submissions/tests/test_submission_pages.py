"""A submission's pages: the form, the live status, too late, and nobody else's business."""

from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from submissions.link_check import Code
from submissions.models import Submission
from submissions.services.moderate import approve, release
from submissions.services.withdraw import withdraw
from submissions.states import Status
from submissions.tests.builders import (
    GOOD,
    close_window,
    in_review,
    link_answers,
    make_board,
    moderator,
    person,
    prune_run,
    reserved,
    signed_in,
    verdict,
)
from workflows.testing import drive_until_idle, pass_time

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def page(submission: Submission, more: str = "") -> str:
    return f"/submissions/{submission.pk}/{more}"


def test_a_reserved_slot_shows_the_form_with_its_countdown() -> None:
    submission = reserved(person("alice"), make_board())

    answer = signed_in("alice").get(page(submission))

    assert answer.status_code == 200
    assert answer.context["seconds_left"] in (119, 120)
    assert answer.context["reservation_seconds"] == 120
    assert 'name="tagline"' in answer.content.decode()


def test_sending_good_details_leads_to_the_status() -> None:
    submission = reserved(person("alice"), make_board())
    alice = signed_in("alice")

    answer = alice.post(page(submission, "details"), GOOD)

    assert (answer.status_code, answer["Location"]) == (303, page(submission))
    assert "We are checking your link" in alice.get(page(submission)).content.decode()


def test_sending_the_same_twice_gives_the_same_answer() -> None:
    submission = reserved(person("alice"), make_board())
    alice = signed_in("alice")

    places = {alice.post(page(submission, "details"), GOOD)["Location"] for _ in range(3)}

    assert places == {page(submission)}
    assert "Nothing was changed" not in alice.get(page(submission)).content.decode()


@pytest.mark.parametrize("again", [GOOD | {"link": "https://other.dev/"}, {"name": ""}])
def test_sending_something_else_later_leads_to_a_page_that_says_nothing_was_changed(
    again: dict[str, str],
) -> None:
    submission = in_review(person("alice"), make_board())
    alice = signed_in("alice")

    answer = alice.post(page(submission, "details"), again)

    assert (answer.status_code, answer["Location"]) == (303, page(submission))
    assert "Nothing was changed" in alice.get(page(submission)).content.decode()
    submission.refresh_from_db()
    assert submission.sent == GOOD


def test_faults_are_named_and_what_was_typed_is_kept() -> None:
    submission = reserved(person("alice"), make_board())
    alice = signed_in("alice")

    answer = alice.post(
        page(submission, "details"), GOOD | {"link": "querylens.dev", "tagline": ""}
    )

    assert answer.status_code == 422
    assert sorted(answer.context["form"].errors) == ["link", "tagline"]
    assert 'value="QueryLens"' in answer.content.decode()
    assert 'value="QueryLens"' in alice.get(page(submission)).content.decode()


def test_a_link_that_is_on_the_board_is_named_at_its_field() -> None:
    board = make_board()
    in_review(person("bob"), board, 4, link="HTTPS://querylens.DEV:443/#top")
    submission = reserved(person("alice"), board)

    answer = signed_in("alice").post(page(submission, "details"), GOOD)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["link"]
    assert "already on this board" in answer.content.decode()


@pytest.mark.parametrize("details", [GOOD, {"name": "Half a to"}])
def test_late_details_are_a_409_with_the_typed_text_and_free_slots(
    details: dict[str, str],
) -> None:
    submission = reserved(person("alice"), make_board(slots=4))
    close_window(submission)
    alice = signed_in("alice")

    answer = alice.post(page(submission, "details"), details)

    assert answer.status_code == 409
    assert details["name"] in answer.content.decode()
    assert answer.context["free_slots"] == [1, 2, 3, 4]
    later = alice.get(page(submission))
    assert (later.status_code, details["name"] in later.content.decode()) == (200, True)


def test_late_details_for_a_slot_given_back_do_not_speak_of_time() -> None:
    alice = person("alice")
    submission = reserved(alice, make_board())
    withdraw(maker=alice, submission_id=submission.pk)

    text = signed_in("alice").post(page(submission, "details"), GOOD).content.decode()

    assert f"<h1>Slot {submission.slot} is no longer yours</h1>" in text
    assert "is up" not in text


def test_the_typed_text_goes_along_to_a_free_slot_in_one_click() -> None:
    board = make_board()
    submission = reserved(person("alice"), board)
    close_window(submission)
    alice = signed_in("alice")
    alice.post(page(submission, "details"), GOOD)

    answer = alice.post("/boards/launch/slots/5/reserve", {"carry": str(submission.pk)})

    form = alice.get(answer["Location"]).content.decode()
    assert all(text in form for text in (GOOD["name"], GOOD["link"], GOOD["description"]))


def test_an_overdue_reservation_shows_that_time_is_up_before_the_cluster_knows() -> None:
    submission = reserved(person("alice"), make_board())
    close_window(submission)

    answer = signed_in("alice").get(page(submission))

    assert answer.status_code == 200
    assert "submissions/expired.html" in [template.name for template in answer.templates]


def test_the_tries_of_the_link_check_are_shown_as_they_happen() -> None:
    submission = in_review(person("alice"), make_board())
    with link_answers(verdict(Code.TOO_SLOW)):
        drive_until_idle()
        assert submission.run_id is not None
        pass_time(submission.run_id)
        drive_until_idle()

    answer = signed_in("alice").get(page(submission))

    step = answer.context["steps"][2]
    assert "querylens.dev (try 2 of 5): The site did not answer in time" in step.text
    # The ten seconds before the second try have passed for the engine, not for the page.
    assert step.state == "waiting" and 20 < step.seconds_to_next <= 33 + 11
    assert answer.context["poll"] is True


def test_a_live_status_is_a_304_until_something_happens_and_a_286_when_it_is_over() -> None:
    submission = in_review(person("alice"), make_board())
    alice = signed_in("alice")
    first = alice.get(page(submission), headers=HTMX)
    match = {"If-None-Match": first["ETag"]}

    same = alice.get(page(submission), headers=HTMX | match)
    with link_answers(verdict(Code.TOO_SLOW), verdict()):
        drive_until_idle()
        changed = alice.get(page(submission), headers=HTMX | match)
        assert submission.run_id is not None
        pass_time(submission.run_id)
        drive_until_idle()
    over = alice.get(page(submission), headers=HTMX | match)
    again = alice.get(page(submission), headers=HTMX | {"If-None-Match": over["ETag"]})

    codes = [answer.status_code for answer in (first, same, changed, over, again)]
    assert codes == [200, 304, 200, 286, 286]
    assert "<html" not in over.content.decode()
    assert "QueryLens is published" in again.content.decode()


def test_the_status_page_costs_a_counted_number_of_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    submission = in_review(person("alice"), make_board())
    alice = signed_in("alice")

    # Session, user, submission with its board, history; the bar on top for the whole page.
    with django_assert_num_queries(4):
        alice.get(page(submission), headers=HTMX)
    with django_assert_num_queries(5):
        alice.get(page(submission))


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELLED, Status.APPROVED])
def test_every_end_has_its_page(status: Status) -> None:
    alice, mona = person("alice"), moderator()
    submission = in_review(alice, make_board())
    if status == Status.REJECTED:
        with link_answers(verdict(Code.NOT_FOUND)):
            drive_until_idle()
    else:
        approve(submission_id=submission.pk, by=mona)
    if status == Status.CANCELLED:
        release(submission_id=submission.pk, reason="It moved.", by=mona)

    answer = signed_in("alice").get(page(submission))

    submission.refresh_from_db()
    assert (answer.status_code, submission.status) == (200, status)
    assert answer.context["poll"] is False
    assert submission.reason in answer.content.decode()


def test_the_page_of_a_submission_whose_run_was_pruned_tells_its_row() -> None:
    submission = in_review(person("alice"), make_board())
    prune_run(submission)
    alice = signed_in("alice")

    for headers in ({}, HTMX):
        answer = alice.get(page(submission), headers=headers)
        assert (answer.status_code, answer.context["steps"][0].title) == (200, "Slot reserved")


def test_giving_back_leads_to_the_submission_and_is_calm_the_second_time() -> None:
    submission = reserved(person("alice"), make_board())
    alice = signed_in("alice")

    answers = [alice.post(page(submission, "withdraw")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert "You gave the slot back." in alice.get(page(submission)).content.decode()


def test_a_foreign_submission_is_a_404_everywhere() -> None:
    submission = reserved(person("alice"), make_board())
    charlie = signed_in("charlie")
    somewhere = Submission(pk=uuid4())

    for one in (submission, somewhere):
        assert charlie.get(page(one)).status_code == 404
        assert charlie.get(page(one), headers=HTMX).status_code == 404
        assert charlie.post(page(one, "details"), GOOD).status_code == 404
        assert charlie.post(page(one, "withdraw")).status_code == 404
    submission.refresh_from_db()
    assert (submission.status, submission.draft) == (Status.PENDING, {})


def test_strangers_sign_in_first_and_come_back_to_the_page(client: Client) -> None:
    submission = reserved(person("alice"), make_board())
    back = f"/accounts/login/?next={page(submission)}"

    assert client.get(page(submission))["Location"] == back
    assert client.post(page(submission, "details"), GOOD)["Location"] == back
    assert client.post(page(submission, "withdraw"))["Location"] == back
    assert client.get("/submissions/")["Location"] == "/accounts/login/?next=/submissions/"


def test_a_live_part_whose_viewer_signed_out_moves_the_whole_page(client: Client) -> None:
    submission = reserved(person("alice"), make_board())

    answer = client.get(page(submission), headers=HTMX)

    assert answer["HX-Redirect"] == f"/accounts/login/?next={page(submission)}"


@pytest.mark.parametrize("more", ["details", "withdraw"])
def test_a_reload_after_a_refusal_leads_back_to_the_submission(more: str) -> None:
    submission = reserved(person("alice"), make_board())

    for visitor in (signed_in("alice"), Client()):
        answer = visitor.get(page(submission, more))
        assert (answer.status_code, answer["Location"]) == (302, page(submission))

    submission.refresh_from_db()
    assert submission.status == Status.PENDING


def test_posting_needs_the_csrf_token() -> None:
    submission = reserved(person("alice"), make_board())
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(submission.maker)

    for address in (page(submission, "details"), page(submission, "withdraw")):
        assert strict.post(address, GOOD).status_code == 403
    assert strict.post("/boards/launch/slots/4/reserve").status_code == 403
    submission.refresh_from_db()
    assert submission.status == Status.PENDING


def test_my_submissions_are_mine_alone_newest_first(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    alice, board = person("alice"), make_board()
    first = in_review(alice, board, 3)
    reserved(person("bob"), board, 4)
    second = reserved(alice, board, 5)
    browser = signed_in("alice")

    # Session, user, submissions with their boards, the bar on top.
    with django_assert_num_queries(4):
        answer = browser.get("/submissions/")

    assert [each.pk for each in answer.context["submissions"]] == [second.pk, first.pk]


def test_the_bar_on_top_shows_the_open_reservation_and_only_while_it_is_open() -> None:
    alice, board = person("alice"), make_board()
    browser = signed_in("alice")
    assert not browser.get("/tools/").context["open_reservation"]

    submission = reserved(alice, board, 3)
    shown = browser.get("/tools/")
    withdraw(maker=alice, submission_id=submission.pk)
    gone = browser.get("/tools/")

    assert shown.context["open_reservation"].pk == submission.pk
    assert not gone.context["open_reservation"]


def test_the_maker_sees_the_whole_link_that_is_judged() -> None:
    link = "https://querylens.dev/a/long/way?with=queries#and-parts"
    submission = in_review(person("alice"), make_board(), link=link)

    assert f'dir="auto">{link}</a>' in signed_in("alice").get(page(submission)).content.decode()
