"""What `make quick` runs."""

from affected import affected

TESTS = {
    "tests/pipeline/test_lake.py": "from pipeline.core.lake import Lake\nfrom support import drop\n",
    "tests/pipeline/test_zones.py": "    from pipeline.domains.zones.zone_tables import daily_zones\n",
    "tests/sql/test_models.py": "import duckdb\n",
}


def test_tests_that_name_what_changed() -> None:
    assert affected({"pipeline/core/lake.py"}, TESTS) == ["tests/pipeline/test_lake.py"]
    assert affected({"pipeline/domains/zones/zone_tables.py", "README.md"}, TESTS) == ["tests/pipeline/test_zones.py"]
    assert affected({"tests/support.py"}, TESTS) == ["tests/pipeline/test_lake.py"]
    assert affected({"dbt_like_sql/marts/zones/zone_reach.sql"}, TESTS) == ["tests/sql/test_models.py"]
    assert affected({"tests/pipeline/test_zones.py"}, TESTS) == ["tests/pipeline/test_zones.py"]
    assert affected({"docs/bi.md"}, TESTS) == []
