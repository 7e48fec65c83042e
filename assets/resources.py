"""The one resource: a home folder with its product file. What must not be here: how anything is computed."""

import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import nullcontext
from copy import copy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.names import Names
from assets.partitions import existing_days, local_days
from assets.processes import signs_of_life
from pipeline.build.as_of import Judges, marts_as_of
from pipeline.build.compute import Outcome, build_days, build_period
from pipeline.build.configured import marts, table_names
from pipeline.build.context import BuildContext, find_dirty
from pipeline.build.gate import judge, judge_mart
from pipeline.build.home_models import Models, models_of
from pipeline.build.marts import (
    Publication,
    Stale,
    build_mart,
    find_stale,
    has_renamed,
    read_record,
    remove_unconfigured,
)
from pipeline.build.problems import problems_now
from pipeline.core.lake import Lake
from pipeline.core.object_lake import open_lake
from pipeline.core.product import Product
from pipeline.core.product_file import PRODUCT_FILE, parse_product, product_of
from pipeline.core.state import Dirty, hash_texts
from pipeline.core.states import published_days, scan_days
from pipeline.domains.data_quality.files import file_problems
from pipeline.domains.zones.selectors import SELECTORS, silent_selectors
from pipeline.events.problem import Problem, ProblemId
from pipeline.ingest.drift import Finding, find_drift
from pipeline.ingest.files import ingest, listing, settled_pending
from pipeline.ingest.home import claim, refuse_newer
from pipeline.ingest.landing import LandingFile, printable
from pipeline.ingest.manifests import Manifest, damaged_manifests, objects_by_day, read_manifests
from pipeline.ingest.taking import reader_hash
from pipeline.publish.alert_messages import newest_alerts, published_problems, send_new, send_problems
from pipeline.publish.catalog import write_catalog
from pipeline.report.made import catalog_is_stale, report_is_stale, report_version

# A file that grows shows it within this time, or it isn't being written to.
SETTLE_SECONDS = 1.0

_RELOAD = (
    "`footfall ui` reloads it by itself; without it reload the code location in the UI (Deployment, Code locations)"
)
_NO_PRODUCT = "{name: no product file yet, start_date: 2026-01-01, sources: {none: {}}}"

# Hears (what, done, total) after each file, day or table.
Progress = Callable[[str, int, int], None]


