"""Settings: how repositories may be spelled, where values come from, and what a bad one is answered with."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hear_app.errors import UsageError
from hear_app.settings import GITHUB_API_URL, load_settings, parse_repositories, parse_repository

HOME = Path(__file__).resolve().parents[2]
RESERVED = ("main", "temp", "system", "bronze", "silver", "gold")  # as database names they clash with schemas
TOKEN = "ghp_0123456789abcdefABCDEF"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder of its own, where a `.env` may be written."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- repositories


@pytest.mark.parametrize(
    "text",
    [
        "octo/Tool.kit",
        " octo/Tool.kit ",
        "octo/Tool.kit/",
        "octo/Tool.kit.git",
        "https://github.com/octo/Tool.kit",
        "https://github.com/octo/Tool.kit/",
        "https://github.com/octo/Tool.kit.git",
        "https://www.github.com/octo/Tool.kit",
        "https://user@github.com/octo/Tool.kit.git",
        "ssh://git@github.com/octo/Tool.kit.git",
        "ssh://git@ssh.github.com:443/octo/Tool.kit.git",
        "git://github.com/octo/Tool.kit.git",
        "git@github.com:octo/Tool.kit.git",
        "git@github.com:octo/Tool.kit",
    ],
)
def test_every_spelling_of_a_repository(text: str) -> None:
    assert parse_repository(text) == "octo/Tool.kit"


@pytest.mark.parametrize(
    "name", ["a/b", "a-1/b_2", "o/.github", "o/dash-", "o/under_score", "emu_corp/x", "o/" + "n" * 100]
)
def test_names_that_github_allows(name: str) -> None:
    assert parse_repository(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "tool",
        "octo/",
        "/tool",
        "octo//tool",
        "octo/tool/issues",
        "octo/tool kit",
        "oc to/tool",
        "-octo/tool",
        "octo-/tool",
        "octo/.",
        "octo/..",
        "octo/.git",
        "../tool",
        "octo/tööl",
        "octo/tool?x=1",
        "octo/tool#1",
        "octo/tool\nx/y",
        "octo/" + "n" * 101,
        "https://github.com/octo",
        "https://github.com",
        "file:///octo/tool",
        "https://github.com/octo/tool/pulls",
        "octo\\tool",
        "octo/$(id)",
        "--upload-pack=x/y",
    ],
)
def test_what_is_no_repository_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_repository(text)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"{text!r} is not a repository. Give it as OWNER/NAME")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["https://gitlab.com/octo/tool", "git@ghe.example:octo/tool.git"])
def test_a_url_of_another_host_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not the host that is asked"):
        parse_repository(text)


def test_enterprise_s_own_urls_name_its_repositories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAR_API_URL", "https://ghe.example/api/v3")
    monkeypatch.setenv("HEAR_REPOS", "http://ghe.example:8443/octo/tool")
    assert load_settings().named_repositories == ("octo/tool",)


@settings(deadline=None)
@given(st.text(string.ascii_letters + string.digits, min_size=1, max_size=20), st.data())
def test_a_name_comes_through_every_spelling_unchanged(owner: str, data: st.DataObject) -> None:
    name = data.draw(st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=40))
    spelling = data.draw(
        st.sampled_from(
            ["{}", "{}/", "{}.git", "https://github.com/{}", "git@github.com:{}.git", "ssh://github.com/{}"]
        )
    )
    assert parse_repository(spelling.format(f"{owner}/{name}")) == f"{owner}/{name}"


def test_a_repository_is_taken_once_whatever_its_case() -> None:
    named = ["b/two", "a/one", "https://github.com/B/Two.git", "A/ONE/", "c/three"]
    assert parse_repositories(named) == ("b/two", "a/one", "c/three")
    assert parse_repositories([]) == ()


@pytest.mark.parametrize(
    "text", ["a/b c/d", "a/b,c/d", " a/b ,\n c/d, ", "a/b\tc/d A/B", "git@github.com:a/b.git c/d"]
)
def test_repositories_of_the_environment_are_parted_by_spaces_or_commas(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAR_REPOS", text)
    assert load_settings().named_repositories == ("a/b", "c/d")


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_list_names_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAR_REPOS", text)
    assert load_settings().named_repositories == ()


def test_a_bad_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAR_REPOS", "a/b nonsense")
    with pytest.raises(UsageError, match=r"^'nonsense' is not a repository\."):
        _ = load_settings().named_repositories


# -- where a value comes from


def test_without_anything_the_defaults_hold(folder: Path) -> None:
    settings = load_settings()
    assert settings.api_url == GITHUB_API_URL == "https://api.github.com"
    assert settings.warehouse == Path("warehouse/hear.duckdb")
    assert settings.landing_root == str(Path("warehouse/landing"))
    assert settings.build_path == Path("warehouse/.build/hear.duckdb")
    assert settings.people_path == Path("warehouse/people.csv")
    assert settings.max_wait == 3600
    assert settings.github_token is None
    assert settings.named_repositories == ()
    assert settings.project_home == HOME
    assert not list(folder.iterdir())


def test_flags_stand_over_the_environment_and_that_over_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["HEAR_MAX_WAIT=1", "HEAR_REPOS=file/file", "HEAR_SOURCE=of-the-file", "GITHUB_TOKEN=ghp_file"]
    (folder / ".env").write_text("\n".join([*lines, "OTHER=ignored"]), encoding="utf-8")
    monkeypatch.setenv("HEAR_MAX_WAIT", "2")
    monkeypatch.setenv("HEAR_REPOS", "env/env")
    settings = load_settings(max_wait=3.0)
    assert settings.max_wait == 3
    assert settings.named_repositories == ("env/env",)
    assert settings.source == "of-the-file"
    assert settings.github_token is not None
    assert settings.github_token.get_secret_value() == "ghp_file"


def test_a_flag_that_was_not_given_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAR_MAX_WAIT", "2")
    assert load_settings(max_wait=None).max_wait == 2
    assert load_settings(max_wait=0.0).max_wait == 0


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAR_API_URL", "HEAR_WAREHOUSE", "HEAR_LANDING", "HEAR_MAX_WAIT", "HEAR_SOURCE", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "")
    assert load_settings() == load_settings(api_url=GITHUB_API_URL)
    assert load_settings().github_token is None


def test_paths_that_follow_from_the_warehouse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEAR_WAREHOUSE", str(tmp_path / "deep" / "my.duckdb"))
    settings = load_settings()
    assert settings.landing_root == str(tmp_path / "deep" / "landing")
    assert settings.build_path == tmp_path / "deep" / ".build" / "my.duckdb"
    assert settings.people_path == tmp_path / "deep" / "people.csv"
    monkeypatch.setenv("HEAR_LANDING", "s3://bucket/prefix")
    monkeypatch.setenv("HEAR_BUILD", str(tmp_path / "elsewhere.duckdb"))
    assert load_settings().landing_root == "s3://bucket/prefix"
    assert load_settings().build_path == tmp_path / "elsewhere.duckdb"


def test_a_tilde_in_the_warehouse_path_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HEAR_WAREHOUSE", "~/data/hear.duckdb")
    assert load_settings().warehouse == tmp_path / "data" / "hear.duckdb"


def test_the_project_is_found_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEAR_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=rf"No dbt_project.yml in {tmp_path}\. Set HEAR_HOME"):
        _ = load_settings().project_home
    (tmp_path / "dbt_project.yml").touch()
    assert load_settings().project_home == tmp_path.resolve()


# -- the API


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://api.github.com", "api.github.com"),
        ("https://api.github.com/", "api.github.com"),
        ("https://API.GitHub.com", "api.github.com"),
        ("https://ghe.example/api/v3", "ghe.example"),
        ("http://127.0.0.1:8100", "127.0.0.1-8100"),
    ],
)
def test_rows_are_kept_under_the_name_of_the_api_s_host(
    url: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEAR_API_URL", url)
    assert load_settings().api_source == source


def test_a_source_of_one_s_own_stands_over_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEAR_SOURCE", "our-ghe")
    assert load_settings().api_source == "our-ghe"


# -- what can't be used


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEAR_API_URL", "ftp://ghe.example"),
        ("HEAR_API_URL", "ghe.example"),
        ("HEAR_API_URL", "https://"),
        ("HEAR_API_URL", "https://octo:geheim@ghe.example"),
        ("HEAR_API_URL", "http://ghe.example:99999"),
        ("HEAR_API_URL", "http://ghe.example:port"),
        ("HEAR_API_URL", "http://[::1"),
        ("HEAR_MAX_WAIT", "soon"),
        ("HEAR_MAX_WAIT", "-1"),
        ("HEAR_MAX_WAIT", "nan"),
        ("HEAR_WORKERS", "0"),
        ("HEAR_WORKERS", "1000"),
        ("HEAR_MAX_RESPONSE", "much"),
        ("HEAR_MAX_RESPONSE", "0MB"),
        ("HEAR_MAX_RESPONSE", "-1"),
        ("HEAR_MEMORY", "much"),
        ("HEAR_MEMORY", "0GB"),
        ("HEAR_MEMORY", "1GB'; drop schema gold; --"),
        ("HEAR_WAREHOUSE", "."),
        ("HEAR_WAREHOUSE", "it's.duckdb"),
        *[("HEAR_WAREHOUSE", f"data/{name}.duckdb") for name in RESERVED],
        ("GITHUB_TOKEN", "ghp_two words"),
        ("GITHUB_TOKEN", "ghp_tökén"),
        ("GITHUB_TOKEN", "ghp_a\nX-Header: b"),
    ],
)
def test_a_value_that_can_t_be_used_is_one_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        _ = load_settings().api_source
    said = str(caught.value)
    assert said.startswith(name)
    assert said.count(name) == 1, "the name stands there once"
    assert said.endswith(".")
    assert "\n" not in said
    assert "geheim" not in said
    assert "ghp_" not in said
    assert caught.value.exit_code == 2


def test_a_bad_file_of_settings_is_named_like_a_variable(folder: Path) -> None:
    (folder / ".env").write_text("HEAR_MAX_WAIT=soon\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"^HEAR_MAX_WAIT: .*number"):
        load_settings()


# -- the token


def test_the_token_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", f"  {TOKEN}\n")
    settings = load_settings()
    assert settings.github_token is not None
    assert settings.github_token.get_secret_value() == TOKEN, "blanks around it are no part of it"
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert TOKEN not in shown
    assert os.environ["GITHUB_TOKEN"].strip() == TOKEN


def test_settings_can_t_be_changed() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.max_wait = 1  # type: ignore[misc]


WARNED = "GITHUB_TOKEN is not sent to "


@pytest.mark.parametrize(
    "url", ["https://ghe.example/api/v3", "http://127.0.0.1:8100", "https://api.github.com:8443"]
)
def test_the_token_of_the_environment_follows_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    (folder / ".env").write_text(f"HEAR_API_URL={url}\n", encoding="utf-8")
    assert load_settings().token_to_send() is None, "without one there is nothing to keep back"
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with pytest.raises(UsageError) as caught:
        load_settings().token_to_send()
    assert str(caught.value) == (
        f"{WARNED}{url}: the file .env alone names that, not the token. "
        "If the token is meant for it, set HEAR_API_URL in the environment too; else take it out of .env."
    )
    monkeypatch.setenv("HEAR_API_URL", url)
    assert load_settings().token_to_send() == TOKEN, "the remedy heals"


def test_the_token_goes_where_something_as_strong_sends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text(f"HEAR_API_URL=https://ghe.example\nGITHUB_TOKEN={TOKEN}\n", encoding="utf-8")
    assert load_settings().token_to_send() == TOKEN, "both of the file"
    assert load_settings(api_url="https://other.example").token_to_send() == TOKEN, "a flag is stronger"
    monkeypatch.setenv("HEAR_API_URL", "https://other.example")
    assert load_settings().token_to_send() == TOKEN, "the environment is stronger"
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_other")
    assert load_settings().token_to_send() == "ghp_other", "the file says nothing that counts"


def test_a_file_that_names_github_itself_leads_nowhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text(f"HEAR_API_URL={GITHUB_API_URL}/\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    assert load_settings().token_to_send() == TOKEN


@pytest.mark.parametrize(
    "host",
    ["ghe.example", "api.github.com", "10.0.0.1", "127.0.0.1.example", "localhost.example", "[2001:db8::1]"],
)
def test_the_token_is_not_sent_unencrypted(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HEAR_API_URL", f"http://{host}")
    assert load_settings().token_to_send() is None
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with pytest.raises(
        UsageError, match=r"would go to http://\S+ unencrypted\. Set HEAR_API_URL to an https"
    ) as caught:
        load_settings().token_to_send()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8100", "localhost", "[::1]:8100", "127.8.8.8"])
def test_this_machine_gets_it_over_http(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HEAR_API_URL", f"http://{host}")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    assert load_settings().token_to_send() == TOKEN


@pytest.mark.parametrize(("text", "size"), [("64MB", 64_000_000), ("1.5 gb", 1_500_000_000), ("16MiB", 1 << 24)])
def test_the_size_of_an_answer(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    assert load_settings().max_response == 64_000_000
    monkeypatch.setenv("HEAR_MAX_RESPONSE", text)
    assert load_settings().max_response == size
