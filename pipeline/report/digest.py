"""The digest: one page a week, as a page to print, as a picture, and as a message for a Slack-compatible webhook."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from textwrap import wrap
from typing import Any

import msgspec
import polars as pl
import vl_convert
from markupsafe import escape

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.sealed import read_sealed
from pipeline.publish.alert_messages import sentence
from pipeline.publish.webhook import post
from pipeline.report.business_case import title_of
from pipeline.report.parts import Marts, figure_text, label, theme_names

PICTURE_KEY, SENT_KEY = "report/digest.png", "lake/_state/digest_sent.json"
_MOST, _WIDTH, _CHARACTERS = 3, 720, 92
_INK, _SOFT = "#202124", "#5f6368"


@dataclass(frozen=True)
class Digest:
    """What a week comes to: figures as (name, value, change), and sentences of what changed, is worth mending, is odd."""

    week: date
    figures: list[tuple[str, str, str]]
    changed: list[str]
    fix: list[tuple[str, str]]
    alerts: list[str]

    @property
    def title(self) -> str:
        """The week in words."""
        return f"Week from {self.week:%d %B %Y}"


def digest_of(product: Product, marts: Marts) -> Digest | None:
    """The digest of the last complete week; None before there is one."""
    weeks = marts["kpis"].filter("mature", pl.col("period") == "week", pl.col("dimension") == "")
    if weeks.is_empty():
        return None
    last: date = weeks["period_start"].max()  # pyright: ignore[reportAssignmentType]
    rows = {r["kpi"]: r for r in weeks.filter(pl.col("period_start") == last).rows(named=True)}
    chosen = [product.kpis.north_star, *product.kpis.guardrails, "people", "conversion", "revenue"]
    figures = [
        (
            label(name),
            figure_text(r["figure"], r["unit"], product.currency),
            "no week before" if r["change"] is None else figure_text(r["change"], r["unit"], product.currency, signed=True),
        )
        for name in dict.fromkeys(chosen)
        if (r := rows.get(name)) is not None
    ]  # fmt: skip
    parts = marts["kpi_changes"].filter(pl.col("period") == "week", pl.col("kind") != "tree")
    changed = [
        f"{label(name)} is {r['conclusion']} by {figure_text(r['change'], r['unit'], product.currency, signed=True)}"
        + (f": {why}" if (why := because(parts.filter(pl.col("kpi") == name), r, product)) else "")
        for name, r in rows.items()
        if r["conclusion"] in ("up", "down")
    ]
    days = [last + timedelta(days=i) for i in range(7)]
    odd = marts["alerts"].filter(pl.col("day").is_in(days)).sort("q_value", "metric", "page", "zone", "device_type")
    return Digest(
        last,
        figures,
        changed[:_MOST],
        _to_fix(product, marts),
        [sentence(r) for r in odd.head(_MOST).rows(named=True)],
    )


def _to_fix(product: Product, marts: Marts) -> list[tuple[str, str]]:
    """(id, sentence) of what costs most."""
    names = theme_names(marts)
    claimed = pl.col("claimed") & pl.col("rank").is_not_null() & pl.col("cost_per_week").is_not_null()
    best = marts["opportunities"].filter(claimed).sort("rank").head(_MOST)
    return [
        (r["opportunity_id"], f"{title_of(r, names)}: a week of waiting costs about {r['cost_per_week']:,.0f} {product.currency} ({r['cost_low']:,.0f} to {r['cost_high']:,.0f})")
        for r in best.rows(named=True)
    ]  # fmt: skip


def because(parts: pl.DataFrame, r: dict[str, Any], product: Product) -> str:
    """The groups that made most of a figure's change, one of each dimension."""
    most = parts.sort(pl.col("contribution").abs(), "dimension", "part", descending=[True, False, False]).unique(
        "dimension", keep="first", maintain_order=True
    )
    return "; ".join(
        f"{label(p['part'])} ({p['kind']}) {figure_text(p['contribution'], r['unit'], product.currency, signed=True)}"
        for p in most.head(3).rows(named=True)
    )


def write_picture(lake: Lake, product: Product, digest: Digest | None) -> Path | None:
    """Draw the digest as a picture of 1,440 px; None where there is nothing to draw."""
    if digest is None:
        lake.delete(PICTURE_KEY)
        return None
    lake.write(PICTURE_KEY, vl_convert.svg_to_png(_drawn(product, digest), scale=2))
    return lake.path(PICTURE_KEY)


def _drawn(product: Product, digest: Digest) -> str:
    """The digest as SVG: figures in rows of three, sentences below."""
    parts = [_text(24, 40, 22, _INK, f"{product.name}: {digest.title}", weight=600)]
    for i, (name, value, change) in enumerate(digest.figures):
        x, y = 24 + 230 * (i % 3), 84 + 86 * (i // 3)
        parts += [
            _text(x, y, 13, _SOFT, name),
            _text(x, y + 28, 24, _INK, value, weight=600),
            _text(x, y + 48, 12, _SOFT, f"{change} on the week before"),
        ]
    y = 84 + 86 * -(-len(digest.figures) // 3) + 16
    for heading, sentences in _parts(digest):
        parts.append(_text(24, y, 15, _INK, heading, weight=600))
        y += 22
        for line in [line for each in sentences or ["Nothing."] for line in wrap(each, _CHARACTERS) or [""]]:
            parts.append(_text(24, y, 13, _INK, line))
            y += 19
        y += 14
    size = f'width="{_WIDTH}" height="{y}" viewBox="0 0 {_WIDTH} {y}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'  # fmt: skip


def _parts(digest: Digest) -> Iterator[tuple[str, list[str]]]:
    yield "What changed", digest.changed
    yield "What to fix first", [text for _, text in digest.fix]
    yield "Out of the usual", digest.alerts


def _text(x: int, y: int, size: int, colour: str, text: str, weight: int = 400) -> str:
    style = f'font-family="sans-serif" font-size="{size}" font-weight="{weight}" fill="{colour}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


def message(product: Product, digest: Digest) -> str:
    """The digest as a message in Slack's own marks."""
    lines = [f"*{_plain(product.name)}: {digest.title}*"]
    lines += [f"• {_plain(name)}: *{value}* ({change})" for name, value, change in digest.figures]
    for heading, sentences in _parts(digest):
        lines += [f"*{heading}*", *(f"• {_plain(each)}" for each in sentences or ["Nothing."])]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text in which nothing calls people or links anywhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def send_digest(lake: Lake, product: Product, digest: Digest | None, webhook: str | None) -> bool:
    """Post the week's digest once; without a webhook nothing is sent. Raises OSError where it can't be reached."""
    if not webhook or digest is None:
        return False
    if read_sealed(lake, SENT_KEY, str) == str(digest.week):
        return False
    post(webhook, message(product, digest))
    lake.write(SENT_KEY, msgspec.json.encode(str(digest.week)))
    return True
