"""Questions as addresses: the model's JSON flattened with dots, defaults left out, so that one question has one address."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from pipeline.ask.question import Question

Params = list[tuple[str, str]]
_NEVER_SILENT = {"retention": "period", "journey": "items"}
_DEEPEST, _LONGEST_NAME, _MOST = 8, 120, 400


def params_of(question: Question) -> Params:
    """The parameters that say the question, in one order."""
    said = question.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    # Of one of its own that is all defaults there is something to say all the same: that it is meant.
    for name, field in _NEVER_SILENT.items():
        own = getattr(question, name)
        if own is not None:
            said[name] = {field: getattr(own, field), **said.get(name, {})}
    return list(_flat(said, ""))


def address_of(question: Question, more: Iterable[tuple[str, str]] = ()) -> str:
    """The query of the question's address, with further parameters behind it."""
    return urlencode([*params_of(question), *more])


def _flat(value: Any, name: str) -> Iterable[tuple[str, str]]:  # noqa: ANN401  # JSON holds anything
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in pairs:
            yield from _flat(each, f"{name}.{key}" if name else str(key))
    elif value is not None:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def question_of(params: Params) -> Question:
    """The question that parameters say; those without a value say nothing.

    Raises ValueError, of which pydantic's own is one, with a sentence for each fault.
    """
    return Question.model_validate(nested([(name, value) for name, value in params if value != ""]))


def nested(params: Params) -> dict[str, Any]:
    """What parameters with dots in their names say, as JSON has it; ValueError where they contradict each other."""
    if len(params) > _MOST:
        raise ValueError(f"a question has {_MOST} parameters at most")
    root: dict[str, Any] = {}
    for name, text in params:
        parts = name.split(".")
        if len(name) > _LONGEST_NAME or len(parts) > _DEEPEST:
            raise ValueError("no question has so long a parameter")
        node = root
        for part in parts[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name} contradicts another parameter")  # noqa: TRY004  # what the address says is no type
        if parts[-1] in node:
            raise ValueError(f"{name} stands twice, or contradicts another parameter")
        node[parts[-1]] = text
    return _with_lists(root)


def _with_lists(node: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    """A mapping whose keys are numbers is a list: their order counts, and gaps that a removed line leaves don't."""
    if not isinstance(node, dict):
        return node
    made = {key: _with_lists(value) for key, value in node.items()}
    is_list = bool(made) and all(key.isascii() and key.isdigit() and len(key) < 4 for key in made)  # noqa: PLR2004  # places
    return [made[key] for key in sorted(made, key=int)] if is_list else made
