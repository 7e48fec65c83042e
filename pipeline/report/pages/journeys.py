"""The page of journeys (docs/marts.md says what the numbers mean)."""

import polars as pl

from pipeline.core.product import Product
from pipeline.report.asking import asking_lately
from pipeline.report.drop_offs import drop_offs
from pipeline.report.flow import flow_of
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, label, share

_SHOWN = 10


def _journeys(product: Product, marts: Marts) -> Page:
    sections: list[Section] = []
    for name in product.journeys:
        result = marts["journey_edges"].filter(pl.col("journey") == name)
        paths = (
            marts["journey_sequences"]
            .filter(pl.col("journey") == name)
            .sort("visits", "path", descending=[True, False])
            .head(10)
        )
        sections.append(
            Section(
                f"Journey: {name}",
                "Visits of the last 28 days, cut at pauses of half an hour; each column is a step, each ribbon as broad as "
                "visits took it. Below: the most frequent whole paths.",
                [],
                ("path", "visits", "people", "share"),
                [
                    (r["path"], count(r["visits"]), count(r["people"]), share(r["share"]))
                    for r in paths.rows(named=True)
                ],
                flow_of(result.select("source", "target", "transitions").rows()),
                provenance="journey_sequences: path visits people share",
                ask=asking_lately(marts, show="journey", of=name),
            )
        )
        sections += _drop_offs(product, name, marts)
    return Page("journeys", "Journeys", [], sections, lead=_lead(marts["journey_sequences"]))


def _drop_offs(product: Product, name: str, marts: Marts) -> list[Section]:
    """Where visits of a journey end that is looked at forwards; nothing where the mart holds only its largest edges."""
    chosen = product.journeys[name]
    own, paths = (marts[mart].filter(pl.col("journey") == name) for mart in ("journey_edges", "journey_sequences"))
    if chosen.end is not None or own.height >= chosen.edge_limit or own.is_empty():
        return []
    alone = dict(paths.filter(pl.col("steps") == 1).select("path", "visits").rows())
    ends = drop_offs(own.select("source", "target", "transitions").rows(), alone, chosen.steps)
    return [
        Section(
            f"Where visits end: {name}",
            "Of the visits that came to the item at that step, those in which nothing came after it. What comes after the last step "
            "isn't looked at.",
            [],
            ("item", "step", "visits", "ended there", "of those"),
            [
                (each.item, str(each.step), count(each.came), count(each.ended), share(each.ended / each.came))
                for each in ends[:_SHOWN]
            ],
            provenance="journey_edges: source source transitions transitions transitions",
        )
    ]


def _lead(paths: pl.DataFrame) -> str:
    """The most frequent path of each journey."""
    most = paths.sort("visits", "path", descending=[True, False]).unique("journey", keep="first", maintain_order=True)
    return " ".join(
        f"{label(r['journey'])}: the most frequent path is {r['path']}, in {count(r['visits'])} visits."
        for r in most.sort("journey").rows(named=True)
    )


PAGE = ReportPage("journeys", "Journeys", "Why", 130, lambda shown: _journeys(shown.product, shown.marts))
