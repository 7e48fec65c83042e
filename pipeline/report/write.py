"""Write the report: static pages that hold everything they show, under a policy that lets them ask nobody."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import polars as pl
import polars.selectors as cs
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.build.configured import marts as configured_marts
from pipeline.build.restatements import ledger
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.registry import MARTS
from pipeline.ingest.manifests import withdrawals
from pipeline.report.digest import digest_of, send_digest, write_picture
from pipeline.report.faults import PagesFailedError, failed_page
from pipeline.report.made import FOLDER, report_version, write_made
from pipeline.report.page import Shown
from pipeline.report.pages import grouped, pages
from pipeline.report.parts import Marts, Page, Section
from pipeline.report.provenance import Provenance, provenances, trust_of
from pipeline.report.replays import FOLDER as REPLAYS
from pipeline.report.replays import NO_PLAYER, player, replay_parts, replays_of

# These hold a row per incident or cell of all history.
_LONG = ("heatmaps", "scroll_reach", "friction_events", "friction_elements")
_SHOWN_DAYS = 28
_TEMPLATES = PackageLoader("pipeline.report", "templates")


class NotPublishedError(Exception):
    """A mart that the report shows isn't there yet; the sentence names it and the command that makes it."""


def write_report(lake: Lake, product: Product) -> Path:
    """Make all pages anew from the published marts; returns the first one.

    Raises NotPublishedError where a mart isn't there yet, and PagesFailedError, once all others are written, where a page
    couldn't be made.
    """
    mark = withdrawals(lake)
    missing = [mart.name for mart in configured_marts(product) if not lake.exists(mart_key(mart.name))]
    if missing:
        raise NotPublishedError(f"{', '.join(missing)}: not published yet; run `footfall run` first")
    # Looked at first: what changes meanwhile makes the report stale again.
    version = report_version(lake, product)
    shown = {mart.name for mart in configured_marts(product)}
    marts = {mart.name: _shown(lake, mart.name) if mart.name in shown else mart.schema.to_frame() for mart in MARTS}
    replays = replays_of(marts)
    made = pages(Shown(product, marts, lake.home, replays, ledger(lake), trust_of(marts)))
    faults = _write_pages(lake, product, marts, made)
    if not any(page.name == "digest" and page.fault for page in made):
        write_picture(lake, product, digest_of(product, marts))
    # A page that isn't made any more may quote somebody who is erased.
    written = {f"{page.name}.html" for page in made} | write_replays(lake, product, marts, replays.linked)
    for key in list(lake.keys(FOLDER)):
        if key.endswith(".html") and key.removeprefix(f"{FOLDER}/") not in written:
            lake.delete(key)
    if mark != withdrawals(lake):
        # Pages made of what was erased meanwhile are made again.
        return write_report(lake, product)
    if faults:
        raise PagesFailedError(faults)
    write_made(lake, version, written)
    return lake.path(f"{FOLDER}/index.html")


def _write_pages(lake: Lake, product: Product, marts: Marts, made: Sequence[Page]) -> list[str]:
    """Write the pages; one that fails says so on itself. Returns what each of those says."""
    environment = _environment()
    template, style = environment.get_template("page.html.j2"), environment.get_template("style.css").render()
    days = marts["daily_kpis"]["day"]
    trust = trust_of(marts)
    provenance_script, address_script = (
        environment.get_template(name).render() for name in ("provenance.js", "address.js")
    )

    def cards_of(section: Section) -> list[Provenance | None]:
        return provenances(section, product, trust)

    groups = grouped(made)

    def html_of(page: Page) -> str:
        script = _script(environment, page)
        return template.render(
            cards_of=cards_of,
            provenance_script=provenance_script,
            address_script=address_script,
            page=page,
            groups=groups,
            group=next((group for group, own in groups.items() if page.name in {each.name for each in own}), "Decide"),
            product=product,
            style=style,
            script=script,
            data=_data(page),
            policy=_policy(
                style,
                [
                    *([address_script] if page.has_picks else []),
                    *filter(None, [script]),
                    *([provenance_script] if page.has_numbers else []),
                ],
            ),
            first_day=days.min(),
            last_day=days.max(),
        )

    faults: list[str] = []
    for page in made:
        shown = page
        try:
            html = html_of(page)
        except Exception as fault:  # noqa: BLE001  # as where pages are made
            shown = failed_page(page.name, page.title, fault)
            html = html_of(shown)
        faults += [shown.fault] if shown.fault else []
        lake.write(f"{FOLDER}/{page.name}.html", html.encode())
    return faults


