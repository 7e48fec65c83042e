"""What each period table is computed from and by which function, after all days; pipeline/build.py publishes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from typing import Literal, Protocol

import polars as pl

from pipeline.contracts import TABLES, Table
from pipeline.events.identity import Identities, people, people_first
from pipeline.ingest.manifests import Manifest
from pipeline.lake import Lake
from pipeline.metrics.calibration import friction_effects
from pipeline.metrics.features import feature_counts
from pipeline.metrics.funnel_tables import funnel_durations, funnel_results, funnel_trend_counts
from pipeline.metrics.metric_alerts import metric_alerts
from pipeline.metrics.people import people_daily, retention_cells
from pipeline.metrics.people_tables import (
    journey_edge_counts,
    journey_ways,
    lifecycle_counts,
    return_cells,
    stickiness_counts,
)
from pipeline.metrics.quality import future_counts, ingest_files, rejected_counts
from pipeline.metrics.selectors import SELECTORS
from pipeline.metrics.zone_periods import zone_people_counts
from pipeline.problems.find import Known, find_problems, problems_frame
from pipeline.product import Product, UndeclaredError
from pipeline.product_parts import ProductPart, Section
from pipeline.profile import Facts
from pipeline.state import RAW, DayFailure, Snapshot, hash_texts
from pipeline.value import behaviour, units
from pipeline.value.cohorts import revenue_cells, value_counts
from pipeline.value.customers import customer_fits, customers
from pipeline.value.evidence import opportunity_evidence
from pipeline.value.experiment_moments import Streams
from pipeline.value.experiments import experiment_checks, experiment_days, experiment_results
from pipeline.value.kpi_parts import kpi_parts
from pipeline.value.kpis import kpi_results
from pipeline.value.opportunities import MEASURED, opportunity_results
from pipeline.value.releases import hypothesis_results, release_results
from pipeline.value.replays import watch_list
from pipeline.value.segment_spells import segment_spells
from pipeline.verdicts import IDENTITY_VERSION, Verdicts
from pipeline.voice.behaviour import behaviour_results
from pipeline.voice.choices import choice_counts
from pipeline.voice.quotes import quote_list
from pipeline.voice.scores import feedback_counts, score_results, watched_scores
from pipeline.voice.themes import comment_themes, theme_list, theme_results


class Stands(Protocol):
    """What lies in the home when period tables begin to be made (pipeline/build.py, `Standing`)."""

    manifests: Mapping[str, Manifest]
    snapshot: Snapshot
    verdicts: Verdicts
    held_back: Mapping[str, Mapping[date, DayFailure]]


# What besides days of tables a period table may be made from: landing files, links between devices and users, days that a
# gate holds back, and the counts that the state of each day of `reads` holds.
Also = Literal["files", "links", "held_back", "facts"]


@dataclass(frozen=True)
class PeriodTable:
    """A table without partitions, computed over all days with data of the daily table that it reads.

    `beside` are further daily tables, read over the same days; `product_parts` what it reads of the product file besides
    time. Nothing else can be read, and when any of it changes the table is computed anew.
    """

    contract: Table
    reads: str
    compute: Callable[["PeriodSources"], pl.DataFrame]
    code_version: str = "1"
    beside: tuple[str, ...] = ()
    product_parts: tuple[ProductPart, ...] = ()
    # Besides what `reads` needs: the table exists only where one of these sections is filled (pipeline/configured.py).
    needs: tuple[Section, ...] = ()
    also: tuple[Also, ...] = ()

    def inputs(self, product: Product, standing: Stands) -> str:
        """Hash of all that the table is made from."""
        snapshot = standing.snapshot
        days = snapshot.data_days(self.reads)
        # A day without events is known to be empty; one that is held back isn't known at all.
        read = [
            f"{name}:{day}:{snapshot.output(name, day)}:{day in snapshot.raw}"
            for name in (self.reads, *self.beside)
            for day in days
        ]
        also = [f"{name}:{_VERSIONS[name](standing, self.reads)}" for name in self.also]
        said = product.part_hash("time", *self.product_parts)
        return hash_texts([self.code_version, self.contract.fingerprint, said, *read, *also])


def _links(standing: Stands, _table: str) -> str:
    states = standing.snapshot.states.get("identity_events", {})
    return hash_texts([IDENTITY_VERSION, *(f"{day}:{states[day].output_hash}" for day in sorted(states))])


def _held(standing: Stands, _table: str) -> str:
    held = standing.held_back
    return hash_texts(sorted(f"{name}:{day}:{held[name][day].input_hash}" for name in held for day in held[name]))


def _facts(standing: Stands, table: str) -> str:
    states = standing.snapshot.states.get(table, {})
    # Counts follow from what a day was made from, not from the rows that came out.
    counted = [f"{day}:{states[day].input_hash}" for day in sorted(states)]
    return hash_texts([*map(str, standing.snapshot.data_days()), ">", *counted])


_VERSIONS: dict[Also, Callable[[Stands, str], str]] = {
    "files": lambda standing, _table: standing.snapshot.files,
    "links": _links,
    "held_back": _held,
    "facts": _facts,
}


@dataclass(frozen=True)
class PeriodSources:
    """What a period table is computed from over `days`: what it declares; asking for more raises UndeclaredError."""

    lake: Lake
    whole: Product
    standing: Stands
    days: list[date]
    table: PeriodTable

    @cached_property
    def product(self) -> Product:
        """The sections of the product file that the table declares."""
        return self.whole.only("time", *self.table.product_parts)

    @property
    def rows(self) -> pl.LazyFrame:
        """The table's own daily rows over all days."""
        return self.scan(self.table.reads)

    def scan(self, table: str, first: date = date.min, last: date = date.max) -> pl.LazyFrame:
        """Rows of a daily table over the days, or those from `first` to `last`: only their files are looked at."""
        self._declared(table, (self.table.reads, *self.table.beside))
        if table not in self.standing.snapshot.states:
            # What isn't configured any more may still lie there.
            return TABLES[table].schema.to_frame().lazy()
        return self.lake.scan_days(table, [day for day in self.days if first <= day <= last])

    @property
    def manifests(self) -> Sequence[Manifest]:
        """What became of each landing file."""
        self._declared("files", self.table.also)
        return list(self.standing.manifests.values())

    @property
    def identities(self) -> Identities:
        """Who is who, by all links."""
        self._declared("links", self.table.also)
        return self.standing.verdicts.identities

    @property
    def held_back(self) -> Mapping[str, Mapping[date, DayFailure]]:
        """Days that a gate holds back, by table."""
        self._declared("held_back", self.table.also)
        return self.standing.held_back

    @property
    def facts(self) -> dict[date, Facts]:
        """Counts that the state of each day of the table that it reads holds."""
        self._declared("facts", self.table.also)
        return {day: state.facts for day, state in self.standing.snapshot.states.get(self.table.reads, {}).items()}

    @property
    def data_days(self) -> list[date]:
        """All days from the first with events to the newest, those that a gate holds back among them."""
        self._declared("facts", self.table.also)
        return self.standing.snapshot.data_days()

    def _declared(self, name: str, known: Sequence[str]) -> None:
        if name not in known:
            raise UndeclaredError(
                f"{self.table.contract.name} reads {name} but doesn't declare it; add it to its declaration"
            )


