"""Keeps the output pasted into README.md true: `scripts/readme.py` writes it, `--check` fails where it differs.

A block stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
QUERIES = {
    "by_month": """
  select month_start_date as month, commits, issues_opened, issues_closed, prs_merged
  from gold.agg_repository_month
  where full_name = 'brackwater/tidegauge' order by month desc limit 6""",
    "by_user": """
  select display_name, sum(commits) as commits, sum(issues_opened) as issues, sum(prs_merged) as merged
  from gold.agg_user_month
  where is_human and month_start_date >= '2026-01-01'
  group by user_key, display_name order by commits desc, display_name limit 6""",
}


def hear(*arguments: str, folder: Path) -> str:
    """What `hear` prints on stdout in that folder, at 80 columns."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HEAR_", "GITHUB_"))}
    command = [sys.executable, "-m", "hear_app.cli", *arguments]
    ran = subprocess.run(  # noqa: S603
        command, cwd=folder, env=clean | {"COLUMNS": "80"}, capture_output=True, text=True, check=True
    )
    return "\n".join(line.rstrip() for line in ran.stdout.splitlines()).strip("\n")


def blocks(folder: Path) -> dict[str, str]:
    """Each block's text, out of a run on the sample in an empty folder."""
    printed = hear("run", folder=folder)
    results, _, rest = printed.partition("\n\n bronze")
    gold = " gold" + rest.partition("\n gold")[2].partition("\n\nWarehouse:")[0]
    asked = {
        name: f'$ hear sql "{query}"\n' + hear("sql", " ".join(query.split()), folder=folder)
        for name, query in QUERIES.items()
    }
    return {"run": results, "gold": gold} | asked


def filled(readme: str, texts: dict[str, str]) -> str:
    """The README with each block's text in place."""
    for name, text in texts.items():
        before, begins, rest = readme.partition(f"<!-- begin: {name} -->\n```text\n")
        _, ends, after = rest.partition(f"```\n<!-- end: {name} -->")
        if not begins or not ends:
            raise SystemExit(f"README.md has no block named {name}.")
        readme = f"{before}{begins}{text}\n{ends}{after}"
    return readme


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        new = filled(README.read_text(encoding="utf-8"), blocks(Path(folder)))
    if "--check" in sys.argv:
        if new != README.read_text(encoding="utf-8"):
            raise SystemExit("README.md shows output that is no longer true: run scripts/readme.py.")
        return
    README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
