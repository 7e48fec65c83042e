"""Themes of comments, and quotes; a mart is its SQL model and its contract."""

from pipeline.core.registry import TABLES
from pipeline.declare import Domain, PeriodTable, own_rows
from pipeline.domains.themes.quotes import quote_list
from pipeline.domains.themes.themes import comment_themes, theme_list, theme_results

_SECTIONS: tuple[str, ...] = ("surveys", "themes", "voice")

DOMAIN = Domain(
    period_tables=(
        PeriodTable(TABLES["comment_themes"], "feedback", own_rows(comment_themes), "2", sections=_SECTIONS),
        PeriodTable(TABLES["theme_list"], "feedback", own_rows(theme_list), "2", sections=_SECTIONS),
        PeriodTable(TABLES["theme_results"], "feedback", own_rows(theme_results), "2", sections=_SECTIONS),
        PeriodTable(TABLES["quote_list"], "feedback", own_rows(quote_list), "2", sections=_SECTIONS),
    ),
)
