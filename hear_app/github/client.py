"""The client of one API: one host, one token in one header, retries, limits, redirects, links.

Knows nothing of commits or issues: it takes a path with its query and gives back an answer, or an error that
says what the server said.
"""

from __future__ import annotations

import random
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import requests
from requests.auth import AuthBase

from hear_app import __version__, payload
from hear_app.errors import (
    ForbiddenError,
    GitHubError,
    NotFoundError,
    TokenRejectedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from hear_app.github import transport
from hear_app.github.limits import RESET_MARGIN, Limits, read_quota, retry_after, server_time
from hear_app.settings import DEFAULT_MAX_RESPONSE

JSON_MEDIA_TYPE = "application/vnd.github+json"
SHA_MEDIA_TYPE = "application/vnd.github.sha"
_API_VERSION = "2022-11-28"  # kept until 2028; 2026-03-10 drops fields that older servers still send
_TIMEOUT = (10.0, 30.0)  # seconds to connect, and between two bytes; GitHub itself gives up after 10
_ATTEMPTS = 6
_FIRST_ATTEMPTS = 2  # nobody waits half a minute to read that there is no network
_TRANSIENT = {408, 409, 500, 502, 503, 504}
_TOO_SLOW = {502, 504}  # what a server says that could not make a page in time
_EMPTY = "git repository is empty"  # of all that a 409 may say, what asking again does not change
_SECONDARY = ("secondary rate", "abuse detection")  # what GitHub says, and what older Enterprise servers do
_SHA = re.compile(rb"[0-9a-f]{40}([0-9a-f]{24})?")
_REDIRECTS = 5
_LATER = "What has landed is kept: run again later."
_SHOWN = 100  # characters of an address that is none
_PORTS = {"http": 80, "https": 443}


class _Refused(Exception):
    """A rate limit refused the request; the limits know for how long."""


class PageTooHeavyError(UnreachableError):
    """The page doesn't come in time (502, 504, the deadline), or is too large: a smaller one may pass."""


@dataclass(frozen=True)
class Answer:
    """One response: `request` is its path and query, `next_request` and `last_request` those of its Link."""

    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    links: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def document(self) -> Any:
        return payload.parse(self.body)

    @property
    def etag(self) -> str | None:
        return self.headers.get("etag")

    @property
    def responded_at(self) -> str | None:
        served = server_time(self.headers)
        return served.strftime("%Y-%m-%dT%H:%M:%SZ") if served else None

    @property
    def next_request(self) -> str | None:
        return self.links.get("next")

    @property
    def last_request(self) -> str | None:
        return self.links.get("last")


class _Token(AuthBase):
    """Puts the token in its header for the API's own host only, and keeps ~/.netrc out of it."""

    def __init__(self, token: str | None, host: str) -> None:
        self._token, self._host = token, host

    def mask(self, text: str) -> str:
        """The text without the token: a server may repeat what it was sent."""
        return text.replace(self._token, "***") if self._token else text

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token and urlsplit(str(request.url)).netloc == self._host:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Client:
    """A connection to one API. Safe to share between threads.

    `sleep` is what waits between retries, seconds in; tests give their own. `max_response` is how many bytes the
    body of an answer may have, unpacked.
    """

    def __init__(
        self,
        api_url: str,
        token: str | None,
        limits: Limits,
        sleep: Callable[[float], None] = time.sleep,
        max_response: int = DEFAULT_MAX_RESPONSE,
    ) -> None:
        self.api_url = api_url
        self.limits = limits
        self.has_token = token is not None
        self.statuses: deque[int] = deque()
        self._sleep = sleep
        self._max_response = max_response
        self._base = urlsplit(api_url)
        self._base = self._base._replace(netloc=self._base.netloc.lower())
        self._origin = _origin(self._base)
        self._token = _Token(token, self._base.netloc)
        self._session = transport.Session()
        self._session.auth = self._token
        self._session.headers.update(
            {
                "User-Agent": f"hear_app/{__version__}",
                "X-GitHub-Api-Version": _API_VERSION,
                "Accept-Encoding": "gzip",
            }
        )

    def scoped(self) -> Client:
        """The same connection with an own count of the answers that came over it, in `statuses`."""
        scoped = copy(self)
        scoped.statuses = deque()
        return scoped

    def get(
        self,
        request: str,
        etag: str | None = None,
        accept: str = JSON_MEDIA_TYPE,
        heavy: bool = False,
        shape: type[Any] = object,
    ) -> Answer:
        """The answer to a path with its query: a 200 whose body is whole, or a 304 where `etag` still holds.

        `shape` is what the body must be: a list or a dict. With `heavy`, a page that times out twice, or is too
        large, raises PageTooHeavyError, so that a smaller one may be tried. Raises a GitHubError for every other
        outcome; waits and retries where that can help.
        """
        headers = {"Accept": accept} | ({"If-None-Match": etag} if etag else {})
        faults, attempts = 0, _ATTEMPTS
        while True:
            try:
                with self.limits.slot():
                    answer = self._follow(request, headers)
                fault = self._fault(answer) or _damage(answer, accept, shape, bool(etag))
            except _Refused:
                continue
            except transport.TooLargeError:
                raise self._too_large(request, heavy) from None
            except OSError as error:  # requests' own, and what it lets through: a CA bundle that isn't there
                fault, is_slow = self._token.mask(transport.told(error)), isinstance(error, requests.ReadTimeout)
                is_offline = transport.is_offline(error) and not self.limits.requests
                attempts = _FIRST_ATTEMPTS if is_offline else _ATTEMPTS
            else:
                if fault is None:
                    return answer
                is_slow = answer.status in _TOO_SLOW
            if heavy and faults and is_slow:
                raise PageTooHeavyError(f"{self.api_url}{request}: {fault}.", _LATER)
            faults += 1
            if faults >= attempts:
                raise self._unreachable(request, fault, faults)
            self._sleep(random.uniform(0.5, 1.0) * min(30.0, 2.0 ** (faults - 1)))

    def _unreachable(self, request: str, fault: str, faults: int) -> UnreachableError:
        if faults >= _ATTEMPTS:
            return UnreachableError(
                f"No usable answer from {self.api_url}{request} after {faults} tries: {fault}.",
                _LATER,
            )
        return UnreachableError(
            f"{self.api_url} can't be reached: {fault}.",
            "Check the network or the proxy, set HEAR_API_URL to another API, "
            "or try `hear run --sample`, which needs no network.",
        )

    def _too_large(self, request: str, heavy: bool) -> GitHubError:
        said = f"The answer to {self.api_url}{request} has more than {self._max_response / 1e6:,.0f} MB: not read."
        kind = PageTooHeavyError if heavy else UnexpectedAnswerError
        return kind(said, "HEAR_MAX_RESPONSE allows more, if it is no attack.")

    def _follow(self, request: str, headers: dict[str, str]) -> Answer:
        """Sends, and follows redirects on the same host; a redirect elsewhere is refused, token or not."""
        for _ in range(_REDIRECTS):
            url = self._url(request)
            response, body = self._session.fetch(url, headers, _TIMEOUT, self._max_response)
            self.statuses.append(response.status_code)
            if response.status_code not in {301, 302, 307, 308}:
                links = {
                    name: self._path(url, link["url"], "links")
                    for name, link in response.links.items()
                    if name in {"next", "last"}
                }
                return Answer(request, response.status_code, response.headers, body, links)
            request = self._path(url, response.headers.get("location", ""), "redirects")
        raise UnexpectedAnswerError(f"{url} redirects in a circle.")

    def _fault(self, answer: Answer) -> str | None:
        """None for a good status, a sentence for one to ask for again; raises for one that is final."""
        quota, wait = read_quota(answer.headers), retry_after(answer.headers)
        if answer.status in {200, 304}:
            self.limits.answered(quota)
            if wait is not None:  # the answer is good; it is the next one that must wait
                self.limits.hold("the server", wait)
            return None
        message = self._token.mask(_message(answer))
        if answer.status in {403, 429}:
            if wait is None and quota.remaining == 0:
                wait = (quota.reset_in or 0.0) + RESET_MARGIN
            if wait is not None or answer.status == 429 or any(words in message.lower() for words in _SECONDARY):
                self.limits.refused("the rate limit" if quota.remaining == 0 else "the secondary rate limit", wait)
                raise _Refused
        self.limits.answered(quota)
        is_empty = answer.status == 409 and _EMPTY in message.lower()
        if answer.status in _TRANSIENT and not is_empty:
            if wait is not None:
                self.limits.hold("the server", wait)
            return f"status {answer.status} {message}".rstrip(" .")
        raise _final(answer, message, self._token.mask(_forbidden_remedy(answer)), self.has_token)

    def _url(self, request: str) -> str:
        """A request's address; a link may come with the API's own path (`/api/v3`) or without.

        Raises UnexpectedAnswerError where it is no path: what followed the host could make another host of it.
        """
        if not request.startswith("/"):
            raise UnexpectedAnswerError(f"{request[:_SHOWN]!r} is no path of {self.api_url}: not asked for.")
        path = request if request.startswith(self._base.path + "/") else self._base.path + request
        return urlunsplit((self._base.scheme, self._base.netloc, "", "", "")) + path

    def _path(self, url: str, reference: str, leads: str) -> str:
        """Path and query of what an answer links or redirects to, which must be of this API.

        Raises UnexpectedAnswerError where it is of another scheme, host or port, or no address at all. Asking
        again would change nothing: it is how that server is set up, or an attack.
        """
        remedy = "If that is the API's own address, set HEAR_API_URL to it."
        try:
            target = urlsplit(urljoin(url, reference))
            is_ours = _origin(target) == self._origin and target.path.startswith("/")
        except ValueError:
            said = f"{url} {leads} to what is no address ({reference[:_SHOWN]!r}): not followed."
            raise UnexpectedAnswerError(self._token.mask(said)) from None
        if not is_ours:
            place = (target.netloc or f"{target.scheme}:{target.path}")[:_SHOWN]
            said = f"{url} {leads} to another host ({place}): not followed."
            raise UnexpectedAnswerError(self._token.mask(said), remedy)
        is_below = target.path.startswith(self._base.path + "/")
        path = target.path.removeprefix(self._base.path) if is_below else target.path
        return f"{path}?{target.query}" if target.query else path


def _origin(address: SplitResult) -> tuple[str, str | None, int | None, bool]:
    """Whom an address means: scheme, host, port, and whether a user stands in it. Raises ValueError."""
    port = address.port or _PORTS.get(address.scheme)
    return address.scheme, address.hostname, port, "@" in address.netloc


def _damage(answer: Answer, accept: str, shape: type[Any], is_conditional: bool) -> str | None:
    """What is wrong with the body of a good status: cut off, or an error page in place of what was asked for."""
    if answer.status == 304:
        return None if is_conditional else "status 304, which nothing asked for"
    wrong = f"status {answer.status} with a body that is no {{}} ({len(answer.body):,} bytes)"
    if accept == SHA_MEDIA_TYPE:
        return None if _SHA.fullmatch(answer.body) else wrong.format("SHA")
    try:
        return None if isinstance(answer.document, shape) else wrong.format(shape.__name__)
    except (ValueError, RecursionError):
        return wrong.format("JSON")


def _message(answer: Answer) -> str:
    """What GitHub says of a refusal, in one line."""
    try:
        said = answer.document.get("message", "")
    except (ValueError, AttributeError, RecursionError):
        said = ""
    return " ".join(str(said).split())[:300]


def _final(answer: Answer, message: str, why_forbidden: str, has_token: bool) -> GitHubError:
    """The error for a status that no retry mends."""
    said = f"{answer.request.partition('?')[0]}: {answer.status} {message}".rstrip(" .") + "."
    if answer.status == 401:
        return TokenRejectedError(
            f"GitHub refused the token ({said})",
            "Set GITHUB_TOKEN to a valid one, or unset it for public repositories.",
        )
    if answer.status == 404:
        remedy = "Check the name" + (
            ", and that the token may read it." if has_token else "; a private one needs GITHUB_TOKEN."
        )
        return NotFoundError(f"Not found, or not visible: {said}", remedy)
    if answer.status in {403, 451}:
        return ForbiddenError(f"GitHub refuses {said}", why_forbidden)
    return UnexpectedAnswerError(f"GitHub answered {said}", status=answer.status)


def _forbidden_remedy(answer: Answer) -> str:
    """What the headers and the body say about a refusal: SSO, missing permission, legal block."""
    sso = answer.headers.get("x-github-sso", "")
    if "url=" in sso:
        return f"Authorize the token for single sign-on: {sso.partition('url=')[2]}"
    needed = answer.headers.get("x-accepted-github-permissions")
    if needed:
        return f"The token needs the permission {needed}."
    try:
        block = answer.document.get("block") or {}
        legal = str(block.get("html_url") or "")
    except (ValueError, AttributeError, RecursionError):
        legal = ""
    return f"It was blocked: {legal}" if legal else ""
