"""One suite for the ways into a run, whatever its backend: children that end with the run, and nobody else's ports."""

import signal
from contextlib import suppress

import psutil
import pytest

from services.executor.backends.process.callers import CONNECTIONS
from services.executor.backends.protocol import Execution
from services.executor.domain.observation import Started
from shared.contracts.errors import Conflict, Invalid
from shared.contracts.streams import Child, Terminal
from shared.ids import new_id
from tests.support.executor_backend import LOCAL, PATH, Bench, processes_of
from tests.support.listening import LISTEN, heard, listens, not_dialled
from tests.support.ports import free_port
from tests.support.streams import Held, sleeping
from tests.support.waiting import until


def shell(script: str, name: str | None = None, **env: str) -> Child:
    return Child(argv=("/bin/sh", "-c", script), env=env, name=name)


async def held(bench: Bench, run_id: str, child: Child | str) -> Held:
    return Held(await bench.backend.exec(run_id, child))


async def refused(bench: Bench, run_id: str, child: Child | str) -> str:
    with pytest.raises(Conflict) as refusal:
        await bench.backend.exec(run_id, child)
    return str(refusal.value.details["code"])


def marked(run_id: str, mark: str) -> list[int]:
    """Processes of the run that a child with this variable MARK has started."""
    found = []
    for process in processes_of(run_id):
        with suppress(psutil.Error):
            if process.environ().get("MARK") == mark:
                found.append(process.pid)
    return found


# --- children


async def test_a_child_has_the_runs_environment_and_folder_and_its_own_variables(bench: Bench) -> None:
    id = await bench.runs()
    async with await held(bench, id, Child(argv=("env",), env={"GREETING": "grüße = 1"})) as child:
        said = (await child.everything("stdout")).decode().splitlines()
        own = [line for line in said if line.partition("=")[0] not in bench.brings]
        assert sorted(own) == ["GREETING=grüße = 1", f"JOBYARD_RUN_ID={id}", f"PATH={PATH}"]
    async with await held(bench, id, Child(argv=("pwd",))) as child:
        assert (await child.everything("stdout")).decode() == f"{bench.folder}\n"


async def test_a_child_cannot_be_told_to_be_of_another_run(bench: Bench) -> None:
    id = await bench.runs()
    async with await held(bench, id, shell("echo $JOBYARD_RUN_ID", JOBYARD_RUN_ID="another")) as child:
        assert (await child.everything("stdout")).decode() == f"{id}\n"


async def test_the_three_streams_are_kept_apart_and_the_exit_is_told(bench: Bench) -> None:
    id = await bench.runs()
    async with await held(bench, id, shell("cat; echo error >&2; exit 5")) as child:
        child.write("stdin", b"hello")
        child.close("stdin")
        assert await child.everything("stdout") == b"hello"
        assert await child.everything("stderr") == b"error\n"
        assert await child.exit() == {"exit": 5, "signal": None, "core": False}


@pytest.mark.parametrize("name", ["KILL", "TERM", "INT", "HUP", "USR1"])
async def test_signals_reach_the_child_and_are_told_as_its_end(bench: Bench, name: str) -> None:
    id = await bench.runs()
    async with await held(bench, id, Child(argv=("sleep", "600"))) as child:
        child.tell({"signal": name})
        number = signal.Signals[f"SIG{name}"]
        assert await child.exit() == {"exit": 128 + number, "signal": name, "core": False}


async def test_a_terminal_is_the_childs_own_with_size_kind_and_keys(bench: Bench) -> None:
    id = await bench.runs()
    terminal = Terminal(term="vt220", columns=132, rows=43)
    async with await held(bench, id, Child(argv=("/bin/sh",), env={"PS1": "> "}, terminal=terminal)) as child:
        child.write("terminal", b"echo $TERM $(stty size) $(tty | cut -c-9); sleep 600\n")
        await child.until_said("terminal", b"vt220 43 132 /dev/pts/\r\n")
        await until(lambda: sleeping(id), "the program runs")
        child.write("terminal", b"\x03")
        child.write("terminal", b"echo code $?; exit 4\n")
        await child.until_said("terminal", b"code 130\r\n")
        assert (await child.exit())["exit"] == 4


async def test_a_terminal_shows_nothing_of_what_its_child_was_given_and_takes_all_of_it(bench: Bench) -> None:
    id = await bench.runs()
    given = {"TOKEN": "t0ken\x03\x04\n" * 900}
    counted = Child(argv=("/bin/sh", "-c", 'printf %s "$TOKEN" | wc -c'), env=given, terminal=Terminal())
    async with await held(bench, id, counted) as child:
        assert await child.everything("terminal") == b"7200\r\n"


