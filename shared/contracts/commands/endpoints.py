"""Ways into jobs, and who is let in; the messages stand in `shared/contracts/endpoints.py`."""

from shared.contracts.commands.command import Command
from shared.contracts.endpoints import (
    AddEndpoint,
    Admit,
    Admitted,
    Endpoint,
    Endpoints,
    GetIdleLimits,
    IdleLimits,
    IssueTicket,
    ListEndpoints,
    RemoveEndpoint,
    Ticket,
)

LIST_ENDPOINTS = Command("cmd.endpoints.list.v1", ListEndpoints, Endpoints, "The ways into a job.")


ADD_ENDPOINT = Command("cmd.endpoints.add.v1", AddEndpoint, Endpoint, "Ask for a way into a job.")


REMOVE_ENDPOINT = Command("cmd.endpoints.remove.v1", RemoveEndpoint, Endpoint, "Close a way into a job.")


ISSUE_TICKET = Command("cmd.endpoints.ticket.v1", IssueTicket, Ticket, "Let a browser in, once.")


IDLE_LIMITS = Command(
    "cmd.gateway.idle_limits.v1",
    GetIdleLimits,
    IdleLimits,
    "How long endpoints may be without use.",
)


ADMIT = Command("cmd.gateway.admit.v1", Admit, Admitted, "Whether somebody may use a job's endpoints.")
