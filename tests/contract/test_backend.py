"""One suite for the executor's backends: whoever runs a job, it starts once and is over only when all of it is."""

from contextlib import suppress
from dataclasses import replace

import psutil
import pytest

from services.executor.backends.frames import STDOUT, split
from services.executor.domain.observation import Cancelled, Ended, Started, Waiting
from services.executor.domain.record import rank_id
from shared.contracts.errors import Conflict
from shared.contracts.job import Reason
from shared.ids import new_id
from tests.support.executor_backend import PATH, Bench, processes_of
from tests.support.waiting import until

# --- the start


async def test_a_run_starts_once_however_often_it_is_launched(bench: Bench) -> None:
    order = bench.order(f"echo started >> ledger; {bench.WAIT_FOR_GO}")
    await bench.backend.launch([order, order])
    await bench.backend.launch([order])
    await bench.reaches(order.run_id, Started)
    await bench.reopen()
    await bench.backend.launch([order])
    await bench.ended(await bench.launch("true"))
    bench.go()
    await bench.ended(order.run_id)
    await bench.reopen()
    await bench.backend.launch([order])
    await bench.ended(await bench.launch("true"))
    assert bench.lines("ledger") == ["started"]


async def test_of_a_launch_that_is_repeated_only_the_ranks_start_that_are_not_there(bench: Bench) -> None:
    id = f"{new_id()}.1"
    script = f"echo $JOBYARD_RUN_ID >> ledger; {bench.WAIT_FOR_GO}"
    ranks = [replace(bench.order(script, rank_id(id, rank)), ranks=3) for rank in range(3)]
    runs, ends, missing = ranks
    ends = ranks[1] = replace(ends, argv=("/bin/sh", "-c", "echo $JOBYARD_RUN_ID >> ledger"))
    await bench.backend.launch([runs, ends])
    await bench.reaches(runs.run_id, Started)
    await bench.reopen()
    await bench.backend.launch(ranks)
    await bench.reaches(missing.run_id, Started)
    await bench.ended(ends.run_id)
    await bench.reopen()
    await bench.backend.launch(ranks)
    bench.go()
    for order in ranks:
        await bench.ended(order.run_id)
    assert sorted(bench.lines("ledger")) == [order.run_id for order in ranks]


async def test_what_was_never_launched_waits(bench: Bench) -> None:
    assert await bench.seen(f"{new_id()}.1") == Waiting()


async def test_a_list_of_runs_starts_each_of_them(bench: Bench) -> None:
    orders = [bench.order(f"echo {number} >> ledger; exit {number}") for number in range(bench.many)]
    await bench.backend.launch(orders)
    codes = [(await bench.ended(order.run_id)).exit_code for order in orders]
    assert codes == list(range(bench.many))
    assert sorted(map(int, bench.lines("ledger"))) == list(range(bench.many))


async def test_the_command_finds_its_folder_its_environment_and_no_input(bench: Bench) -> None:
    here = await bench.launch("pwd; cat; echo end")
    order = bench.order(("env",))
    await bench.backend.launch([replace(order, env=order.env | {"GREETING": "grüße = 1\nand 2"})])
    await bench.ended(here)
    await bench.ended(order.run_id)
    assert bench.output(here)[STDOUT].decode().split() == [str(bench.folder), "end"]
    said = bench.output(order.run_id)[STDOUT].decode().splitlines(keepends=True)
    environment = f"PATH={PATH}\nJOBYARD_RUN_ID={order.run_id}\nGREETING=grüße = 1\nand 2\n"
    said = [line for line in said if line.partition("=")[0] not in bench.brings]
    assert sorted(said) == sorted(environment.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("argv", "code", "sentence"),
    [
        (("no-such-program",), 127, "no-such-program: No such file or directory"),
        (("/no/such/program", "-x"), 127, "/no/such/program: No such file or directory"),
        (("./data",), 126, "./data: Permission denied"),
        (("/",), 126, "/: Permission denied"),
    ],
)
async def test_a_command_that_cannot_be_started_exits_as_in_a_shell_and_says_why(
    bench: Bench, argv: tuple[str, ...], code: int, sentence: str
) -> None:
    (bench.folder / "data").touch(0o644)
    id = await bench.launch(argv)
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.signal, ended.stopped) == (code, None, False)
    assert sentence in bench.everything(id).decode()


