"""The model's API without a network: requests' own session, answered in this process, with faults and lies."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import orjson
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from hear_app.sample.api import Api
from hear_app.sample.wire import ApiError, Request, Response
from simulation.model import World
from simulation.plan import LIES, Epoch, Fault

BASE = "https://api.forge.example"
_BY_NAME = re.compile(r"/repos/([^/]+/[^/?]+)([^?]*)")
_BY_ID = re.compile(r"/repositories/(\d+)([^?]*)")
_PAGE = re.compile(r"(?<=[?&]page=)\d+")
_STATUSES = {"500", "502", "503", "504"}


class Forge(BaseAdapter):
    """Answers requests from a world. `begin` says what goes wrong during the next sync.

    What happens depends on how many answers about a repository's stream came before, never on which thread came
    first: a seed is one history.
    """

    def __init__(self, world: World, pages_by_number: bool) -> None:
        super().__init__()
        self._world = world
        self._pages_by_number = pages_by_number
        self._epoch = Epoch()
        self._turns: Counter[tuple[int, str]] = Counter()
        self._names: dict[str, int] = {}

    def begin(self, epoch: Epoch) -> None:
        self._epoch = epoch
        self._turns.clear()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        target = str(request.url).removeprefix(BASE)
        asked = Request("GET", target, {name.lower(): str(value) for name, value in request.headers.items()}, BASE)
        return _wrapped(request, self._answer(asked))

    def close(self) -> None:
        """There is nothing to close."""

    def _answer(self, asked: Request) -> Response:
        place, stream = self._about(asked.target)
        self._turns[place, stream] += 1
        turn = self._turns[place, stream]
        for happening in self._epoch.during:
            if (happening.change.repository, happening.stream, happening.turn) == (place, stream, turn):
                self._world.apply(happening.change)
        fault = next((it for it in self._epoch.faults if _strikes(it, place, stream, turn)), None)
        response = self._served(asked) if fault is None or fault.kind in LIES else Response(200)
        if fault is not None:
            response = self._spoilt(fault, asked, response)
        response.headers["date"] = formatdate(self._world.date, usegmt=True)
        return response

    def _served(self, asked: Request) -> Response:
        return Api(self._world.served).answer(asked, old_issues=self._pages_by_number)

    def _about(self, target: str) -> tuple[int, str]:
        """Which repository, and which stream, a request is about."""
        for place, each in enumerate(self._world.repositories):
            for name in (each.served.full_name, *each.served.previous_names):
                self._names.setdefault(name.lower(), place)
            self._names.setdefault(str(each.served.identity), place)
        found = _BY_NAME.match(target) or _BY_ID.match(target)
        if found is None:
            return 0, "other"
        rest = found[2]
        stream = "issues" if rest.startswith("/issues") else "commits" if rest else "repository"
        return self._names.get(found[1].lower(), 0), stream

    def _spoilt(self, fault: Fault, asked: Request, response: Response) -> Response:
        kind = fault.kind
        if kind in _STATUSES:
            return ApiError(int(kind), "No server is available").response()
        match kind:
            case "429":
                refused = ApiError(429, "Too many requests").response()
                refused.headers["retry-after"] = "30"
                return refused
            case "secondary":
                return ApiError(403, "You have exceeded a secondary rate limit.").response()
            case "drop":
                raise requests.ConnectionError("the connection was cut")
            case "truncate":
                raise requests.exceptions.ChunkedEncodingError("the answer was cut off")
            case "html":
                return Response(200, b"<html>Unicorn!</html>", {"content-type": "text/html"})
            case "half":
                served = self._served(asked)
                return Response(served.status, served.body[: len(served.body) // 2], served.headers)
        return self._lie(kind, asked, response)

    def _lie(self, kind: str, asked: Request, response: Response) -> Response:
        match kind:
            case "locked":
                return ApiError(409, "The repository is locked during a migration.").response()
            case "gone":
                return ApiError(404, "Not Found").response()
            case "no commits":
                return ApiError(409, "Git Repository is empty.").response()
        if response.status != 200 or not response.body.startswith(b"["):
            return response
        rows = orjson.loads(response.body)
        headers = {name: value for name, value in response.headers.items() if name != "etag"}
        link = headers.pop("link", None)
        match kind:
            case "empty":
                return Response(200, b"[]", headers)
            case "unlinked":
                return Response(200, response.body, headers)
            case "short":
                headers |= {"link": link} if link else {}
                return Response(200, orjson.dumps(rows[: len(rows) // 2]), headers)
            case "repeated":
                number = _PAGE.search(asked.target)
                if number is None or int(number[0]) < 2 or "after=" in asked.target:
                    return response
                before = _PAGE.sub(str(int(number[0]) - 1), asked.target)
                return self._served(Request("GET", before, _unconditional(asked.headers), BASE))
            case "circle":
                return Response(200, response.body, headers | {"link": f'<{BASE}{asked.target}>; rel="next"'})
        number = _PAGE.search(asked.target)
        following = _PAGE.sub(str(int(number[0]) + 1), asked.target) if number else f"{asked.target}&page=2"
        return Response(200, response.body, headers | {"link": f'<{BASE}{following}>; rel="next"'})


def _unconditional(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "if-none-match"}


def _strikes(fault: Fault, place: int, stream: str, turn: int) -> bool:
    return (fault.repository, fault.stream) == (place, stream) and fault.turn <= turn < fault.turn + fault.times


def _wrapped(request: requests.PreparedRequest, response: Response) -> requests.Response:
    """A response as requests gives it."""
    given = requests.Response()
    given.status_code = response.status
    given.headers = CaseInsensitiveDict(response.headers)
    given.raw = HTTPResponse(io.BytesIO(response.body), response.headers, response.status, preload_content=False)
    given.url = str(request.url)
    given.request = request
    return given