async def test_job_control_works_on_a_terminal(bench: Bench) -> None:
    id = await bench.runs()
    async with await held(bench, id, Child(argv=("/bin/bash", "--norc"), terminal=Terminal())) as child:
        child.write("terminal", b"sleep 600\n")
        await until(lambda: sleeping(id), "the program runs")
        child.write("terminal", b"\x1a")
        await child.until_said("terminal", b"Stopped")
        child.write("terminal", b"kill -KILL %1; exit 2\nexit 2\n")
        assert (await child.exit())["exit"] == 2


async def test_without_a_program_it_is_a_login_shell_with_the_runs_own_path_first(bench: Bench) -> None:
    order = bench.order(f"echo begun >> ledger; {bench.WAIT_FOR_GO}")
    order.env["PATH"] = f"{bench.folder}/bin:{PATH}"
    (bench.folder / "bin").mkdir()
    (bench.folder / "bin" / "python3").write_text("#!/bin/sh\necho the job has its own\n")
    (bench.folder / "bin" / "python3").chmod(0o755)
    await bench.backend.launch([order])
    await until(lambda: bench.lines("ledger"), "it runs")
    await bench.reaches(order.run_id, Started)
    home = {"HOME": str(bench.folder)}
    (bench.folder / ".profile").write_text("PATH=/nowhere; PROFILE=read; export PATH PROFILE\n")
    async with await held(bench, order.run_id, Child(env=home, terminal=Terminal())) as child:
        child.write("terminal", b"python3; echo profile $PROFILE; echo $PATH; exit\n")
        said = await child.everything("terminal")
        assert b"the job has its own\r\n" in said
        assert b"profile read\r\n" in said
        assert b":/nowhere\r\n" in said


async def test_a_line_for_the_shell_is_run_by_it(bench: Bench) -> None:
    id = await bench.runs()
    async with await held(bench, id, Child(shell_command="echo $((40 + 2)); no-such-program")) as child:
        assert await child.everything("stdout") == b"42\n"
        assert (await child.exit())["exit"] == 127


async def test_what_cannot_be_started_is_refused_and_named(bench: Bench) -> None:
    id = await bench.runs()
    (bench.folder / "data").touch(0o644)
    with pytest.raises(Conflict, match="no-such-program: No such file") as refusal:
        await bench.backend.exec(id, Child(argv=("no-such-program", "-x")))
    assert refusal.value.details == {"code": "program_missing", "program": "no-such-program"}
    assert await refused(bench, id, Child(argv=("./data",))) == "program_unusable"
    with pytest.raises(Invalid):
        await bench.backend.exec(id, Child(argv=("echo", "a\0b")))
    with pytest.raises(Invalid):
        await bench.backend.exec(id, Child(argv=("echo",), env={"A=B": "c"}))
    with pytest.raises(Invalid):
        await bench.backend.exec(id, Child(argv=()))


async def test_a_child_ends_with_its_connection_and_all_of_its_session(bench: Bench) -> None:
    id = await bench.runs()
    heeds = "exec 2> /dev/null; trap 'echo told >> ledger' HUP; echo >> ready; while :; do sleep 0.02; done"
    script = f"(trap '' HUP; exec sleep 600) & ({heeds})"
    async with await held(bench, id, shell(script, MARK="here")):
        await until(lambda: bench.lines("ready"), "it runs")
        assert len(marked(id, "here")) >= 3
    await until(lambda: bench.lines("ledger"), "it is told with SIGHUP")
    await until(lambda: not marked(id, "here"), "it is gone")
    assert isinstance(await bench.seen(id), Started)


async def test_what_a_shell_has_left_behind_on_purpose_lives_on_with_the_run(bench: Bench) -> None:
    id = await bench.runs()
    leaves = shell("setsid sleep 600 > /dev/null 2>&1 < /dev/null & echo left", MARK="daemon")
    async with await held(bench, id, leaves) as child:
        assert await child.everything("stdout") == b"left\n"
        await child.exit()
    async with await held(bench, id, Child(argv=("true",))) as child:
        await child.exit()
    assert len(marked(id, "daemon")) == 1
    bench.go()
    await bench.ended(id)
    assert processes_of(id) == []


# --- children with names


