"""The moderators' pages: who finds them, what they show, what they do, and where they lead."""

from typing import Any
from unittest import mock

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from submissions import moderation_queue
from submissions.link_check import Code, explain_to_moderators
from submissions.models import Submission
from submissions.services.moderate import approve
from submissions.states import Status
from submissions.tests.builders import (
    close_window,
    in_review,
    link_answers,
    make_board,
    moderator,
    person,
    reserved,
    verdict,
    without_run,
)
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db

DEEDS = ("approve", "reject", "release", "check", "extend")


def mona(user: User | None = None) -> Client:
    client = Client()
    client.force_login(user or moderator())
    return client


def staff_with(*names: str) -> User:
    user = User.objects.create_user("bob", "bob@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


def page_of(submission: Submission, deed: str = "") -> str:
    return f"/moderation/{submission.pk}/{deed}"


def waiting(slot: int = 3, **changes: str) -> Submission:
    """Return a submission whose link works, on a board that leaves the rest to a moderator."""
    first = Submission.objects.select_related("board").first()
    board = first.board if first else make_board(slots=30, needs_moderator=True)
    changes = {"link": f"https://tool{slot}.dev/", "name": f"Tool {slot:02}"} | changes
    submission = in_review(person(f"maker{slot}"), board, slot, **changes)
    with link_answers(verdict()):
        drive_until_idle()
    submission.refresh_from_db()
    return submission


def names(answer: Any) -> list[str]:
    return [submission.name for submission in answer.context["waiting"]]


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    submission = waiting()

    for address in ["/moderation/", page_of(submission)]:
        assert client.get(address).url == f"/accounts/login/?next={address}"  # type: ignore[attr-defined]
    for deed in DEEDS:
        assert client.post(page_of(submission, deed)).status_code == 302
    submission.refresh_from_db()
    assert submission.status == Status.IN_REVIEW


def a_maker() -> User:
    return person("alice")


def one_who_may_look() -> User:
    return staff_with("view_submission", "view_run")


def one_without_staff() -> User:
    user = staff_with("change_submission")
    User.objects.filter(pk=user.pk).update(is_staff=False)
    return user


@pytest.mark.parametrize("who", [a_maker, one_who_may_look, one_without_staff])
def test_for_everybody_but_moderators_there_are_no_such_pages(who: Any) -> None:
    submission, client = waiting(), mona(who())

    answers = [client.get(address) for address in ("/moderation/", page_of(submission))]
    answers += [client.post(page_of(submission, deed), {"reject-reason": "x"}) for deed in DEEDS]

    assert {answer.status_code for answer in answers} == {404}
    submission.refresh_from_db()
    assert submission.status == Status.IN_REVIEW


def test_staff_with_the_permission_are_moderators() -> None:
    submission, client = waiting(), mona(staff_with("change_submission"))

    client.post(page_of(submission, "approve"))

    submission.refresh_from_db()
    assert submission.status == Status.APPROVED
    assert LogEntry.objects.get().get_change_message() == "Approved."


@pytest.mark.parametrize("address", ["nothing", "00000000-0000-0000-0000-000000000000/"])
def test_what_is_not_there_is_not_found(address: str) -> None:
    client = mona()

    assert client.get(f"/moderation/{address}").status_code == 404
    assert client.post(f"/moderation/{address}approve").status_code == 404


def test_the_queue_is_what_waits_for_a_decision_the_oldest_first(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    third, second, first = waiting(1), waiting(2), waiting(3)
    for seconds, submission in enumerate([first, second, third]):
        Submission.objects.filter(pk=submission.pk).update(
            details_at=f"2026-01-01T00:00:0{seconds}Z"
        )
    approve(submission_id=waiting(4).pk, by=person("mod"))
    reserved(person("carla"), first.board, 5)
    in_review(person("dora"), first.board, 6, link="https://unchecked.dev/")
    client = mona()

    answer = client.get("/moderation/")

    assert names(answer) == ["Tool 03", "Tool 02", "Tool 01"]
    assert answer.context["total"] == 3
    # Session, user, count, this page, the runs that have stopped, what is left alone.
    with django_assert_num_queries(6 + OPEN_RESERVATION):
        client.get("/moderation/")


OPEN_RESERVATION = 1
"""Every page asks for it."""


def test_what_nobody_checks_waits_too() -> None:
    submission = in_review(person("alice"), make_board())
    without_run(submission)

    assert names(mona().get("/moderation/")) == ["QueryLens"]


def test_the_queue_has_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moderation_queue, "ON_A_PAGE", 2)
    monkeypatch.setattr(moderation_queue, "COUNTED_AT_MOST", 3)
    for slot in range(1, 6):
        waiting(slot)
    Submission.objects.filter(slot__lte=3).update(details_at=Now())
    client = mona()

    pages = [client.get("/moderation/")]
    while later := pages[-1].context["later"]:
        pages.append(client.get("/moderation/", {"after": later}))
    back = client.get("/moderation/", {"before": pages[-1].context["earlier"]})

    assert sorted(name for page in pages for name in names(page)) == [
        f"Tool {slot:02}" for slot in range(1, 6)
    ]
    assert names(back) == names(pages[1])
    assert "More than 3 submissions wait" in pages[0].content.decode()


@pytest.mark.parametrize(
    "place",
    ["%00", "x", "~", "2026~1", f"0001-01-01T00:00%2B14:00~{'0' * 32}", f"2026-01-01~{'0' * 32}"],
)
def test_a_place_that_is_none_is_no_fault(place: str) -> None:
    client = mona()

    assert client.get(f"/moderation/?after={place}").status_code == 200
    assert client.get(f"/tools/?before={place}").status_code == 200


def test_a_decision_leads_to_the_next_and_the_last_one_to_the_empty_queue() -> None:
    one, two, three = waiting(1), waiting(2), waiting(3)
    client = mona()

    led = []
    for submission, deed in ((two, "approve"), (three, "reject"), (one, "release")):
        told = {f"{deed}-reason": "Because."}
        answer = client.post(page_of(submission, deed), told)
        assert answer.status_code == 303
        led.append(answer.headers["Location"])

    assert led == [page_of(three), page_of(one), "/moderation/"]
    assert "Nothing waits for you" in client.get("/moderation/").content.decode()
    states = [Submission.objects.get(pk=each.pk).status for each in (one, two, three)]
    assert states == [Status.CANCELLED, Status.APPROVED, Status.REJECTED]


@pytest.mark.parametrize("deed", ["reject", "release"])
@pytest.mark.parametrize("reason", ["", " ", "x" * 301, "a\0b"])
def test_a_reason_is_asked_for_until_there_is_one(deed: str, reason: str) -> None:
    submission = waiting()

    answer = mona().post(page_of(submission, deed), {f"{deed}-reason": reason})

    assert answer.status_code == 422
    assert 'class="error"' in answer.content.decode()
    submission.refresh_from_db()
    assert submission.status == Status.IN_REVIEW


def test_the_second_moderator_is_told_and_changes_nothing() -> None:
    submission, client = waiting(), mona()
    client.post(page_of(submission, "reject"), {"reject-reason": "No."})

    answer = client.post(page_of(submission, "approve"))

    assert answer.status_code == 409
    assert "already rejected" in answer.content.decode()


@pytest.mark.parametrize("deed", DEEDS)
def test_a_reload_of_a_deeds_address_leads_back(deed: str) -> None:
    submission, client = waiting(), mona()

    answer = client.get(page_of(submission, deed))

    assert (answer.status_code, answer.headers["Location"]) == (302, page_of(submission))
    assert client.put(page_of(submission, deed)).status_code == 405


def test_only_what_is_possible_is_offered() -> None:
    client, board = mona(), make_board()
    pending = reserved(person("alice"), board, 1)
    review = in_review(person("bob"), board, 2)
    late = reserved(person("carla"), board, 3)
    close_window(late)

    def offered(submission: Submission) -> list[str]:
        possible = client.get(page_of(submission)).context["possible"]
        return [name for name, is_possible in possible.items() if is_possible]

    assert offered(pending) == ["release", "extend"]
    assert offered(review) == ["approve", "reject", "release", "check"]
    assert offered(late) == ["release"]
    client.post(page_of(pending, "extend"))
    assert offered(pending) == ["release"]
    client.post(page_of(review, "approve"))
    assert offered(review) == ["release", "check"]
    client.post(page_of(review, "release"), {"release-reason": "Gone."})
    assert offered(review) == []


def test_the_link_is_a_link_and_the_run_is_one_click_away() -> None:
    submission = waiting()

    page = mona().get(page_of(submission)).content.decode()

    assert f'<a href="{submission.link}" rel="nofollow ugc noopener"' in page
    assert reverse("admin:workflows_run_change", args=[submission.run_id]) in page
    assert page.index("<summary>Internals</summary>") < page.index(submission.link_key)


def test_an_address_that_is_no_web_address_is_only_text() -> None:
    submission = waiting()
    Submission.objects.filter(pk=submission.pk).update(link="javascript:alert(1)")

    page = mona().get(page_of(submission)).content.decode()

    assert 'href="javascript' not in page and "javascript:alert(1)" in page


def test_a_check_that_is_asked_for_is_followed_by_the_page() -> None:
    submission, client = waiting(), mona()
    live = {"HX-Request": "true"}

    led = client.post(page_of(submission, "check"))
    during = client.get(page_of(submission), headers=live)
    again = client.get(page_of(submission), headers=live | {"If-None-Match": during["ETag"]})
    with link_answers(verdict(Code.NOT_FOUND)):
        drive_until_idle()
    afterwards = client.get(page_of(submission), headers=live)

    assert led.headers["Location"] == page_of(submission)
    assert (during.status_code, again.status_code) == (200, 304)
    assert "being checked" in during.content.decode()
    assert afterwards.status_code == 286
    note = escape(explain_to_moderators(verdict(Code.NOT_FOUND)))
    assert note in afterwards.content.decode()


def test_what_the_maker_asks_is_told_first() -> None:
    submission = waiting()
    Submission.objects.filter(pk=submission.pk).update(
        appeal="<b>Look</b> again", appealed_at=Now(), appeal_until=Now()
    )
    client = mona()

    for address in (page_of(submission), "/moderation/"):
        assert "&lt;b&gt;Look&lt;/b&gt; again" in client.get(address).content.decode()


def test_moderators_find_the_queue_in_their_menu_and_others_do_not() -> None:
    make_board()

    assert "/moderation/" in mona().get("/").content.decode()
    assert "/moderation/" not in mona(one_who_may_look()).get("/").content.decode()


def test_the_admin_leads_to_the_page_and_folds_the_internals_away() -> None:
    submission = waiting()
    page = mona().get(f"/admin/submissions/submission/{submission.pk}/change/").content.decode()

    assert page_of(submission) in page
    assert f'<a href="{submission.link}" rel="nofollow ugc noopener"' in page
    assert reverse("admin:workflows_run_change", args=[submission.run_id]) in page
    fold = page.index("<summary")
    assert page.index(submission.link_key) > fold > page.index(submission.tagline)


def test_no_page_of_a_moderator_is_kept() -> None:
    submission, client = waiting(), mona()

    for address in ("/moderation/", page_of(submission)):
        assert "no-store" in client.get(address)["Cache-Control"]


def test_a_run_that_is_gone_is_no_fault() -> None:
    submission = waiting()
    Submission.objects.filter(pk=submission.pk).update(recheck_run_id=submission.pk)
    client = mona()

    assert client.get(page_of(submission)).status_code == 200
    with mock.patch("submissions.steps.ask_the_guard", return_value=verdict()):
        assert client.post(page_of(submission, "check")).status_code == 303
