"""Check results of the gate as Dagster asset checks, and the materializations that follow. What must not be here: judging."""

import random
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.metadata import outcome_metadata
from assets.names import Names
from assets.resources import Home, home_of
from pipeline.build.compute import Outcome
from pipeline.core.states import published_days

MAX_RETRIES = 3
MAX_AGE_DAYS = 2

Events = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


def check_specs(table: str, names: Names) -> list[dg.AssetCheckSpec]:
    """The check of every table: hard facts of the batch hold it back, what is odd beside other days only warns."""
    description = "Hard facts of the batch itself hold it back; what is odd beside other days is a warning."
    return [dg.AssetCheckSpec(f"{table}_gate", asset=names.key(table), blocking=True, description=description)]


@contextmanager
def io_retries(context: dg.AssetExecutionContext) -> Generator[None]:
    """Run the step again where a disk or network failed, with growing, jittered pauses; never for other faults."""
    try:
        yield
    except OSError as fault:
        pause = 2**context.retry_number + random.random()  # noqa: S311  # jitter, no secret
        raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=pause) from fault


def report_days(context: dg.AssetExecutionContext, table: str, outcomes: Iterable[Outcome]) -> Events:
    """Record each day: good ones as materialized, held back ones by one failed check that names them all."""
    with io_retries(context):
        done = list(outcomes)
    held = [outcome for outcome in done if outcome.path is None]
    good = [outcome for outcome in done if outcome.path is not None]
    if not held:
        for outcome in good:
            context.add_asset_metadata(outcome_metadata(outcome), partition_key=str(outcome.day))
        yield _gate(table, done)
        yield dg.MaterializeResult()
        return
    for outcome in good:
        context.log_event(
            dg.AssetMaterialization(context.asset_key, partition=str(outcome.day), metadata=outcome_metadata(outcome))
        )
    yield _gate(table, done)
    raise dg.Failure(_sentence(held), allow_retries=False)


def report_one(table: str, outcome: Outcome) -> Events:
    """Record a table without partitions."""
    yield _gate(table, [outcome])
    if outcome.path is None:
        raise dg.Failure(_sentence([outcome]), allow_retries=False)
    yield dg.MaterializeResult(metadata=outcome_metadata(outcome))


def _gate(table: str, done: list[Outcome]) -> dg.AssetCheckResult:
    held = [outcome for outcome in done if outcome.check_result.faults]
    odd = [outcome for outcome in done if outcome.check_result.faults or outcome.check_result.warnings]
    return dg.AssetCheckResult(
        check_name=f"{table}_gate",
        passed=not odd,
        severity=dg.AssetCheckSeverity.ERROR if held else dg.AssetCheckSeverity.WARN,
        description=_sentence(held) if held else f"{len(done)} batches, {sum(o.rows for o in done)} rows",
        metadata={str(o.day or table): "; ".join((*o.check_result.faults, *o.check_result.warnings)) for o in odd},
    )


def _sentence(held: list[Outcome]) -> str:
    return " | ".join(f"{o.day or 'whole table'} held back: {'; '.join(o.check_result.faults)}" for o in held)


def warning_check(
    names: Names, asset: str, name: str, description: str, look: Callable[[Home], dg.AssetCheckResult]
) -> dg.AssetChecksDefinition:
    """A check that warns and holds nothing back."""

    @dg.asset_check(
        asset=names.key(asset),
        name=name,
        description=f"{description}; a warning, never a gate.",
        required_resource_keys={names.resource},
    )
    def _check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        return look(home_of(context, names))

    return _check


def newest_day_age(names: Names) -> dg.AssetChecksDefinition:
    """Warn where no new data came for days. The only place where a clock is read to judge data."""

    def look(home: Home) -> dg.AssetCheckResult:
        days = published_days(home.lake, "events")
        today = datetime.now(tz=UTC).astimezone(home.product.zone_info).date()
        age = (today - days[-1]).days if days else None
        return dg.AssetCheckResult(
            passed=age is not None and age <= MAX_AGE_DAYS,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"newest_day": str(days[-1]) if days else "none", "age_days": age if age is not None else -1},
        )

    return warning_check(names, "report", "newest_day_age", "Age of the newest day with data", look)