async def test_a_child_with_a_name_is_started_once_and_lives_on_without_anybody(bench: Bench) -> None:
    id = await bench.runs()
    lab = shell("echo started >> ledger; exec sleep 600", name="jupyter")
    async with await held(bench, id, lab) as first, await held(bench, id, lab) as second:
        assert first.pid == second.pid
        await until(lambda: bench.lines("ledger"), "it runs")
    await bench.reopen()
    async with await held(bench, id, lab) as again:
        assert again.pid == first.pid
        async with await held(bench, id, shell("exec sleep 600", name="tensorboard")) as other:
            assert other.pid != again.pid
    assert bench.lines("ledger") == ["started"]


async def test_a_child_is_stopped_by_its_name_and_so_is_what_it_has_started(bench: Bench) -> None:
    id = await bench.runs()
    script = "trap 'echo saved >> ledger; exit 0' TERM; (trap '' TERM; setsid sleep 600) & echo >> ready; wait; wait"
    async with await held(bench, id, shell(script, name="jupyter", MARK="here")):
        await until(lambda: bench.lines("ready"), "it runs")
    async with await held(bench, id, "jupyter") as child:
        child.tell({"stop": True})
        assert (await child.exit())["exit"] == 0
    assert bench.lines("ledger") == ["saved"]
    await until(lambda: not marked(id, "here"), "nothing is left of it")
    assert await refused(bench, id, "jupyter") == "not_started"


async def test_what_ignores_its_stop_is_killed_and_the_name_is_free_again(bench: Bench) -> None:
    id = await bench.runs()
    stubborn = shell("trap '' TERM; echo >> ready; while :; do sleep 0.02; done", name="jupyter")
    async with await held(bench, id, stubborn) as child:
        await until(lambda: bench.lines("ready"), "it runs")
        child.tell({"stop": True})

        async def stopping() -> bool:
            try:
                (await bench.backend.exec(id, stubborn)).close()
            except Conflict as refusal:
                return refusal.details["code"] == "child_stopping"
            return False

        await until(stopping, "the stop has been heard")
        assert (await child.exit())["signal"] == "KILL"
    async with await held(bench, id, stubborn) as again:
        assert again.pid != child.pid


async def test_one_child_too_many_is_told_so_and_room_is_made_by_whoever_leaves(bench: Bench) -> None:
    id = await bench.runs()
    watched = await bench.backend.exec(id, shell("exec sleep 1000", name="watched"))
    others: list[Execution] = []
    try:
        others += [await bench.backend.exec(id, "watched") for _ in range(CONNECTIONS - 1)]
        assert await refused(bench, id, shell("true")) == "too_many_children"
        others.pop().close()

        async def taken() -> bool:
            try:
                (await bench.backend.exec(id, shell("true"))).close()
            except Conflict:
                return False
            return True

        await until(taken, "there is room again")
    finally:
        for execution in (watched, *others):
            execution.close()


async def test_the_last_words_of_a_child_are_kept_and_hide_the_runs_secrets(bench: Bench) -> None:
    order = bench.order(f"echo begun >> ledger; {bench.WAIT_FOR_GO}", hidden=("s3cret",))
    await bench.backend.launch([order])
    await until(lambda: bench.lines("ledger"), "it runs")
    await bench.reaches(order.run_id, Started)
    async with await held(bench, order.run_id, shell("echo s3cret; echo no port >&2; exit 1", name="jupyter")) as child:
        await child.exit()
    said = bench.backend.output(order.run_id, "jupyter")
    assert said.read_text() == "***\nno port\n"
    async with await held(bench, order.run_id, shell("seq 1 2000000; echo the end", name="jupyter")) as child:
        await child.exit()
    assert said.stat().st_size <= 4 << 20
    assert said.read_text().endswith("1999999\n2000000\nthe end\n")
    bench.go()
    await bench.ended(order.run_id)
    assert said.read_text().endswith("the end\n"), "also when the run has ended"
    await bench.backend.forget([order.run_id])
    assert not said.parent.exists()


# --- the run's end


DAEMON = "(setsid sh -c 'trap \"\" TERM HUP; (setsid sleep 600 &) ; echo >> ready; while :; do sleep 0.02; done' &)"


async def test_the_runs_end_waits_for_no_child_and_leaves_none(bench: Bench) -> None:
    id = await bench.runs()
    script = f"trap '' TERM HUP; {DAEMON}; echo >> ready; while :; do sleep 0.02; done"
    async with await held(bench, id, shell(script)) as one, await held(bench, id, shell(script, name="two")) as two:
        await until(lambda: len(bench.lines("ready")) == 4, "they run")
        bench.go()
        assert (await bench.ended(id)).exit_code == 0
        assert processes_of(id) == []
        assert [(await child.exit())["signal"] for child in (one, two)] == ["KILL", "KILL"]


