"""What a team adds without a fork: models and small tables in its home, a format of events as a package (examples/)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest
from support import compute_all, take_all

from assets.definitions import build_defs
from assets.names import Names
from assets.resources import Home
from assets.running import Runner
from pipeline.build.context import BuildContext
from pipeline.build.home_models import models_of
from pipeline.build.marts import find_stale, read_record
from pipeline.build.problems import problems_now
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_file import load_product
from pipeline.ingest.manifests import read_manifests
from pipeline.publish.catalog import write_catalog

EXAMPLES = Path(__file__).parents[2] / "examples"
MART = "friction_by_owner"


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's home, computed once."""
    folder = tmp_path_factory.mktemp("own") / "home"
    shutil.copytree(EXAMPLES / "own_models", folder)
    lake, product = Lake(folder), load_product(folder / "product.yaml")
    take_all(lake, product)
    compute_all(lake, product)
    return folder


@pytest.fixture
def home(computed: Path, tmp_path: Path) -> tuple[Lake, Product]:
    shutil.copytree(computed, tmp_path / "home")
    return Lake(tmp_path / "home"), load_product(tmp_path / "home" / "product.yaml")


def stale(lake: Lake, product: Product) -> set[str]:
    return set(find_stale(lake, product, BuildContext(lake, product)).marts)


def mart(lake: Lake, name: str = MART) -> list[dict[str, object]]:
    return pl.read_parquet(lake.path(f"marts/{name}.parquet")).rows(named=True)


def test_a_model_of_the_home_is_a_mart(home: tuple[Lake, Product]) -> None:
    lake, product = home
    assert [(r["owner"], r["rage_clicks"], r["most_rage_clicks"], r["is_over"]) for r in mart(lake)] == [
        ("Discovery", 10, 20, False),
        ("Payments", 10, 5, True),
    ]
    assert stale(lake, product) == set()
    write_catalog(lake)
    with duckdb.connect(str(lake.path("marts/catalog.duckdb")), read_only=True) as catalog:
        assert catalog.sql(f"select count(*) from {MART}").fetchall() == [(2,)]
        units = catalog.sql(
            f"select unit, adds_over from dictionary where mart = '{MART}' and \"column\" = 'rage_clicks'"
        )
        assert units.fetchall() == [("event", "owner, day")]


def test_friction_names_the_owner_of_its_page(home: tuple[Lake, Product]) -> None:
    lake, _ = home
    assert {(r["page"], r["owner"]) for r in mart(lake, "friction")} == {
        ("checkout", "Payments"),
        ("search", "Discovery"),
    }


def test_a_changed_table_makes_what_reads_it_anew_and_nothing_else(home: tuple[Lake, Product]) -> None:
    lake, product = home
    lake.path("tables/owners.csv").write_text("page,owner\ncheckout,Cash\n")
    assert stale(lake, product) == {"friction", MART}
    lake.path("tables/targets.yaml").write_text("- {owner: Cash, most_rage_clicks: 100}\n")
    compute_all(lake, product)
    assert [(r["owner"], r["is_over"]) for r in mart(lake)] == [("Cash", False)]
    lake.path(f"models/{MART}.sql").unlink()
    assert find_stale(lake, product, BuildContext(lake, product)).gone == (MART,)


def _with(text: str, name: str = f"models/{MART}.sql") -> Callable[[Lake], object]:
    return lambda lake: lake.path(name).write_text(text)


