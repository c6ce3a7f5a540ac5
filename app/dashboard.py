"""The entry: `streamlit run app/dashboard.py`, which is what `hear serve` runs."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this file's folder on the path; the package `app` stands one above it.
_HOME = str(Path(__file__).resolve().parents[1])
if _HOME not in sys.path:
    sys.path.insert(0, _HOME)

from app import filters, guard, queries  # noqa: E402

_PAGES = {
    "overview": ("Overview", ":material/space_dashboard:", {"bots", "merges"}),
    "activity": ("Activity", ":material/timeline:", {"bots", "merges", "grain"}),
    "issues": ("Issues", ":material/adjust:", {"grain"}),
    "pull_requests": ("Pull requests", ":material/merge:", {"grain"}),
    "people": ("People", ":material/group:", {"bots"}),
    "risk": ("Risk", ":material/join_inner:", set[str]()),
    "data": ("Data", ":material/fact_check:", None),
    "explore": ("Explore", ":material/search:", None),
}
_ICON = str(Path(__file__).with_name("icon.png"))
_CHECK_EVERY = 10.0  # seconds; a stat of one file


@st.fragment(run_every=_CHECK_EVERY)
def _follow_the_file() -> None:
    """Draws the page again when another file has been published."""
    found = queries.identity(queries.warehouse_path())
    if found != st.session_state.setdefault("file", found):
        st.session_state["file"] = found
        st.rerun(scope="app")


def main() -> None:
    """One page, below the bar of filters that act on it."""
    st.set_page_config(page_title="hear_app", page_icon=_ICON, layout="wide")
    pages = {
        name: st.Page(f"views/{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")
        for name, (title, icon, _) in _PAGES.items()
    }
    st.logo(_ICON, size="small")
    page = st.navigation(list(pages.values()), position="top")
    st.session_state["file"] = queries.identity(queries.warehouse_path())
    _follow_the_file()
    with guard.explained():
        known = guard.usable_repositories()
        acts = next(acts for name, (_, _, acts) in _PAGES.items() if pages[name] == page)
        if acts is not None and not (page == pages["people"] and st.query_params.get("user")):
            st.session_state["filters"] = filters.bar(known, frozenset(acts))
        page.run()


if __name__ == "__main__":
    main()
