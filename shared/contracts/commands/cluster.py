"""The yard as a whole; the messages stand in `shared/contracts/cluster.py`."""

from shared.contracts.cluster import AskCluster, AskOffer, ClusterPage, HistoryPage, Offer, QueryHistory
from shared.contracts.commands.command import Command

CLUSTER = Command("cmd.scheduler.cluster.v1", AskCluster, ClusterPage, "The nodes, who holds what, and who waits.")


OFFER = Command("cmd.scheduler.offer.v1", AskOffer, Offer, "What the nodes have for a submission.")


HISTORY = Command("cmd.metrics.history.v1", QueryHistory, HistoryPage, "The queue and the devices, over time.")
