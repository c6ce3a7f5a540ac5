"""How commits come into a branch: straight, by merge, by squash, by rebase, and late."""

from __future__ import annotations

from bisect import bisect_right

from hear_app.sample import payloads, people
from hear_app.sample.calendar import Calendar
from hear_app.sample.clock import DAY, HOUR, MINUTE
from hear_app.sample.crew import Crew
from hear_app.sample.dice import Dice
from hear_app.sample.graph import Commit
from hear_app.sample.payloads import CommitFacts, Signature
from hear_app.sample.people import Person
from hear_app.sample.texts import Writer
from hear_app.sample.tracker import Item
from hear_app.sample.trailers import trailers

_DIRECT_AUTHORS = {"maintainer": 66, "regular": 13, "stranger": 6, "style": 7, "release": 8}


class Workshop:
    """Builds the history of one repository's default branch, in the order of time."""

    def __init__(self, full_name: str, dice: Dice, calendar: Calendar, crew: Crew, writer: Writer) -> None:
        self._full_name, self._dice, self._calendar = full_name, dice, calendar
        self._crew, self._writer = crew, writer
        self.commits: list[Commit] = []
        self.subjects: dict[str, str] = {}
        self._line: list[tuple[int, str]] = []

    @property
    def head(self) -> str | None:
        """The tip of the default branch so far."""
        return self._line[-1][1] if self._line else None

    def commit(
        self,
        message: str,
        author: Signature,
        committer: Signature,
        parents: tuple[str, ...],
        *,
        is_signed: bool = False,
    ) -> str:
        """Make a commit that is on no branch yet; answers its SHA."""
        made = payloads.commit(
            self._full_name, CommitFacts(message, author, committer, parents, is_signed=is_signed)
        )
        self.commits.append(made)
        self.subjects[made.sha] = message.partition("\n")[0]
        return made.sha

    def land(self, sha: str, at: int) -> None:
        """Make a commit the new tip of the default branch."""
        self._line.append((at, sha))

    def tip_at(self, at: int) -> str:
        """The tip as it was at that time."""
        return self._line[max(0, bisect_right(self._line, (at, "~")) - 1)][1]

    def tip(self) -> tuple[str, ...]:
        """The current tip as a list of parents: empty before the first commit."""
        return (self.head,) if self.head else ()

    def signed_by(self, person: Person, at: int) -> Signature:
        """A person's signature with whichever of the addresses is in use that day."""
        return person.signs(at, self._crew.signature_address(person))

    def direct(self, at: int) -> None:
        """A commit pushed straight to the branch, now and then a mailed patch or an edit on the site."""
        author = self._crew.someone(at, _DIRECT_AUTHORS)
        message = self._direct_message(author, at)
        written = at - self._dice.delay(40 * MINUTE, 20 * DAY) if self._dice.chance(0.2) else at
        signature = self.signed_by(author, written)
        committer = signature
        if author.role == "stranger":
            committer = self.signed_by(self._crew.maintainer(at), at)
        elif author.role != "bot" and self._dice.chance(0.15):
            committer = people.SITE.signs(at)
        elif written != at:
            committer = Signature(signature.name, signature.email, at, signature.account)
        self.land(self.commit(message, signature, committer, self.tip(), is_signed=self._signs(committer)), at)

    def _direct_message(self, author: Person, at: int) -> str:
        dice = self._dice
        if author is people.STYLE_BOT:
            return "style: apply formatting"
        if author is people.RELEASE_BOT:
            return f"chore(release): {dice.between(0, 4)}.{dice.between(0, 19)}.{dice.between(0, 6)}"
        return self._message(author, at)

    def _message(self, author: Person, at: int) -> str:
        text = self._writer.subject() + self._writer.commit_body()
        return text + trailers(self._dice, self._crew, author, at)

    def _signs(self, committer: Signature) -> bool:
        """The site signs all it commits; of the people, those whose address ends on an odd letter do."""
        return committer.account == people.WEB_FLOW or ord(committer.email[0]) % 3 == 0

    def pull(self, item: Item, author: Person, how: str) -> None:
        """Bring a merged pull request in."""
        ways = {"merge": self._merge, "squash": self._squash, "rebase": self._rebase}
        merged_at = item.facts.merged_at
        if merged_at is not None:
            ways[how](item, author, merged_at)

    def _merge(self, item: Item, author: Person, at: int) -> None:
        before, login = self.tip()[0], author.account.login if author.account else "unknown"
        branch = self._branch(author, item.facts.created_at, at)
        message = f"Merge pull request #{item.facts.number} from {login}/{item.branch}\n\n{item.facts.title}"
        merger = self._crew.maintainer(at).signs(at)
        sha = self.commit(message, merger, people.SITE.signs(at), (before, branch), is_signed=True)
        self.land(sha, at)

    def _branch(self, author: Person, opened: int, merged: int) -> str:
        """The commits of a branch: begun before it was opened, the last of them before it was merged."""
        number = 1 if author.role == "bot" else min(14, self._dice.delay(3, 14))
        begun = max(self._calendar.start + DAY, opened - self._dice.delay(8 * HOUR, 40 * DAY))
        span = max(1, (merged - begun) * 3 // 4)
        times = sorted(begun + self._dice.below(span) for _ in range(number))
        tip = self.tip_at(times[0])
        for turn, at in enumerate(times):
            if turn and self._dice.chance(0.06):
                tip = self.catch_up(tip, author, at)
            tip = self.branch_commit(tip, author, at)
        return tip

    def branch_commit(self, tip: str, author: Person, at: int) -> str:
        """One commit on a branch other than the default one."""
        signature = self.signed_by(author, self._calendar.awake(at))
        message = self._message(author, at)
        return self.commit(message, signature, signature, (tip,), is_signed=self._signs(signature))

    def catch_up(self, tip: str, author: Person, at: int) -> str:
        """Merge the default branch, as it was then, into another one."""
        main = self.tip_at(at)
        if main == tip:
            return tip
        signature = author.signs(self._calendar.awake(at))
        return self.commit("Merge branch 'main' into topic", signature, signature, (tip, main))

    def _squash(self, item: Item, author: Person, at: int) -> None:
        parts = 1 if author.role == "bot" else min(8, self._dice.delay(2, 8))
        body = "".join(f"\n* {self._writer.subject()}\n" for _ in range(parts)) if parts > 1 else ""
        end = trailers(self._dice, self._crew, author, at)
        message = f"{item.facts.title} (#{item.facts.number})" + (f"\n{body}" if body else "") + end
        signature = self.signed_by(author, at)
        sha = self.commit(message, signature, people.SITE.signs(at), self.tip(), is_signed=True)
        self.land(sha, at)

    def _rebase(self, item: Item, author: Person, at: int) -> None:
        """Commits written over days that all land, and are committed, in the same minute."""
        number = 1 if author.role == "bot" else min(6, self._dice.delay(2, 6))
        begun = item.facts.created_at - self._dice.delay(6 * HOUR, 30 * DAY)
        written = sorted(begun + self._dice.below(max(1, at - begun)) for _ in range(number))
        merger = self._crew.maintainer(at).signs(at)
        for moment in written:
            signature = self.signed_by(author, self._calendar.awake(moment))
            message = self._message(author, at)
            self.land(self.commit(message, signature, merger, self.tip()), at)

    def revert(self, at: int) -> None:
        """Take back the newest commit of the branch."""
        if self.head is None:
            return
        subject = self.subjects[self.head]
        who = self._crew.maintainer(at).signs(at)
        message = f'Revert "{subject}"\n\nThis reverts commit {self.head}.'
        self.land(self.commit(message, who, who, self.tip()), at)
