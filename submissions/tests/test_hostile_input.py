"""What strangers may send to every address: an answer that helps, never a 500."""

import pytest
from django.test import Client

from submissions.models import Submission
from submissions.states import Status
from submissions.tests.builders import GOOD, make_board, person, reserved, signed_in

pytestmark = pytest.mark.django_db

FIELDS = ("name", "category", "link", "tagline", "description")
MEGABYTE = "x" * 1_000_000

HOSTILE_VALUES = {
    "nul": "a\0b",
    "megabyte": MEGABYTE,
    "surrogate": "a\\ud800b",
    "override": "a\u202eb",
    "control": "a\x1bb",
}


@pytest.mark.parametrize("kind", HOSTILE_VALUES)
@pytest.mark.parametrize("field", FIELDS)
def test_a_hostile_value_is_named_at_its_field(field: str, kind: str) -> None:
    submission = reserved(person("alice"), make_board())

    answer = signed_in("alice").post(
        f"/submissions/{submission.pk}/details", GOOD | {field: HOSTILE_VALUES[kind]}
    )

    harmless = kind == "surrogate" and field not in ("category", "link")
    assert answer.status_code == (303 if harmless else 422)
    if not harmless:
        assert list(answer.context["form"].errors) == [field]
        assert len(answer.content) < 100_000


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"", 422),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff&name=%00%ff", 422),
        ("application/x-www-form-urlencoded", b"name[]=a&name=b&name=c", 422),
        ("application/json", b'{"name": {"a": 1}}', 422),
        ("text/plain", b"name=a", 422),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken", 422),
        ("multipart/form-data", b"no boundary", 400),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(300)), 400),
        ("application/x-www-form-urlencoded", b"name=" + b"x" * 3_000_000, 400),
    ],
)
def test_a_broken_form_is_refused_and_the_slot_is_kept(
    content_type: str, body: bytes, status: int
) -> None:
    submission = reserved(person("alice"), make_board())

    answer = signed_in("alice").post(
        f"/submissions/{submission.pk}/details", body, content_type=content_type
    )

    submission.refresh_from_db()
    assert (answer.status_code, submission.status) == (status, Status.PENDING)


@pytest.mark.parametrize(
    "carry", ["\0", "x", "\ud800".encode("utf-8", "replace").decode(), MEGABYTE]
)
def test_a_carry_that_is_no_id_is_a_404(carry: str) -> None:
    make_board()

    answer = signed_in("alice").post("/boards/launch/slots/3/reserve", {"carry": carry})

    assert (answer.status_code, Submission.objects.count()) == (404, 0)


@pytest.mark.parametrize(
    "address",
    [
        "/?state=%00",
        "/?state=" + "x" * 3000,
        "/boards/launch/?state[]=free",
        "/boards/%00/",
        "/boards/launch/slots/3/",
        "/submissions/not-an-id/",
        "/submissions/00000000-0000-0000-0000-000000000000/",
        "/tools/%00/",
        "/tools/" + "x" * 3000 + "/",
        "/tools/?q=%00&category=%00&sort=%00&page=%00",
        "/tools/?page=" + "9" * 5000,
        "/tools/?page=-1",
    ],
)
def test_no_address_makes_the_site_fail(address: str) -> None:
    make_board()

    answer = signed_in("alice").get(address)

    assert answer.status_code in (200, 404)


def test_stored_text_is_text_on_every_page() -> None:
    evil = "<img src=x onerror=alert(1)>"
    submission = reserved(person("alice"), make_board())
    alice = signed_in("alice")
    details = GOOD | {"name": evil, "tagline": evil, "description": evil}

    wrong = alice.post(f"/submissions/{submission.pk}/details", details | {"link": '"><script>'})
    alice.post(f"/submissions/{submission.pk}/details", details)

    pages = [alice.get(address) for address in ("/", f"/submissions/{submission.pk}/")]
    for answer in [wrong, *pages]:
        page = answer.content.decode()
        assert evil not in page and '"><script>' not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_head_and_options_change_nothing(client: Client) -> None:
    make_board()

    assert client.head("/").status_code == 200
    assert client.options("/boards/launch/slots/3/reserve").status_code == 405
    assert client.put("/boards/launch/").status_code == 405
    assert not Submission.objects.exists()
