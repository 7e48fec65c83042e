-- One row per local day and metric that is out of what the same weekdays before let expect.
select * from metric_alerts
