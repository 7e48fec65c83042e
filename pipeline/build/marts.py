"""Publish the marts: run a SQL model over the published tables, judge it, replace its Parquet object, keep the record.

`marts/_published.json` says per mart: rows, sha256, newest day with data, days held back. It is written last.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import duckdb
import msgspec
import polars as pl

from pipeline.build.compute import Outcome
from pipeline.build.configured import marts, period_tables, table_names
from pipeline.build.context import BuildContext
from pipeline.build.home_models import Models, models_of
from pipeline.build.restatements import (
    InputsManifest,
    causes,
    enter,
    inputs_manifest_key,
    inputs_manifest_of,
    read_inputs_manifest,
    restated,
)
from pipeline.build.sql_models import code_of, published, run_model
from pipeline.build.staging import preview
from pipeline.build.tables import DAY_TABLE, DAY_TABLES, PERIOD_TABLE, PERIOD_TABLES
from pipeline.core.contract import Table
from pipeline.core.keys import mart_key, period_key
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.core.sealed import delete_sum, read_inputs, read_sealed, read_sum, write_sealed, write_sum
from pipeline.core.state import Snapshot, hash_texts
from pipeline.events.profile import CheckResult, Facts, batch_profile

RECORD_KEY = "marts/_published.json"


class PublishedMart(msgspec.Struct, frozen=True):
    """What was published of a mart. `inputs` is the hash of what it was made from, `inputs_manifest` names that of its publication."""

    rows: int
    sha256: str
    inputs: str
    newest_day: str | None
    failed_days: list[str]
    # Earlier records call it so.
    inputs_manifest: str = msgspec.field(name="basis", default="")

    @property
    def publication(self) -> str:
        """The name of the inputs manifest that it was published with; earlier records have their inputs for it."""
        return self.inputs_manifest or self.inputs


def read_record(lake: Lake) -> dict[str, PublishedMart]:
    """What is published, by mart; empty before the first run."""
    return read_sealed(lake, RECORD_KEY, dict[str, PublishedMart]) or {}


@dataclass(frozen=True)
class Stale:
    """Period tables and marts that would be made from something else now than those that lie there.

    `gone` are marts that lie there and aren't configured any more; `version` a hash of what is to be done.
    """

    periods: tuple[str, ...]
    marts: tuple[str, ...]
    gone: tuple[str, ...]
    version: str

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.periods or self.marts or self.gone)


def find_stale(lake: Lake, product: Product, context: BuildContext) -> Stale:
    """What must be published now; one decision for sensor, nightly job and command line."""
    now = {table.contract.name: table.input_hash(lake, product, context) for table in period_tables(product)}
    periods: list[str] = []
    # In upstream order: what reads one that will change will change too.
    for name, inputs in now.items():
        is_behind = read_inputs(lake, period_key(name)) != inputs
        if is_behind or not set(PERIOD_TABLE[name].periods).isdisjoint(periods):
            periods.append(name)
    models = context.models
    record, made = read_record(lake), [mart.name for mart in marts(product, models)]
    own = {name: _inputs(lake, models, name, context.snapshot) for name in made}
    behind = [
        name
        for name in made
        if name not in record
        or record[name].inputs != own[name]
        or not lake.exists(mart_key(name))
        or not models.sources(name).isdisjoint(periods)
    ]
    gone = sorted(record.keys() - {*made, *models.broken})
    changes = [f"{name}:{now[name]}" for name in periods] + [f"{name}:{own[name]}" for name in behind]
    return Stale(tuple(periods), tuple(behind), tuple(gone), hash_texts([*changes, *gone]))


def _inputs(lake: Lake, models: Models, mart: str, snapshot: Snapshot) -> str:
    """Hash of what a mart is made from as it lies there: its SQL, its contract, and what its sources were made from."""
    days = snapshot.data_days()
    read: list[str] = []
    for source in sorted(models.sources(mart)):
        if source in PERIOD_TABLE:
            read.append(f"{source}:{read_inputs(lake, period_key(source))}")
        elif source in DAY_TABLE:
            read.append(hash_texts([source, *(f"{day}:{snapshot.output(source, day)}" for day in days)]))
        else:
            read.append(f"{source}:{models.small_version(source)}")
    newest = str(days[-1]) if days else ""
    return hash_texts([models.contracts[mart].fingerprint, *code_of(mart, models.models), *read, newest])


def code_of_marts(models: Models) -> str:
    """Hash of the versions of all tables and of the text of all models."""
    codes = [f"{table.contract.name}:{table.code_version}" for table in PERIOD_TABLES]
    days = [f"{table.contract.name}:{table.code_version}" for table in DAY_TABLES]
    return hash_texts([*codes, *days, *(model.sql for model in models.models.values())])


# Period tables that bear another name now.
_RENAMED = ("journey_ways", "segment_spells")


def has_renamed(lake: Lake) -> bool:
    """Whether a table still lies there under a name that it no longer bears."""
    return any(any(lake.keys(f"lake/{name}")) for name in _RENAMED)


def remove_unconfigured(lake: Lake, product: Product) -> None:
    """Remove what was made of tables that the product file no longer configures; BI would read old numbers."""
    models = models_of(lake)
    made = table_names(product, models) | models.broken
    with lake.exclusive():
        for name in DAY_TABLE.keys() - made:
            for folder in (f"lake/_state/{name}", f"lake/{name}"):
                lake.delete_folder(folder)
        for name in (*(PERIOD_TABLE.keys() - made), *_RENAMED):
            lake.delete_folder(f"lake/{name}")
            delete_sum(lake, period_key(name))
        record = read_record(lake)
        if gone := record.keys() - made:
            for name in gone:
                lake.delete(mart_key(name))
            _write_record(lake, {name: mart for name, mart in record.items() if name not in gone})


def _write_record(lake: Lake, record: Mapping[str, PublishedMart]) -> None:
    data = msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=1)
    lake.write(RECORD_KEY, data)
    write_sum(lake, RECORD_KEY, hashlib.sha256(data).hexdigest())


MartJudge = Callable[[Table, Product, pl.DataFrame, Facts], CheckResult]


def _nothing() -> None:
    """Where nothing was restated."""


class Publication(BuildContext):
    """What all marts of a run are made from, and the days that a gate holds back.

    With `now`, numbers that were published before and change are entered into the ledger of restatements.
    """

    def __init__(self, lake: Lake, product: Product, now: datetime | None = None) -> None:
        super().__init__(lake, product)
        self._lake, self._product, self.now = lake, product, now
        self._record = read_record(lake)

    def restatement(self, table: Table, frame: pl.DataFrame) -> Callable[[], None]:
        """What enters what changes of the mart that lies there, once `frame` has taken its place."""
        now, mart = self.now, table.name
        if now is None:
            return _nothing
        inputs_manifest, old, key = self.inputs_manifest, self._record.get(mart), mart_key(mart)
        before = read_inputs_manifest(self._lake, old.publication) if old else None
        if old is None or before is None or old.newest_day is None or not self._lake.exists(key):
            return _nothing
        newest = date.fromisoformat(old.newest_day)
        result = restated(table, pl.read_parquet(self._lake.path(key)), frame, newest)
        cause = causes(before, inputs_manifest, newest)
        return lambda: enter(self._lake, mart, result, cause, now)

    @cached_property
    def inputs_manifest(self) -> InputsManifest:
        """What a later publication is compared with; of earlier ones those that a mart was made from are kept."""
        made_from = inputs_manifest_of(self.manifests, self.snapshot, self._product, code_of_marts(self.models))
        write_sealed(self._lake, inputs_manifest_key(made_from.name), made_from)
        kept = {
            inputs_manifest_key(name)
            for name in (made_from.name, *(mart.publication for mart in self._record.values()))
        }
        for key in set(self._lake.keys("lake/_state/publications")) - kept:
            self._lake.delete(key)
        return made_from

    @cached_property
    def failed_days(self) -> list[str]:
        """Days that are held back."""
        return [day.isoformat() for day in sorted({day for failures in self.held_back.values() for day in failures})]


def build_mart(
    lake: Lake, product: Product, name: str, judge: MartJudge, context: Publication | None = None
) -> Outcome:
    """Compute, judge and publish one mart; where the gate holds it back, the old one stays."""
    context = context or Publication(lake, product)
    days, models = context.snapshot.data_days(), context.models
    table, sources = models.contracts[name], models.sources(name)
    context.check(lake, sorted(sources & DAY_TABLE.keys()))
    for source in sorted(sources & PERIOD_TABLE.keys()):
        lake.check(period_key(source), read_sum(lake, period_key(source)) or "")
    try:
        frame = run_mart(lake, models, name, days)
    except (duckdb.Error, pl.exceptions.PolarsError) as fault:
        if name not in models.own:
            raise
        # A team's model is data: what it can't compute holds its mart back and no other.
        reported = f"{models.models[name].file}: {str(fault).splitlines()[0]}"
        return Outcome(None, 0, None, CheckResult((reported,)), {}, [])
    facts = batch_profile(table, frame)
    check_result = judge(table, product, frame, facts)
    if check_result.faults:
        return Outcome(None, frame.height, None, check_result, facts, [])
    enter_restated, inputs_manifest = context.restatement(table, frame), context.inputs_manifest.name
    inputs = _inputs(lake, models, name, context.snapshot)
    staged = lake.stage(mart_key(name), frame)
    published = PublishedMart(
        rows=frame.height,
        sha256=staged.sha256,
        inputs=inputs,
        newest_day=days[-1].isoformat() if days else None,
        failed_days=context.failed_days,
        inputs_manifest=inputs_manifest,
    )
    with lake.exclusive(), lake.discarding(staged):
        record = read_record(lake)
        if name in record:
            # Who dies before the record is written leaves a mart of which nobody knows what it was made from.
            _write_record(lake, {**record, name: msgspec.structs.replace(record[name], inputs="")})
        context.publish(lake, staged)
        enter_restated()
        # Days may be held back by now of which the others, made from the same, don't know yet.
        others = {mart: msgspec.structs.replace(each, failed_days=context.failed_days) for mart, each in record.items()}
        _write_record(lake, {**others, name: published})
    return Outcome(None, frame.height, lake.name_of(mart_key(name)), check_result, facts, preview(frame))


def run_mart(lake: Lake, models: Models, name: str, days: Sequence[date]) -> pl.DataFrame:
    """The result of a mart's model over what is published; `days` are the local days with data."""
    tables = {
        source: published(lake, source, days)
        if source in TABLES and TABLES[source].layer != "home"
        else _small(models, source)
        for source in sorted(models.sources(name))
    }
    return run_model(name, tables, models.models, models.contracts[name])


def _small(models: Models, name: str) -> pl.DataFrame:
    """A small table of the home; without rows where the team has none."""
    return models.small[name] if name in models.small else TABLES[name].schema.to_frame()
