"""Cron lines: the calendar, changes of clocks in three zones, and the same answer from wherever one asks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from workflows.core.cron_line import CronLine
from workflows.core.errors import InvalidInput

BRUSSELS, NEW_YORK, LORD_HOWE = "Europe/Brussels", "America/New_York", "Australia/Lord_Howe"


def told(line: str, zone: str, day: str, days: int = 1) -> list[str]:
    """Return the ticks of some local days, as local times with their offsets."""
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    end = (begin + timedelta(days=days)).astimezone(UTC)
    cron, found = CronLine(line, zone), []
    tick = cron.next_after(begin.astimezone(UTC) - timedelta(microseconds=1))
    while tick is not None and tick < end:
        found.append(tick.astimezone(ZoneInfo(zone)).strftime("%H:%M%z"))
        tick = cron.next_after(tick)
    return found


@pytest.mark.parametrize(
    ("zone", "day", "line", "ticks"),
    [
        (BRUSSELS, "2026-03-29", "30 2 * * *", ["03:00+0200"]),
        (BRUSSELS, "2026-03-29", "15,45 2 * * *", ["03:00+0200"]),
        (BRUSSELS, "2026-03-29", "0 2,3 * * *", ["03:00+0200"]),
        (BRUSSELS, "2026-03-29", "0 3 * * *", ["03:00+0200"]),
        (BRUSSELS, "2026-10-25", "30 2 * * *", ["02:30+0200"]),
        (BRUSSELS, "2026-10-25", "0 3 * * *", ["03:00+0100"]),
        (NEW_YORK, "2026-03-08", "30 2 * * *", ["03:00-0400"]),
        (NEW_YORK, "2026-11-01", "30 1 * * *", ["01:30-0400"]),
        (LORD_HOWE, "2026-10-04", "15 2 * * *", ["02:30+1100"]),
        (LORD_HOWE, "2026-10-04", "45 2 * * *", ["02:45+1100"]),
        (LORD_HOWE, "2026-04-05", "45 1 * * *", ["01:45+1100"]),
        (LORD_HOWE, "2026-04-05", "15 2 * * *", ["02:15+1030"]),
    ],
)
def test_a_time_of_the_day_comes_once_whatever_the_clocks_do(
    zone: str, day: str, line: str, ticks: list[str]
) -> None:
    assert told(line, zone, day) == ticks


@pytest.mark.parametrize(
    ("zone", "day", "count"),
    [
        (BRUSSELS, "2026-03-29", 23),
        (BRUSSELS, "2026-10-25", 25),
        (NEW_YORK, "2026-03-08", 23),
        (NEW_YORK, "2026-11-01", 25),
        (LORD_HOWE, "2026-10-04", 23),
        (LORD_HOWE, "2026-04-05", 24),
    ],
)
def test_an_hourly_line_follows_the_time_that_passes(zone: str, day: str, count: int) -> None:
    assert len(told("0 * * * *", zone, day)) == count


def test_the_hour_that_comes_twice_has_its_ticks_twice() -> None:
    ticks = told("30 * * * *", BRUSSELS, "2026-10-25")

    assert ticks[1:5] == ["01:30+0200", "02:30+0200", "02:30+0100", "03:30+0100"]


def test_half_an_hour_that_comes_twice_has_its_ticks_twice() -> None:
    ticks = told("*/15 * * * *", LORD_HOWE, "2026-04-05")

    assert ticks[6:12] == [
        *("01:30+1100", "01:45+1100"),
        *("01:30+1030", "01:45+1030", "02:00+1030", "02:15+1030"),
    ]


def test_half_an_hour_that_is_left_out_has_no_ticks() -> None:
    ticks = told("*/15 * * * *", LORD_HOWE, "2026-10-04")

    assert ticks[6:10] == ["01:30+1030", "01:45+1030", "02:30+1100", "02:45+1100"]


def test_every_minute_of_an_hour_behind_a_change_is_there() -> None:
    ticks = told("* 2 * * *", LORD_HOWE, "2026-04-05")

    assert (len(ticks), ticks[0]) == (60, "02:00+1030")


def days(line: str, begin: str, count: int) -> list[str]:
    """Return the days of the first ticks in UTC."""
    cron, tick, found = CronLine(line), datetime.fromisoformat(begin).replace(tzinfo=UTC), []
    for _ in range(count):
        following = cron.next_after(tick)
        assert following is not None
        tick = following
        found.append(f"{tick:%Y-%m-%d}")
    return found


def test_the_29th_of_february_comes_every_four_years() -> None:
    assert days("0 0 29 2 *", "2026-01-01", 3) == ["2028-02-29", "2032-02-29", "2036-02-29"]
    assert days("0 0 29 2 *", "2096-03-01", 1) == ["2104-02-29"]


def test_the_31st_passes_over_short_months_and_l_is_the_last_day() -> None:
    assert days("0 0 31 * *", "2026-01-31", 3) == ["2026-03-31", "2026-05-31", "2026-07-31"]
    assert days("0 0 L * *", "2028-01-01", 3) == ["2028-01-31", "2028-02-29", "2028-03-31"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("61 * * * *", "bad minute"),
        ("* * * *", "give five fields"),
        ("*/5 * * * * *", "give five fields"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("0 0 */20 * 1L", "never comes"),
        (f"{'9' * 5000} * * * *", "cannot be read"),
        ("@daily", "give five fields"),
    ],
)
def test_a_line_that_is_none_is_refused_with_the_field(line: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        CronLine(line)


@pytest.mark.parametrize("zone", ["Europe/Bruxelles", "", "../etc/passwd", "Europe", 7])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(InvalidInput, match="there is no time zone"):
        CronLine("0 3 * * *", zone)


BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
LINES = [
    "*/7 * * * *",
    "30 * * * *",
    "*/20 2 * * *",
    "10,50 1-3 * * *",
    "15 */2 * * *",
    "0 0 * * 0",
]


def passing(line: str, moment: datetime, zone: str) -> bool:
    """Whether a minute is one of the line's, said by looking at the wall clock there and then."""
    local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return CronLine(line).next_after((local - timedelta(seconds=1)).replace(tzinfo=UTC)) == (
        local.replace(tzinfo=UTC)
    )


