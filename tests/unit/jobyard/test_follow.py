"""Following: server-sent events are read as the standard says, and a stream outlives its connection."""

import pytest

from jobyard import Client, LogGap, NotFound, Unavailable, Unreachable, follow
from jobyard.sse import ServerEvent, parse
from tests.support.api_answers import END, JOB_ID, feed_event, job_event, line, lines_event
from tests.support.scripted_server import BREAK, Answer, Pieces, ScriptedServer, problem

JOB = f"/api/v1/jobs/{JOB_ID}"
FOLLOW = f"{JOB}/logs/follow"
FEED = "/api/v1/events"
ALIVE = b'event: alive\ndata: {"within_s":15}\n\n'


def test_the_standard_s_own_rules() -> None:
    stream = (
        b": a comment\n\n"
        b"data: one\r\ndata:two\r\n\r\n"
        b"event: named\rid: 7\rdata:  kept space\r\r"
        b"id: 8\ndata\n\n"
        b"event: without data\n\n"
        b"unknown: x\ndata: last\n\n"
        b"data: unfinished"
    )
    whole = list(parse([stream]))
    assert whole == [
        ServerEvent("message", "one\ntwo", None),
        ServerEvent("named", " kept space", "7"),
        ServerEvent("message", "", "8"),
        ServerEvent("message", "last", "8"),
    ]
    assert list(parse(stream[index : index + 1] for index in range(len(stream)))) == whole


def test_signs_of_life_are_no_news(server: ScriptedServer, client: Client) -> None:
    server.on("GET", FOLLOW, Pieces([ALIVE, lines_event(line(1, "a")), ALIVE, END]))
    assert [each.text for each in client.follow_logs(JOB_ID) if not isinstance(each, LogGap)] == ["a"]


def test_other_line_ends_of_unicode_are_text() -> None:
    text = "a\u2028b\x85c\x0bd"
    assert [event.data for event in parse([f"data: {text}\n\n".encode()])] == [text]


def test_a_console_is_followed_to_its_end(server: ScriptedServer, client: Client) -> None:
    pieces = lines_event(line(1, "a"), line(4, "b"), position=1, gaps=({"after_seq": 1, "lost": 2},))
    server.on("GET", FOLLOW, Pieces([pieces, lines_event(line(5, "c"), position=2), END]))
    found = list(client.follow_logs(JOB_ID, tail=10))
    assert [f"{item.lost} lost" if isinstance(item, LogGap) else item.text for item in found] == [
        "a",
        "2 lost",
        "b",
        "c",
    ]
    assert server.asked[0].query == {"tail": "10"}
    assert "last-event-id" not in server.asked[0].headers


def test_lines_that_have_not_ended_are_told_after_those_that_have(server: ScriptedServer, client: Client) -> None:
    pieces = [
        lines_event(line(1, "a"), unfinished=(line(2, "10%"),)),
        lines_event(unfinished=(line(2, "20%"),)),
        lines_event(line(2, "b", stream="stderr")),
        lines_event(line(3, "done"), unfinished=()),
        END,
    ]
    server.on("GET", FOLLOW, Pieces(pieces))
    happened: list[str] = []
    for item in client.follow_logs(JOB_ID, on_unfinished=lambda lines: happened.append("".join(x.text for x in lines))):
        assert not isinstance(item, LogGap)
        happened.append(item.text)
    assert happened == ["a", "10%", "20%", "b", "20%", "done", ""]


@pytest.mark.parametrize("broken", [True, False])
def test_a_broken_console_goes_on_where_it_was(server: ScriptedServer, client: Client, broken: bool) -> None:
    server.on(
        "GET",
        FOLLOW,
        Pieces([lines_event(line(1, "a"), position=11), b"id: 12\nevent: lines\nda"], broken=broken),
        BREAK,
        problem(503, "later"),
        Pieces([lines_event(line(2, "b"), position=12), END]),
    )
    assert [each.text for each in client.follow_logs(JOB_ID) if not isinstance(each, LogGap)] == ["a", "b"]
    assert [asked.headers.get("last-event-id") for asked in server.asked] == [None, "11", "11", "11"]


def test_a_tail_that_comes_again_is_shown_once(server: ScriptedServer, client: Client) -> None:
    gap = ({"after_seq": 2, "lost": 5},)
    server.on(
        "GET",
        FOLLOW,
        Pieces([lines_event(line(1, "a"), line(2, "b"), gaps=gap)], broken=True),
        Pieces([lines_event(line(1, "a"), line(2, "b"), line(8, "c"), position=3, gaps=gap), END]),
    )
    found = [item.lost if isinstance(item, LogGap) else item.text for item in client.follow_logs(JOB_ID)]
    assert found == ["a", "b", 5, "c"]


