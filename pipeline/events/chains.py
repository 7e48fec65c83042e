"""Element chains: the element acted on and its ancestors as open HTML tags, outermost first, matched by CSS selectors.

A chain is `<main><section class="hero"><a class="cta" href="/c/shoes">`. The few thousand distinct ones of a day are
matched once each.
"""

import re
import warnings
from collections.abc import Iterable, Sequence

import polars as pl
import soupsieve
from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

_LABEL = re.compile(r"\b(?:aria-label|title|alt|name|value|id)=\"([^\"]+)\"")


def parsed(chain: str) -> BeautifulSoup | None:
    """The chain as a tree; None where it is none."""
    with warnings.catch_warnings():
        # A chain that looks like an address or a file's name is only a chain without tags.
        warnings.simplefilter("ignore")
        try:
            return BeautifulSoup(chain, "html.parser")
        except ParserRejectedMarkup:
            return None


def depth_of(soup: BeautifulSoup, selectors: Sequence[str]) -> int | None:
    """How deep the deepest element lies that fits one of `selectors`; None where none does."""
    fitting: list[Tag] = soupsieve.select(", ".join(selectors), soup)
    return max(len(list(tag.parents)) for tag in fitting) if fitting else None


def chains_within(chains: Iterable[str], selectors: Sequence[str]) -> list[str]:
    """Those of the distinct `chains` whose element, or an ancestor of it, fits one of `selectors`."""
    if not selectors:
        return []
    return [chain for chain in chains if (soup := parsed(chain)) is not None and depth_of(soup, selectors) is not None]


def innermost(chain: str) -> str:
    """The element acted on, as its open tag; one without attributes with those around it, up to one that bears some."""
    tags = chain.split("<")[1:]
    bearing = [i for i, tag in enumerate(tags) if " " in tag]
    return "<" + "<".join(tags[bearing[-1] if bearing else -1 :]) if tags else chain


def stable_chain(chain: str, dynamic: Sequence[str]) -> str:
    """The chain without ids and classes that fit one of the patterns `dynamic`."""
    patterns = [re.compile(pattern) for pattern in dynamic]

    def kept(values: str) -> str:
        return " ".join(value for value in values.split() if not any(p.search(value) for p in patterns))

    def replaced(result: re.Match[str]) -> str:
        left = kept(result["values"])
        return f' {result["name"]}="{left}"' if left else ""

    return re.sub(r"\s(?P<name>id|class)=\"(?P<values>[^\"]*)\"", replaced, chain)


def labels(chains: pl.Expr) -> pl.Expr:
    """What a person would call the element: its label, title, name or id, else its tag."""
    last = chains.str.extract(r"(<[^<]*)$", 1)
    return pl.coalesce(last.str.extract(_LABEL.pattern, 1), last)
