"""What makes numbers doubtful now, as the report says it above everything else."""

from pipeline.events.problem import Problem, current, latest, newest_of, problems_of
from pipeline.report.parts import Marts, Warned, label, linked

_WARNED = 8


def open_problems(marts: Marts) -> list[Problem]:
    """The problems and notes that still stand, each once, the gravest and latest first."""
    return current(latest(problems_of(marts["data_problems"])), newest_of(marts))


def warning(marts: Marts) -> Warned | None:
    """What stands above everything where numbers are in doubt."""
    result = [each for each in open_problems(marts) if each.severity == "problem"]
    if not result:
        return None
    title = "1 problem with the data" if len(result) == 1 else f"{len(result)} problems with the data"
    reported = [
        (f"{label(each.problem).capitalize()}: {each.sentence}.", f"{each.remedy[:1].upper()}{each.remedy[1:]}.")
        for each in result[:_WARNED]
    ]
    return Warned(f"{title}: read numbers with care", reported, linked("All of them, and what came in", "quality"))
