"""Data: how fresh and how whole the file is, and what its owner may want to settle."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import streamlit as st

from app import cards, queries, tables, theme
from app.numbers import status


def draw() -> None:
    """The page. It is the one that looks below gold: at bronze's ledger, silver's counts and suggestions."""
    cards.heading("Data", _sentence())
    proofs = status.table(status.PROOFS)
    with st.container(border=True):
        _proofs(proofs)
    with st.container(border=True):
        st.markdown("#### How fresh each repository is")
        tables.table(
            status.table(status.STREAMS),
            key="streams",
            empty="No repository has landed.",
            synced_at=_time("Synced"),
            first_commit_at=_time("First commit", "YYYY-MM-DD"),
            last_commit_at=_time("Last commit", "YYYY-MM-DD"),
            first_issue_at=_time("First issue", "YYYY-MM-DD"),
            last_issue_at=_time("Last issue", "YYYY-MM-DD"),
            commits_complete=st.column_config.CheckboxColumn(
                "All commits", help="Is the history read to its beginning?"
            ),
            issues_complete=st.column_config.CheckboxColumn("All issues", help="No where issues are disabled"),
        )
    with st.container(border=True):
        st.markdown("#### Rows from layer to layer")
        st.caption(
            "Bronze keeps every landing of a row, silver the newest. Set aside: commits that left the branch, "
            "issues deleted on GitHub; gold is the rest."
        )
        tables.table(
            status.table(status.LAYERS),
            key="layers",
            empty="Nothing has landed.",
            what="What",
            agrees=st.column_config.CheckboxColumn("Agree", help="Silver less what is set aside = gold"),
        )
    _to_settle()
    _inside()


def _sentence() -> str:
    path = queries.warehouse_path()
    found = queries.identity(path)
    published = datetime.fromtimestamp(found[1] / 1e9, UTC) if found else None
    size = f"{found[2] / 1e6:,.1f} MB" if found else ""
    return f"Published {theme.moment(published)} · {size} · {theme.escaped(path.name)}"


def _time(label: str, form: str = "YYYY-MM-DD HH:mm") -> object:
    return st.column_config.DatetimeColumn(label, format=form)


def _proofs(proofs: pl.DataFrame) -> None:
    broken = cards.total(proofs, "broken")
    if not proofs.height:
        st.markdown("#### Proofs")
        st.info("This file is too old to be checked here; `hear verify` does it.")
        return
    st.markdown(f"#### {'Nothing is missing: every proof holds' if not broken else 'A proof is broken'}")
    for proof in proofs.iter_rows(named=True):
        icon, tint = (":material/check_circle:", "green") if not proof["broken"] else (":material/error:", "red")
        st.markdown(
            f":{tint}[{icon}] {theme.escaped(proof['proof'])} "
            f":gray[· {proof['checked']:,} checked, {proof['broken']:,} broken]"
        )
    st.caption(
        "Asked of the file just now. `hear verify` also compares it with what has landed, and a run publishes "
        "only what passes."
    )


def _to_settle() -> None:
    suggestions = status.table(status.SUGGESTIONS)
    with st.container(border=True):
        st.markdown(f"#### {theme.count(suggestions.height, 'pair', 'pairs')} of identities may be one person")
        st.caption(
            "They share a name, which is no proof. To join two, put the line into people.csv beside "
            "the warehouse file and run `hear build`."
        )
        tables.table(
            suggestions,
            key="suggestions",
            empty="No two identities share a name.",
            shared_name="Name they share",
            sightings="Seen",
            suggested_identity="Perhaps the same as",
            suggested_sightings="Seen",
            people_csv_line=st.column_config.TextColumn("Line for people.csv", width="large"),
        )
        if suggestions.height:
            st.code("\n".join(theme.plain(line) for line in suggestions["people_csv_line"]), language=None)
    bots = status.table(status.POSSIBLE_BOTS)
    with st.container(border=True):
        st.markdown("#### Possible bots")
        st.caption(
            "Counted as people, but with more than thirty contributions on one day, or a name like a machine's."
        )
        tables.table(
            bots,
            key="possible_bots",
            empty="Nobody looks like a machine.",
            person="Who",
            most_in_a_day="Most in a day",
            on_day="On",
            people_csv_line=st.column_config.TextColumn("Line for people.csv", width="medium"),
        )


def _inside() -> None:
    dates = status.table(status.STRANGE_DATES)
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch"):
        st.markdown("#### Dates that need care")
        st.caption("Absurd ones are left out of every chart over time; totals still count them.")
        tables.table(dates, key="dates", empty="Every commit's dates make sense.", date_quality="What is odd")
    with right, st.container(border=True, height="stretch"):
        st.markdown("#### Runs")
        tables.table(
            status.table(status.RUNS),
            key="runs",
            empty="No run is recorded.",
            loaded_at=_time("Loaded (UTC)"),
            hear_version="Version",
            run=st.column_config.NumberColumn("Run", format="%d"),
        )
    with st.container(border=True):
        st.markdown("#### Tables")
        tables.table(
            status.table(status.TABLES).with_columns(pl.col("description").str.strip_prefix("Grain: ")),
            key="tables",
            empty="There are no tables.",
            height=420,
            description=st.column_config.TextColumn("One row is", width="large"),
        )


draw()
