"""The few forms that every dashboard is made of, so that they all look and behave alike.

Names of metrics come from their tables, never from memory; a test asks every query of a real Prometheus.
"""

import json
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.builders import stat as stat_builder
from grafana_foundation_sdk.builders import timeseries as timeseries_builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard

SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="jobyard")
"""The data source that deploy/grafana/provisioning makes: the gateway's path to Prometheus."""

Unit = Literal["none", "short", "bytes", "binBps", "percentunit", "s", "reqps", "ops"]
UNITS: dict[str, Unit] = {
    "cores": "none",
    "bytes": "bytes",
    "bytes_per_second": "binBps",
    "ratio": "percentunit",
    "": "short",
}
"""Grafana's names for the units of a job's families."""


Panel = timeseries_builder.Panel | stat_builder.Panel


@dataclass(frozen=True)
class Query:
    """An expression, and what its lines are called."""

    expr: str
    legend: str = "__auto"


def graph(
    title: str,
    says: str,
    unit: Unit,
    *queries: Query,
    width: int = 12,
    stacked: bool = False,
    least: float | None = 0,
    most: float | None = None,
) -> timeseries_builder.Panel:
    """Lines over time; `stacked`: on top of one another; `least`, `most`: where the axis ends, if that is known."""
    panel = (
        timeseries_builder.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .height(8)
        .span(width)
        .line_width(1)
        .fill_opacity(40 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            common_builder.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common_builder.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
        )
    )
    if stacked:
        panel.stacking(common_builder.StackingConfig().mode(common.StackingMode.NORMAL))
    if least is not None:
        panel.min(least)
    if most is not None:
        panel.max(most)
    for place, query in enumerate(queries):
        panel.with_target(_target(query, place))
    return panel


def number(title: str, says: str, unit: Unit, *queries: Query, width: int = 6) -> stat_builder.Panel:
    """The present value, with its recent past behind it."""
    panel = (
        stat_builder.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .height(4)
        .span(width)
        .graph_mode(common.BigValueGraphMode.AREA)
        .color_mode(common.BigValueColorMode.NONE)
        .reduce_options(common_builder.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    )
    for place, query in enumerate(queries):
        panel.with_target(_target(query, place))
    return panel


def row(title: str) -> dashboard_builder.Row:
    """A heading for the panels that follow."""
    return dashboard_builder.Row(title)


def choice(name: str, label: str, metric: str, of: str, *, several: bool) -> dashboard_builder.QueryVariable:
    """What a reader chooses: values of a label; `several`: any number of them, at first all."""
    variable = (
        dashboard_builder.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": f"label_values({metric}, {of})", "refId": name})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_DESC)
        .multi(several)
        .include_all(several)
    )
    if several:
        variable.all_value(".*").current(dashboard.VariableOption(selected=True, text="All", value="$__all"))
    return variable


def board(uid: str, title: str, says: str, since: str) -> dashboard_builder.Dashboard:
    """An empty dashboard. `since`: what it shows at first, up to now."""
    return (
        dashboard_builder.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags(["jobyard"])
        .readonly()
        .time(since, "now")
        .timezone("browser")
        .refresh("30s")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    )


def written(built: dashboard_builder.Dashboard) -> str:
    """The dashboard as Grafana reads it from a file; its panels keep their numbers, so that links to them last."""
    made = built.build()
    for place, panel in enumerate(made.panels or (), 1):
        panel.id_val = place
    return json.dumps(made, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _target(query: Query, place: int) -> prometheus_builder.Dataquery:
    return (
        prometheus_builder.Dataquery()
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(chr(ord("A") + place))
        .datasource(SOURCE)
    )
