-- One row per kind of behaviour, behaviour and outcome: who did it beside people like them who didn't.
select * from behaviour_values