async def test_a_folder_that_has_gone_is_the_reason_given(bench: Bench) -> None:
    given = bench.order("echo started >> ledger")
    order = replace(given, folders=replace(given.folders, work=bench.folder / "gone"))
    await bench.backend.launch([order])
    assert (await bench.ended(order.run_id)).exit_code != 0
    assert f"{bench.folder}/gone: No such file" in bench.everything(order.run_id).decode()
    assert bench.lines("ledger") == []


async def test_a_script_without_a_first_line_is_run_by_the_shell(bench: Bench) -> None:
    script = bench.folder / "train"
    script.write_text("echo $1; exit 4\n")
    script.chmod(0o755)
    id = await bench.launch(("./train", "now"))
    assert (await bench.ended(id)).exit_code == 4
    assert bench.output(id)[STDOUT] == b"now\n"


# --- the end


@pytest.mark.parametrize(
    ("script", "code", "signal"),
    [
        ("exit 0", 0, None),
        ("exit 3", 3, None),
        ("exit 255", 255, None),
        ("kill -KILL $$", 137, "SIGKILL"),
        ("kill -TERM $$", 143, "SIGTERM"),
        ("kill -INT $$", 130, "SIGINT"),
    ],
)
async def test_exit_codes_and_signals_are_told(bench: Bench, script: str, code: int, signal: str | None) -> None:
    ended = await bench.ended(await bench.launch(script))
    assert (ended.exit_code, ended.signal, ended.stopped, ended.forced) == (code, signal, False, False)
    assert 0 < ended.started_ns <= ended.ended_ns


async def test_a_run_is_told_as_it_changes_without_being_asked_for(bench: Bench) -> None:
    id = await bench.launch(f"echo hello; {bench.WAIT_FOR_GO}")
    await until(lambda: bench.told[id] and id in bench.wrote, "its start and its output are told")
    bench.go()
    await until(lambda: isinstance(bench.told[id][-1], Ended), "its end is told")
    started, ended = bench.told[id]
    assert isinstance(started, Started)
    assert ended == await bench.seen(id)


async def test_a_stop_is_a_sigterm_and_then_patience(bench: Bench) -> None:
    id = await bench.runs("trap 'sleep 0.3; echo saved >> ledger; exit 0' TERM")
    await bench.backend.stop(id)
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.stopped, ended.forced) == (0, True, False), "exit code 0, and stopped all the same"
    assert bench.lines("ledger") == ["saved"]


async def test_what_ignores_the_sigterm_is_killed_after_its_grace_period(bench: Bench) -> None:
    id = await bench.runs("trap '' TERM", grace_s=2)
    await bench.backend.stop(id)
    assert isinstance(await bench.seen(id), Started), "stop does not wait, and nothing is forced yet"
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.signal, ended.stopped, ended.forced) == (137, "SIGKILL", True, True)


async def test_without_a_grace_period_the_end_comes_at_once(bench: Bench) -> None:
    id = await bench.runs("trap '' TERM", grace_s=0)
    await bench.backend.stop(id)
    assert (await bench.ended(id)).forced


async def test_a_second_stop_changes_nothing(bench: Bench) -> None:
    id = await bench.runs("trap 'echo told >> ledger; sleep 0.2; exit 5' TERM")
    await bench.backend.stop(id)
    await bench.backend.stop(id)
    await bench.reopen()
    await bench.backend.stop(id)
    assert (await bench.ended(id)).exit_code == 5
    assert bench.lines("ledger") == ["told"]


async def test_a_shell_that_waits_for_its_program_still_saves(bench: Bench) -> None:
    id = await bench.launch("trap 'echo saved; exit 0' TERM; echo begun >> ledger; sleep 600", grace_s=4)
    await until(lambda: bench.lines("ledger"), "it runs")
    await bench.backend.stop(id)
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.forced) == (0, False)
    assert bench.has_written(id, b"saved\n", b"Terminated\n")


async def test_helpers_of_a_program_are_not_told_to_end_before_it_has_saved(bench: Bench) -> None:
    helper = "trap 'echo helper >> ledger' TERM; echo ready >> helper; while [ ! -e saved ]; do sleep 0.02; done"
    program = (
        "import os, signal, subprocess, sys, time\n"
        "def save(*_):\n"
        "    time.sleep(1)\n"
        "    open('saved', 'w').close()\n"
        "    helper.wait()\n"
        "    open('ledger', 'a').write('saved\\n')\n"
        "    os._exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        f"helper = subprocess.Popen(['/bin/sh', '-c', {helper!r}])\n"
        "while True: time.sleep(0.02)\n"
    )
    (bench.folder / "train.py").write_text(program)
    id = await bench.launch(("/usr/bin/env", "python3", "train.py"))
    await until(lambda: bench.lines("helper"), "the helper lives")
    await bench.backend.stop(id)
    assert (await bench.ended(id)).exit_code == 0
    assert bench.lines("ledger") == ["saved"]


