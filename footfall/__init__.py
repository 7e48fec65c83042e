"""Footfall as a package: its version, questions from Python, and the command (`footfall`, or `python -m footfall`)."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.ask.answer import Answer

__version__ = version("footfall")


def ask(home: str | Path, question: dict[str, Any] | str) -> "Answer":
    """Answer a question about a home: as the page's address (`first=...&show=funnel&of=...`), or as its fields.

    Returns: the answer, `rows` as a Polars frame. Raises ValueError with a sentence where it can't be asked. The fields are those
    of `pipeline.ask.question.Question`, whose JSON Schema `footfall serve` has under `/schema`.
    """
    # Polars and compiled passes load in a second, which `--version` needn't wait for.
    from pipeline.ask.address import question_of  # noqa: PLC0415
    from pipeline.ask.ask import Asker  # noqa: PLC0415
    from pipeline.ask.question import Question  # noqa: PLC0415
    from pipeline.core.object_lake import open_lake  # noqa: PLC0415
    from pipeline.core.product_file import product_of  # noqa: PLC0415

    lake = open_lake(home)
    if isinstance(question, str):
        from urllib.parse import parse_qsl  # noqa: PLC0415

        asked = question_of(parse_qsl(question.partition("?")[2] or question))
    else:
        asked = Question.model_validate(question)
    return Asker(lake, product_of(lake)).answer(asked)