NOTE = "-- grain: One row.\n-- key: [a]\n-- columns: {a: the only one}\n"
FAULTS: dict[str, tuple[Callable[[Lake], object], str]] = {
    "no select": (_with("drop table x"), "must be one SELECT"),
    "no note": (_with("select 1 as a"), "say what the mart is"),
    "a note that is no YAML": (_with("-- grain: [\nselect 1 as a"), "isn't valid YAML"),
    "an unknown word": (_with(f"{NOTE.rstrip()}\n-- colour: red\nselect 1 as a"), "colour"),
    "an unknown table": (_with(f"{NOTE}select 1 as a from nowhere"), "there is no table 'nowhere'"),
    "an unknown column": (_with(f"{NOTE}select b as a from friction"), "b"),
    "a column without meaning": (_with(f"{NOTE}select 1 as a, 2 as b"), "b stands in the SELECT or in `columns`"),
    "a key that isn't there": (_with(NOTE.replace("[a]", "[c]") + "select 1 as a"), "the key names c"),
    "a type for which there is no column": (_with(f"{NOTE}select [1] as a"), "cast it to one of"),
    "the clock": (_with(f"{NOTE}select current_date as a"), "differs from run to run"),
    "chance": (_with(f"{NOTE}select random() as a"), "differs from run to run"),
    "a file": (_with(f"{NOTE}select * from read_csv('/etc/passwd')"), "reads a file"),
    "itself": (_with(f"{NOTE}select a from {MART}"), "reads itself"),
    "a name that is ours": (_with(f"{NOTE}select 1 as a", "models/friction.sql"), "rename the file"),
    "an open quote": (_with(f"{NOTE}select 'x as a"), "models/"),
    "a day that isn't there": (_with(NOTE.replace("the only one", "2026-02-31") + "select 1 as a"), "isn't valid YAML"),
    "a file, by the side": (_with(f"{NOTE}select 1 as a from friction, lateral read_text('/etc/hostname')"), "models/"),
    "an age": (_with(f"{NOTE}select age(timestamp '2026-01-01') as a"), "differs from run to run"),
    "a name of an asset": (_with(f"{NOTE}select 1 as a", "models/publication.sql"), "rename the file"),
    "a name with capitals": (_with("a\n1\n", "tables/Owners.csv"), "lower-case"),
    "a table named as a model of ours": (_with("a\n1\n", "tables/int_folds.csv"), "rename the file"),
    "two tables of one name": (_with("- {owner: a}\n", "tables/owners.yaml"), "rename the file"),
    "a list in a cell": (_with("- {owner: [a]}\n", "tables/targets.yaml"), "must be a list of rows"),
    "a row that holds itself": (_with("- &a {owner: *a}\n", "tables/targets.yaml"), "must be a list of rows"),
    "a number without end": (
        _with("- {owner: a, most_rage_clicks: 99999999999999999999999}\n", "tables/targets.yaml"),
        "tables/",
    ),
    "no UTF-8": (lambda lake: lake.path(f"models/{MART}.sql").write_bytes(b"\xff\xfe"), "isn't UTF-8"),
    "owners without a page": (_with("seite,owner\na,b\n", "tables/owners.csv"), "has no column page"),
    "two owners": (_with("page,owner\na,b\na,c\n", "tables/owners.csv"), "two rows have one page"),
    "no rows": (_with("page: checkout\n", "tables/targets.yaml"), "must be a list of rows"),
    "a table of ours": (_with("a\n1\n", "tables/kpis.csv"), "rename the file"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_used_is_told_and_takes_no_other_with_it(home: tuple[Lake, Product], name: str) -> None:
    lake, product = home
    spoil, sentence = FAULTS[name]
    spoil(lake)
    faults = models_of(lake).faults
    file = next(iter(faults))
    assert sentence in faults[file]
    assert faults[file].startswith(file)
    reported = [each for each in problems_now(lake, product) if each.problem == "model_unusable"]
    assert file in [each.subject for each in reported]
    compute_all(lake, product)
    assert file in pl.read_parquet(lake.path("marts/data_problems.parquet"))["subject"].to_list()
    # The other marts are there, and what was published of a broken model stays.
    assert {MART, "friction", "kpis"} <= read_record(lake).keys()
    assert lake.exists(f"marts/{MART}.parquet")


def test_a_faulty_model_takes_only_its_readers_along(home: tuple[Lake, Product]) -> None:
    lake, product = home
    for name, text in {
        "faulty": "-- grain: x\nselect 1 as a",
        "reader": f"{NOTE}select a from faulty",
        "unbound": f"{NOTE}select nothing as a from friction",
        "sound": f"{NOTE}select cast(1 as bigint) as a",
    }.items():
        lake.path(f"models/{name}.sql").write_text(text)
    models = models_of(lake)
    assert models.broken == {"faulty", "reader", "unbound"}
    assert set(models.own) == {MART, "sound"}
    assert build_defs(Home(lake.home)).resolve_asset_graph()
    compute_all(lake, product)
    assert mart(lake, "sound") == [{"a": 1}]


def test_what_fails_on_the_data_holds_its_own_mart_back(home: tuple[Lake, Product]) -> None:
    lake, product = home
    before = mart(lake)
    text = lake.path(f"models/{MART}.sql").read_text()
    lake.path(f"models/{MART}.sql").write_text(
        text.replace("any_value(most_rage_clicks) as", "cast(owner as bigint) as")
    )
    assert models_of(lake).faults == {}
    compute_all(lake, product)
    assert mart(lake) == before
    assert stale(lake, product) == {MART}


@pytest.mark.slow
def test_dagster_shows_and_makes_a_teams_own(home: tuple[Lake, Product]) -> None:
    lake, _ = home
    own = Home(lake.home)
    graph = build_defs(own).resolve_asset_graph()
    node = graph.get(dg.AssetKey(MART))
    assert node.group_name == "team"
    assert {key.path[-1] for key in node.parent_keys} == {"daily_friction", "owners", "targets"}
    lineage = node.metadata["dagster/column_lineage"].deps_by_column
    assert {(d.asset_key.path[-1], d.column_name) for d in lineage["owner"]} == {
        ("owners", "owner"),
        ("targets", "owner"),
    }
    shutil.rmtree(lake.path("lake"))
    shutil.rmtree(lake.path("marts"))
    with dg.DagsterInstance.ephemeral() as instance:
        Runner(own, instance).run()
    assert len(mart(lake)) == 2
    assert "Payments" in lake.path("report/friction.html").read_text()


@pytest.mark.slow
def test_a_home_has_names_of_its_own_in_a_shared_deployment(home: tuple[Lake, Product]) -> None:
    lake, _ = home
    names = Names(("acme", "shop"), "shop_", ("team:growth", "pm@acme.example"))
    own = Home(lake.home).named(names)
    for folder in ("lake", "marts"):
        shutil.rmtree(lake.path(folder))
    with dg.DagsterInstance.ephemeral() as instance:
        runner = Runner(own, instance)
        runner.run()
        assert runner.failures == []
        made = instance.get_latest_materialization_event(names.key(MART))
        checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(names.key("report"), "newest_day_age")]
        )
    assert made is not None
    assert len(checks) == 1
    graph = build_defs(own, names.key_prefix, names.group_prefix, names.owners).resolve_asset_graph()
    assert {key.path[:2] == ["acme", "shop"] for key in graph.get_all_asset_keys()} == {True}
    assert {node.group_name[:5] for node in graph.asset_nodes} == {"shop_"}
    assert set(graph.get(names.key(MART)).owners) == {"team:growth", "pm@acme.example"}


