"""All of Footfall as one `Definitions`, from explicit lists. What must not be here: anything else."""

from collections.abc import Sequence

import dagster as dg

from assets.alerts import (
    alert_messages_asset,
    digest_message_asset,
    newest_day_usual,
    no_data_problems,
    selectors_find_elements,
)
from assets.automation import asset_jobs, nightly_schedules, sensors
from assets.checks import newest_day_age
from assets.dagster_home import home_from_environment
from assets.events import day_assets
from assets.housekeeping import prune_job, weekly_prune
from assets.landing import raw_events_asset
from assets.marts import catalog_asset, mart_assets, period_assets, publication_asset, report_asset, small_table_specs
from assets.names import Names
from assets.resources import Home, home_resource
from assets.run_failures import run_failures


def build_defs(
    home: Home,
    key_prefix: Sequence[str] = (),
    group_prefix: str = "",
    owners: Sequence[str] = Names.owners,
    pool: str | None = None,
) -> dg.Definitions:
    """Definitions over `home`; tests and the command line pass their own.

    Where others share the deployment, `key_prefix` and `group_prefix` keep a home's assets apart, `owners` names who
    answers for them, and `pool` is the concurrency pool that its steps take places in. Jobs, sensors and schedules bear the
    prefix too, so several homes may be merged into one code location (`dg.Definitions.merge`). The command line knows no
    prefix: what it makes stands under the plain keys.
    """
    names = Names(tuple(key_prefix), group_prefix, tuple(owners), pool)
    home = home.named(names)
    return dg.Definitions(
        assets=[
            raw_events_asset(home.days, names),
            *day_assets(home.days, home.product, names),
            *period_assets(home.product, names),
            *mart_assets(home.product, home.models, names),
            *small_table_specs(home.models, names),
            publication_asset(home.product, home.models, names),
            catalog_asset(names),
            report_asset(names),
            alert_messages_asset(names),
            digest_message_asset(names),
        ],
        asset_checks=[
            newest_day_age(names),
            newest_day_usual(names),
            no_data_problems(names),
            *([selectors_find_elements(names)] if "zone_metrics" in home.tables else []),
        ],
        jobs=[*asset_jobs(names), prune_job(names)],
        sensors=[*sensors(names), run_failures(home)],
        schedules=[*nightly_schedules(home.product.time_zone, names), weekly_prune(home.product.time_zone, names)],
        resources={names.resource: home_resource(home)},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dg dev` loads: the home that FOOTFALL_HOME names; read when it is asked for, not at import."""
    return build_defs(Home(home_from_environment(), may_lack_product=True))
