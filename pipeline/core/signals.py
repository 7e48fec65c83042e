"""The signals of friction, by name; which sessions and page views met one is told by bits in their order."""

from typing import Literal, get_args

Signal = Literal[
    "rage_click",
    "dead_click",
    "error_click",
    "broken_link",
    "quick_back",
    "page_loop",
    "form_retry",
    "slow_page",
    "excessive_scroll",
]
# By name, in the order of their bits.
SIGNAL_NAMES: tuple[Signal, ...] = get_args(Signal)
