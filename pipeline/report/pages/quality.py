"""The page of data quality: what came in and what became of it, what is held back, measured, restated."""

import json

import polars as pl
import polars.selectors as cs

from pipeline.core.product import Product
from pipeline.events.problem import KINDS
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, day_text, label, number_text, share
from pipeline.report.problems import open_problems

_DAYS, _SHOWN, _WARNED = 28, 30, 8
_CAPABILITIES = (
    "hover",
    "exposure",
    "exposure_time",
    "dead_click",
    "js_error",
    "web_vitals",
    "scroll",
    "engaged",
    "impressions",
)
_LATE = {
    "events_received_within_1h": "within an hour", "events_received_within_1d": "within a day",
    "events_received_within_7d": "within 7 days", "events_received_within_30d": "within 30 days",
    "events_received_over_30d": "later", "events_without_received_at": "not known",
}  # fmt: skip
_BOTH = {
    "events": "events", "sessions": "sessions", "page_view_events": "page views", "clicks": "clicks",
    "orders_by_order_day": "orders", "revenue_by_order_day": "revenue",
}  # fmt: skip


def quality_page(product: Product, marts: Marts, restatements: pl.DataFrame) -> Page:
    """Problems, gates, rejected and late events, bots, what was measured, and restatements."""
    quality = marts["daily_quality"]
    problems = _problems(marts)
    if quality.is_empty():
        return Page("quality", "Data quality", sections=[problems, _rejected(marts["daily_rejected"]), _files(marts["ingest_quality"])])  # fmt: skip
    recent = quality.filter(pl.col("day") > quality["day"].max() - pl.duration(days=_DAYS))
    held = sorted({f"{each.day}" for each in open_problems(marts) if each.problem == "day_held_back"})
    lead = (
        f"{len(held)} day{' is' if len(held) == 1 else 's are'} held back by a gate: {', '.join(held[:10])}. What was published stays."
        if held
        else "No day is held back by a gate."
    )
    sections = [
        problems,
        _came_in(recent),
        _rejected(marts["daily_rejected"]),
        _late(recent, marts["ingest_quality"]),
        _measured(recent),
        _bots(recent, product),
        _files(marts["ingest_quality"]),
        _restated(restatements, product),
    ]
    return Page("quality", "Data quality", sections=sections, lead=lead)


def _problems(marts: Marts) -> Section:
    context = open_problems(marts)
    older = marts["data_problems"].height - len(context)
    return Section(
        "What makes numbers doubtful",
        "What stands now; older ones are in the mart data_problems.",
        header=("problem", "what", "since", "remedy"),
        rows=[
            (label(each.problem), each.sentence, day_text(each.since), each.remedy if each.severity == "problem" else f"Note: {each.remedy}")
            for each in context[:_SHOWN]
        ],
        about=[KINDS[each.problem] for each in context[:_SHOWN]],
        provenance="data_problems: problem sentence since remedy",
        note=("" if context else "Nothing.") + (f" {count(older)} older rows." if older > 0 else ""),
    )  # fmt: skip


def _came_in(recent: pl.DataFrame) -> Section:
    names = (
        "events_accepted", "events_rejected", "events_duplicate", "events_duplicate_of_earlier_days", "clicks_merged", "events",
        "events_without_person", "events_clock_corrected", "sessions_split",
    )  # fmt: skip
    own = recent.group_by("source").agg(pl.col(names).sum()).sort("source")
    return Section(
        "What came in",
        "The last 28 days, by source. Rejected ones count where their day can be told. What came again counts once.",
        header=("source", "accepted", "rejected", "again, same day", "again, earlier day", "double clicks", "events", "without a person", "clock corrected", "sessions cut"),
        rows=[(r["source"], *(count(r[name]) for name in names)) for r in own.rows(named=True)],
        provenance=f"daily_quality: source {' '.join(names)}",
    )  # fmt: skip


def _rejected(rejected: pl.DataFrame) -> Section:
    own = (
        rejected.group_by("source", "rule")
        .agg(pl.col("events_rejected").sum())
        .sort("events_rejected", "source", "rule", descending=[True, False, False])
    )
    return Section(
        "Rejected, by rule",
        "All days. Each is kept with its reason in lake/rejected; `footfall retry-rejected` reads them again after a fix.",
        header=("rule", "source", "events"),
        rows=[(label(r["rule"]), r["source"], count(r["events_rejected"])) for r in own.head(_SHOWN).rows(named=True)],
        note="" if own.height else "None.",
        provenance="daily_rejected: rule source events_rejected",
    )  # fmt: skip


