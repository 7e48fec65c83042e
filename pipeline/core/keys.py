"""Where things lie in a home: keys of objects, relative to it, with `/`. What must not be here: what lies there."""

from datetime import date


def day_of(name: str) -> date | None:
    """The day that a name such as `day=2026-02-03` tells; None if it tells none."""
    try:
        return date.fromisoformat(name.removeprefix("day="))
    except ValueError:
        return None


def day_key(table: str, day: date) -> str:
    """Key of a day's partition."""
    return f"{day_folder(table, day)}/part.parquet"


def part_key(table: str, day: date, n: int, number: int, sha256: str) -> str:
    """Key of part `n` of so many of a large day's partition: the content names it, so nothing that is read is replaced."""
    return f"{day_folder(table, day)}/part-{n:04}-of-{number:04}-{sha256[:16]}.parquet"


def day_folder(table: str, day: date) -> str:
    """Folder of a day's partition, where the objects lie too that its rows name."""
    return f"lake/{table}/day={day.isoformat()}"


def period_key(table: str) -> str:
    """Key of a period table, which has no partitions."""
    return f"lake/{table}/part.parquet"


def mart_key(mart: str) -> str:
    """Key of a mart."""
    return f"marts/{mart}.parquet"
