"""Tickets: one use, ten seconds, and only so many."""

from services.executor.domain.tickets import LIFETIME_S, LIMIT, LIMIT_OF_ONE, Tickets

TICKET = "0123456789abcdef-and-the-secret"


def test_a_ticket_is_good_once() -> None:
    tickets = Tickets[str]()
    assert tickets.issue(TICKET, "in", "a run", now=0)
    assert tickets.redeem(TICKET, now=1) == "in"
    assert tickets.redeem(TICKET, now=1) is None


def test_a_ticket_is_good_for_seconds() -> None:
    tickets = Tickets[str]()
    tickets.issue(TICKET, "in", "a run", now=0)
    assert tickets.redeem(TICKET, now=LIFETIME_S) is None


def test_a_wrong_secret_uses_the_ticket_up() -> None:
    tickets = Tickets[str]()
    tickets.issue(TICKET, "in", "a run", now=0)
    for wrong in ("", "x", TICKET[:16], TICKET + "x", TICKET[:-1] + "\udcff"):
        assert tickets.redeem(wrong, now=1) is None
    assert tickets.redeem(TICKET, now=1) is None


def test_only_so_many_are_out_and_old_ones_make_room() -> None:
    tickets = Tickets[int]()
    assert all(tickets.issue(f"{number:016}secret", number, f"run {number // 100}", now=0) for number in range(LIMIT))
    assert not tickets.issue(TICKET, -1, "one more", now=1)
    assert tickets.issue(TICKET, -1, "one more", now=LIFETIME_S)
    assert tickets.redeem(TICKET, now=LIFETIME_S) == -1


def test_one_run_never_takes_them_all() -> None:
    tickets = Tickets[int]()
    assert all(tickets.issue(f"{number:016}secret", number, "a run", now=0) for number in range(LIMIT_OF_ONE))
    assert not tickets.issue(TICKET, -1, "a run", now=1)
    assert tickets.issue(TICKET, -1, "another", now=1)
    assert tickets.redeem(f"{0:016}secret", now=1) == 0
    assert tickets.issue(f"{1:015}xsecret", -2, "a run", now=1), "one that was used makes room"
