"""What to fix first; a mart is its SQL model and its contract."""

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.declare import Domain, PeriodSources, PeriodTable
from pipeline.domains.opportunities import units
from pipeline.domains.opportunities.evidence import opportunity_evidence
from pipeline.domains.opportunities.opportunities import MEASURED, opportunity_results
from pipeline.domains.opportunities.watch import watch_list


def _opportunities(s: PeriodSources) -> dict[str, pl.LazyFrame]:
    return {name: s.scan(name) for name in (*units.READS, "comment_themes")}


_OPPORTUNITY_SECTIONS: tuple[str, ...] = ("opportunities", "friction", "funnels", "goals", "releases", "surveys")

DOMAIN = Domain(
    period_tables=(
        PeriodTable(
            TABLES["opportunity_results"],
            "first_views",
            lambda s: opportunity_results(
                s.rows, {**_opportunities(s), MEASURED: s.scan(MEASURED)}, s.days, s.product, s.scan
            ),
            "2",
            inputs=(*units.READS, "comment_themes", MEASURED),
            sections=_OPPORTUNITY_SECTIONS,
            needs=("goals", "funnels"),
        ),
        PeriodTable(
            TABLES["opportunity_evidence"],
            "first_views",
            lambda s: opportunity_evidence(s.rows, _opportunities(s), s.days, s.product),
            "2",
            inputs=(*units.READS, "comment_themes"),
            sections=_OPPORTUNITY_SECTIONS,
            needs=("goals", "funnels"),
        ),
        PeriodTable(
            TABLES["watch_list"],
            "first_views",
            lambda s: watch_list(s.rows, {**_opportunities(s), "recordings": s.scan("recordings")}, s.days, s.product),
            inputs=(*units.READS, "comment_themes", "recordings"),
            sections=_OPPORTUNITY_SECTIONS,
            needs=("recordings",),
        ),
    ),
)
