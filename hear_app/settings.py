"""What a run is told: flags, environment and `.env`, in one frozen object.

Imports nothing of the package but `errors`, so that the dashboard may use it alone.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import ByteSize, Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hear_app.errors import UsageError

GITHUB_API_URL = "https://api.github.com"
SAMPLE_SOURCE = "sample"
GITHUB_HOSTS = frozenset({"github.com", "www.github.com", "ssh.github.com"})

DEFAULT_MEMORY = "1GB"  # of the database while it builds; a million commits need no more
DEFAULT_MAX_RESPONSE = 64_000_000  # bytes of one answer, unpacked; pages have a few hundred thousand
_SIZE = re.compile(r"[1-9]\d*(\.\d+)? ?[KMGT]i?B", re.IGNORECASE)
_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9_])?"
_NAME = r"[A-Za-z0-9._-]{1,100}"
_REPOSITORY = re.compile(
    rf"(?:(?:https?|ssh|git)://(?:[^/@\s]+@)?(?P<host>[^/:\s]+)(?::\d+)?/|[^/@\s]+@(?P<ssh_host>[^/:\s]+):)?"
    rf"(?P<owner>{_OWNER})/(?P<name>{_NAME})/?"
)

_FILE_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_TAKEN_NAMES = frozenset({"main", "temp", "system", "bronze", "silver", "gold"})  # by DuckDB, and by our schemas
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def parse_repository(text: str, hosts: frozenset[str] = GITHUB_HOSTS) -> str:
    """`owner/name` out of `owner/name`, an https or ssh URL, with or without `.git`.

    Raises UsageError where the text is none of these, or a URL of a host that is not among `hosts`.
    """
    match = _REPOSITORY.fullmatch(text.strip())
    name = match["name"].removesuffix(".git") if match else ""
    if match is None or name in {"", ".", ".."}:
        raise UsageError(
            f"{text!r} is not a repository.",
            "Give it as OWNER/NAME or as its URL, such as https://github.com/OWNER/NAME.",
        )
    host = (match["host"] or match["ssh_host"] or "").lower()
    if host and host not in hosts:
        raise UsageError(
            f"{text!r} is at {host}, which is not the host that is asked.",
            "Set HEAR_API_URL to that host's API, or give OWNER/NAME.",
        )
    return f"{match['owner']}/{name}"


def parse_repositories(texts: list[str], hosts: frozenset[str] = GITHUB_HOSTS) -> tuple[str, ...]:
    """Repositories in the order given, each once whatever its spelling."""
    named: dict[str, str] = {}
    for text in texts:
        name = parse_repository(text, hosts)
        named.setdefault(name.lower(), name)
    return tuple(named.values())


class Settings(BaseSettings):
    """One run's settings. Environment names are those of the fields, after HEAR_."""

    model_config = SettingsConfigDict(
        env_prefix="HEAR_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    github_token: SecretStr | None = Field(default=None, validation_alias="GITHUB_TOKEN")
    repos: str = ""
    api_url: str = GITHUB_API_URL
    source: str = ""
    warehouse: Path = Path("warehouse/hear.duckdb")
    landing: str = ""
    build: Path | None = None
    home: Path | None = None
    max_wait: float = Field(default=3600.0, ge=0)
    workers: int = Field(default=4, ge=1, le=32)
    memory: str = DEFAULT_MEMORY
    shared: bool = False
    max_response: ByteSize = ByteSize(DEFAULT_MAX_RESPONSE)
    _is_led_away: bool = PrivateAttr(default=False)

    @field_validator("github_token")
    @classmethod
    def _token_fits_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        text = token.get_secret_value().strip() if token else ""
        if not text.isascii() or any(character.isspace() for character in text):
            raise ValueError("it holds characters that no token has; copy it again")
        return SecretStr(text) if text else None

    @field_validator("api_url")
    @classmethod
    def _url_is_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError("a user or password in the address is refused; the token goes in GITHUB_TOKEN")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if parts.scheme not in {"http", "https"} or not host:
            raise ValueError(f"{url!r} is no http or https address")
        place = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{place}{f':{port}' if port else ''}{parts.path.rstrip('/')}"

    @field_validator("memory", "max_response", mode="before")
    @classmethod
    def _is_a_size(cls, given: str | ByteSize) -> str | ByteSize:
        if isinstance(given, str) and not _SIZE.fullmatch(given.strip()):
            raise ValueError(f"{given!r} is no size such as 2GB or 800MB")
        return given.strip() if isinstance(given, str) else given

    @field_validator("warehouse")
    @classmethod
    def _warehouse_is_a_file(cls, path: Path) -> Path:
        path = path.expanduser()
        if path.is_dir():
            raise ValueError(f"it must name a file, and {path} is a folder; add /hear.duckdb")
        if not _FILE_NAME.fullmatch(path.name) or path.name.partition(".")[0].lower() in _TAKEN_NAMES:
            raise ValueError(
                f"the file's name becomes the database's, which {path.name!r} can't be: take letters, digits, - "
                f"and _, and none of {', '.join(sorted(_TAKEN_NAMES))}"
            )
        return path

    @model_validator(mode="after")
    def _build_is_another_file(self) -> Self:
        if self.build is not None and self.build.expanduser().absolute() == self.warehouse.absolute():
            raise ValueError("HEAR_BUILD is the working copy: it can't be the published file itself")
        return self

    def token_to_send(self) -> str | None:
        """The token for the API's host, None without one.

        Raises UsageError where it would go there unencrypted, or where only `.env` names that host and something
        stronger gave the token: a file in the working folder must not send it elsewhere.
        """
        if self.github_token is None:
            return None
        address = urlsplit(self.api_url)
        if address.scheme != "https" and not _is_loopback(str(address.hostname)):
            raise UsageError(
                f"GITHUB_TOKEN would go to {self.api_url} unencrypted.",
                "Set HEAR_API_URL to an https address, or unset GITHUB_TOKEN.",
            )
        if self._is_led_away:
            raise UsageError(
                f"GITHUB_TOKEN is not sent to {self.api_url}: the file .env alone names that, not the token.",
                "If the token is meant for it, set HEAR_API_URL in the environment too; else take it out of .env.",
            )
        return self.github_token.get_secret_value()

    @property
    def named_repositories(self) -> tuple[str, ...]:
        """HEAR_REPOS as a list; names may be parted by spaces or commas."""
        return parse_repositories(
            [name for name in re.split(r"[\s,]+", self.repos) if name], self.repository_hosts
        )

    @property
    def repository_hosts(self) -> frozenset[str]:
        """The hosts whose URLs name repositories of this API: Enterprise serves both under one."""
        host = str(urlsplit(self.api_url).hostname)
        return GITHUB_HOSTS if self.api_url == GITHUB_API_URL else GITHUB_HOSTS | {host}

    @property
    def api_source(self) -> str:
        """The name under which this API's rows are kept: HEAR_SOURCE, else its host (and port)."""
        parts = urlsplit(self.api_url)
        host = f"{parts.hostname}-{parts.port}" if parts.port else str(parts.hostname)
        return _UNSAFE.sub("-", self.source or host)  # it names a folder of the landing zone, too

    @property
    def landing_root(self) -> str:
        """The landing zone: HEAR_LANDING, else the folder `landing` beside the warehouse file."""
        return self.landing or str(self.warehouse.parent / "landing")

    @property
    def build_path(self) -> Path:
        """Where a run builds: same file name, so that the database's name inside is the same."""
        return self.build or self.warehouse.parent / ".build" / self.warehouse.name

    @property
    def people_path(self) -> Path:
        """The identity rules that the user owns, beside the warehouse file."""
        return self.warehouse.parent / "people.csv"

    @property
    def project_home(self) -> Path:
        """The folder of dbt_project.yml and app/: HEAR_HOME, the checkout, or the installed package."""
        package = Path(__file__).resolve().parent
        homes = [self.home] if self.home else [package.parent, package / "_home"]
        for home in homes:
            if (home / "dbt_project.yml").is_file():
                return home.resolve()
        raise UsageError(f"No dbt_project.yml in {homes[0]}.", "Set HEAR_HOME to the folder that holds hear_app.")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**flags: Any) -> Settings:
    """Settings from flags over environment over `.env`; a flag that is None was not given.

    Raises UsageError with one sentence where a value can't be used.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = Settings(**given)
        if settings.github_token is not None and settings.api_url != GITHUB_API_URL:
            without_file = Settings(**given, _env_file=None)
            settings._is_led_away = (
                without_file.github_token is not None and without_file.api_url != settings.api_url
            )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        name = where if where.isupper() else f"HEAR_{where.upper()}"
        raise UsageError(f"{name}: {first['msg'].removeprefix('Value error, ')}.") from None
    return settings
