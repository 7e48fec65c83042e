"""What in a product file leads nowhere or stands twice: pages, zones, properties, goals and others that are named."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

from pipeline.core.product_metrics import DIMENSIONS, FUNNEL_UNITS, Match
from pipeline.core.product_value import NOT_OF_A_DAY, Kpi

if TYPE_CHECKING:
    from pipeline.core.product import Product


def reference_faults(product: "Product") -> list[str]:
    """A sentence with its remedy for each of them, in the order of the sections."""
    faults = [*_page_faults(product), *_property_faults(product), *_zone_version_faults(product)]
    return [*faults, *_survey_faults(product), *_decision_faults(product)]


def _matches(product: "Product") -> list[tuple[str, Match]]:
    steps = [(f"funnels.{n}.steps.{i}", s) for n, f in product.funnels.items() for i, s in enumerate(f.steps)]
    exclusions = [
        (f"funnels.{n}.exclusions.{i}", e) for n, f in product.funnels.items() for i, e in enumerate(f.exclusions)
    ]
    ends = [(n, r, end) for n, r in product.retention.items() for end in ("start", "returning")]
    cohorts = [(f"retention.{n}.{end}", m) for n, r, end in ends if (m := getattr(r, end)) is not None]
    uses = [(f"features.{n}.events.{i}", m) for n, f in product.features.items() for i, m in enumerate(f.events)]
    could = [(f"features.{n}.could", f.could) for n, f in product.features.items() if f.could is not None]
    named = [(f"goals.{n}", g) for n, g in product.goals.items()]
    named += [(f"segments.{n}", s) for n, s in product.segments.items()]
    return [*named, *steps, *exclusions, *cohorts, *uses, *could]


def _page_faults(product: "Product") -> list[str]:
    names = [page.name for page in product.pages]
    faults = [f"pages: {name!r} stands twice; give each page one entry with all its urls" for name in _repeated(names)]
    used = [*((f"zones.{i}.page", z.page) for i, z in enumerate(product.zones))]
    used += [(f"{path}.page", m.page) for path, m in _matches(product) if m.page is not None]
    zones = {f"{zone.page}/{zone.name}" for zone in product.zones}
    faults += [
        f"features.{n}.zones: no zone {name!r}; write page/zone, of {', '.join(sorted(zones)) or 'none'}"
        for n, feature in product.features.items()
        for name in feature.zones
        if name not in zones
    ]
    return faults + [
        f"{path}: no page {name!r}; the pages are {', '.join(names) or 'none'}"
        for path, name in used
        if name not in names
    ]


def _survey_faults(product: "Product") -> list[str]:
    ids = [survey.id or name for name, survey in product.surveys.items()]
    return [f"surveys: the id {each!r} stands twice; a survey has one entry" for each in _repeated(ids)]


def _decision_faults(product: "Product") -> list[str]:
    """Experiments, hypotheses and opportunities that name what isn't there."""
    metrics = [
        (f"experiments.{n}.metrics.{m}", each) for n, e in product.experiments.items() for m, each in e.metrics.items()
    ]
    used: list[tuple[str, str | None, Mapping[str, object]]] = [
        *((f"{path}.goal", each.goal, product.goals) for path, each in metrics),
        *((f"{path}.survey", each.survey, product.surveys) for path, each in metrics),
        ("opportunities.goal", product.opportunities.goal, product.goals),
    ]
    for n, each in product.hypotheses.items():
        path = f"hypotheses.{n}"
        used += [
            (f"{path}.segment", each.segment, product.segments),
            (f"{path}.experiment", each.experiment, product.experiments),
            (f"{path}.release", each.release, product.releases),
        ]
        own = product.experiments.get(each.experiment or "")
        daily = [name for name in get_args(Kpi) if name not in NOT_OF_A_DAY]
        used.append((f"{path}.metric", each.metric, own.metrics if own else dict.fromkeys(daily)))
        if own is not None:
            tested = {name: None for name in own.variants if name != own.control}
            # One variant needs no name.
            used.append((f"{path}.variant", each.variant if len(tested) == 1 else each.variant or "", tested))
    return _experiment_faults(product) + [
        f"{path}: no {path.split('.')[-1]} {name!r}; there are {', '.join(known) or 'none'}"
        for path, name, known in used
        if name is not None and name not in known
    ]


def _experiment_faults(product: "Product") -> list[str]:
    """Experiments of one id that couldn't be told apart."""
    known = [(name, each.id or name, each) for name, each in product.experiments.items()]
    return [
        f"experiments.{name}: the id {id_!r} stands twice, in {other} too; give them days apart (`valid_from`, "
        "`valid_to`) or another `window_days`"
        for i, (name, id_, each) in enumerate(known)
        for other, other_id, before in known[:i]
        if id_ == other_id and each.is_like(before)
    ]


def _property_faults(product: "Product") -> list[str]:
    named = [(f"{path}.properties", name, ()) for path, match in _matches(product) for name in match.properties]
    named += [(f"funnels.{n}", name, DIMENSIONS) for n, f in product.funnels.items() for name in f.dimensions]
    named += [
        (f"retention.{n}.breakdown", r.breakdown.by, DIMENSIONS) for n, r in product.retention.items() if r.breakdown
    ]
    named += [(f"funnels.{n}.unit", f.unit, FUNNEL_UNITS) for n, f in product.funnels.items()]
    return [
        f"{path}: {name!r} is not promoted; add it to the section properties"
        for path, name, known in named
        if name not in product.properties and name not in known
    ]


def _zone_version_faults(product: "Product") -> list[str]:
    faults: list[str] = []
    for i, zone in enumerate(product.zones):
        begin, end = product.zone_validity(zone)
        if end < begin:
            faults.append(f"zones.{i}: valid_to lies before valid_from; correct one of them")
        for j, other in enumerate(product.zones[:i]):
            same = (zone.name, zone.page) == (other.name, other.page)
            overlap_device = zone.device_type == other.device_type or None in (zone.device_type, other.device_type)
            other_begin, other_end = product.zone_validity(other)
            if same and overlap_device and begin <= other_end and other_begin <= end:
                faults.append(f"zones.{i}: overlaps zones.{j} in time; end the older version with valid_to")
    return faults


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