@pytest.mark.slow
def test_a_format_comes_with_a_package(tmp_path: Path) -> None:
    """Built and installed as any package, into a folder of its own; then the command line knows its format."""
    uv, site, home = Path(sys.executable).with_name("uv"), tmp_path / "site", tmp_path / "home"
    shutil.copytree(EXAMPLES / "own_source", tmp_path / "package")
    shutil.move(tmp_path / "package" / "home", home)
    install = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--target", site, tmp_path / "package"]
    subprocess.run(install, check=True, cwd=tmp_path)
    footfall = Path(sys.executable).with_name("footfall")
    without = subprocess.run([footfall, "check", "--home", home], capture_output=True, text=True, check=False)
    assert without.returncode == 1
    assert "'kiosk' is no word that is known here" in without.stderr
    known = {**os.environ, "PYTHONPATH": str(site)}
    ran = subprocess.run([footfall, "run", "--home", home], env=known, capture_output=True, text=True, check=False)
    assert "35 records: 26 accepted, 1 rejected, 8 left out" in ran.stdout + ran.stderr
    rejected = subprocess.run(
        [footfall, "rejected", "--home", home], env=known, capture_output=True, text=True, check=False
    )
    assert "unknown_kind" in rejected.stdout
    kpis = pl.read_parquet(home / "marts" / "daily_kpis.parquet").row(0, named=True)
    (manifest,) = read_manifests(Lake(home)).values()
    assert (kpis["sessions"], kpis["orders"], kpis["revenue"]) == (8, 6, Decimal("40.5"))
    assert manifest.filtered == {"kiosk_heartbeat": 8}
