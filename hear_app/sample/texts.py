"""Composes subjects, titles and bodies from words, by a repository's own dice."""

from __future__ import annotations

from hear_app.sample import words
from hear_app.sample.dice import Dice


class Writer:
    """Writes as the people of one repository would."""

    def __init__(self, dice: Dice, scopes: tuple[str, ...]) -> None:
        """`scopes` are what its commits name in parentheses."""
        self._dice = dice
        self._scopes = scopes

    def _filled(self, pattern: str) -> str:
        if "{" not in pattern:
            return pattern
        dice = self._dice
        return pattern.format(
            thing=dice.pick(words.THINGS),
            condition=dice.pick(words.CONDITIONS),
            place=dice.pick(words.PLACES),
            number=dice.between(2, 420),
            other=dice.between(2, 90),
            version=f"{dice.between(0, 4)}.{dice.between(0, 19)}.{dice.between(0, 6)}",
        )

    def subject(self) -> str:
        """A commit's subject; most follow the convention `type(scope): change`."""
        dice = self._dice
        kind = dice.weighted(words.TYPES)
        change = f"{dice.pick(words.CHANGES[kind])} {dice.pick(words.THINGS)}{dice.pick(words.CONDITIONS)}"
        if dice.chance(0.35):
            return change[0].upper() + change[1:]
        scope = f"({dice.pick(self._scopes)})" if dice.chance(0.6) else ""
        breaking = "!" if kind == "feat" and dice.chance(0.05) else ""
        return f"{kind}{scope}{breaking}: {change}"

    def title(self) -> str:
        """An issue's title, now and then in another script."""
        if self._dice.chance(0.05):
            return self._dice.pick(words.FOREIGN)
        text = self._filled(self._dice.pick(words.COMPLAINTS))
        return text[0].upper() + text[1:]

    def branch(self) -> str:
        """A branch name."""
        thing = self._dice.pick(words.THINGS).removeprefix("the ").replace(" ", "-").replace("'", "")
        return f"{self._dice.pick(('fix', 'topic', 'wip', 'feature'))}/{thing.lower()}"

    def paragraph(self, sentences: int) -> str:
        """That many sentences."""
        return " ".join(self._filled(self._dice.pick(words.SENTENCES)) for _ in range(sentences))

    def commit_body(self) -> str:
        """What follows a subject, or nothing."""
        if not self._dice.chance(0.3):
            return ""
        lines = self.paragraph(self._dice.between(1, 3)).replace(". ", ".\n")
        if self._dice.chance(0.1):
            lines += f"\n\n{self._dice.pick(words.FOREIGN)}"
        return f"\n\n{lines}"

    def issue_body(self) -> str | None:
        """A description in Markdown; None or empty where the author gave none."""
        dice = self._dice
        if dice.chance(0.05):
            return dice.pick((None, "", "\r\n"))
        parts = [self.paragraph(dice.between(1, 5))]
        if dice.chance(0.4):
            parts.append("### Steps\n\n" + "".join(f"{n}. {self.paragraph(1)}\n" for n in range(1, 4)))
        if dice.chance(0.3):
            parts.append(f"```text\n{self._log(dice.between(2, 9))}\n```")
        if dice.chance(0.15):
            boxes = (f"- [{dice.pick(' x')}] {self._filled('{thing}')}" for _ in range(dice.between(2, 6)))
            parts.append("\n".join(boxes))
        # The site's own editor sends both characters at the end of a line; the command line sends one.
        return ("\r\n\r\n" if dice.chance(0.5) else "\n\n").join(parts)

    def _log(self, lines: int) -> str:
        return "\n".join(self._filled(self._dice.pick(words.LOG)) for _ in range(lines))

    def update(self) -> str:
        """What a bot that updates dependencies writes."""
        dice = self._dice
        major, minor, patch = dice.between(0, 4), dice.between(0, 20), dice.between(0, 8)
        newer = f"{major}.{minor}.{patch + 1}" if dice.chance(0.7) else f"{major}.{minor + 1}.0"
        return f"build(deps): bump {dice.pick(words.PACKAGES)} from {major}.{minor}.{patch} to {newer}"
