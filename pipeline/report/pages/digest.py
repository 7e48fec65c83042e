"""The digest of the last week as a page."""

from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.report.digest import Digest, digest_of
from pipeline.report.page import ReportPage
from pipeline.report.parts import Page, Section, Tile, linked
from pipeline.report.provenance import Trust, provenance_text


def digest_page(digest: Digest | None, product: Product, trust: Trust) -> Page:
    """The digest as a page, which prints on one."""
    if digest is None:
        return Page("digest", "Digest: No complete week yet", in_navigation=False)
    tiles = [
        Tile(name, value, change, Markup(), "", provenance_text("kpis", "figure", product, trust))
        for name, value, change in digest.figures
    ]
    fix: list[tuple[str, ...]] = [(linked(text, f"case-{own}"),) for own, text in digest.fix]
    sections = [
        Section("What changed", "Beyond the spread between people.", note=" · ".join(digest.changed) or "Nothing."),
        Section("What to fix first", "", header=("opportunity",), rows=fix, note="" if fix else "Nothing can be told from chance."),
        Section("Out of the usual", "", note=" · ".join(digest.alerts) or "Nothing."),
    ]  # fmt: skip
    return Page("digest", f"Digest: {digest.title}", tiles, sections, in_navigation=False)


PAGE = ReportPage(
    "digest",
    "Digest",
    "Today",
    170,
    lambda shown: digest_page(digest_of(shown.product, shown.marts), shown.product, shown.trust),
)