def _own(
    compute: Callable[[pl.LazyFrame, list[date], Product], pl.DataFrame],
) -> Callable[[PeriodSources], pl.DataFrame]:
    """What most are computed from: the table's own daily rows, their days and the product file."""
    return lambda s: compute(s.rows, s.days, s.product)


def _problems(s: PeriodSources) -> pl.DataFrame:
    return problems_frame(find_problems(Known(s.product, s.manifests, s.data_days, s.facts, s.held_back, s.scan)))


def _experiments(s: PeriodSources) -> Streams:
    return Streams(*(s.scan(name) for name in ("exposures", *_EXPERIMENTS)))


def _opportunities(s: PeriodSources) -> dict[str, pl.LazyFrame]:
    themes = comment_themes(s.scan("feedback"), s.days, s.product).lazy()
    return {**{name: s.scan(name) for name in units.READS}, "comment_themes": themes}


_EXPERIMENTS = ("outcomes", "activity", "friction_incidents", "feedback")
_EXPERIMENT_PARTS: tuple[ProductPart, ...] = ("experiments", "friction", "goals", "segments")
_THEMES: tuple[ProductPart, ...] = ("surveys", "themes", "voice")
_OPPORTUNITY_PARTS: tuple[ProductPart, ...] = ("opportunities", "friction", "funnels", "goals", "releases", *_THEMES)
_BEHAVIOUR = ("zone_people", "friction_incidents", "step_events", "activity")

