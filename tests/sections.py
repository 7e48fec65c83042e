"""The demo shop's product file with every section set."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

SHOP = Path(__file__).parents[1] / "examples" / "shop" / "product.yaml"
# Sections that the shop leaves out; what is asked for only where something is set must be asked for here.
_MORE: dict[str, Any] = {
    "exposure": {"least_ms": 200},
    "friction": {"rule_sets": {"default": {}, "posthog": {}}},
    "elements": {"dynamic": ["panel"]},
    "exchange_rates": {"USD": 0.9},
    "channels": {"partners": {"sources": ["partner"]}},
    "own_hosts": ["shop.example"],
    "unwanted_referrers": ["pay.example"],
    "voice": {"language": "en"},
    "value": {"horizon_days": 90},
    "sessions": {"pause_minutes": 20},
    "identity": {"placeholders": ["nobody"]},
    "bots": {"interactions_per_minute": 90},
    "privacy": {"drop_properties": ["note"]},
    "capture": {"origins": ["https://shop.example"], "source": "shop"},
}


def every_section() -> dict[str, Any]:
    """Anew for each caller, who may change it."""
    return {**YAML(typ="safe").load(SHOP.read_text()), **deepcopy(_MORE)}
