"""A worker goes by time, and every so often by turns."""

from workflows.core.turns import AMONG_SEVERAL, OTHERWISE, REMEMBERED, WAKE_SECONDS, Turns


def of_several() -> Turns:
    """Return the memory of a worker that has served bob, and ann in turn."""
    turns = Turns()
    turns.took("bob", in_turn=False)
    turns.took("ann", in_turn=True)
    return turns


def test_without_tenants_a_claim_now_and_then_asks_for_them() -> None:
    turns = Turns()

    asked = [turns.next() for _ in range(2 * OTHERWISE)]

    assert [after is not None for after in asked] == 2 * [*[False] * (OTHERWISE - 1), True]
    assert not turns.wakes(0.0)


def test_with_several_about_it_asks_more_often_for_whoever_comes_behind_the_last() -> None:
    turns = of_several()

    asked = [turns.next() for _ in range(2 * AMONG_SEVERAL)]

    assert asked == [*[None] * (AMONG_SEVERAL - 1), "ann"] * 2


def test_what_was_taken_by_time_moves_no_turn() -> None:
    turns = of_several()
    turns.took("bob", in_turn=False)

    assert "ann" in [turns.next() for _ in range(AMONG_SEVERAL)]


def test_one_tenant_alone_is_asked_about_as_seldom_as_none() -> None:
    turns = of_several()
    for _ in range(REMEMBERED):
        turns.next()
        turns.took("ann", in_turn=True)

    assert sum(turns.next() is not None for _ in range(OTHERWISE)) == 1


def test_waking_has_its_pauses_and_ends_when_no_tenant_was_seen_for_long() -> None:
    turns = of_several()

    asked = [turns.wakes(at) for at in (10.0, 10.0 + WAKE_SECONDS / 2, 10.0 + WAKE_SECONDS)]
    for _ in range(REMEMBERED):
        turns.next()

    assert asked == [True, False, True]
    assert not turns.wakes(100.0)
