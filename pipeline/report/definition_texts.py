"""The definitions of docs/definitions/ as the report shows them: one text a page, with anchors for its sections."""

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_OVERVIEW = "README.md"
_LINK = re.compile(r"(?:(?P<page>[a-z_]+)\.md)?(?:#(?P<section>[a-z0-9-]+))?")
# Plain HTML in a text is shown as text.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def definition_texts() -> Iterator[tuple[str, str, Markup]]:
    """Name, title and HTML of each page, in the order of the table of contents."""
    folder = definitions_folder()
    contents = (folder / _OVERVIEW).read_text(encoding="utf-8")
    for name in re.findall(r"^### \[[^\]]*\]\(([a-z_]+)\.md\)", contents, re.MULTILINE):
        title, _, text = (folder / f"{name}.md").read_text(encoding="utf-8").partition("\n")
        yield name, title.removeprefix("# "), _html(text, name)


def anchor(heading: str) -> str:
    """A heading as links name it: as on the pages of a repository's host."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def definitions_folder() -> Traversable:
    """In a checkout the repository's docs/, in an installed package its copy."""
    installed = files("pipeline") / "definitions"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "docs" / "definitions"


def _html(text: str, name: str) -> Markup:
    tokens = _MARKDOWN.parse(text)
    for i, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", f"{name}-{anchor(tokens[i + 1].content)}")
        if token.type in ("heading_open", "heading_close"):
            # The page's own heading and the part's stand above it.
            token.tag = f"h{int(token.tag[1:]) + 1}"
        if token.children:
            token.children = list(_linked(token.children, name))
    # The library escapes what isn't Markdown.
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704


def _linked(tokens: Sequence[Token], name: str) -> Iterator[Token]:
    """Links between definitions lead to their place on this page; of others only the words stay."""
    kept: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            result = _LINK.fullmatch(str(token.attrGet("href")))
            kept.append(result is not None)
            if result is not None:
                parts = [result["page"] or name, result["section"]]
                token.attrSet("href", f"#{'-'.join(part for part in parts if part)}")
        if token.type in ("link_open", "link_close") and not kept[-1]:
            continue
        yield token