async def test_children_are_told_with_the_run_and_a_run_that_is_stopping_takes_none(bench: Bench) -> None:
    id = await bench.runs("trap 'echo told >> run; while [ ! -e saved ]; do sleep 0.02; done; exit 0' TERM")
    script = "trap 'echo told >> child; exit 3' TERM; echo >> ready; while :; do sleep 0.02; done"
    async with await held(bench, id, shell(script)) as child:
        await until(lambda: bench.lines("ready"), "it runs")
        await bench.backend.stop(id)
        assert (await child.exit())["exit"] == 3
        await until(lambda: bench.lines("run"), "the run is told")
        assert await refused(bench, id, Child(argv=("true",))) == "run_not_running"
    bench.touch("saved")
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.stopped, ended.forced) == (0, True, False)


async def test_a_run_that_is_over_or_was_never_there_takes_nobody(bench: Bench) -> None:
    ended = await bench.launch("true")
    await bench.ended(ended)
    never = f"{new_id()}.1"
    cancelled = f"{new_id()}.1"
    await bench.backend.stop(cancelled)
    for id in (ended, never, cancelled):
        assert await refused(bench, id, Child(argv=("true",))) == "run_not_running"
        with pytest.raises(Conflict) as refusal:
            await bench.backend.dial(id, 18_000)
        assert refusal.value.details["code"] == "run_not_running"


# --- ports


@pytest.mark.parametrize("address", LOCAL)
async def test_a_port_is_connected_to_wherever_on_this_machine_its_program_listens(bench: Bench, address: str) -> None:
    port = free_port()
    id = await listens(bench, port, address)
    if address not in bench.reached:
        assert (await not_dialled(bench, id, port)).details["code"] == "not_listening"
        return
    assert await heard(await bench.backend.dial(id, port)) == f"hello from {id}"
    await bench.reopen()
    assert await heard(await bench.backend.dial(id, port)) == f"hello from {id}"


async def test_a_child_may_be_the_one_that_listens(bench: Bench) -> None:
    port = free_port()
    (bench.folder / "listen.py").write_text(LISTEN)
    id = await bench.runs()
    child = Child(argv=("python3", "listen.py", "127.0.0.1", str(port), "child"), name="lab")
    async with await held(bench, id, child):
        await until(lambda: bench.lines(f"listening-{port}"), "it listens")
        assert await heard(await bench.backend.dial(id, port)) == "hello from child"


async def test_a_port_that_nobody_listens_on_is_not_there_yet(bench: Bench) -> None:
    id = await bench.runs()
    refusal = await not_dialled(bench, id, free_port())
    assert refusal.details == {"code": "not_listening"}


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "192.0.2.1"])
async def test_an_address_that_is_not_this_machines_is_never_connected_to(bench: Bench, address: str) -> None:
    port = free_port()
    program = LISTEN.replace("server.bind", "server.setsockopt(socket.IPPROTO_IP, 15, 1)\nserver.bind")  # IP_FREEBIND
    (bench.folder / "foreign.py").write_text(program)
    id = await bench.runs(f"(python3 foreign.py {address} {port} x &)")
    await until(lambda: bench.lines(f"listening-{port}"), "it claims to listen")
    assert (await not_dialled(bench, id, port)).details["code"] == "not_listening"


@pytest.mark.parametrize("port", [-1, 0, 22, 80, 1023, 65_536, 10**9])
async def test_ports_of_the_system_are_refused(bench: Bench, port: int) -> None:
    id = await bench.runs()
    with pytest.raises(Invalid):
        await bench.backend.dial(id, port)


# --- the next executor process


async def test_an_adopted_run_is_entered_and_a_child_that_is_held_over_a_restart_goes_on_if_its_streams_do(
    bench: Bench,
) -> None:
    id = await bench.runs()
    waits = shell("read line; echo heard $line; exit 6", MARK="held")
    async with await held(bench, id, waits) as child:
        await bench.reopen()
        async with await held(bench, id, Child(argv=("true",))) as another:
            assert (await another.exit())["exit"] == 0
        if bench.relays:
            await until(lambda: not marked(id, "held"), "its streams have ended, and so has the child")
            with pytest.raises(ConnectionResetError):
                await child.exit()
            return
        child.write("stdin", b"you\n")
        assert await child.everything("stdout") == b"heard you\n"
        assert (await child.exit())["exit"] == 6
