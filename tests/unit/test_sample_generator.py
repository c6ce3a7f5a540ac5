"""The embedded sample: the same bytes everywhere, and every oddity that real repositories have."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from hear_app.sample import people
from hear_app.sample.clock import NOW, iso, seconds
from hear_app.sample.generator import generate
from hear_app.sample.history import SampleRepository
from hear_app.sample.oddities import HOSTILE_TITLE, RELABELLED_AT

Row = dict[str, Any]

GOLDEN = "45e39f01772495b471a9a774b10f0dbb1ed0f7393952e38c841d17551aa3968a"
CO_AUTHOR = re.compile(r"(?im)^co-authored-by:[ \t]*(.+?)[ \t]*<([^>]*)>[ \t]*\r?$")


ISSUE_KEYS = """
["url", "repository_url", "labels_url", "comments_url", "events_url", "html_url", "id", "node_id", "number",
"title", "user", "labels", "state", "locked", "assignee", "assignees", "milestone", "comments", "created_at",
"updated_at", "closed_at", "author_association", "type", "active_lock_reason", "sub_issues_summary",
"issue_dependencies_summary", "body", "closed_by", "reactions", "timeline_url", "performed_via_github_app",
"state_reason"]
"""


def everything(repositories: dict[str, SampleRepository]) -> Iterator[bytes]:
    for repository in repositories.values():
        yield repository.payload()
        yield json.dumps(repository.labels).encode()
        if repository.head:
            yield from (repository.graph[sha].payload() for sha in repository.graph.walk(repository.head))
        yield from (repository.issues[number].payload() for number in sorted(repository.issues))


def digest(repositories: dict[str, SampleRepository]) -> str:
    return hashlib.sha256(b"\n".join(everything(repositories))).hexdigest()


@pytest.fixture(scope="module")
def sample() -> dict[str, SampleRepository]:
    return generate()


@pytest.fixture(scope="module")
def commits(sample: dict[str, SampleRepository]) -> dict[str, list[Row]]:
    return {
        name: [json.loads(each.graph[sha].payload()) for sha in each.graph.walk(each.head)]
        for name, each in sample.items()
        if each.head
    }


@pytest.fixture(scope="module")
def all_commits(commits: dict[str, list[Row]]) -> list[Row]:
    return [row for rows in commits.values() for row in rows]


@pytest.fixture(scope="module")
def issues(sample: dict[str, SampleRepository]) -> dict[str, list[Row]]:
    return {
        name: [json.loads(row.payload()) for _, row in sorted(each.issues.items())]
        for name, each in sample.items()
    }


@pytest.fixture(scope="module")
def items(issues: dict[str, list[Row]]) -> list[Row]:
    return [row for rows in issues.values() for row in rows]


def test_the_bytes_are_the_same_on_every_machine(sample: dict[str, SampleRepository]) -> None:
    assert digest(sample) == GOLDEN
    assert digest(generate()) == GOLDEN


def test_another_seed_makes_other_bytes() -> None:
    assert digest(generate("elsewhere")) != GOLDEN


def test_counts(commits: dict[str, list[Row]], items: list[Row]) -> None:
    assert {name: len(rows) for name, rows in commits.items()} == {
        "brackwater/tidegauge": 1634,
        "brackwater/saltmap": 665,
        "brackwater/estuary-notes": 697,
        "brackwater/ferry-timetable": 38,
    }
    assert Counter("pull_request" in row for row in items) == {False: 804, True: 706}


def test_two_small_repositories_stand_beside_the_active_ones(sample: dict[str, SampleRepository]) -> None:
    assert sample["brackwater/mudflat"].head is None
    assert not sample["brackwater/mudflat"].issues
    assert not sample["brackwater/ferry-timetable"].has_issues


def test_four_years_end_today(all_commits: list[Row], items: list[Row]) -> None:
    dates = sorted(row["commit"]["committer"]["date"] for row in all_commits)
    assert dates[1].startswith("2022-06")
    assert "2026-06-01" < dates[-2] < iso(NOW)
    assert max(row["updated_at"] for row in items) < iso(NOW)


def test_every_parent_is_there_and_every_commit_reachable(sample: dict[str, SampleRepository]) -> None:
    for repository in sample.values():
        if repository.head:
            assert len(repository.graph.walk(repository.head)) == len(repository.graph)


def test_shas_are_unique_and_made_of_40_digits(all_commits: list[Row]) -> None:
    shas = {row["sha"] for row in all_commits}
    assert len(shas) == len(all_commits)
    assert all(re.fullmatch(r"[0-9a-f]{40}", sha) for sha in shas)


def test_each_history_has_one_root_merges_and_an_octopus(commits: dict[str, list[Row]]) -> None:
    shapes = {name: Counter(len(row["parents"]) for row in rows) for name, rows in commits.items()}
    assert all(shape[0] == 1 for shape in shapes.values())
    assert shapes["brackwater/tidegauge"][2] > 200
    assert shapes["brackwater/tidegauge"][3] == 1
    assert set(shapes["brackwater/saltmap"]) == {0, 1}


def test_squash_merges_are_committed_by_the_site(commits: dict[str, list[Row]]) -> None:
    squashed = [
        row
        for row in commits["brackwater/saltmap"]
        if re.search(r"\(#\d+\)$", row["commit"]["message"].partition("\n")[0])
    ]
    assert len(squashed) > 200
    assert {row["committer"]["login"] for row in squashed} == {"web-flow"}
    assert {row["commit"]["committer"]["email"] for row in squashed} == {"noreply@github.com"}
    assert all(row["commit"]["verification"]["verified"] for row in squashed)


def test_branches_land_weeks_after_their_commits(sample: dict[str, SampleRepository]) -> None:
    repository = sample["brackwater/tidegauge"]
    graph, sha, late = repository.graph, repository.head, 0
    assert sha is not None
    while graph[sha].parents:
        first, *others = graph[sha].parents
        for other in others:
            joined = graph.compare(first, other).ahead
            late += sum(graph[each].committed_at < graph[sha].committed_at - 21 * 86400 for each in joined)
        sha = first
    assert late > 50


def test_bots_service_accounts_and_an_agent(all_commits: list[Row], items: list[Row]) -> None:
    bots = Counter(row["author"]["login"] for row in all_commits if (row["author"] or {}).get("type") == "Bot")
    assert {"buoy[bot]", "harbour-lint[bot]", "Copilot"} == set(bots)
    assert min(bots.values()) > 10
    service = [row for row in all_commits if (row["author"] or {}).get("login") == "brackwater-bot"]
    assert {row["author"]["type"] for row in service} == {"User"}
    openers = {row["user"]["login"] for row in items if row["user"]}
    assert {"buoy[bot]", "Copilot"} <= openers


def test_trailers_of_assistants_and_of_people(all_commits: list[Row]) -> None:
    named = [CO_AUTHOR.findall(row["commit"]["message"]) for row in all_commits]
    addresses = Counter(address for found in named for _, address in found)
    for assistant in ("noreply@anthropic.com", "cursoragent@cursor.com"):
        assert addresses[assistant] > 5
    assert addresses["198982749+Copilot@users.noreply.github.com"] > 5
    messages = [row["commit"]["message"] for row in all_commits]
    assert any("\r\nCo-authored-by:" in message for message in messages)
    assert any("CO-AUTHORED-by:" in message for message in messages)
    assert any(len(found) > len(set(found)) for found in named), "the same trailer twice"
    assert any(len(set(found)) > 1 for found in named), "two co-authors"
    assert any(
        row["commit"]["author"]["email"] in {address for _, address in found}
        for row, found in zip(all_commits, named, strict=True)
    ), "the author as co-author"


def test_one_person_has_several_addresses(all_commits: list[Row]) -> None:
    mine = [row for row in all_commits if row["commit"]["author"]["name"] == "Maren Okafor"]
    by_address = {
        address.email: {(row["author"] or {}).get("id") for row in mine if _address(row) == address.email}
        for address in people.MANY_ADDRESSES.addresses
    }
    assert sum(ids == {8310555} for ids in by_address.values()) == 3
    assert sum(ids == {None} for ids in by_address.values()) == 2


def _address(row: Row) -> str:
    return str(row["commit"]["author"]["email"])


def test_two_people_share_a_name(all_commits: list[Row]) -> None:
    namesakes = {row["author"]["id"] for row in all_commits if row["commit"]["author"]["name"] == "Ana Costa"}
    assert len(namesakes) == 2


def test_commits_without_an_account_are_null_or_empty(all_commits: list[Row]) -> None:
    assert sum(row["author"] is None for row in all_commits) > 20
    assert sum(row["author"] == {} for row in all_commits) > 10
    assert any(row["commit"]["author"]["email"] == "" for row in all_commits)
    assert any(row["commit"]["message"] == "" for row in all_commits)


def test_deleted_accounts(items: list[Row]) -> None:
    assert sum(row["user"] is None for row in items) > 5
    assert sum((row["user"] or {}).get("id") == 10137 for row in items) > 5
    assert any(row["state"] == "closed" and row["closed_by"] is None for row in items)


def test_states_of_issues(items: list[Row]) -> None:
    ends = Counter((row["state"], row["state_reason"]) for row in items if "pull_request" not in row)
    assert set(ends) == {
        ("closed", "completed"),
        ("closed", "not_planned"),
        ("closed", "duplicate"),
        ("open", "reopened"),
        ("open", None),
    }
    assert min(ends.values()) > 10


def test_states_of_pull_requests(items: list[Row]) -> None:
    ends = Counter(
        (row["state"], row["draft"], row["pull_request"]["merged_at"] is not None)
        for row in items
        if "pull_request" in row
    )
    assert {
        ("closed", False, True),
        ("closed", False, False),
        ("open", False, False),
        ("open", True, False),
    } <= set(ends)
    assert all(
        row["pull_request"]["merged_at"] in (None, row["closed_at"]) for row in items if "pull_request" in row
    )


def test_times_of_an_item_are_in_order(items: list[Row]) -> None:
    for row in items:
        assert row["created_at"] <= (row["closed_at"] or row["created_at"]) <= row["updated_at"]
        assert (row["closed_at"] is None) == (row["state"] == "open")


def test_merged_pull_requests_are_in_the_history(
    commits: dict[str, list[Row]], issues: dict[str, list[Row]]
) -> None:
    subjects = " ".join(row["commit"]["message"] for row in commits["brackwater/saltmap"])
    for row in issues["brackwater/saltmap"]:
        if "pull_request" in row and row["pull_request"]["merged_at"]:
            assert f"(#{row['number']})" in subjects


def test_labels_assignees_milestones_and_what_else_items_carry(items: list[Row]) -> None:
    assert {len(row["assignees"]) for row in items} == {0, 1, 2, 3}
    assert all(row["assignee"] == (row["assignees"] or [None])[0] for row in items)
    labels = [label for row in items for label in row["labels"]]
    assert len({label["id"] for label in labels}) > 20
    assert all(re.fullmatch(r"[0-9a-f]{6}", label["color"]) for label in labels)
    assert any(row["milestone"] for row in items)
    assert any(row["comments"] > 20 for row in items)
    assert any(row["reactions"]["total_count"] > 3 for row in items)
    assert {row["author_association"] for row in items} == {"MEMBER", "CONTRIBUTOR", "NONE"}
    assert any(row["locked"] for row in items)
    assert any("Fixes #" in (row["body"] or "") for row in items)


def test_numbers_have_holes(issues: dict[str, list[Row]]) -> None:
    numbers = [row["number"] for row in issues["brackwater/tidegauge"]]
    assert len(set(numbers)) == len(numbers) < max(numbers)


def test_scripts_of_the_world(items: list[Row], all_commits: list[Row]) -> None:
    texts = " ".join([row["title"] for row in items] + [row["commit"]["message"] for row in all_commits])
    for script in (
        "[\u4e00-\u9fff]",
        "[\u0400-\u04ff]",
        "[\u0600-\u06ff]",
        "[\u0590-\u05ff]",
        "[\U0001f300-\U0001faff]",
    ):
        assert re.search(script, texts)


def test_escapes_that_break_parsers(sample: dict[str, SampleRepository]) -> None:
    raw = b"".join(row.payload() for row in sample["brackwater/saltmap"].issues.values())
    assert rb">\u0000<" in raw
    assert rb"emoji: \ud83d" + b'"' in raw


def test_a_hostile_title_and_a_body_of_100_kb(items: list[Row], all_commits: list[Row]) -> None:
    assert sum(row["title"] == HOSTILE_TITLE for row in items) == 1
    assert sum(HOSTILE_TITLE in row["commit"]["message"] for row in all_commits) == 1
    assert max(len(row["body"] or "") for row in items) == 100 * 1024


def test_absurd_dates(all_commits: list[Row]) -> None:
    dates = [row["commit"]["committer"]["date"] for row in all_commits]
    assert dates.count("1970-01-01T00:00:00Z") == 1
    assert dates.count("2082-03-04T05:06:07Z") == 1
    assert any(row["commit"]["author"]["date"] > row["commit"]["committer"]["date"] for row in all_commits)


def test_a_month_without_anything(commits: dict[str, list[Row]], issues: dict[str, list[Row]]) -> None:
    times = [row["commit"]["committer"]["date"] for row in commits["brackwater/estuary-notes"]]
    for row in issues["brackwater/estuary-notes"]:
        times += [row["created_at"], row["closed_at"] or "", row["updated_at"]]
    months = {time[:7] for time in times}
    assert "2024-08" not in months
    assert {"2024-07", "2024-09"} <= months


def test_reverts_name_what_they_take_back(all_commits: list[Row]) -> None:
    shas = {row["sha"] for row in all_commits}
    reverted = [
        found[1]
        for row in all_commits
        if (found := re.fullmatch(r'Revert ".*"\n\nThis reverts commit (\w{40})\.', row["commit"]["message"]))
    ]
    assert len(reverted) > 10
    assert set(reverted) <= shas


def test_signatures(all_commits: list[Row]) -> None:
    states = Counter(row["commit"]["verification"]["reason"] for row in all_commits)
    assert set(states) == {"valid", "unsigned"}


def test_more_ties_in_one_second_than_fit_on_a_page(issues: dict[str, list[Row]]) -> None:
    same = [row for row in issues["brackwater/tidegauge"] if row["updated_at"] == iso(RELABELLED_AT)]
    assert len(same) > 100


def test_payloads_carry_what_the_api_sends(items: list[Row], all_commits: list[Row]) -> None:
    assert {tuple(row) for row in all_commits} == {
        ("sha", "node_id", "commit", "url", "html_url", "comments_url", "author", "committer", "parents")
    }
    issue = set(json.loads(ISSUE_KEYS))
    for row in items:
        assert issue <= set(row)
        assert set(row) - issue == ({"draft", "pull_request"} if "pull_request" in row else set())


def test_nothing_names_a_real_host(sample: dict[str, SampleRepository]) -> None:
    hosts = set(re.findall(rb"https?://([^/\"\\{]+)", b"".join(everything(sample))))
    assert hosts == {b"api.github.example", b"github.example", b"avatars.github.example"}


def test_times_read_and_written() -> None:
    assert seconds("1970-01-02") == 86400
    assert seconds("2026-06-15T14:00:00+02:00") == NOW
    assert iso(seconds("2082-03-04T05:06:07Z")) == "2082-03-04T05:06:07Z"
