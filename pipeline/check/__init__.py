"""What `footfall check` says of a home: faults of its product file, and warnings of what in it measures nothing.

A fault stops `run`; a warning stands for a line that does nothing or that nothing in the home fits, mostly a slip.
"""

from dataclasses import dataclass, field

from pipeline.check.fits import unfitting
from pipeline.check.looks import looks, samples
from pipeline.check.settings import idle_settings, unfound_fields
from pipeline.core.lake import Lake
from pipeline.core.product_file import PRODUCT_FILE, ProductFileError, line_of, product_of
from pipeline.ingest.home import HomeMismatch, claim

_FIXED = ("start_date", "time_zone")


@dataclass
class Checked:
    """Sentences with file, line, path and remedy."""

    faults: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


def check_home(lake: Lake) -> Checked:
    """Check the product file of a home against its models, what the home has fixed, and what lies in it."""
    path, file = lake.path(PRODUCT_FILE), lake.name_of(PRODUCT_FILE)
    try:
        product = product_of(lake)
    except ProductFileError as fault:
        return Checked(faults=fault.faults)
    text, result = path.read_text(encoding="utf-8"), Checked()
    try:
        claim(lake, product, dry=True)
    except HomeMismatch as fault:
        reported = next((name for name in _FIXED if str(fault).startswith(name)), _FIXED[0])
        result.faults.append(f"{file}:{line_of(text, reported)}: {fault}")
    sampled = samples(lake, product)
    remarks = [
        *idle_settings(product),
        *unfound_fields(product, sampled),
        *unfitting(product, looks(lake, product, sampled)),
    ]
    result.warnings += [f"{file}:{line_of(text, path)}: {path}: {sentence}" for path, sentence in remarks]
    return result
