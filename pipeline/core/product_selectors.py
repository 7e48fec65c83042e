"""CSS selectors of the product file, which are matched against element chains."""

import re
from typing import Annotated

import soupsieve
from pydantic import AfterValidator

# Selectors that look at siblings or content; an element chain holds only the element and its ancestors.
_SIBLINGS = re.compile(r"\+|~(?!=)|:(?:nth|first|last|only|empty)")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def _valid_selector(selector: str) -> str:
    try:
        soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, ValueError) as fault:
        raise ValueError(
            f"{selector!r} is no CSS selector: {str(fault).splitlines()[0]}; write one such as nav a.buy"
        ) from None
    if _SIBLINGS.search(_QUOTED.sub("", selector)):
        raise ValueError(
            f"{selector!r} asks for siblings, which an element chain doesn't hold; use ids, classes, ancestors"
        )
    return selector


Selector = Annotated[str, AfterValidator(_valid_selector)]
