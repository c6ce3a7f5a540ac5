"""The limits that GitHub tells: how headers are read, how long nobody asks, and how many ask at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest

from hear_app.errors import RateLimitedError
from hear_app.github.limits import Limits, Quota, read_quota, retry_after, server_time

SERVED = 1_750_000_000
DATE = formatdate(SERVED, usegmt=True)
NOTHING = Quota(None, None, None)


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[tuple[str, float]] = []

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def limits(self, workers: int = 4, max_wait: float = 3600) -> Limits:
        return Limits(workers, max_wait, self._tell, self.sleep, lambda: self.now)

    def passed(self, during: Callable[[], None]) -> float:
        """The seconds that pass while something happens."""
        before = self.now
        during()
        return self.now - before

    def _tell(self, reason: str, seconds: float) -> None:
        self.told.append((reason, seconds))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ask(limits: Limits) -> None:
    with limits.slot():
        pass


# -- headers


def test_the_quota_is_read_by_the_server_s_own_clock() -> None:
    headers = {
        "date": DATE,
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "17",
        "x-ratelimit-reset": str(SERVED + 90),
    }
    assert read_quota(headers) == Quota(limit=5000, remaining=17, reset_in=90)


def test_without_a_date_the_own_clock_has_to_do() -> None:
    quota = read_quota({"x-ratelimit-reset": str(int(time.time()) + 90)})
    assert quota.reset_in == pytest.approx(90, abs=5)


def test_a_reset_that_is_over_is_no_wait() -> None:
    assert read_quota({"date": DATE, "x-ratelimit-reset": str(SERVED - 90)}).reset_in == 0


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-limit": "", "x-ratelimit-remaining": "many"}])
def test_a_server_without_limits_tells_none(headers: dict[str, str]) -> None:
    assert read_quota(headers) == NOTHING


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        (" 30 ", 30),
        ("0", 0),
        (formatdate(SERVED + 45, usegmt=True), 45),
        (formatdate(SERVED - 45, usegmt=True), 0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text, "date": DATE}) == seconds


FAR = 10**10
NONE_SUCH = ["nan", "inf", "-1", "1e400", "0x10", "1_000", "²", "", " ", "9999-99-99"]
LAST_DAY = "Fri, 31 Dec 9999 23:59:59 GMT"
BEYOND = ["Fri, 31 Dec 9999 23:59:59 -2359", "Thu, 99 Foo 99999999999999 GMT"]


@pytest.mark.parametrize("text", NONE_SUCH)
def test_a_number_that_is_none_tells_nothing(text: str) -> None:
    headers = {f"x-ratelimit-{name}": text for name in ("limit", "remaining", "reset")}
    assert read_quota({"date": DATE, **headers}) == NOTHING
    assert retry_after({"date": DATE, "retry-after": text}) is None


@pytest.mark.parametrize("text", ["9" * 30, "9" * 5000, str(2**63)])
def test_a_huge_number_is_as_far_as_numbers_go(text: str) -> None:
    headers = {f"x-ratelimit-{name}": text for name in ("limit", "remaining", "reset")}
    assert read_quota({"date": DATE, **headers}) == Quota(FAR, FAR, FAR - SERVED)
    assert retry_after({"date": DATE, "retry-after": text}) == FAR


@pytest.mark.parametrize("text", BEYOND)
def test_a_date_that_no_clock_can_show_is_none(text: str) -> None:
    assert server_time({"date": text}) is None
    assert retry_after({"date": DATE, "retry-after": text}) is None


@pytest.mark.parametrize("text", [LAST_DAY, "Thu, 01 Jan 1970 00:00:00 GMT", *BEYOND])
def test_a_server_s_clock_that_can_t_be_right_is_no_clock(text: str) -> None:
    assert server_time({"date": text}) is None
    quota = read_quota({"date": text, "x-ratelimit-reset": str(int(time.time()) + 90)})
    assert quota.reset_in == pytest.approx(90, abs=30), "by the own one"


@pytest.mark.parametrize("asked", [LAST_DAY, "9" * 400])
@pytest.mark.parametrize("max_wait", [0, 3600, 10**9])
def test_a_wait_of_years_is_refused_in_words(clock: Clock, asked: str, max_wait: float) -> None:
    limits = clock.limits(max_wait=max_wait)
    limits.refused("the secondary rate limit", retry_after({"date": DATE, "retry-after": asked}))
    with pytest.raises(RateLimitedError, match="GitHub asks to wait more than ten years for the secondary"):
        ask(limits)
    assert clock.now == 1000


def test_without_retry_after_there_is_none() -> None:
    assert retry_after({"date": DATE}) is None


# -- waiting


def test_without_a_limit_nobody_waits(clock: Clock) -> None:
    limits = clock.limits()
    for _ in range(50):
        assert clock.passed(lambda: ask(limits)) == 0
    assert clock.told == []


def test_a_hold_is_waited_for_and_told(clock: Clock) -> None:
    limits = clock.limits()
    limits.hold("the rate limit", 90)
    assert clock.passed(lambda: ask(limits)) == pytest.approx(90, abs=1)
    assert clock.told[0] == ("the rate limit", 90)
    assert clock.told[-1][1] <= 1
    assert clock.passed(lambda: ask(limits)) == 0


def test_the_last_request_of_a_window_makes_the_next_one_wait(clock: Clock) -> None:
    limits = clock.limits()
    limits.answered(Quota(limit=60, remaining=1, reset_in=600))
    assert clock.passed(lambda: ask(limits)) == 0
    limits.answered(Quota(limit=60, remaining=0, reset_in=600))
    assert clock.passed(lambda: ask(limits)) == pytest.approx(601, abs=1)


def test_the_longest_of_several_waits_holds(clock: Clock) -> None:
    limits = clock.limits(max_wait=100)
    for seconds in (40, 90, 20, 90):
        limits.hold("the rate limit", seconds)
    assert clock.passed(lambda: ask(limits)) == pytest.approx(90, abs=1)


def test_too_long_a_wait_is_an_error_at_once(clock: Clock) -> None:
    limits = clock.limits(max_wait=60)
    limits.hold("the rate limit", 3000)
    with pytest.raises(RateLimitedError) as caught:
        ask(limits)
    assert clock.now == 1000
    said = str(caught.value)
    assert said.startswith("GitHub asks to wait 3,000 s for the rate limit; --max-wait is 60 s.")
    assert "run again later" in said
    assert "GITHUB_TOKEN" in said


def test_waits_add_up_to_the_most_that_a_run_may_wait(clock: Clock) -> None:
    limits = clock.limits(max_wait=100)
    for _ in range(2):
        limits.hold("the rate limit", 45)
        ask(limits)
    limits.hold("the rate limit", 45)
    with pytest.raises(RateLimitedError):
        ask(limits)


def test_with_no_patience_every_wait_is_an_error(clock: Clock) -> None:
    limits = clock.limits(max_wait=0)
    ask(limits)
    limits.hold("the rate limit", 5)
    with pytest.raises(RateLimitedError):
        ask(limits)


# -- refusals


def test_each_refusal_in_a_row_doubles_the_wait(clock: Clock) -> None:
    limits = clock.limits()
    waits = []
    for _ in range(4):
        limits.refused("the secondary rate limit", None)
        waits.append(clock.passed(lambda: ask(limits)))
    assert waits == pytest.approx([60, 120, 240, 480], abs=1)
    limits.answered(NOTHING)
    limits.refused("the secondary rate limit", None)
    assert clock.passed(lambda: ask(limits)) == pytest.approx(60, abs=1)


def test_what_the_server_asks_for_stands_over_our_own_rule(clock: Clock) -> None:
    limits = clock.limits()
    limits.refused("the secondary rate limit", 7)
    assert clock.passed(lambda: ask(limits)) == pytest.approx(7, abs=1)


def room(limits: Limits) -> int:
    """How many requests may fly at once now: all that are started together, but for those that have to wait."""
    started, land = threading.Semaphore(0), threading.Event()

    def fly() -> None:
        with limits.slot():
            started.release()
            land.wait(10)

    threads = [threading.Thread(target=fly) for _ in range(6)]
    for thread in threads:
        thread.start()
    count = 0
    while started.acquire(timeout=0.25):
        count += 1
    land.set()
    for thread in threads:
        thread.join(10)
    return count


def test_as_many_requests_fly_as_there_are_workers(clock: Clock) -> None:
    assert room(clock.limits(workers=3)) == 3


def test_a_refusal_leaves_one_request_that_grows_back_to_all(clock: Clock) -> None:
    limits = clock.limits(workers=3)
    limits.refused("the secondary rate limit", 1)
    ask(limits)
    assert room(limits) == 1
    for expected in (2, 3, 3):
        for _ in range(20):
            limits.answered(NOTHING)
        assert room(limits) == expected


def test_a_slot_is_free_again_after_an_error(clock: Clock) -> None:
    limits = clock.limits(workers=1)
    with pytest.raises(ZeroDivisionError), limits.slot():
        _ = 1 / 0
    assert room(limits) == 1


def test_many_threads_never_fly_at_once_beyond_the_limit() -> None:
    limits = Limits(2, 60)
    flying: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(25):
            with limits.slot():
                flying.append(1)
                most.append(len(flying))
                time.sleep(0.0002)
                flying.pop()
                limits.answered(NOTHING)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert max(most) == 2
    assert limits.requests == 150


def test_the_quota_last_told_is_kept(clock: Clock) -> None:
    limits = clock.limits()
    told = Quota(limit=60, remaining=12, reset_in=600)
    limits.answered(told)
    limits.answered(NOTHING)
    assert limits.quota == told
