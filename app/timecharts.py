"""The charts over time. Their data carries `period` and `is_complete`; what is not over yet is marked."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Any

import altair as alt
import polars as pl

from app import theme
from app.charts import Drawn, amounts, colour, finished, present, tints

PICK = "pick"  # the selection: a click on a bar
_UTC = alt.Scale(type="utc")
_TICK = (
    "utcFormat(datum.value, '%j') == '001' ? utcFormat(datum.value, '%Y') : "
    "utcFormat(datum.value, '%d') == '01' ? utcFormat(datum.value, '%b') : utcFormat(datum.value, '%-d %b')"
)
_FORMATS = {"month": "%B %Y", "week": "week of %-d %b %Y", "day": "%a, %-d %b %Y"}
_SO_FAR = alt.condition("datum.is_complete", alt.value(1.0), alt.value(0.38))
_DASHED = alt.condition("datum.is_complete", alt.value([1, 0]), alt.value([3, 2]))


def period_end(start: date, grain: str) -> date:
    """The first day after the period."""
    if grain == "month":
        return start + timedelta(days=calendar.monthrange(start.year, start.month)[1])
    return start + timedelta(days=7 if grain == "week" else 1)


def timed(frame: pl.DataFrame, grain: str = "month") -> pl.DataFrame:
    """The frame with where its bars end, where their middle is, and how the period is called."""
    starts = frame["period"].to_list()
    lengths = [(period_end(start, grain) - start).days * 24 for start in starts]
    names = [f"{start:{_FORMATS[grain].replace('%-d', str(start.day))}}" for start in starts]
    complete = frame["is_complete"].to_list()
    return frame.with_columns(
        pl.col("period").cast(pl.Datetime("ms")).alias("start"),
        (
            pl.col("period").cast(pl.Datetime("ms"))
            + pl.Series([timedelta(hours=hours * 0.84) for hours in lengths])
        ).alias("bar_end"),
        (
            pl.col("period").cast(pl.Datetime("ms"))
            + pl.Series([timedelta(hours=hours * 0.42) for hours in lengths])
        ).alias("middle"),
        pl.Series(
            "when", [name if whole else f"{name}, so far" for name, whole in zip(names, complete, strict=True)]
        ),
    )


def time_axis(field: str = "start") -> alt.X:
    return alt.X(
        f"{field}:T",
        scale=_UTC,
        axis=alt.Axis(title=None, labelExpr=_TICK, labelOverlap="greedy", grid=False, tickCount=12, domain=False),
    )


def stacked(
    frame: pl.DataFrame, value: str, field: str, order: list[str], title: str, grain: str = "month"
) -> Drawn:
    """Bars over time, stacked by kind. What is not over yet is paler, dashed, and says so."""
    kinds = present(frame, field, order)
    places = {kind: place for place, kind in enumerate(kinds)}
    data = (
        timed(frame, grain)
        .with_columns(pl.col(field).replace_strict(places, return_dtype=pl.Int32).alias("place"))
        .sort("start", "place")
        .with_columns(pl.col(value).cum_sum().over("start").alias("top"))
        .with_columns((pl.col("top") - pl.col(value)).alias("bottom"))
    )
    bars = _bars(data, alt.Y("bottom:Q", axis=amounts(tickMinStep=1)), "top:Q", field, kinds, f"{value}:Q", title)
    tops = data.filter(~pl.col("is_complete")).group_by("middle").agg(pl.col("top").max())
    return finished(alt.layer(bars, *_so_far(tops)))


def _bars(
    data: pl.DataFrame, y: alt.Y, y2: str, field: str, kinds: list[str], amount: str, title: str
) -> alt.Chart:
    """Bars from corner to corner: Vega would take a span of time along the x axis for a bar that lies."""
    scale = tints(kinds)
    bars: alt.Chart = (
        alt.Chart(data)
        .mark_rect(cursor="pointer", strokeWidth=1)
        .encode(
            x=time_axis(),
            x2="bar_end:T",
            y=y,
            y2=y2,
            color=colour(field, kinds),
            stroke=alt.Stroke(f"{field}:N", scale=scale, legend=None),
            fillOpacity=_SO_FAR,
            strokeDash=_DASHED,
            tooltip=[
                alt.Tooltip("when:N", title="When"),
                alt.Tooltip(f"{field}:N", title="Kind"),
                alt.Tooltip(amount, title=title, format=","),
            ],
        )
        .add_params(alt.selection_point(name=PICK, fields=["start"], toggle=False, clear="dblclick"))
    )
    return bars


def _so_far(tops: pl.DataFrame) -> list[alt.Chart]:
    """The words above a bar whose period is not over."""
    if not tops.height:
        return []
    return [
        alt.Chart(tops.sort("middle").tail(1).with_columns(pl.lit("so far").alias("note")))
        .mark_text(baseline="bottom", dy=-4, fontSize=10, fontStyle="italic", color=theme.SAND, align="center")
        .encode(x="middle:T", y="top:Q", text="note:N")
    ]


def mirrored(frame: pl.DataFrame, up: str, down: str, names: tuple[str, str, str], grain: str) -> Drawn:
    """What comes above the line, what goes below, and the difference as a line. `names`: up, down, what it is."""
    data = timed(frame, grain)
    index = ["start", "bar_end", "middle", "when", "is_complete"]
    long = data.unpivot([up, down], index=index, variable_name="side", value_name="amount").with_columns(
        pl.when(pl.col("side") == up).then(pl.col("amount")).otherwise(-pl.col("amount")).alias("height"),
        pl.col("side").replace_strict({up: names[0], down: names[1]}, return_dtype=pl.String),
        pl.lit(0).alias("zero"),
    )
    axis = amounts(tickMinStep=1, labelExpr="format(abs(datum.value), '~s')")
    bars = _bars(long, alt.Y("height:Q", axis=axis), "zero:Q", "side", list(names[:2]), "amount:Q", names[2])
    line = (
        alt.Chart(data.with_columns((pl.col(up) - pl.col(down)).alias("net")))
        .mark_line(color=theme.BLUE, strokeWidth=1.8, point=alt.OverlayMarkDef(size=14, color=theme.BLUE))
        .encode(
            x="middle:T",
            y="net:Q",
            tooltip=[alt.Tooltip("when:N", title="When"), alt.Tooltip("net:Q", title="Difference", format="+,")],
        )
    )
    tops = long.filter(~pl.col("is_complete")).group_by("middle").agg(pl.col("height").max().alias("top"))
    return finished(alt.layer(bars, line, *_so_far(tops)))


def lines(
    frame: pl.DataFrame,
    values: dict[str, str],
    title: str,
    grain: str = "month",
    extra: list[alt.Tooltip] | None = None,
    scale: Any = alt.Undefined,
    **axis: Any,
) -> Drawn:
    """Lines over time, one for each of `values` (column: name). Where there is no value there is a gap."""
    data = timed(frame, grain).rename(values)
    names = list(values.values())
    index = [column for column in data.columns if column not in names]
    long = data.unpivot(names, index=index, variable_name="measure", value_name="amount")
    base = alt.Chart(long).encode(
        x=time_axis("middle"),
        y=alt.Y("amount:Q", axis=amounts(**axis), scale=scale),
        color=colour("measure", names, "stroke"),
        tooltip=[
            alt.Tooltip("when:N", title="When"),
            alt.Tooltip("measure:N", title=" "),
            alt.Tooltip("amount:Q", title=title, format=axis.get("format", ",.1f")),
            *(extra or []),
        ],
    )
    points = base.mark_circle(size=26).encode(opacity=_SO_FAR).transform_filter("isValid(datum.amount)")
    tops = long.filter(~pl.col("is_complete")).group_by("middle").agg(pl.col("amount").max().alias("top"))
    return finished(alt.layer(*_strokes(base, long), points, *_so_far(tops.drop_nulls())))


def _strokes(base: alt.Chart, data: pl.DataFrame, **mark: Any) -> list[alt.Chart]:
    """A line through what is over, and a dashed one from there to what is not."""
    whole, rest = data.filter(pl.col("is_complete")), data.filter(~pl.col("is_complete"))
    look: dict[str, Any] = {"strokeWidth": 2, "invalid": "break-paths-show-domains"} | mark
    strokes = [base.mark_line(**look).properties(data=whole)]
    if rest.height:
        last = whole.filter(pl.col("start") == pl.col("start").max())
        strokes.append(base.mark_line(**look, strokeDash=[3, 3]).properties(data=pl.concat([last, rest])))
    return strokes


def durations(frame: pl.DataFrame, values: dict[str, str]) -> Drawn:
    """Lines of days on a logarithmic axis, which shows both the hours and the years; n stands in the tooltip."""
    shown = frame.with_columns(pl.col(name).clip(lower_bound=1 / 24) for name in values)
    scale = alt.Scale(type="log", nice=False)
    return lines(
        shown,
        values,
        "Days",
        extra=[alt.Tooltip("n:Q", title="Of how many", format=",")],
        scale=scale,
        format=",.3~g",
    )


def level(frame: pl.DataFrame, value: str, name: str, grain: str = "month") -> Drawn:
    """One level over time, as an area from zero."""
    data = timed(frame, grain)
    base = alt.Chart(data).encode(
        x=time_axis("middle"),
        y=alt.Y(f"{value}:Q", axis=amounts(tickMinStep=1)),
        tooltip=[alt.Tooltip("when:N", title="When"), alt.Tooltip(f"{value}:Q", title=name, format=",")],
    )
    area = base.mark_area(color=theme.BLUE, opacity=0.16, line=False)
    points = base.mark_circle(color=theme.BLUE, size=24).encode(opacity=_SO_FAR)
    tops = data.filter(~pl.col("is_complete")).select("middle", pl.col(value).alias("top"))
    return finished(alt.layer(area, *_strokes(base, data, color=theme.BLUE), points, *_so_far(tops.drop_nulls())))
