"""Runs for the command line, in this process, through the same Dagster instance as the UI.

What must not be here: what is dirty (pipeline/core/state.py), or what a command prints (assets/cli.py).
"""

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import dagster as dg

from assets.automation import day_keys, dirty_keys, publish_keys
from assets.dagster_home import dagster_home
from assets.definitions import build_defs
from assets.names import OUTPUTS, Names
from assets.partitions import existing_days, range_runs, range_tags
from assets.processes import runs_under_way
from assets.resources import Home
from assets.run_failures import reason
from pipeline.build.tables import own_day_tables
from pipeline.build.today import Today, compute_today, drop_what_is_over
from pipeline.core.state import RAW
from pipeline.ingest.landing import LandingFile

# By this tag the UI files a run under the job of our code location.
_LOCATION = {".dagster/repository": "__repository__@footfall"}
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """What a run would do: files to take, ranges of days to compute, and whether marts follow."""

    files: Sequence[LandingFile]
    ranges: Sequence[tuple[date, date]]
    days: dict[str, int]
    marts: bool


@dataclass
class Runner:
    """Runs jobs over one home in this process. `failures` collects a sentence per run that failed."""

    home: Home
    instance: dg.DagsterInstance
    failures: list[str] = field(default_factory=list)

    @cached_property
    def _definitions(self) -> dg.Definitions:
        names = self.home.names
        return build_defs(self.home, names.key_prefix, names.group_prefix, names.owners)

    def run(self) -> None:
        """Take what landed, compute the days that changed, publish the marts."""
        self.take_files()
        self.compute_dirty_days()
        self.publish_marts()
        drop_what_is_over(self.home.lake, self.home.product)

    def compute_today(self) -> Today:
        """Compute today from what was taken of it, for questions and replays only; ValueError where that can't be."""
        home, now = self.home, datetime.now(UTC)
        today = now.astimezone(home.product.zone_info).date()
        return compute_today(home.lake, home.product, today, now, home.on_progress)

    def take_files(self) -> int:
        """Ingest the landing files that wait; returns how many waited. A folder that can't be right is a failure."""
        self.failures += self.home.landing_faults()
        files = self.home.waiting_files()
        days = {day for file in files if (day := self.home.partition_of(file)) is not None}
        for _, tags in range_runs(days):
            self._execute(self.home.names.named("days"), [self.home.names.key(RAW)], tags)
        return len(files)

    def compute_dirty_days(self) -> None:
        """Compute dirty days, range by range, until none is left but those that a gate holds back."""
        before: Collection[date] | None = None
        while (dirty := self.home.dirty()).runnable and dirty.runnable != before:
            before = dirty.runnable
            for _, tags in range_runs(before):
                self._execute(self.home.names.named("days"), dirty_keys(self.home, dirty, tags), tags)

    def backfill(self, first: date, last: date) -> None:
        """Compute `first` to `last` again, and sessions and below a day wider, dirty or not."""
        known = existing_days(self.home.days)
        if known is None or first < known[0] or last > known[1]:
            span = "no day is over yet" if known is None else f"days from {known[0]} to {known[1]} exist"
            raise ValueError(f"{first} to {last} can't be computed: {span}")
        alone = own_day_tables()
        keys = day_keys(self.home)
        own = [key for key in keys if key.path[-1] in alone]
        self._execute(self.home.names.named("days"), [self.home.names.key(RAW), *own], range_tags(first, last))
        wider = range_tags(max(known[0], first - _ONE_DAY), min(known[1], last + _ONE_DAY))
        self._execute(self.home.names.named("days"), [key for key in keys if key not in own], wider)

    def publish_marts(self, *, rebuild: bool = False, outputs: bool = True) -> bool:
        """Publish period tables and marts if they are behind, report and catalog if those still are; was either?

        Without `outputs` report and catalog stay as they are.
        """
        stale = self.home.stale()
        if is_behind := rebuild or bool(stale):
            self._execute(
                self.home.names.named("marts"), None if rebuild else publish_keys(self.home, stale, outputs=outputs), {}
            )
        # Where a mart was held back Dagster left out what is made from all of them.
        if is_old := outputs and self.home.outputs_are_stale():
            self._execute(self.home.names.named("marts"), self.home.names.keys(OUTPUTS), {})
        return is_behind or is_old

    def _execute(self, job: str, keys: Sequence[dg.AssetKey] | None, tags: dict[str, str]) -> None:
        result = self._definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            asset_selection=keys,
            tags={**tags, **_LOCATION},
            run_config=_QUIET,
            raise_on_error=False,
        )
        if result.success:
            return
        failed = result.get_step_failure_events()
        if any(_is_interrupt(event) for event in failed) or result.dagster_run.status == dg.DagsterRunStatus.CANCELED:
            # Ctrl-C; Dagster records it and goes on.
            raise KeyboardInterrupt
        whole = [event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
        self.failures += [reason(event) for event in failed or whole]


def _is_interrupt(event: dg.DagsterEvent) -> bool:
    error = event.step_failure_data.error
    return error is not None and error.cls_name == "DagsterExecutionInterruptedError"


@contextmanager
def open_instance(home: Home) -> Generator[dg.DagsterInstance]:
    """The instance that the UI uses too; runs whose worker is gone are recorded as failed.

    Raises DagsterHomeError where DAGSTER_HOME can't be used for this home.
    """
    dagster_home(home.lake.home)
    with dg.DagsterInstance.get() as instance:
        runs_under_way(instance, home.lake, home.names)
        yield instance


@contextmanager
def open_runner(home: Home) -> Generator[Runner]:
    """A runner on that instance."""
    with open_instance(home) as instance:
        yield Runner(home, instance)


def last_failures(instance: dg.DagsterInstance) -> dict[str, datetime]:
    """Our jobs whose last run failed, and when."""
    result: dict[str, datetime] = {}
    for job in map(Names().named, ("days", "marts")):
        for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=1):
            if record.dagster_run.status == dg.DagsterRunStatus.FAILURE:
                result[job] = record.update_timestamp
    return result


def plan(home: Home) -> Plan:
    """What a run would do now, without doing it."""
    files = home.waiting_files()
    dirty = home.dirty()
    ranges = [(date.fromisoformat(name[:10]), date.fromisoformat(name[-10:])) for name, _ in range_runs(dirty.runnable)]
    return Plan(
        files=files,
        ranges=ranges,
        days={name: len(days) for name, days in dirty.days.items() if days},
        marts=bool(files or ranges) or bool(home.stale()) or home.outputs_are_stale(),
    )
