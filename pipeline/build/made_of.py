"""What a mart is made of, all the way down: sections of the product file and versions of code."""

from collections.abc import Iterable
from functools import cache

from pipeline.build.sql_models import load_models, sources_of
from pipeline.build.tables import DAY_TABLE, PERIOD_TABLE
from pipeline.core.state import IDENTITY, RESOLUTIONS


def upstream(names: Iterable[str], *, who_is_who: bool = False) -> set[str]:
    """These tables and all that they are made from, by what tables declare; with `who_is_who` what tells that, too."""
    result: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in result:
            continue
        result.add(name)
        if name in PERIOD_TABLE:
            period = PERIOD_TABLE[name]
            waiting += [period.reads, *period.inputs]
            read = [IDENTITY] if "links" in period.also else []
        else:
            read = [reads.table for reads in DAY_TABLE[name].reads] if name in DAY_TABLE else []
        for each in read:
            waiting += RESOLUTIONS.get(each, (each,)) if who_is_who else (each,) if each not in RESOLUTIONS else ()
    return result


@cache
def made_of(mart: str) -> tuple[tuple[str, ...], str]:
    """The sections of the product file that reach a mart, as tables declare them, and its SQL with the versions of their code.

    Reading landing files and telling who is who reach every mart; they aren't among them.
    """
    models = load_models()
    sections: set[str] = {"time"}
    codes: list[str] = [models[mart].sql]
    for name in upstream(sources_of(mart, models)):
        table = PERIOD_TABLE.get(name) or DAY_TABLE.get(name)
        if table is not None:
            codes.append(f"{name}:{table.code_version}")
            sections.update(table.sections)
    return tuple(sorted(sections)), "|".join(sorted(codes))
