"""One run at a time: the lock file under real processes and every path that leads to it, the lease on a store."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore

from hear_app import locks
from hear_app.errors import BusyError, HearError, LandingError
from hear_app.landing import Envelope, Landing
from hear_app.landing.lock import LOCK_NAME, Lease

HOME = Path(__file__).resolve().parents[2]
ROOT = "memory:///zone"
PAGE = Envelope(
    source="api.github.com",
    repository_id=42,
    stream="commits",
    walk_id=1,
    role="page",
    position=0,
    page_size=100,
    request="/repos/octo/tool/commits",
    row_count=0,
)
HOLD = """
import sys
from hear_app.landing import Landing
with Landing(sys.argv[1]).lock():
    print("ready", flush=True)
    sys.stdin.read()
"""

Hold = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Starts a process that holds a landing zone until its input or the test ends."""
    with contextlib.ExitStack() as stack:

        def start(root: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLD, root],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(HOME)},
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            return process

        yield start


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """A landing zone's folder, to which the link beside it leads too."""
    place = tmp_path / "warehouse" / "landing"
    place.mkdir(parents=True)
    (tmp_path / "link").symlink_to(place)
    (tmp_path / "parent").symlink_to(place.parent)
    return place


# -- a folder


@pytest.mark.parametrize(
    "path",
    ["warehouse/landing", "link", "parent/landing", "warehouse/../parent/landing/", "{}/link", "file://{}/link"],
)
def test_whatever_path_leads_to_a_folder_it_is_held(
    path: str, zone: Path, hold: Hold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    holder = hold(str(zone))
    landing = Landing(path.format(tmp_path))
    with pytest.raises(BusyError) as caught, landing.lock():
        pytest.fail("two runs at once")
    assert caught.value.exit_code == 3
    assert f"the landing zone {zone.resolve()}: process {holder.pid} on {platform.node()}, since 20" in str(
        caught.value
    )
    assert list(landing.objects()) == [], "who only reads takes no lock"
    holder.communicate()
    with landing.lock():
        pass


def test_a_killed_run_leaves_no_landing_zone_locked(zone: Path, hold: Hold) -> None:
    holder = hold(str(zone))
    holder.kill()
    holder.wait()
    with Landing(str(zone)).lock():
        assert json.loads((zone / LOCK_NAME).read_text(encoding="utf-8"))["pid"] == os.getpid()


def test_a_lock_file_that_is_a_link_is_not_followed(zone: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("somebody's work", encoding="utf-8")
    (zone / LOCK_NAME).symlink_to(other)
    with pytest.raises(HearError, match=r"is a link, or no plain file\. Remove it, and run again\.$"):
        locks.take(zone / LOCK_NAME, "it")
    (zone / LOCK_NAME).unlink()
    (zone / LOCK_NAME).symlink_to(tmp_path / "nowhere")
    with pytest.raises(HearError, match="is a link"), Landing(str(zone)).lock():
        pytest.fail("followed a link")
    assert other.read_text(encoding="utf-8") == "somebody's work"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_lock_file_that_is_no_file_is_named(make: Callable[[Path], None], zone: Path) -> None:
    make(zone / LOCK_NAME)
    with pytest.raises(HearError, match="no plain file"), Landing(str(zone)).lock():
        pytest.fail("locked what is no file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_lock_file_of_another_user_is_named(zone: Path) -> None:
    (zone / LOCK_NAME).touch(mode=0)
    with pytest.raises(HearError, match=rf"{LOCK_NAME} is private to its owner"), Landing(str(zone)).lock():
        pytest.fail("locked what it can't open")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_landing_zone_that_can_t_be_written_is_named(zone: Path) -> None:
    zone.chmod(0o500)
    with pytest.raises(LandingError, match=r"can't be locked: Permission denied\..*HEAR_LANDING"):
        Landing(str(zone)).lock().__enter__()
    zone.chmod(0o700)


# -- an object store


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def left_behind(store: MemoryStore, seconds: float) -> None:
    """A lease as a run leaves it that was killed a moment ago."""
    known = locks.holder() | {"pid": 4711, "owner": "another", "seconds": seconds}
    obstore.put(store, LOCK_NAME, json.dumps(known).encode())


def test_a_lease_keeps_others_out_until_its_end(store: MemoryStore) -> None:
    with Lease(store, ROOT) as lease:
        with pytest.raises(BusyError) as caught, Lease(store, ROOT):
            pytest.fail("two runs at once")
        lease.check()
    assert caught.value.exit_code == 3
    said = str(caught.value)
    assert f"the landing zone {ROOT}: process {os.getpid()} on {platform.node()}, since 20" in said
    assert "\n" not in said
    with Lease(store, ROOT):
        pass


def test_a_lease_is_told_when_it_ends(store: MemoryStore) -> None:
    left_behind(store, 3600)
    with pytest.raises(BusyError, match="process 4711") as caught, Lease(store, ROOT):
        pytest.fail("took a lease that had not ended")
    (until,) = [word for word in caught.value.remedy.removesuffix(".").split() if word.endswith("Z")]
    left = datetime.fromisoformat(until) - datetime.now(UTC)
    assert 3000 < left.total_seconds() <= 3600


def test_an_expired_lease_is_taken_by_one_alone(store: MemoryStore) -> None:
    left_behind(store, -1)
    outcomes: list[str] = []
    all_tried = threading.Barrier(8, timeout=60)

    def take() -> None:
        try:
            with Lease(store, ROOT) as lease:
                all_tried.wait()
                lease.check()
            outcomes.append("held")
        except BusyError:
            all_tried.wait()
            outcomes.append("busy")

    takers = [threading.Thread(target=take) for _ in range(8)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join(60)
    assert sorted(outcomes) == ["busy"] * 7 + ["held"]


def test_a_run_whose_lease_was_taken_stops(store: MemoryStore) -> None:
    """A lease of no time asks the store before each write whether it still is its holder."""
    lease = Lease(store, ROOT, seconds=0).__enter__()
    landing = Landing(ROOT)
    landing.check_lock = lease.check
    landing.put(PAGE, b"[]")
    left_behind(store, 3600)
    for write in (lambda: landing.put(replace(PAGE, position=100), b"[]"), lambda: landing.delete([PAGE.path])):
        with pytest.raises(BusyError, match=r"process 4711.*It took over from this one"):
            write()
    assert [landed.path for landed in landing.objects()] == [PAGE.path]
    with pytest.raises(BusyError, match="process 4711"):
        lease.__exit__()
    with pytest.raises(BusyError, match="process 4711"), Lease(store, ROOT):
        pytest.fail("the run that was stopped let go what another one holds")


def test_a_lease_that_was_taken_is_found_at_its_end_too(store: MemoryStore) -> None:
    with pytest.raises(BusyError, match="process 4711"), Lease(store, ROOT):
        left_behind(store, 3600)


def test_a_lease_is_renewed_while_it_is_held(store: MemoryStore) -> None:
    with Lease(store, ROOT, seconds=0.2):
        first = bytes(obstore.get(store, LOCK_NAME).bytes())
        for _ in range(1000):
            if bytes(obstore.get(store, LOCK_NAME).bytes()) != first:
                return
            threading.Event().wait(0.02)
    pytest.fail("it was never renewed")


def test_a_lease_with_nonsense_in_it_ends_too(store: MemoryStore) -> None:
    obstore.put(store, LOCK_NAME, b"nonsense")
    with pytest.raises(BusyError, match="process unknown"), Lease(store, ROOT):
        pytest.fail("took what may be held")


def test_a_plain_http_endpoint_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ENDPOINT": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    landing = Landing("s3://bucket/zone")
    with pytest.raises(LandingError, match=r"plain http.*AWS_ALLOW_HTTP=true"), landing.lock():
        pytest.fail("spoke plain http")
    with pytest.raises(LandingError, match=r"plain http.*AWS_ALLOW_HTTP=true"):
        list(landing.objects())