async def test_what_had_ended_before_the_stop_has_exited(bench: Bench) -> None:
    id = await bench.launch("exit 0")
    ended = await bench.ended(id)
    await bench.backend.stop(id)
    await bench.reopen()
    await bench.backend.stop(id)
    assert await bench.seen(id) == ended
    assert not ended.stopped


async def test_what_was_stopped_before_its_start_never_starts(bench: Bench) -> None:
    order = bench.order("echo started >> ledger")
    await bench.backend.stop(order.run_id)
    assert isinstance(await bench.seen(order.run_id), Cancelled)
    assert [type(seen) for seen in bench.told[order.run_id]] == [Cancelled], "and that is told"
    await bench.backend.launch([order])
    await bench.reopen()
    await bench.backend.launch([order])
    await bench.ended(await bench.launch("true"))
    assert isinstance(await bench.seen(order.run_id), Cancelled)
    assert bench.lines("ledger") == []


async def test_a_stop_right_after_the_launch_is_never_missed(bench: Bench) -> None:
    orders = [bench.order("exec sleep 600") for _ in range(bench.many)]
    await bench.backend.launch(orders)
    for order in orders:
        await bench.backend.stop(order.run_id)
    ends = [await bench.reaches(order.run_id, Ended, Cancelled) for order in orders]
    assert all(end.stopped for end in ends if isinstance(end, Ended))
    assert [processes_of(order.run_id) for order in orders] == [[]] * bench.many


async def test_a_run_whose_node_answers_is_not_given_up_and_goes_on(bench: Bench) -> None:
    id = await bench.runs()
    with pytest.raises(Conflict) as refusal:
        await bench.backend.force([id], Reason(code="run_forced", message="ada gave it up."))
    assert refusal.value.details == {"code": "node_answers"}
    bench.go()
    assert (await bench.ended(id)).exit_code == 0


async def test_a_run_that_stands_still_is_woken_for_its_end(bench: Bench) -> None:
    id = await bench.runs("trap 'exit 8' TERM; (while [ ! -e still ]; do :; done; kill -STOP $$) &")
    bench.touch("still")
    await until(lambda: stopped(id), "it stands still")
    await bench.backend.stop(id)
    assert (await bench.ended(id)).exit_code == 8


def stopped(run_id: str) -> bool:
    """Whether a process of the run stands still."""
    with suppress(psutil.Error):
        return any(process.status() == psutil.STATUS_STOPPED for process in processes_of(run_id))
    return False


async def test_a_run_may_close_its_output_and_live_on(bench: Bench) -> None:
    id = await bench.runs("echo bye; exec >&- 2>&-")
    assert isinstance(await bench.seen(id), Started)
    bench.go()
    assert (await bench.ended(id)).exit_code == 0
    assert bench.output(id)[STDOUT] == b"bye\n"


HIDES = """
(setsid sh -c 'trap "" TERM HUP; (setsid sleep 600 & echo >> hidden); echo >> hidden; while :; do sleep 0.02; done' &)
nohup sleep 600 > /dev/null 2>&1 &
while [ "$(wc -l < hidden)" != 2 ]; do sleep 0.02; done 2> /dev/null
"""


async def test_no_descendant_outlives_a_run_that_exits(bench: Bench) -> None:
    id = await bench.launch(HIDES + "exit 7")
    assert (await bench.ended(id)).exit_code == 7
    assert processes_of(id) == []


async def test_no_descendant_outlives_a_run_that_is_stopped(bench: Bench) -> None:
    id = await bench.runs(HIDES, grace_s=0.5)
    assert len(processes_of(id)) >= 4
    await bench.backend.stop(id)
    assert (await bench.ended(id)).stopped
    assert processes_of(id) == []


# --- the next executor process


async def test_a_run_lives_on_while_nobody_is_connected_and_is_adopted(bench: Bench) -> None:
    id = await bench.runs()
    started = await bench.reaches(id, Started)
    await bench.close()
    assert len(processes_of(id)) >= 1
    await bench.open()
    assert await bench.seen(id) == started
    bench.told.clear()
    bench.go()
    await until(lambda: bench.told[id], "the end of an adopted run is told")
    assert bench.told[id] == [await bench.ended(id)]


