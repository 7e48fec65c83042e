"""Publish the marts: run a SQL model over the published tables, judge it, replace its Parquet object, keep the record.

`marts/_published.json` says per mart: rows, sha256, newest day with data, days held back. It is written last.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache, cached_property

import msgspec
import polars as pl

from pipeline.build import Outcome, Standing, preview
from pipeline.configured import day_tables, marts, period_tables, table_names
from pipeline.contracts import TABLES, Table
from pipeline.lake import Lake, mart_key, period_key
from pipeline.period_tables import PERIOD_TABLE, PERIOD_TABLES
from pipeline.product import Product
from pipeline.product_parts import ProductPart
from pipeline.profile import Facts, Verdict, batch_profile
from pipeline.restatements import Basis, basis_key, basis_of, causes, enter, read_basis, restated
from pipeline.sealed import delete_sum, read_sealed, write_sealed, write_sum
from pipeline.sql_models import load_models, run_mart, sources_of
from pipeline.state import Snapshot, dirty_days, hash_texts
from pipeline.tables import DAY_TABLE, DAY_TABLES

RECORD_KEY = "marts/_published.json"


class PublishedMart(msgspec.Struct, frozen=True):
    """What was published of a mart. `inputs` is the hash of the home's days that it was made from."""

    rows: int
    sha256: str
    inputs: str
    newest_day: str | None
    failed_days: list[str]


def read_record(lake: Lake) -> dict[str, PublishedMart]:
    """What is published, by mart; empty before the first run."""
    return read_sealed(lake, RECORD_KEY, dict[str, PublishedMart]) or {}


def inputs_of_marts(snapshot: Snapshot, product: Product) -> str:
    """Hash of everything that the period tables and marts depend on."""
    parts = [
        f"{table.contract.name}:{day}:{snapshot.output(table.contract.name, day)}"
        for table in day_tables(product)
        for day in snapshot.data_days()
    ]
    read: set[ProductPart] = {part for table in period_tables(product) for part in table.product_parts}
    said = product.part_hash("time", *read)
    held = dirty_days(day_tables(product), product, snapshot).failed
    held_back = [f"{name}:{day}:{failure.input_hash}" for name, days in held.items() for day, failure in days.items()]
    return hash_texts([said, snapshot.files, code_of_marts(), *parts, *sorted(held_back)])


@cache
def code_of_marts() -> str:
    """Hash of the versions of all tables and of the text of all models."""
    codes = [f"{table.contract.name}:{table.code_version}" for table in PERIOD_TABLES]
    days = [f"{table.contract.name}:{table.code_version}" for table in DAY_TABLES]
    return hash_texts([*codes, *days, *(model.sql for model in load_models().values())])


def marts_are_stale(lake: Lake, product: Product, snapshot: Snapshot) -> bool:
    """Whether a mart is missing or was made from other days than those that lie there."""
    record, inputs = read_record(lake), inputs_of_marts(snapshot, product)
    made = {mart.name for mart in marts(product)}
    return made != record.keys() or any(
        record[name].inputs != inputs or not lake.exists(mart_key(name)) for name in made
    )


def remove_unconfigured(lake: Lake, product: Product) -> None:
    """Remove what was made of tables that the product file no longer configures; BI would read old numbers."""
    made = table_names(product)
    with lake.exclusive():
        for name in DAY_TABLE.keys() - made:
            for folder in (f"lake/{name}", f"lake/_state/{name}"):
                shutil.rmtree(lake.path(folder), ignore_errors=True)
        for name in PERIOD_TABLE.keys() - made:
            shutil.rmtree(lake.path(f"lake/{name}"), ignore_errors=True)
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


MartJudge = Callable[[Table, Product, pl.DataFrame, Facts], Verdict]


def _nothing() -> None:
    """Where nothing was restated."""


class Publication(Standing):
    """What all marts of a run are made from, and the days that a gate holds back.

    With `now`, numbers that were published before and change are entered into the ledger of restatements.
    """

    def __init__(self, lake: Lake, product: Product, now: datetime | None = None) -> None:
        super().__init__(lake, product)
        self._lake, self._product, self.now = lake, product, now
        self._record = read_record(lake)

    def restatement(self, mart: str, frame: pl.DataFrame) -> Callable[[], None]:
        """What enters what changes of the mart that lies there, once `frame` has taken its place."""
        now = self.now
        if now is None:
            return _nothing
        basis, old, key = self._basis, self._record.get(mart), mart_key(mart)
        before = read_basis(self._lake, old.inputs) if old else None
        if old is None or before is None or old.newest_day is None or not self._lake.exists(key):
            return _nothing
        newest = date.fromisoformat(old.newest_day)
        found = restated(mart, pl.read_parquet(self._lake.path(key)), frame, newest)
        cause = causes(before, basis, newest)
        return lambda: enter(self._lake, mart, found, cause, now)

    @cached_property
    def _basis(self) -> Basis:
        """What a later publication is compared with; of earlier ones those that a mart was made from are kept."""
        made_from = basis_of(self.manifests, self.snapshot, self._product, code_of_marts())
        write_sealed(self._lake, basis_key(self.inputs), made_from)
        kept = {basis_key(inputs) for inputs in (self.inputs, *(mart.inputs for mart in self._record.values()))}
        for key in set(self._lake.keys("lake/_state/publications")) - kept:
            self._lake.delete(key)
        return made_from

    @cached_property
    def inputs(self) -> str:
        """Hash of everything that the marts depend on."""
        return inputs_of_marts(self.snapshot, self._product)

    @cached_property
    def failed_days(self) -> list[str]:
        """Days that are held back."""
        return [
            day.isoformat()
            for day in sorted(dirty_days(day_tables(self._product), self._product, self.snapshot).held_back)
        ]


def build_mart(
    lake: Lake, product: Product, name: str, judge: MartJudge, standing: Publication | None = None
) -> Outcome:
    """Compute, judge and publish one mart; where the gate holds it back, the old one stays."""
    standing = standing or Publication(lake, product)
    days = standing.snapshot.data_days()
    standing.check(lake, sorted(set(sources_of(name, load_models())) & DAY_TABLE.keys()))
    frame = run_mart(lake, name, days)
    facts = batch_profile(TABLES[name], frame)
    verdict = judge(TABLES[name], product, frame, facts)
    if verdict.faults:
        return Outcome(None, frame.height, None, verdict, facts, [])
    enter_restated = standing.restatement(name, frame)
    staged = lake.stage(mart_key(name), frame)
    published = PublishedMart(
        rows=frame.height,
        sha256=staged.sha256,
        inputs=standing.inputs,
        newest_day=days[-1].isoformat() if days else None,
        failed_days=standing.failed_days,
    )
    with lake.exclusive():
        standing.publish(lake, staged)
        enter_restated()
        _write_record(lake, {**read_record(lake), name: published})
    return Outcome(None, frame.height, str(lake.path(mart_key(name))), verdict, facts, preview(frame))
