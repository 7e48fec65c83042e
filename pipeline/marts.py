"""Publish the marts: run a SQL model over the published tables, judge it, replace its Parquet object, keep the record.

`marts/_published.json` says per mart: rows, sha256, newest day with data, days held back. It is written last.
"""

from collections.abc import Callable
from functools import cached_property

import msgspec
import polars as pl

from pipeline.build import Outcome, Standing, preview
from pipeline.contracts import MARTS, TABLES, Table
from pipeline.lake import Lake, mart_key
from pipeline.period_tables import PERIOD_TABLES
from pipeline.product import Product
from pipeline.profile import Facts, Verdict, batch_profile
from pipeline.sql_models import load_models, run_mart
from pipeline.state import Snapshot, dirty_days, hash_texts
from pipeline.tables import DAY_TABLES

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
    data = lake.read(RECORD_KEY)
    return msgspec.json.decode(data, type=dict[str, PublishedMart]) if data else {}


def inputs_of_marts(snapshot: Snapshot, product: Product) -> str:
    """Hash of everything that the period tables and marts depend on."""
    parts = [
        f"{table.contract.name}:{day}:{snapshot.output(table.contract.name, day)}"
        for table in DAY_TABLES
        for day in snapshot.data_days()
    ]
    models = [model.sql for model in load_models().values()]
    codes = [f"{table.contract.name}:{table.code_version}" for table in PERIOD_TABLES]
    said = product.part_hash(
        "time",
        "funnels",
        "retention",
        "journeys",
        "features",
        "identity",
        "zones",
        "goals",
        "friction",
        "surveys",
        "themes",
        "voice",
        "segments",
        "value",
        "kpis",
        "experiments",
        "releases",
        "hypotheses",
        "opportunities",
    )
    return hash_texts([said, snapshot.files, *codes, *models, *parts])


def marts_are_stale(lake: Lake, product: Product, snapshot: Snapshot) -> bool:
    """Whether a mart is missing or was made from other days than those that lie there."""
    record, inputs = read_record(lake), inputs_of_marts(snapshot, product)
    return any(
        mart.name not in record or record[mart.name].inputs != inputs or not lake.exists(mart_key(mart.name))
        for mart in MARTS
    )


MartJudge = Callable[[Table, Product, pl.DataFrame, Facts], Verdict]


class Publication(Standing):
    """What all marts of a run are made from, and the days that a gate holds back."""

    def __init__(self, lake: Lake, product: Product) -> None:
        super().__init__(lake, product)
        self._product = product

    @cached_property
    def inputs(self) -> str:
        """Hash of everything that the marts depend on."""
        return inputs_of_marts(self.snapshot, self._product)

    @cached_property
    def failed_days(self) -> list[str]:
        """Days that are held back."""
        return [day.isoformat() for day in sorted(dirty_days(DAY_TABLES, self._product, self.snapshot).held_back)]


def build_mart(
    lake: Lake, product: Product, name: str, judge: MartJudge, standing: Publication | None = None
) -> Outcome:
    """Compute, judge and publish one mart; where the gate holds it back, the old one stays."""
    standing = standing or Publication(lake, product)
    days = standing.snapshot.data_days()
    frame = run_mart(lake, name, days)
    facts = batch_profile(TABLES[name], frame)
    verdict = judge(TABLES[name], product, frame, facts)
    if verdict.faults:
        return Outcome(None, frame.height, None, verdict, facts, [])
    sha256 = lake.write_frame(mart_key(name), frame)
    published = PublishedMart(
        rows=frame.height,
        sha256=sha256,
        inputs=standing.inputs,
        newest_day=days[-1].isoformat() if days else None,
        failed_days=standing.failed_days,
    )
    with lake.exclusive():
        record = {**read_record(lake), name: published}
        lake.write(RECORD_KEY, msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=1))
    return Outcome(None, frame.height, str(lake.path(mart_key(name))), verdict, facts, preview(frame))
