"""What is shown where there is nothing to show: no file, a locked one, another version's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb
import streamlit as st

from app import filters, queries, theme
from hear_app.errors import BusyError, HearError

_NEEDED = {
    "dim_date", "dim_month", "dim_repository", "dim_user", "fct_commits", "fct_issues", "fct_pull_requests",
    "agg_repository_month", "agg_user", "agg_user_month",
}  # fmt: skip


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turns an error that a user can meet into a page that says what to do."""
    try:
        yield
    except BusyError as error:
        _say("The warehouse is held by another program", str(error), icon=":material/lock:")
    except HearError as error:
        path = queries.warehouse_path()
        title = "The warehouse can't be read" if path.exists() else "There is no warehouse yet"
        _say(title, str(error), icon=":material/database_off:")
        if not path.exists():
            st.write("Make one: the first line from the embedded sample, the second from a repository of yours.")
            st.code("hear run\nhear run OWNER/REPOSITORY", language="bash")
    except (duckdb.CatalogException, duckdb.BinderException):
        _say_version("A table or column that this page needs is not there.")


def _say(title: str, text: str, icon: str) -> None:
    st.markdown(f"## {title}")
    st.warning(theme.escaped(text.replace("`", "'")), icon=icon)
    st.caption("This page looks again every few seconds.")


def _say_version(text: str) -> None:
    _say("The warehouse was made by another version of hear_app", text, icon=":material/update:")
    st.write("Build it again from what has landed; that asks GitHub for nothing.")
    st.code("hear build --full", language="bash")


def usable_repositories() -> list[filters.Repository]:
    """The repositories in the file; stops the page, saying why, where it can't be used or holds none."""
    missing = sorted(_NEEDED - set(queries.columns()["table_name"].to_list()))
    if missing:
        _say_version(f"It lacks gold.{', gold.'.join(missing)}.")
        st.stop()
    known = filters.repositories()
    if not known:
        _say("The warehouse is empty", "No repository has landed yet.", icon=":material/inbox:")
        st.code("hear run OWNER/REPOSITORY", language="bash")
        st.stop()
    return known


def chosen() -> filters.Filters:
    """The filters of this run."""
    found = st.session_state["filters"]
    assert isinstance(found, filters.Filters)  # noqa: S101
    return found
