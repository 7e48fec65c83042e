"""Ranges of people: equal results for any number of them, in one process and in several."""

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.domains.activity.returns import returned
from pipeline.domains.funnels.funnel import FunnelRules, funnel_people
from pipeline.stats.buckets import by_bucket, key_range
from pipeline.stats.ordering import in_order

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
RULES = FunnelRules(3, timedelta(days=7), exclusions=((0, 1),))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days of events of 500 people whose keys lie all over, the least and the largest among them."""
    folder = tmp_path_factory.mktemp("days")
    chance = np.random.default_rng(3)
    keys = np.append(chance.integers(-(2**63), 2**63 - 1, 498, dtype=np.int64), [-(2**63), 2**63 - 1])
    for day in range(20):
        frame = pl.DataFrame(
            {
                "person_key": keys[chance.integers(0, 500, 2_000)],
                "occurred_at": [BEGIN + timedelta(days=day, seconds=int(s)) for s in chance.integers(0, 86_400, 2_000)],
                "steps": chance.choice([1, 2, 4, 3, 0], 2_000),
                "excluded": chance.choice([0, 0, 0, 1], 2_000),
                "day": date(2026, 3, 2) + timedelta(days=day),
            },
            schema_overrides={"occurred_at": pl.Datetime("us", "UTC")},
        )
        frame.sort("person_key", "occurred_at").write_parquet(folder / f"{day:02}.parquet")
    return folder


def funnel(stream: pl.LazyFrame) -> pl.DataFrame:
    return funnel_people(stream, RULES)


def retention(stream: pl.LazyFrame) -> pl.DataFrame:
    visits = stream.select("person_key", day=pl.col("day").to_physical()).unique()
    counts = returned(visits.sort("day", "person_key").collect())[0].filter(pl.col("people_first") > 0)
    return counts.select(
        cohort_day="from_day",
        day_offset=(pl.col("day") - pl.col("from_day")).dt.total_days(),
        people_returned="people_first",
    ).sort("cohort_day", "day_offset")


def summed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return (
        pl.concat(parts)
        .group_by("cohort_day", "day_offset")
        .agg(pl.col("people_returned").sum())
        .sort("cohort_day", "day_offset")
    )


def one_range(folder: Path, compute: Callable[[pl.LazyFrame], pl.DataFrame], buckets: int, bucket: int) -> pl.DataFrame:
    return compute(pl.scan_parquet(folder / "*.parquet").filter(key_range(bucket, buckets)))


@pytest.mark.parametrize("buckets", [4, 64])
def test_any_number_of_ranges_gives_the_same(files: Path, buckets: int) -> None:
    stream = pl.scan_parquet(files / "*.parquet")
    assert pl.concat(by_bucket(stream, funnel, buckets)).equals(funnel(stream))
    assert summed(list(by_bucket(stream, retention, buckets))).equals(retention(stream))


def test_processes_give_the_same(files: Path) -> None:
    stream = pl.scan_parquet(files / "*.parquet")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        people = list(pool.map(partial(one_range, files, funnel, 4), range(4)))
    assert pl.concat(people).equals(funnel(stream))


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same(files: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `dask` isn't installed")
    import cloudpickle  # noqa: PLC0415  # comes with Dask

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        env={"POLARS_MAX_THREADS": "1"},
    )
    stream = pl.scan_parquet(files / "*.parquet")
    with cluster, distributed.Client(cluster) as client:
        people = client.gather(client.map(partial(one_range, files, funnel, 8), range(8)))
        cells = client.gather(client.map(partial(one_range, files, retention, 8), range(8)))
    assert pl.concat(people).equals(funnel(stream))
    assert summed(cells).equals(retention(stream))


def test_ranges_hold_everybody_once() -> None:
    keys = pl.LazyFrame({"person_key": [-(2**63), -(2**63) + 1, -1, 0, 1, 2**62, 2**63 - 1]})
    for buckets in (1, 2, 3, 64):
        parts = [keys.filter(key_range(b, buckets)).collect() for b in range(buckets)]
        assert sorted(pl.concat(parts)["person_key"]) == sorted(keys.collect()["person_key"]), buckets


@pytest.mark.parametrize("keys", [[-(2**63)], [2**63 - 1, -(2**63)], [0, -(2**63), 2**63 - 1, 0, -1]])
def test_few_keys_as_far_apart_as_can_be_are_sorted(keys: list[int]) -> None:
    result = np.array(keys, np.int64)
    positions, _, _, begins = in_order(result, np.zeros(len(keys), np.int64), np.zeros(0, np.int64))
    assert result[positions].tolist() == sorted(keys)
    assert len(begins) == len(set(keys))


@pytest.mark.parametrize("number", [0, 1, 2, 50, 5_000])
@pytest.mark.parametrize("spread", [1, 3, 2**40, 2**63 - 1])
@pytest.mark.parametrize("runs", [0, 1, 30])
def test_the_linear_sort_sorts(number: int, spread: int, runs: int) -> None:
    chance = np.random.default_rng(number)
    key, t = chance.integers(-spread, spread, number, dtype=np.int64), chance.integers(0, 99, number, dtype=np.int64)
    if runs:
        # As daily files come: sorted by key, one after the other.
        key = np.concatenate([np.sort(part) for part in np.array_split(key, runs)])
    positions, times, payload, begins = in_order(key, t, np.arange(number, dtype=np.int32))
    expected = np.lexsort((np.arange(number), t, key))
    assert positions.tolist() == expected.tolist(), "equal ones stay as they came"
    assert (times == t[expected]).all()
    assert (payload == positions).all()
    assert begins.tolist() == [i for i in range(number) if i == 0 or key[expected][i] != key[expected][i - 1]]
