"""Tickets: one use, ten seconds, and only so many."""

from services.executor.domain.tickets import LIFETIME_S, LIMIT, Tickets

TICKET = "0123456789abcdef-and-the-secret"


def test_a_ticket_is_good_once() -> None:
    tickets = Tickets[str]()
    assert tickets.issue(TICKET, "in", now=0)
    assert tickets.redeem(TICKET, now=1) == "in"
    assert tickets.redeem(TICKET, now=1) is None


def test_a_ticket_is_good_for_seconds() -> None:
    tickets = Tickets[str]()
    tickets.issue(TICKET, "in", now=0)
    assert tickets.redeem(TICKET, now=LIFETIME_S) is None


def test_a_wrong_secret_uses_the_ticket_up() -> None:
    tickets = Tickets[str]()
    tickets.issue(TICKET, "in", now=0)
    for wrong in ("", "x", TICKET[:16], TICKET + "x", TICKET[:-1] + "\udcff"):
        assert tickets.redeem(wrong, now=1) is None
    assert tickets.redeem(TICKET, now=1) is None


def test_only_so_many_are_out_and_old_ones_make_room() -> None:
    tickets = Tickets[int]()
    assert all(tickets.issue(f"{number:016}secret", number, now=0) for number in range(LIMIT))
    assert not tickets.issue(TICKET, -1, now=1)
    assert tickets.issue(TICKET, -1, now=LIFETIME_S)
    assert tickets.redeem(TICKET, now=LIFETIME_S) == -1
