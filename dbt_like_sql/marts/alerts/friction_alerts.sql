-- One row per local day, friction signal, page and device that is out of the usual, with sessions to look at.
select * from metric_alerts where rule_set <> ''
