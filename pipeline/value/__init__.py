"""From numbers to decisions: KPIs, value, experiments, impact, opportunities (metrics.md, "Value and decisions")."""
