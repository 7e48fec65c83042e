"""What a mart is made of, all the way down: sections of the product file and versions of code."""

from functools import cache

from pipeline.build.sql_models import load_models, sources_of
from pipeline.build.tables import DAY_TABLE, PERIOD_TABLE


@cache
def made_of(mart: str) -> tuple[tuple[str, ...], str]:
    """The sections of the product file that reach a mart, as tables declare them, and its SQL with the versions of their code.

    Reading landing files and telling who is who reach every mart; they aren't among them.
    """
    models = load_models()
    sections: set[str] = {"time"}
    seen: set[str] = set()
    codes: list[str] = [models[mart].sql]
    waiting = sorted(sources_of(mart, models))
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in PERIOD_TABLE:
            period = PERIOD_TABLE[name]
            codes.append(f"{name}:{period.code_version}")
            sections.update(period.sections)
            waiting += [period.reads, *period.inputs]
        elif name in DAY_TABLE:
            table = DAY_TABLE[name]
            codes.append(f"{name}:{table.code_version}")
            sections.update(table.sections)
            waiting += [reads.table for reads in table.reads]
    return tuple(sorted(sections)), "|".join(sorted(codes))
