"""Write the Superset bundle of a home: a database, datasets whose metrics are those of the dictionary, charts, a dashboard.

    python bundle.py HOME footfall.zip
    superset import-dashboards --path footfall.zip --username admin

Superset imports it under the same ids each time, so a second import replaces the first one. Needs duckdb and PyYAML, which
Superset's environment has with `duckdb-engine`.
"""

import sys
import uuid
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import yaml

VERSION = "1.0.0"
DATABASE = "footfall"
# What the charts below read.
DATASETS = ("sessions_daily", "daily_kpis", "feedback_daily", "fact_sessions", "fact_orders")
# Of everybody, each response once, with its last answer.
_NPS = "filter (where question_kind = 'nps' and segment = '')"
# Metrics that are no sum of one column.
MORE: dict[str, dict[str, str]] = {
    "fact_sessions": {"sessions": "count(*)"},
    "feedback_daily": {"nps": f"100.0 * (sum(high) {_NPS} - sum(low) {_NPS}) / sum(responses) {_NPS}"},
}
TITLE = "Footfall: sessions, conversion, revenue, NPS"
LINE, BAR, NUMBER, TABLE = "echarts_timeseries_line", "echarts_timeseries_bar", "big_number_total", "table"
# Title, dataset, kind of chart, metric, what it is grouped by, format.
CHARTS = [
    ("Sessions", "sessions_daily", NUMBER, "sessions", [], ",d"),
    ("Conversion", "sessions_daily", NUMBER, "sessions_with_goal_share", [], ".1%"),
    ("Revenue", "sessions_daily", NUMBER, "revenue", [], ",.0f"),
    ("NPS", "feedback_daily", NUMBER, "nps", [], "+.0f"),
    ("Sessions by day and channel", "sessions_daily", BAR, "sessions", ["channel"], ",d"),
    ("Conversion by day and device", "sessions_daily", LINE, "sessions_with_goal_share", ["device_type"], ".1%"),
    ("Revenue by day and country", "sessions_daily", BAR, "revenue", ["country"], ",.0f"),
    ("NPS by device", "feedback_daily", TABLE, "nps", ["device_type"], "+.0f"),
]


def main(home: Path, target: Path) -> None:
    """Write the bundle of the home's catalog to `target`."""
    catalog = (home / "marts" / "catalog.duckdb").resolve()
    if not catalog.is_file():
        raise SystemExit(f"{catalog} isn't there; `footfall marts --catalog --home {home}` makes it")
    with duckdb.connect(str(catalog), read_only=True) as connection:
        files = {"metadata.yaml": {"version": VERSION, "type": "Dashboard", "timestamp": "2026-01-01T00:00:00+00:00"}}
        files[f"databases/{DATABASE}.yaml"] = _database(catalog)
        # Without surveys in the product file there is nothing of them.
        there = {row[0] for row in connection.execute("select distinct mart from dictionary").fetchall()}
        views = {
            row[0]
            for row in connection.execute("select view_name from duckdb_views() where schema_name = 'main'").fetchall()
        }
        datasets = [name for name in DATASETS if name in there & views]
        charts = [chart for chart in CHARTS if chart[1] in datasets]
        for name in datasets:
            files[f"datasets/{DATABASE}/{name}.yaml"] = _dataset(connection, name)
    files |= {f"charts/{_key(chart[0])}.yaml": _chart(*chart) for chart in charts}
    files["dashboards/footfall.yaml"] = _dashboard(charts)
    with zipfile.ZipFile(target, "w") as bundle:
        for name, tree in files.items():
            bundle.writestr(f"footfall/{name}", yaml.safe_dump(tree, sort_keys=False))
    sys.stdout.write(f"{target}: {len(datasets)} datasets, {len(charts)} charts, one dashboard\n")


def _id(kind: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"footfall/{kind}/{name}"))


def _key(title: str) -> str:
    return title.lower().replace(" ", "_")


def _database(catalog: Path) -> dict[str, Any]:
    # Read-only, so that a run may replace the file while Superset has it open.
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": f"duckdb:///{catalog}?access_mode=read_only",
        "expose_in_sqllab": True,
        "allow_dml": False,
        "extra": {},
        "uuid": _id("database", DATABASE),
        "version": VERSION,
    }


