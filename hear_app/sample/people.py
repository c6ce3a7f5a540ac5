"""The cast: maintainers, contributors, bots and the accounts of GitHub itself. Every person is invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hear_app.sample.payloads import Account, Signature

NOREPLY = "users.noreply.github.com"

OWNER = Account(7_100_001, "brackwater", "Organization")
WEB_FLOW = Account(19_864_447, "web-flow")
"""The committer of what is merged or edited on the site."""
GHOST = Account(10_137, "ghost")
"""The account that stands for deleted ones."""


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address somebody commits with, and whether GitHub knows whose it is."""

    email: str
    is_linked: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or something, that writes commits and issues; the first address is the usual one."""

    name: str
    account: Account | None
    addresses: tuple[Address, ...]
    role: Literal["maintainer", "regular", "visitor", "bot", "agent", "stranger"]
    null_shape: Literal["empty"] | None = None

    def signs(self, at: int, address: int = 0) -> Signature:
        """The signature at that time, with one of the person's addresses."""
        used = self.addresses[address % len(self.addresses)]
        known = self.account if used.is_linked else None
        return Signature(self.name, used.email, at, known or self.null_shape)

    @property
    def trailer(self) -> str:
        """What follows `Co-authored-by:`."""
        return f"{self.name} <{self.addresses[0].email}>"


def _mail(login: str, where: str) -> tuple[Address, ...]:
    return (Address(f"{login}@{where}.example"),)


def _private(identity: int, login: str) -> tuple[Address, ...]:
    return (Address(f"{identity}+{login}@{NOREPLY}"),)


def _people(role: Literal["maintainer", "regular", "visitor"], first: int, names: str) -> tuple[Person, ...]:
    """People from lines of `login Name`; every third keeps the address private, as many really do."""
    cast = []
    for turn, line in enumerate(names.strip().splitlines()):
        login, name = line.strip().split(" ", 1)
        identity = first + 137 * turn
        hosts = ("harbourmail", "tidewerk", "letters")
        mail = _private(identity, login) if turn % 3 == 2 else _mail(login, hosts[turn % len(hosts)])
        cast.append(Person(name, Account(identity, login), mail, role))
    return tuple(cast)


MAINTAINERS = _people(
    "maintainer",
    8_200_017,
    """
    isolheim Ingrid Solheim
    tmarebranca Tomás Marébranca
    hamanaka 浜中 ゆき
    pprzyplyw Paweł Przypływ
    ndiaye-a Aïssatou Ndiaye
    """,
)

REGULARS = _people(
    "regular",
    8_400_029,
    """
    kvartskorn Søren Kvartskorn
    lighthouse-ola Ola Fyrlund
    juliam-se Юлия Морская
    r-thibodeaux Rémy Thibodeaux-Quay
    nallanthi நல்லந்தி குமரன்
    gweneth-h Gweneth Harbwr
    omar-sahil عمر الساحلي
    qiaoan-lin 林桥岸
    dvorak-brod Božena Brodská
    mudlark Eilidh Mudlarke
    pelagia-k Πελαγία Κυματά
    t-haffner Thilo Haffner
    kaihoku-w Wiremu Kaihoku
    saltpan Nuria Salinas-Bret
    ebbandflow J. R. Ebbworth
    ana-costa Ana Costa
    """,
)

VISITORS = _people(
    "visitor",
    8_600_041,
    """
    boatswain42 Petra Bootsmann
    nguyen-hai-ly Nguyễn Hải Ly
    driftwood-dan Dan Driftwould
    acosta-dev Ana Costa
    sandbar Luc Bancdesable
    m-okeanos Μάρκος Ωκεανός
    yael-yam יעל הים
    ferrywoman Åse Færgekvinde
    quayside Imogen Quaye
    aldo-laguna Aldo Dalla Laguna
    kelpforest Tui Rimurapa
    dredger Bogdan Pogłębiarka
    mizu-no-oto 水野 音
    harbormaster-x Hafenmeister X
    groyne Greta Buhne
    sirpa-s Sirpa Saaristo
    tidepooler Marisol Poza
    neap Neap O'Tyde
    spring-tide Vesna Plimina
    fathomless Femi Ijinle
    lagoon-lars Lars Lagunesen
    halocline Hal O'Kline
    brine-b Brínhildur Saltsdóttir
    seiche Odette Seiche
    """,
)

MANY_ADDRESSES = Person(
    "Maren Okafor",
    Account(8_310_555, "marenokafor"),
    (
        Address("maren@okafor.example"),
        Address(f"8310555+marenokafor@{NOREPLY}"),
        Address(f"marenokafor@{NOREPLY}", is_linked=False),
        Address("m.okafor@tidewerk-intern.example", is_linked=False),
        Address("Maren@Okafor.example"),
    ),
    "maintainer",
)
"""One person, five addresses: two spellings of one, both kinds of noreply, one that GitHub does not know."""

STRANGERS = (
    Person("渡辺 舟", None, _mail("fune", "letters"), "stranger"),
    Person("Bram Weidenaar", None, _mail("bram", "polder"), "stranger", "empty"),
    Person("Old Patch Queue", None, _mail("patches", "lists"), "stranger"),
    Person("Corin Gone", None, _private(8_555_001, "corin-was-here"), "stranger"),
    Person("root", None, (Address("root@localhost"),), "stranger", "empty"),
)
"""Commits without an account: mailed patches, a deleted account, a machine that nobody configured."""

DEPENDENCY_BOT = Person(
    "buoy[bot]", Account(8_900_101, "buoy[bot]", "Bot"), _private(8_900_101, "buoy[bot]"), "bot"
)
STYLE_BOT = Person(
    "harbour-lint[bot]",
    Account(8_900_202, "harbour-lint[bot]", "Bot"),
    _private(8_900_202, "harbour-lint[bot]"),
    "bot",
)
RELEASE_BOT = Person(
    "Brackwater Release", Account(8_900_303, "brackwater-bot"), _mail("release", "brackwater"), "bot"
)
"""A service account: for GitHub it is an ordinary user."""

AGENT = Person(
    "copilot-swe-agent[bot]",
    Account(198_982_749, "Copilot", "Bot"),
    _private(198_982_749, "Copilot"),
    "agent",
)
"""A coding agent that opens pull requests of its own."""

ASSISTANT_TRAILERS = (
    "Co-authored-by: Copilot <198982749+Copilot@users.noreply.github.com>",
    "Co-Authored-By: Claude <noreply@anthropic.com>",
    "Co-authored-by: Cursor <cursoragent@cursor.com>",
)
"""Trailers that coding assistants leave. They are not invented: by these they are recognised."""

SITE = Person("GitHub", WEB_FLOW, (Address("noreply@github.com"),), "bot")
