"""One module per event format; each turns a record into canonical events. The list of them is `FORMATS`."""

from pipeline.core.product_sources import FormatName
from pipeline.ingest.sources import (
    amplitude,
    canonical,
    ga4,
    mapping,
    mixpanel,
    posthog,
    rrweb,
    segment,
    snowplow,
    surveys,
)
from pipeline.ingest.sources.base import Format

FORMATS: dict[FormatName, Format] = {
    "canonical": canonical.FORMAT,
    "mapping": mapping.FORMAT,
    "segment": segment.FORMAT,
    "posthog": posthog.FORMAT,
    "snowplow": snowplow.FORMAT,
    "ga4": ga4.FORMAT,
    "mixpanel": mixpanel.FORMAT,
    "amplitude": amplitude.FORMAT,
    "rrweb": rrweb.FORMAT,
    "surveys": surveys.FORMAT,
}
