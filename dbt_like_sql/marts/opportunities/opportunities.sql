-- One row per opportunity of the last complete week, ranked; closed and gone ones with what was promised and what came.
with
    latest as (
        select max(as_of) as as_of
        from opportunity_results
    ),
    history as (
        select
            id,
            min(as_of) as first_as_of,
            count(*) filter (where claimed) as weeks_claimed,
            arg_max(cost_per_week, as_of) filter (where as_of < closed) as promised_per_week,
            arg_max(cost_low_95, as_of) filter (where as_of < closed) as promised_low,
            arg_max(cost_high_95, as_of) filter (where as_of < closed) as promised_high
        from opportunity_results
        group by id
    ),
    newest as (
        select *
        from opportunity_results
        qualify row_number() over (partition by id order by as_of desc) = 1
    ),
    -- What is fixed may not be met at all any more: then nothing is lost.
    now as (
        select
            newest.* replace (
                latest.as_of as as_of, newest.looked_from + cast(latest.as_of - newest.as_of as integer) as looked_from
            )
        from newest
        cross join latest
        where newest.as_of = latest.as_of or newest.closed is not null or newest.state = 'gone'
    ),
    before_gone as (
        select
            r.id,
            coalesce(
                arg_max(r.cost_per_week, r.as_of) filter (where r.claimed and r.as_of < newest.since),
                -- Met for days only: claimed in the week in which it was fixed.
                arg_max(r.cost_per_week, r.as_of) filter (where r.claimed and r.state <> 'gone')
            ) as used_to_cost
        from opportunity_results as r
        inner join newest using (id)
        where newest.state = 'gone'
        group by r.id
    ),
    still as (
        select r.id, r.cost_per_week, r.cost_low_95, r.cost_high_95
        from opportunity_results as r
        inner join latest on r.as_of = latest.as_of
    ),
    joined as (
        select
            now.*,
            history.first_as_of,
            history.weeks_claimed,
            history.promised_per_week,
            history.promised_low,
            history.promised_high,
            before_gone.used_to_cost,
            now.closed <= now.looked_from as is_over,
            -- Not met any more: nothing is lost. Met, but not told: nobody knows.
            case when still.id is null then 0 else still.cost_per_week end as left_per_week,
            case when still.id is null then 0 else (still.cost_high_95 - still.cost_low_95) / 2 end as left_half,
            (history.promised_high - history.promised_low) / 2 as promised_half
        from now
        inner join history using (id)
        left join still using (id)
        left join before_gone using (id)
    )
select
    * exclude (is_over, left_per_week, left_half, promised_half, used_to_cost),
    case when is_over then promised_per_week - left_per_week end as realised_per_week,
    case when is_over then promised_per_week - left_per_week - sqrt(promised_half ** 2 + left_half ** 2) end as realised_low,
    case when is_over then promised_per_week - left_per_week + sqrt(promised_half ** 2 + left_half ** 2) end as realised_high,
    used_to_cost
from joined
