"""The charts without time along them, and what all charts share: colours, axes, legend. Altair, one look."""

from __future__ import annotations

from typing import Any, TypeAlias

import altair as alt
import polars as pl

from app import theme

HEIGHT = 240
Drawn: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart


def amounts(**more: Any) -> alt.Axis:
    """An axis of amounts, quiet: a few lines, no frame."""
    return alt.Axis(**{"title": None, "tickCount": 5, "domain": False, "ticks": False, "format": "~s", **more})


def tints(kinds: list[str]) -> alt.Scale:
    """The colours of kinds: those that have one of their own, and a series for the others."""
    series = iter(theme.SERIES * 3)
    return alt.Scale(domain=kinds, range=[theme.COLOURS.get(kind) or next(series) for kind in kinds])


def colour(field: str, kinds: list[str], symbol: str = "square") -> alt.Color:
    """Kinds in their colours, in the order given; the legend above the chart, if there is a choice to explain."""
    legend = alt.Legend(
        title=None, orient="top", direction="horizontal", columns=0, symbolType=symbol, offset=4,
        symbolStrokeWidth=3 if symbol == "stroke" else 0,
    )  # fmt: skip
    return alt.Color(f"{field}:N", scale=tints(kinds), legend=legend if len(kinds) > 1 else None)


def present(frame: pl.DataFrame, field: str, order: list[str]) -> list[str]:
    """Those of the kinds that occur."""
    found = set(frame[field].to_list())
    return [kind for kind in order if kind in found]


def curves(frame: pl.DataFrame, x: str, y: str, field: str, x_title: str, y_title: str) -> Drawn:
    """Step curves from one to nothing, a colour for each cohort; the half is marked."""
    kinds = sorted(set(frame[field].to_list()))
    chart = (
        alt.Chart(frame)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X(f"{x}:Q", axis=alt.Axis(title=x_title, grid=False, tickCount=8), scale=alt.Scale(nice=False)),
            y=alt.Y(
                f"{y}:Q",
                axis=alt.Axis(title=None, format="%", tickCount=5, domain=False, ticks=False),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=colour(field, kinds, "stroke"),
            tooltip=[
                alt.Tooltip(f"{field}:N", title="Opened in"),
                alt.Tooltip(f"{x}:Q", title="After days"),
                alt.Tooltip(f"{y}:Q", title=y_title, format=".0%"),
                alt.Tooltip("n:Q", title="Issues", format=","),
            ],
        )
    )
    half = alt.Chart(pl.DataFrame({"y": [0.5]})).mark_rule(strokeDash=[2, 3], color=theme.SAND).encode(y="y:Q")
    return finished(alt.layer(half, chart))


def heat(
    frame: pl.DataFrame, x: alt.X, y: alt.Y, value: str, tooltip: list[alt.Tooltip], fmt: str = ",.0f"
) -> Drawn:
    """A grid of cells, the darker the more."""
    chart = (
        alt.Chart(frame)
        .mark_rect(cornerRadius=2)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                f"{value}:Q",
                scale=alt.Scale(range=theme.HEAT, domainMin=0),
                legend=alt.Legend(
                    title=None,
                    orient="top",
                    gradientLength=140,
                    gradientThickness=8,
                    format=fmt,
                    offset=4,
                    tickCount=3,
                ),
            ),
            tooltip=tooltip,
        )
    )
    return finished(chart)


def ranked(
    frame: pl.DataFrame, name: str, value: str, title: str, tint: str = theme.BLUE, fmt: str = ","
) -> Drawn:
    """Bars from the side with their numbers written out, in the order of the frame."""
    base = alt.Chart(frame).encode(
        y=alt.Y(
            f"{name}:N",
            sort=frame[name].to_list(),
            axis=alt.Axis(title=None, domain=False, ticks=False, labelLimit=170),
        ),
        x=alt.X(f"{value}:Q", axis=None),
        tooltip=[alt.Tooltip(f"{name}:N", title=" "), alt.Tooltip(f"{value}:Q", title=title, format=fmt)],
    )
    bars = base.mark_bar(color=tint, cornerRadiusEnd=2, height=alt.RelativeBandSize(0.62))
    text = base.mark_text(align="left", dx=4, fontSize=11, color=theme.SAND).encode(
        text=alt.Text(f"{value}:Q", format=fmt)
    )
    return finished(alt.layer(bars, text), max(90, 26 * frame.height + 20))