def _dataset(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """A table of the catalog: its columns with their meanings, and as metrics what the dictionary says may be done with them."""
    rows = connection.execute(
        'select "column", type, meaning, unit, measure, numerator, denominator from dictionary where mart = ? order by position',
        [name],
    ).fetchall()
    columns, metrics = [], {}
    for column, type_, meaning, unit, measure, numerator, denominator in rows:
        time = type_ == "DATE" or type_.startswith("TIMESTAMP")
        columns.append(
            {
                "column_name": column,
                "type": type_,
                "is_dttm": time,
                "groupby": True,
                "filterable": True,
                "description": meaning,
            }
        )
        if measure == "sum":
            metrics[column] = (f'sum("{column}")', meaning, unit)
        elif measure == "ratio of sums":
            metrics[column] = (_quotient(numerator, denominator), meaning, unit)
    # Shares of what the contract says is a part of something.
    for part, whole in (("sessions_with_goal", "sessions"), ("sessions_bounced", "sessions_with_page_view")):
        if {part, whole} <= metrics.keys():
            metrics[f"{part}_share"] = (_quotient(part, whole), f"{part} / {whole}", "share")
    metrics |= {metric: (sql, metric, "") for metric, sql in MORE.get(name, {}).items()}
    return {
        "table_name": name,
        "main_dttm_col": "day",
        "schema": "main",
        "metrics": [
            {
                "metric_name": metric,
                "verbose_name": metric.replace("_", " "),
                "expression": sql,
                "description": words,
                "extra": {"unit": unit},
            }
            for metric, (sql, words, unit) in metrics.items()
        ],
        "columns": columns,
        "uuid": _id("dataset", name),
        "database_uuid": _id("database", DATABASE),
        "version": VERSION,
    }


def _quotient(numerator: str, denominator: str) -> str:
    return f'sum("{numerator}") / nullif(sum("{denominator}"), 0)'


def _chart(title: str, dataset: str, kind: str, metric: str, by: list[str], form: str) -> dict[str, Any]:
    params: dict[str, Any] = {
        "viz_type": kind,
        "adhoc_filters": [],
        "time_range": "No filter",
        "row_limit": 10_000,
        "y_axis_format": form,
    }
    if kind == NUMBER:
        params |= {"metric": metric}
    elif kind == TABLE:
        params |= {"query_mode": "aggregate", "groupby": by, "metrics": [metric], "order_desc": True}
        params |= {"column_config": {metric: {"d3NumberFormat": form}}}
    else:
        params |= {"x_axis": "day", "time_grain_sqla": "P1D", "groupby": by, "metrics": [metric], "show_legend": True}
        params |= {"stack": "Stack" if kind == BAR else None, "x_axis_title_margin": 15, "y_axis_title_margin": 15}
    return {
        "slice_name": title,
        "viz_type": kind,
        "params": params,
        "uuid": _id("chart", title),
        "dataset_uuid": _id("dataset", dataset),
        "version": VERSION,
    }


def _dashboard(charts: list[Any]) -> dict[str, Any]:
    """Numbers in the first row, two charts in each row below."""
    numbers, others = ([chart for chart in charts if (chart[2] == NUMBER) == is_number] for is_number in (True, False))
    rows = [numbers, *(others[i : i + 2] for i in range(0, len(others), 2))]
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"children": ["GRID_ID"], "id": "ROOT_ID", "type": "ROOT"},
        "GRID_ID": {
            "children": [f"ROW-{i}" for i in range(len(rows))],
            "id": "GRID_ID",
            "parents": ["ROOT_ID"],
            "type": "GRID",
        },
        "HEADER_ID": {"id": "HEADER_ID", "meta": {"text": TITLE}, "type": "HEADER"},
    }
    for i, row in enumerate(rows):
        keys = [f"CHART-{_key(chart[0])}" for chart in row]
        meta = {"background": "BACKGROUND_TRANSPARENT"}
        position[f"ROW-{i}"] = {
            "children": keys,
            "id": f"ROW-{i}",
            "meta": meta,
            "parents": ["ROOT_ID", "GRID_ID"],
            "type": "ROW",
        }
        for key, chart in zip(keys, row, strict=True):
            size = {"height": 20 if i == 0 else 50, "width": 12 // len(row)}
            meta = {**size, "chartId": 0, "sliceName": chart[0], "uuid": _id("chart", chart[0])}
            parents = ["ROOT_ID", "GRID_ID", f"ROW-{i}"]
            position[key] = {"children": [], "id": key, "meta": meta, "parents": parents, "type": "CHART"}
    return {
        "dashboard_title": TITLE,
        "slug": "footfall",
        "published": True,
        "uuid": _id("dashboard", TITLE),
        "position": position,
        "metadata": {"color_scheme": "supersetColors", "cross_filters_enabled": True},
        "version": VERSION,
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