PERIOD_TABLES: tuple[PeriodTable, ...] = (
    PeriodTable(
        TABLES["identity_links"],
        "identity_events",
        lambda s: s.identities.links,
        product_parts=("identity",),
        also=("links",),
    ),
    PeriodTable(
        TABLES["people"],
        "activity",
        lambda s: people(s.rows, s.identities),
        product_parts=("identity",),
        also=("links",),
    ),
    PeriodTable(TABLES["people_first"], "activity", lambda s: people_first(s.rows)),
    PeriodTable(TABLES["people_daily"], "activity", _own(people_daily), "2", product_parts=("goals",)),
    PeriodTable(TABLES["retention_cells"], "activity", _own(retention_cells)),
    PeriodTable(
        TABLES["funnel_results"],
        "step_events",
        lambda s: funnel_results(s.rows, s.days, s.product, partial(s.scan, "step_events")),
        "2",
        product_parts=("funnels",),
    ),
    PeriodTable(
        TABLES["funnel_durations"],
        "step_events",
        lambda s: funnel_durations(s.rows, s.product),
        product_parts=("funnels",),
    ),
    PeriodTable(TABLES["funnel_trend_counts"], "step_events", _own(funnel_trend_counts), product_parts=("funnels",)),
    PeriodTable(TABLES["lifecycle_counts"], "activity", _own(lifecycle_counts)),
    PeriodTable(TABLES["stickiness_counts"], "activity", _own(stickiness_counts)),
    PeriodTable(TABLES["return_cells"], "return_events", _own(return_cells), "2", product_parts=("retention",)),
    PeriodTable(TABLES["feature_counts"], "feature_days", _own(feature_counts), product_parts=("features",)),
    PeriodTable(
        TABLES["zone_people_counts"],
        "zone_people",
        lambda s: zone_people_counts(s.rows, s.scan("sessions"), s.days, s.product),
        "2",
        beside=("sessions",),
        product_parts=("zones", "pages"),
    ),
    PeriodTable(
        TABLES["friction_effects"],
        "first_views",
        lambda s: friction_effects(s.rows, s.scan("activity"), s.days, s.product),
        beside=("activity",),
        product_parts=("friction", "goals"),
        needs=("goals",),
    ),
    PeriodTable(
        TABLES["metric_alerts"],
        "daily_friction",
        lambda s: metric_alerts(
            s.rows,
            s.scan("daily_zones"),
            s.scan("daily_sessions"),
            s.scan("friction_incidents"),
            s.days,
            watched_scores(s.scan("feedback"), s.product),
        ),
        beside=("daily_zones", "daily_sessions", "friction_incidents", "feedback"),
        product_parts=("segments", "surveys"),
    ),
    PeriodTable(
        TABLES["journey_edge_counts"], "journey_events", _own(journey_edge_counts), product_parts=("journeys",)
    ),
    PeriodTable(TABLES["journey_ways"], "journey_events", _own(journey_ways), product_parts=("journeys",)),
    PeriodTable(
        TABLES["feedback_counts"],
        "feedback",
        lambda s: feedback_counts(s.rows, s.product),
        "2",
        product_parts=("segments", "surveys"),
    ),
    PeriodTable(TABLES["score_results"], "feedback", _own(score_results), product_parts=("segments", "surveys")),
    PeriodTable(TABLES["choice_counts"], "feedback", _own(choice_counts), product_parts=("surveys",)),
    PeriodTable(TABLES["comment_themes"], "feedback", _own(comment_themes), "2", product_parts=_THEMES),
    PeriodTable(TABLES["theme_list"], "feedback", _own(theme_list), "2", product_parts=_THEMES),
    PeriodTable(TABLES["theme_results"], "feedback", _own(theme_results), "2", product_parts=_THEMES),
    PeriodTable(TABLES["quote_list"], "feedback", _own(quote_list), "2", product_parts=_THEMES),
    PeriodTable(
        TABLES["behaviour_results"],
        "feedback",
        lambda s: behaviour_results(s.rows, {name: s.scan(name) for name in _BEHAVIOUR}, s.days, s.product),
        beside=_BEHAVIOUR,
        product_parts=("surveys", "voice", "friction", "funnels"),
    ),
    PeriodTable(
        TABLES["kpi_results"],
        "session_kpis",
        lambda s: kpi_results(s.rows, s.scan("activity"), s.scan("first_views"), s.scan("feedback"), s.days, s.product),
        "2",
        beside=("activity", "first_views", "feedback"),
        product_parts=("friction", "goals", "pages", "segments", "surveys"),
    ),
    PeriodTable(TABLES["kpi_parts"], "session_kpis", _own(kpi_parts), "3", product_parts=("segments",)),
    PeriodTable(
        TABLES["segment_spells"],
        "session_kpis",
        lambda s: segment_spells(s.rows, s.scan("activity"), s.product),
        beside=("activity",),
        product_parts=("segments",),
        needs=("segments",),
    ),
    PeriodTable(
        TABLES["value_counts"],
        "outcomes",
        lambda s: value_counts(s.rows, s.scan("activity"), s.days, s.product),
        beside=("activity",),
        product_parts=("value",),
    ),
    PeriodTable(TABLES["revenue_cells"], "outcomes", lambda s: revenue_cells(s.rows, s.days)),
    PeriodTable(
        TABLES["customers"],
        "outcomes",
        lambda s: customers(s.rows, s.scan("activity"), s.days, s.product),
        "2",
        beside=("activity",),
        product_parts=("value",),
    ),
    PeriodTable(TABLES["customer_fits"], "outcomes", _own(customer_fits), "2", product_parts=("value",)),
    PeriodTable(
        TABLES["behaviour_values"],
        "activity",
        lambda s: behaviour.behaviour_values(
            s.rows, {name: s.scan(name) for name in behaviour.READS}, s.days, s.product
        ),
        code_version="2",
        beside=behaviour.READS,
        product_parts=("friction", "funnels"),
        needs=("goals",),
    ),
    PeriodTable(
        TABLES["experiment_days"],
        "exposures",
        lambda s: experiment_days(_experiments(s), s.days, s.product),
        "2",
        beside=_EXPERIMENTS,
        product_parts=_EXPERIMENT_PARTS,
        needs=("experiments",),
    ),
    PeriodTable(
        TABLES["experiment_results"],
        "exposures",
        lambda s: experiment_results(_experiments(s), s.days, s.product),
        "3",
        beside=_EXPERIMENTS,
        product_parts=_EXPERIMENT_PARTS,
        needs=("experiments",),
    ),
    PeriodTable(
        TABLES["experiment_checks"],
        "exposures",
        lambda s: experiment_checks(s.rows, s.product),
        "2",
        product_parts=("experiments",),
        needs=("experiments",),
    ),
    PeriodTable(
        TABLES["opportunity_results"],
        "first_views",
        lambda s: opportunity_results(
            s.rows, {**_opportunities(s), MEASURED: s.scan(MEASURED)}, s.days, s.product, s.scan
        ),
        "2",
        beside=(*units.READS, MEASURED),
        product_parts=_OPPORTUNITY_PARTS,
        needs=(
            "goals",
            "funnels",
        ),
    ),
    PeriodTable(
        TABLES["opportunity_evidence"],
        "first_views",
        lambda s: opportunity_evidence(s.rows, _opportunities(s), s.days, s.product),
        "2",
        beside=units.READS,
        product_parts=_OPPORTUNITY_PARTS,
        needs=(
            "goals",
            "funnels",
        ),
    ),
    PeriodTable(
        TABLES["watch_list"],
        "first_views",
        lambda s: watch_list(s.rows, {**_opportunities(s), "recordings": s.scan("recordings")}, s.days, s.product),
        beside=(*units.READS, "recordings"),
        product_parts=_OPPORTUNITY_PARTS,
        needs=("recordings",),
    ),
    PeriodTable(
        TABLES["release_results"],
        "session_kpis",
        _own(release_results),
        product_parts=("releases", "segments"),
        needs=("releases",),
    ),
    PeriodTable(
        TABLES["hypothesis_results"],
        "session_kpis",
        lambda s: hypothesis_results(s.rows, _experiments(s), s.days, s.product),
        beside=("exposures", *_EXPERIMENTS),
        product_parts=("hypotheses", "releases", *_EXPERIMENT_PARTS),
        needs=("hypotheses",),
    ),
    PeriodTable(TABLES["rejected_counts"], RAW, lambda s: rejected_counts(s.manifests), "2", also=("files",)),
    PeriodTable(TABLES["ingest_files"], RAW, lambda s: ingest_files(s.manifests), also=("files",)),
    PeriodTable(
        TABLES["data_problem_list"],
        "quality_counts",
        _problems,
        beside=(SELECTORS, "exposures"),
        product_parts=("quality", "experiments", "pages", "zones", "capabilities"),
        also=("files", "held_back", "facts"),
    ),
    PeriodTable(
        TABLES["future_counts"],
        "quality_counts",
        lambda s: future_counts(s.manifests, s.rows, s.days[-1] if s.days else None),
        also=("files",),
    ),
)
PERIOD_TABLE: dict[str, PeriodTable] = {table.contract.name: table for table in PERIOD_TABLES}