class Home:
    """What assets, sensors and the command line do with one product's home.

    `on_progress` hears of each piece done. `may_lack_product` lets the UI show the graph before there is a product
    file; nothing can be ingested then.
    """

    def __init__(
        self,
        path: Path | str,
        on_progress: Progress = lambda _what, _done, _total: None,
        *,
        may_lack_product: bool = False,
    ) -> None:
        self.lake: Lake = open_lake(path)
        refuse_newer(self.lake)
        self.on_progress = on_progress
        lacks = may_lack_product and not self.product_file.exists()
        self._loaded: Product = parse_product(_NO_PRODUCT) if lacks else self._load()
        self._written: int = 0 if lacks else self.product_file.stat().st_mtime_ns
        self.days: dg.DailyPartitionsDefinition = local_days(self.product)
        self.models: Models = models_of(self.lake)
        self.tables: frozenset[str] = table_names(self.product, self.models)
        self._context: tuple[str, Publication] | None = None
        self._is_claimed = False
        # Files that were taken since this home was opened.
        self.taken: list[Manifest] = []
        # How its assets are called where others share the deployment.
        self.names = Names()
        # Whether files whose size and time are those known are looked into.
        self.rescan = False

    @property
    def product_file(self) -> Path:
        """The product file on this machine."""
        return self.lake.path(PRODUCT_FILE)

    def _load(self) -> Product:
        return product_of(self.lake)

    def named(self, names: Names) -> "Home":
        """This home under names of its own."""
        other = copy(self)
        other.names = names
        return other

    @property
    def product(self) -> Product:
        """The product file as it is now: sensors live long, and the runs that they start read it anew."""
        file = self.product_file
        if file.exists() and (written := file.stat().st_mtime_ns) != self._written:
            self._loaded, self._written = self._load(), written
        return self._loaded

    @property
    def outdated(self) -> str | None:
        """Where the product file's first day, zone or tables are no longer those that the assets were made with: a sentence."""
        made, wanted = self.days, local_days(self.product)
        models = models_of(self.lake)
        # A model that can't be used, or can again, is no reason to stop.
        broken = models.broken | self.models.broken
        if made == wanted and (other := (self.tables ^ table_names(self.product, models)) - broken):
            return f"the home now has other tables ({', '.join(sorted(other))}) than this process began with. {_RELOAD}"
        if made == wanted:
            return None
        return (
            f"product.yaml now says start_date {wanted.start:%Y-%m-%d} and time_zone {wanted.timezone}; this process "
            f"began with {made.start:%Y-%m-%d} and {made.timezone}. {_RELOAD}"
        )

    def exists(self, day: date) -> bool:
        """Whether the local day is over and after the product's start."""
        known = existing_days(self.days)
        return known is not None and known[0] <= day <= known[1]

    def partition_of(self, file: LandingFile) -> date | None:
        """The raw_events partition that a file is shown under: its arrival day, within the days that exist."""
        known = existing_days(self.days)
        return None if known is None else min(max(file.arrived, known[0]), known[1])

    def waiting_files(self) -> list[LandingFile]:
        """Files to take now: not taken yet or changed, and no longer growing."""
        before = listing(self.lake)
        waiting = settled_pending(self.lake, self.product, before, rescan=self.rescan)
        if any(not file.is_done for file in waiting):
            time.sleep(SETTLE_SECONDS)
            waiting = settled_pending(self.lake, self.product, before, rescan=self.rescan)
        return waiting

    def take_files(self, keys: Sequence[str]) -> list[Manifest]:
        """Ingest the waiting files of the named arrival days."""
        claim(self.lake, product_of(self.lake))
        wanted = {date.fromisoformat(key) for key in keys}
        files = [file for file in self.waiting_files() if self.partition_of(file) in wanted]
        taken: list[Manifest] = []
        for manifest in ingest(self.lake, self.product, files):
            taken.append(manifest)
            self.taken.append(manifest)
            self.on_progress("landing files", len(taken), len(files))
        return taken

    def problems(self, but_for: Collection[ProblemId] | None = None) -> list[Problem]:
        """What makes numbers doubtful now; with `but_for` what isn't in it too, however old."""
        return problems_now(self.lake, self.product, but_for)

    def problems_of_files(self, taken: Sequence[Manifest]) -> list[Problem]:
        """What is wrong with files that were just taken."""
        return list(file_problems(taken, self.product))

    def damaged_manifests(self) -> list[str]:
        """A sentence for each manifest that can't be read: its file counts as not taken."""
        damaged, _ = damaged_manifests(self.lake)
        return [f"lake/ingested/{each}.json can't be read; its file is taken again by the next run" for each in damaged]

    def reported_problems(self) -> set[ProblemId]:
        """The problems that were published with the marts."""
        return {each.name for each in published_problems(self.lake, still_open=False)}

    def landing_faults(self) -> list[str]:
        """A sentence with its remedy where there is no landing folder, or a folder in it is no source's."""
        sources = self.product.sources
        if not self.lake.is_remote and not (landing := self.lake.path("landing")).is_dir():
            return [f"{landing} is missing; make it and drop event files into {landing}/<source>/"]
        folders = [name for name in self.lake.folders("landing") if name[0] not in "._"]
        return [
            f"landing/{printable(name)}/ belongs to no source of product.yaml, only {', '.join(sources)}; add it under "
            "sources, or rename the folder"
            for name in folders
            if name not in sources
        ]

    def open_days(self) -> list[str]:
        """A sentence for each day with events that isn't over yet: they wait for its end."""
        known = existing_days(self.days)
        days = objects_by_day(read_manifests(self.lake).values())
        counts = {day: sum(days[day].values()) for day in sorted(days) if known is None or day > known[1]}
        today, zone = datetime.now(self.product.zone_info).date(), self.product.time_zone
        reported = [
            f"{count} events of today, {today}: today's day ends at midnight ({zone}) and is computed then"
            for day, count in counts.items()
            if day == today
        ]
        ahead = {day: count for day, count in counts.items() if day > today}
        if ahead:
            reported.append(
                f"{sum(ahead.values())} events are dated ahead, {min(ahead)} to {max(ahead)}: they wait for their days"
            )
        return reported

    def drift(self, keys: Sequence[str]) -> list[Finding]:
        """How the records that arrived on the named days differ from those before them."""
        days = {date.fromisoformat(key) for key in keys}
        return list(find_drift(read_manifests(self.lake).values(), days, self.product))

    def _context_of(self, run_id: str) -> Publication:
        """What the marts of a run are made from, looked at once a run and again after days were computed in it."""
        if self._context is None or self._context[0] != run_id:
            self._remove_unconfigured()
            self._context = run_id, Publication(self.lake, self.product, datetime.now(UTC))
        return self._context[1]

    def build_days(self, table: str, keys: Sequence[str]) -> Iterator[Outcome]:
        """Compute the named days of a daily table."""
        self._context = None
        if not self._is_claimed:
            # Whoever writes first after an upgrade says in which format the home is from now on.
            claim(self.lake, product_of(self.lake))
            self._is_claimed = True
        days = [date.fromisoformat(key) for key in keys]
        for done, outcome in enumerate(build_days(self.lake, self.product, table, days, judge), start=1):
            self.on_progress(table, done, len(days))
            yield outcome

    def build_period(self, table: str, run_id: str) -> Outcome:
        """Compute a period table."""
        outcome = build_period(self.lake, self.product, table, judge, self._context_of(run_id))
        self.on_progress(table, 1, 1)
        return outcome

    def build_mart(self, mart: str, run_id: str) -> Outcome:
        """Run the SQL model of a mart."""
        outcome = build_mart(self.lake, self.product, mart, judge_mart, self._context_of(run_id))
        self.on_progress(mart, 1, 1)
        return outcome

    def publication(self) -> dict[str, Any]:
        """What is published, in numbers."""
        record = read_record(self.lake).values()
        return {
            "marts": len(record),
            "rows": sum(mart.rows for mart in record),
            "newest_day": max(filter(None, (mart.newest_day for mart in record)), default="none"),
            "days_held_back": sorted({day for mart in record for day in mart.failed_days}),
        }

    def _remove_unconfigured(self) -> None:
        """Where a section went, nothing else may be stale."""
        if read_record(self.lake).keys() - self.tables or has_renamed(self.lake):
            remove_unconfigured(self.lake, self.product)

    def write_report(self) -> Path:
        """Make the report's pages from the published marts; returns the first one."""
        self._remove_unconfigured()
        # Charts take half a second to import, and only here they are needed.
        from pipeline.report.write import write_report  # noqa: PLC0415

        return write_report(self.lake, self.product)

    def write_catalog(self) -> list[str]:
        """Make the catalog of the marts and their dictionary; returns its views."""
        return write_catalog(self.lake, settled=not (self.stale() or any(self.dirty().days.values())))

    def newest_alerts(self) -> list[dict[str, Any]]:
        """Alerts of the newest day with data."""
        return newest_alerts(self.lake)

    def send_alerts(self, webhook: str | None) -> int:
        """Post alerts that began and problems with the data to the webhook; returns how many."""
        return send_new(self.lake, self.product, webhook) + send_problems(self.lake, self.product, webhook)

    def published_problems(self) -> list[Problem]:
        """The problems of the mart that still stand."""
        return published_problems(self.lake)

    def send_digest(self, webhook: str | None) -> bool:
        """Post the digest of the last complete week to the webhook, once; returns whether it was."""
        from pipeline.report.write import send_week  # noqa: PLC0415

        return send_week(self.lake, self.product, webhook)

    def silent_selectors(self) -> list[str]:
        """A sentence for each selector of a zone that no element fits any more."""
        rows = scan_days(self.lake, SELECTORS, published_days(self.lake, SELECTORS))
        return [each.sentence for each in silent_selectors(rows, self.product)]

    def marts_as_of(self, day: date, out: Path) -> list[str]:
        """Make the marts with identity as it stood on `day`, into `out`; returns why any was held back."""
        held = marts_as_of(self.lake, self.product, day, out, Judges(judge, judge_mart, self.on_progress))
        return [fault for outcome in held for fault in outcome.check_result.faults]

    def waiting_days(self) -> set[date]:
        """The raw_events partitions that waiting files belong to."""
        return {day for file in self.waiting_files() if (day := self.partition_of(file)) is not None}

    def waiting_version(self) -> str:
        """A hash of the waiting files and of how they would be read."""
        files = self.waiting_files()
        return hash_texts(sorted(f"{f.file_id}:{f.fingerprint}:{reader_hash(f.source, self.product)}" for f in files))

    def outputs_version(self) -> str:
        """A hash of what report and catalog would be made from now."""
        return report_version(self.lake, self.product)

    def outputs_are_stale(self) -> bool:
        """Whether the report or the catalog is missing, or was made from something else than the marts that lie there."""
        record = read_record(self.lake)
        # What a team adds itself must not keep the report back.
        return all(mart.name in record for mart in marts(self.product)) and (
            report_is_stale(self.lake, self.product) or catalog_is_stale(self.lake)
        )

    def dirty(self) -> Dirty:
        """Which days must be computed now."""
        return find_dirty(self.lake, self.product, self.exists)

    def stale(self) -> Stale:
        """Which period tables and marts must be published now: those that would be made from something else."""
        context = BuildContext(self.lake, self.product)
        # Files of which nothing could be read are a reason to publish too: the report says so.
        return find_stale(self.lake, self.product, context) if context.manifests else Stale((), (), (), "")


def home_resource(home: Home) -> dg.ResourceDefinition:
    """The home as Dagster hands it out: a run that gets it shows that it lives, as long as it uses it."""

    def handed_out(context: dg.InitResourceContext) -> Generator[Home]:
        with signs_of_life(home.lake, context.run.run_id) if context.run else nullcontext():
            yield home

    return dg.ResourceDefinition(handed_out)


def home_of(context: Any, names: Names) -> Home:  # noqa: ANN401  # contexts of assets, checks, ops and sensors
    """The home that an asset, a check or a sensor of these names belongs to."""
    return getattr(context.resources, names.resource)