@given(
    zone=st.sampled_from([BRUSSELS, NEW_YORK, LORD_HOWE, "Africa/Casablanca", "Asia/Kathmandu"]),
    line=st.sampled_from(LINES),
    begin=st.integers(0, 3 * 366 * 86_400).map(lambda n: BEGIN + timedelta(seconds=n)),
    between=st.floats(0, 1),
)
def test_the_next_tick_is_the_same_from_wherever_before_it_one_asks(
    zone: str, line: str, begin: datetime, between: float
) -> None:
    cron = CronLine(line, zone)
    first = cron.next_after(begin)
    assert first is not None and first > begin
    second = cron.next_after(first)
    assert second is not None and second > first

    asked = first + (second - first) * between

    assert asked >= second or cron.next_after(asked) == second


@given(
    case=st.sampled_from(
        [
            (BRUSSELS, datetime(2026, 3, 29, 0, tzinfo=UTC)),
            (BRUSSELS, datetime(2026, 10, 25, 0, tzinfo=UTC)),
            (NEW_YORK, datetime(2026, 3, 8, 6, tzinfo=UTC)),
            (NEW_YORK, datetime(2026, 11, 1, 4, tzinfo=UTC)),
            (LORD_HOWE, datetime(2026, 4, 4, 13, tzinfo=UTC)),
            (LORD_HOWE, datetime(2026, 10, 3, 14, tzinfo=UTC)),
        ]
    ),
    line=st.sampled_from([each for each in LINES if "*" in (each[0], each.split()[1][0])]),
)
def test_around_a_change_a_line_that_passes_ticks_where_the_wall_clock_fits(
    case: tuple[str, datetime], line: str
) -> None:
    zone, begin = case
    minutes = [begin + timedelta(minutes=n) for n in range(240)]
    cron, tick, found = CronLine(line, zone), minutes[0] - timedelta(seconds=1), []

    while (tick := cron.next_after(tick)) is not None and tick <= minutes[-1]:  # type: ignore[assignment]
        found.append(tick)

    assert found == [minute for minute in minutes if passing(line, minute, zone)]