def send_week(lake: Lake, product: Product, webhook: str | None) -> bool:
    """Post the digest of the last complete week to the webhook, once; returns whether it was."""
    if not webhook:
        return False
    names = ("kpis", "kpi_changes", "alerts", "opportunities", "themes")
    return send_digest(lake, product, digest_of(product, {name: _shown(lake, name) for name in names}), webhook)


def write_replay(lake: Lake, product: Product, session_key: str) -> Path:
    """Make the page of one recorded session, linked in the report or not.

    Raises KeyError where the session isn't recorded, and NotPublishedError where the player isn't built.
    """
    marts = {name: _shown(lake, name) for name in ("replays", "replay_moments")}
    if player() is None:
        raise NotPublishedError(NO_PLAYER)
    if marts["replays"].schema["session_key"] != pl.String():
        raise NotPublishedError("the marts are of an earlier version; run `footfall run` first")
    if not write_replays(lake, product, marts, [session_key]):
        raise KeyError(session_key)
    return lake.path(f"{FOLDER}/{REPLAYS}/{session_key}.html")


def write_replays(lake: Lake, product: Product, marts: Marts, sessions: Iterable[str]) -> set[str]:
    """Make the pages of these recorded sessions; their names below the report."""
    written = set[str]()
    for session_key, html in _replay_pages(lake, product, marts, sessions):
        name = f"{REPLAYS}/{session_key}.html"
        lake.write(f"{FOLDER}/{name}", html.encode())
        written.add(name)
    return written


def replay_page(lake: Lake, product: Product, session_key: str, note: str = "") -> str | None:
    """The page of one recorded session as HTML, nothing written; None where it isn't recorded, or the player isn't built.

    `note` stands beside when it began.
    """
    keys = {name: mart_key(name) for name in ("replays", "replay_moments")}
    if not all(map(lake.exists, keys.values())):
        return None
    marts = {name: _shown(lake, name) for name in keys}
    return next((html for _, html in _replay_pages(lake, product, marts, [session_key], note)), None)


def _replay_pages(
    lake: Lake, product: Product, marts: Marts, sessions: Iterable[str], note: str = ""
) -> Iterator[tuple[str, str]]:
    """The pages of these recorded sessions by their keys."""
    built, environment = player(), _environment()
    if built is None:
        return
    script, style = (environment.get_template(name).render() for name in ("replay.js", "style.css"))
    policy = (
        f"default-src 'none'; script-src {_hash(built.script)} {_hash(script)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    template = environment.get_template("replay.html.j2")
    wanted = set(sessions)
    for row in marts["replays"].filter(pl.col("session_key").is_in(list(wanted))).rows(named=True):
        parts = replay_parts(lake, row, marts["replay_moments"], product)
        if parts is None:
            continue
        began = f"{row['started_at'].astimezone(product.zone_info):%d %B %Y, %H:%M:%S}"
        html = template.render(
            **parts, product=product, player=built, script=script, style=style, policy=policy, began=began, note=note
        )
        yield parts["name"], html


def _environment() -> Environment:
    return Environment(
        loader=_TEMPLATES, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _shown(lake: Lake, mart: str) -> pl.DataFrame:
    """A mart as far as pages show it: of the long ones the last days."""
    # Pages round what they show; exact are the marts.
    rows = pl.scan_parquet(lake.path(mart_key(mart))).with_columns(cs.decimal().cast(pl.Float64))
    if mart not in _LONG:
        return rows.collect()
    recent = pl.col("day") > pl.col("day").max() - pl.duration(days=_SHOWN_DAYS)
    return rows.filter(recent).collect()


def _script(environment: Environment, page: Page) -> str:
    """The page's own script; empty where it needs none."""
    if page.overlay is None:
        return ""
    names = ("shared", page.overlay.script)
    return "".join(environment.get_template(f"{name}.js").render() for name in names)


def _data(page: Page) -> str:
    """What the script draws, as JSON that can't end the element which it stands in."""
    if page.overlay is None:
        return ""
    text = msgspec.json.encode(page.overlay.data).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, scripts: Sequence[str]) -> str:
    """Nothing but this very style; where there are scripts these very ones, and pictures that stand in the page.

    The place of a provenance is set by its script, as a style of the element.
    """
    drawn = f"; script-src {' '.join(map(_hash, scripts))}; img-src data:" if scripts else ""
    return f"default-src 'none'; style-src {_hash(style)}{drawn}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
