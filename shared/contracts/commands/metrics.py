"""What jobs use and have used; the messages stand in `shared/contracts/metrics.py`."""

from shared.contracts.commands.command import Command
from shared.contracts.metrics import AskSummaries, AskUsage, MetricsPage, QueryMetrics, Summaries, UsagePage

QUERY_METRICS = Command("cmd.metrics.query.v1", QueryMetrics, MetricsPage, "What a job uses, over time.")


SUMMARIES = Command("cmd.metrics.summaries.v1", AskSummaries, Summaries, "What each of these jobs has used in all.")


USAGE = Command("cmd.metrics.usage.v1", AskUsage, UsagePage, "What users and virtual clusters have used, by day.")