def pareto(frame: pl.DataFrame, needed: int) -> Drawn:
    """Shares by name from the largest, coloured by tier; at the right what each and those before add up to.

    A line parts off the first `needed`, who reach the threshold together.
    """
    order = frame["person"].to_list()
    tiers = present(frame, "tier", ["Core", "Regular", "Casual"])
    name = alt.Y("person:N", sort=order, axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=140))
    base = alt.Chart(frame).encode(
        y=name,
        tooltip=[
            alt.Tooltip("person:N", title="Person"),
            alt.Tooltip("tier:N", title="Tier"),
            alt.Tooltip("commits:Q", title="Commits", format=","),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
            alt.Tooltip("running_share:Q", title="With those before", format=".1%"),
        ],
    )
    widest = float(frame["share"].max() or 1)  # type: ignore[arg-type]
    x = alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, widest * 1.35]))
    bars = base.mark_bar(cornerRadiusEnd=2, height=alt.RelativeBandSize(0.66)).encode(
        x=x, color=colour("tier", tiers)
    )
    share = base.mark_text(align="left", dx=5, fontSize=11, color=theme.SAND).encode(
        x=x, text=alt.Text("share:Q", format=".0%")
    )
    running = base.mark_text(align="right", fontSize=11, color=theme.SAND).encode(
        x=alt.datum(widest * 1.35), text=alt.Text("running_share:Q", format=".0%")
    )
    layers = [bars, share, running]
    if 0 < needed < frame.height:
        last = frame.slice(needed - 1, 1)
        layers.append(
            alt.Chart(last)
            .mark_rule(color=theme.ORANGE, strokeDash=[4, 3], size=1.5)
            .encode(y=alt.Y("person:N", sort=order, bandPosition=1))
        )
    return finished(alt.layer(*layers), max(120, 24 * frame.height + 30))


def tiers(frame: pl.DataFrame) -> Drawn:
    """For each tier two bars: its share of the people, and of the commits."""
    long = frame.with_columns((pl.col("people") / pl.col("people").sum()).alias("of_people")).unpivot(
        ["of_people", "share"], index=["tier", "people", "commits"], variable_name="what", value_name="part"
    )
    long = long.with_columns(
        pl.col("what").replace_strict(
            {"of_people": "of the people", "share": "of the commits"}, return_dtype=pl.String
        )
    )
    order = present(frame, "tier", ["Core", "Regular", "Casual"])
    base = alt.Chart(long).encode(
        y=alt.Y(
            "what:N",
            sort=["of the people", "of the commits"],
            axis=alt.Axis(title=None, ticks=False, domain=False),
        ),
        tooltip=[
            alt.Tooltip("tier:N", title="Tier"),
            alt.Tooltip("part:Q", title="Share", format=".0%"),
            alt.Tooltip("people:Q", title="People", format=","),
            alt.Tooltip("commits:Q", title="Commits", format=","),
        ],
    )
    places = {tier: place for place, tier in enumerate(order)}
    base.data = long.with_columns(pl.col("tier").replace_strict(places, return_dtype=pl.Int32).alias("place"))
    bars = base.mark_bar(height=alt.RelativeBandSize(0.55)).encode(
        x=alt.X(
            "part:Q",
            stack="zero",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(title=None, format="%", tickCount=5, domain=False, ticks=False),
        ),
        color=colour("tier", order),
        order=alt.Order("place:Q"),
    )
    return finished(alt.layer(bars), 150)


def finished(chart: Drawn, height: int = HEIGHT) -> Drawn:
    """The look that all charts share; fonts and greys come from the page's theme, light or dark."""
    shaped: Drawn = (
        chart.properties(height=height, padding={"left": 2, "top": 4, "right": 8, "bottom": 2})
        .configure_view(strokeWidth=0)
        .configure_axis(labelFontSize=11, titleFontSize=11, gridOpacity=0.5)
        .configure_legend(labelFontSize=12)
    )
    return shaped