def _late(recent: pl.DataFrame, files: pl.DataFrame) -> Section:
    own = recent.group_by("source").agg(pl.col(list(_LATE)).sum()).sort("source")
    return Section(
        "How late events come",
        "Received by the source after they happened. However late, an event reaches its day, and what was published is restated."
        f" {_late_files(recent, files)}",
        header=("source", *_LATE.values()),
        rows=[(r["source"], *(count(r[name]) for name in _LATE)) for r in own.rows(named=True)],
        provenance=f"daily_quality: source {' '.join(_LATE)}",
    )


# A day of arrival is one of UTC: one more than a day may be none here.
_LATE_DAYS = 2


def _late_files(recent: pl.DataFrame, files: pl.DataFrame) -> str:
    """How long after their last event files came in these days: what the source received says nothing of that."""
    dated = pl.col("last_day").is_not_null() & ~pl.col("is_retracted")
    own = files.filter(pl.col("day") >= recent["day"].min(), dated)
    days = (own["day"] - own["last_day"]).dt.total_days()
    late = days.filter(days > _LATE_DAYS)
    if late.is_empty():
        return "All files came within two days after the day of their last event." if own.height else ""
    return (
        f"Of {count(own.height)} files {count(late.len())} came more than two days after the day of their last event, "
        f"half of those {late.median():.0f} days or more, the latest {late.max()} days."
    )


def _measured(recent: pl.DataFrame) -> Section:
    names = [f"page_view_events_measured_{name}" for name in _CAPABILITIES]
    own = recent.group_by("source").agg(pl.col(*names, "page_view_events_without_bots").sum()).sort("source")
    return Section(
        "What was measured",
        "Share of page views on which each thing could be told. What wasn't measured is no zero: rates leave it out.",
        header=("source", "page views", *(label(name) for name in _CAPABILITIES)),
        rows=[
            (
                r["source"],
                count(views := r["page_view_events_without_bots"]),
                *(share(r[name] / views if views else None) for name in names),
            )
            for r in own.rows(named=True)
        ],
        provenance=f"daily_quality: source page_view_events_without_bots {' '.join(f'measured_{n}_share' for n in _CAPABILITIES)}",
    )


def _bots(recent: pl.DataFrame, product: Product) -> Section:
    total = recent.select(cs.numeric().sum()).row(0, named=True)
    rows: list[tuple[str, ...]] = []
    for name, words in _BOTH.items():
        both, without = total[name], total[f"{name}_without_bots"]
        shown = (
            f"{each:,.2f}\u00a0{product.currency}" if name.startswith("revenue") else count(each)
            for each in (without, both)
        )
        rows.append((words, *shown, share((both - without) / both if both else None)))
    return Section(
        "With and without bots",
        "The last 28 days. All other pages leave bots out: by user agent, by hundreds of devices with one event each, by a pace "
        "that nobody has.",
        header=("what", "without", "with bots", "of all"),
        rows=rows,
        provenance="daily_quality: - events_without_bots events bot_share",
    )  # fmt: skip


def _files(files: pl.DataFrame) -> Section:
    own = files.sort("day", "file", descending=[True, False]).head(_SHOWN)
    return Section(
        "Landing files",
        f"The latest {_SHOWN} of {count(files.height)}.",
        header=("file", "arrived", "records", "accepted", "rejected", "filtered", "events", "refused whole"),
        rows=[
            (r["file"], day_text(r["day"]), *(count(r[n]) for n in _OF_RECORDS), f"refused: {label(r['file_rule'])}" if r["file_rule"] else "")
            for r in own.rows(named=True)
        ],
        provenance="ingest_quality: file day records_read records_accepted records_rejected records_filtered events -",
    )  # fmt: skip


_OF_RECORDS = ("records_read", "records_accepted", "records_rejected", "records_filtered", "events")


def _restated(ledger: pl.DataFrame, product: Product) -> Section:
    own = ledger.head(_SHOWN)
    return Section(
        "Restatements",
        f"Published numbers of days that were over and changed: the latest {_SHOWN} of {count(ledger.height)}. All of them are in "
        "the view `restatements` of marts/catalog.duckdb.",
        header=("number", "mart", "was", "is", "because of", "restated"),
        rows=[
            (
                f"{label(r['column'])}: {key_text(r['key'])}", r["mart"], number_text(r["old"]), number_text(r["new"]), r["cause"],
                f"{r['restated_at'].astimezone(product.zone_info):%d %b %Y %H:%M}",
            )
            for r in own.rows(named=True)
        ],
        note="" if own.height else "None so far.",
    )  # fmt: skip


def key_text(key: str) -> str:
    """A row's key as people read it."""
    return ", ".join(str(value) for value in json.loads(key).values() if value not in ("", None))


PAGE = ReportPage(
    "quality", "Data quality", "Trust", 150, lambda shown: quality_page(shown.product, shown.marts, shown.restatements)
)