def test_each_rank_of_a_console_goes_on_where_it_was(server: ScriptedServer, client: Client) -> None:
    first = [line(1, "a"), line(2, "b"), line(1, "other a") | {"rank": 1}]
    server.on(
        "GET",
        FOLLOW,
        Pieces([lines_event(*first)], broken=True),
        Pieces([lines_event(*first, line(2, "other b") | {"rank": 1}, position=3), END]),
    )
    found = [item.text for item in client.follow_logs(JOB_ID) if not isinstance(item, LogGap)]
    assert found == ["a", "b", "other a", "other b"]


def test_a_platform_that_stays_away_is_given_up(
    server: ScriptedServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PATIENCE_S", 0.2)
    server.on("GET", FOLLOW, BREAK)
    with pytest.raises(Unreachable):
        list(client.follow_logs(JOB_ID))
    assert len(server.asked) > 1


def test_a_stream_that_only_ever_begins_is_given_up(
    server: ScriptedServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PATIENCE_S", 0.5)
    server.on("GET", FOLLOW, *[Pieces([ALIVE])] * 20, Pieces([END]))
    with pytest.raises(Unavailable, match="again and again"):
        list(client.follow_logs(JOB_ID))
    assert len(server.asked) > 1


def test_a_job_that_is_not_there_ends_it_at_once(server: ScriptedServer, client: Client) -> None:
    server.on("GET", FOLLOW, problem(404, "No such job."))
    with pytest.raises(NotFound):
        list(client.follow_logs(JOB_ID))
    assert len(server.asked) == 1


def test_the_events_of_a_job_come_once_and_end_with_it(server: ScriptedServer, client: Client) -> None:
    history = [job_event(1, "submitted", "queued"), job_event(2, "scheduled", "scheduling")]
    later = [job_event(3, "started", "running"), job_event(4, "finished", "finished")]
    server.on("GET", f"{JOB}/events", Answer(body={"items": history}))
    feed = [feed_event(event, position) for position, event in enumerate(history + later, start=40)]
    server.on("GET", FEED, Pieces(feed[:3], broken=True), Pieces(feed[2:]))
    found = list(client.follow_events(JOB_ID))
    assert [event.data.job.version for event in found] == [1, 2, 3, 4]
    asked = [asked for asked in server.asked if asked.path == FEED]
    assert [each.headers["last-event-id"] for each in asked] == ["0", "42"]


def test_the_events_of_a_job_that_is_over_need_no_feed(server: ScriptedServer, client: Client) -> None:
    history = [job_event(1, "submitted", "queued"), job_event(2, "killed", "killed")]
    server.on("GET", f"{JOB}/events", Answer(body={"items": history}))
    assert len(list(client.follow_events(JOB_ID))) == 2
    assert server.count("GET", FEED) == 0


def test_the_feed_of_all_jobs_starts_now(server: ScriptedServer, client: Client) -> None:
    server.on("GET", FEED, Pieces([feed_event(job_event(5, "started", "running"), 9)]))
    assert next(client.follow_events()).data.job.version == 5
    assert "last-event-id" not in server.asked[0].headers


MOVED, LEFT_OUT = b"event: queue\ndata: {}\n\n", b"event: reset\ndata: {}\n\n"


def test_what_the_feed_tells_browsers_is_no_event_of_a_job(server: ScriptedServer, client: Client) -> None:
    history, later = [job_event(1, "submitted", "queued")], [job_event(2, "killed", "killed")]
    server.on("GET", f"{JOB}/events", Answer(body={"items": history}))
    server.on("GET", FEED, Pieces([MOVED, feed_event(history[0], 7), MOVED, feed_event(later[0], 8)]))
    assert [event.data.job.version for event in client.follow_events(JOB_ID)] == [1, 2]
    server.on("GET", FEED, Pieces([MOVED, feed_event(history[0], 9)]))
    assert next(client.follow_events()).data.job.version == 1


def test_events_that_were_left_out_for_a_slow_reader_are_asked_for_again(
    server: ScriptedServer, client: Client
) -> None:
    events = [feed_event(job_event(version, "started", "running"), 40 + version) for version in range(1, 6)]
    server.on("GET", FEED, Pieces([LEFT_OUT, *events[:2], LEFT_OUT, events[4]]), Pieces(events[2:]))
    found = client.follow_events()
    assert [next(found).data.job.version for _ in range(5)] == [1, 2, 3, 4, 5]
    assert [asked.headers.get("last-event-id") for asked in server.asked] == [None, "42"]