async def test_an_adopted_run_can_be_stopped(bench: Bench) -> None:
    id = await bench.runs("trap 'exit 9' TERM")
    await bench.reopen()
    await bench.backend.stop(id)
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.stopped) == (9, True)


async def test_what_was_written_and_ended_while_nobody_was_connected_is_there(bench: Bench) -> None:
    id = await bench.launch(f"echo before; {bench.WAIT_FOR_GO}; seq 5000; echo error >&2; exit 6")
    await until(lambda: id in bench.wrote, "it runs")
    await bench.close()
    bench.go()
    await until(lambda: not processes_of(id), "it has ended")
    await bench.open()
    ended = await bench.ended(id)
    assert ended.exit_code == 6
    written = "before\n" + "".join(f"{number}\n" for number in range(1, 5001))
    assert bench.has_written(id, written.encode(), b"error\n")
    assert ended.output_bytes == bench.backend.output(id).stat().st_size


# --- the output


async def test_output_is_complete_and_keeps_the_streams_apart(bench: Bench) -> None:
    script = "{ seq 1 60000; printf 'no line feed'; } & seq 1 30000 >&2; printf '\\377\\0' >&2; wait"
    id = await bench.launch(script)
    ended = await bench.ended(id)
    out, error = ("".join(f"{number}\n" for number in range(1, last + 1)).encode() for last in (60_000, 30_000))
    assert bench.has_written(id, out + b"no line feed", error + b"\xff\0")
    assert ended.output_bytes == bench.backend.output(id).stat().st_size
    frames, _ = split(bench.backend.output(id).read_bytes())
    times = [time for _, time, _ in frames]
    assert times == sorted(times) or not bench.apart
    assert ended.started_ns <= min(times) and max(times) <= ended.ended_ns


async def test_what_is_hidden_is_in_no_byte_of_the_output(bench: Bench) -> None:
    script = "printf 'a s3c'; sleep 0.1; printf 'ret\\n'; echo s3cret >&2; printf 's3cret'; printf ' s3' >&2"
    order = bench.order(script, hidden=("s3cret",))
    await bench.backend.launch([order])
    await bench.ended(order.run_id)
    data = bench.backend.output(order.run_id).read_bytes()
    assert bench.has_written(order.run_id, b"a ***\n***", b"***\n s3")
    assert b"s3cret" not in data


async def test_a_silent_run_has_no_output(bench: Bench) -> None:
    id = await bench.launch("true")
    assert (await bench.ended(id)).output_bytes == 0
    output = bench.backend.output(id)
    assert not output.exists() or output.stat().st_size == 0


async def test_output_can_be_read_while_the_run_lives(bench: Bench) -> None:
    id = await bench.runs("echo one; echo two >&2")
    await until(lambda: id in bench.wrote, "the output is announced")
    await until(lambda: bench.has_written(id, b"one\n", b"two\n"), "both lines are there")


# --- afterwards


async def test_forgotten_is_forgotten(bench: Bench) -> None:
    id = await bench.launch("echo hello")
    await bench.ended(id)
    for _ in range(2):  # the first answer may be lost
        await bench.backend.forget([id, f"{new_id()}.1"])
    assert not bench.backend.output(id).exists()
    assert await bench.seen(id) == Waiting()


async def test_what_a_shells_trap_starts_has_the_whole_grace_period(bench: Bench) -> None:
    saves = "/bin/sh -c 'sleep 1.2; echo saved >> ledger'"
    id = await bench.runs(f'trap "{saves}; exit 0" TERM')
    await bench.backend.stop(id)
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.forced) == (0, False)
    assert bench.lines("ledger") == ["saved"]


async def test_a_script_that_is_run_by_its_own_name_is_a_shell_too(bench: Bench) -> None:
    program = (
        "import signal, sys, time\n"
        "def save(*_):\n"
        "    open('ledger', 'a').write('saved\\n')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "open('ready', 'w').write('x\\n')\n"
        "while True: time.sleep(0.02)\n"
    )
    (bench.folder / "train.py").write_text(program)
    wrapper = bench.folder / "run.sh"
    wrapper.write_text("#!/bin/sh\ntrap 'echo told >> wrapper' TERM\npython3 train.py\n")
    wrapper.chmod(0o755)
    id = await bench.launch((str(wrapper),))
    await until(lambda: bench.lines("ready"), "the program runs")
    await bench.backend.stop(id)
    assert not (await bench.ended(id)).forced
    assert bench.lines("ledger") == ["saved"]
