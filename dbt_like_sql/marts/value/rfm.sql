-- One row per recency, frequency and monetary score of people who ever bought.
select
    recency_score,
    frequency_score,
    monetary_score,
    count(person_key) as people,
    cast(sum(orders) as bigint) as orders,
    cast(sum(revenue_micros) as bigint) as revenue_micros,
    cast(sum(cast(round(chance_alive * 1e6) as bigint)) as double) / count(chance_alive) / 1e6 as chance_alive_mean,
    cast(sum(cast(round(expected_revenue * 1e6) as bigint)) as double) / count(expected_revenue) / 1e6 as expected_revenue_mean
from customers
group by recency_score, frequency_score, monetary_score
