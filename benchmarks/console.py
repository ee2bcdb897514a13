"""The console as people see it: how soon a change shows while many look on, how soon a page and a console are there.

Everything is measured inside the page, from what the browser itself says of frames and inputs; Chromium, the platform
and the other readers share this machine's cores.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.figures import Figure, percentile
from benchmarks.lookers import Lookers
from benchmarks.pages import fill
from benchmarks.yard import HELD
from tests.support.console import Console, chromium
from tests.support.people import admin
from tests.support.platform import Platform

CLIENTS, PAGES, JOBS, RATE = 47, 3, 1_000, 20.0
MANY = 10_000
ROWS = 50
LOOKED_S = 20.0
TIMES = 15
NEVER_MS = 60_000.0
"""What counts for a change that a page has not shown in the end."""
LINES_PER_S = 10_000
WRITES_S = 25
"""So long the job writes; it is looked at in the middle."""

SEE = """
() => {
    window.seen = []
    const known = new Map()
    const look = () => {
        for (const row of document.querySelectorAll('tr[data-id]')) {
            const text = row.querySelector('[data-column=priority]')?.textContent.trim()
            if (known.get(row.dataset.id) === text) continue
            known.set(row.dataset.id, text)
            requestAnimationFrame(() => window.seen.push([row.dataset.id, Number(text), Date.now()]))
        }
    }
    look()
    window.seen = []
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true})
}
"""
"""Notes each change of a priority with the frame that shows it."""

PAINTED = """
rows => new Promise((resolve) => {
    const look = () => document.querySelectorAll('tr[data-id]').length >= rows
        ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
        : requestAnimationFrame(look)
    look()
})
"""
"""Milliseconds from the navigation's begin to the end of the frame that has so many rows."""

UNTIL_LINE = """
line => new Promise((resolve) => {
    let begin
    const look = () => document.querySelector('main').innerText.includes(line)
        ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begin)))
        : requestAnimationFrame(look)
    document.addEventListener('click', (event) => { begin = event.timeStamp; look() }, {once: true, capture: true})
    document.querySelector('a[href$="/console"]').click()
})
"""
"""Milliseconds from the click on CONSOLE to the end of the frame with this line."""

FRAMES = """
seconds => new Promise((resolve) => {
    const gaps = []
    let last, end
    const frame = (now) => {
        if (last !== undefined) gaps.push(now - last)
        end ??= now + seconds * 1000
        last = now
        if (now < end) requestAnimationFrame(frame)
        else resolve(gaps)
    }
    requestAnimationFrame(frame)
})
"""

INPUTS = """
() => {
    window.inputs = []
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
        if (entry.name === 'click') window.inputs.push(entry.duration)
    })).observe({type: 'event', durationThreshold: 16})
}
"""
"""How long after a click the next frame shows its effect, as the browser measures it: in steps of 8 ms, from 16 on."""


def measure() -> list[Figure]:
    """All of it; needs Chromium."""
    with looked_at(0) as console:
        figures = [*changes_seen(console), *console_opened(console), *console_fast(console)]
    with looked_at(MANY) as console:
        return [*figures, *first_paint(console)]


@contextmanager
def looked_at(jobs: int) -> Iterator[Console]:
    """A platform where `admin` has so many jobs, and a browser."""
    with tempfile.TemporaryDirectory(prefix="jobyard-") as folder:
        data = Path(folder) / "data"
        if jobs:
            asyncio.run(fill(data, jobs))
        running = Platform(data)
        try:
            running.start(within=300)
            with chromium() as browser:
                yield Console(running, browser, {"admin": admin(running)})
        finally:
            running.close()


def changes_seen(console: Console) -> list[Figure]:
    """From a change's command to the frame that shows it, and what the gateway uses for all who look on."""
    yard = console.yard
    ids = [id for _ in range(JOBS // 500) for id in _held(yard)]
    with Lookers(yard, CLIENTS, RATE, ids, ids[-ROWS:]) as lookers, ExitStack() as stack:
        pages = [stack.enter_context(console.visit("admin", "/jobs")) for _ in range(PAGES)]
        for page in pages:
            page.locator(f"tr[data-id] >> nth={ROWS - 1}").wait_for()
            page.evaluate(SEE)
        gateway = yard.part("gateway")
        idle = _busy(gateway, 5.0)
        lookers.changing.set()
        before = lookers.read
        used = _busy(gateway, LOOKED_S)
        lookers.changing.clear()
        heard = (lookers.read - before) / CLIENTS / LOOKED_S
        pages[0].wait_for_timeout(1_000)
        took = [
            at - lookers.made[id, priority]
            for page in pages
            for id, priority, at in page.evaluate("window.seen")
            if (id, priority) in lookers.made
        ]
        last = dict(key for key in lookers.made if key[0] in ids[-ROWS:])
        shown = [{(id, priority) for id, priority, _ in page.evaluate("window.seen")} for page in pages]
        took += [NEVER_MS for seen in shown for change in last.items() if change not in seen]
    who = f"{CLIENTS} event streams and {PAGES} pages over {JOBS:,} jobs, {RATE:.0f} changes/s"
    note = f"p50 {percentile(took, 0.5):.0f} ms of {len(took)} changes; each stream heard {heard:.1f} events/s"
    return [
        Figure("a change until a page shows it, p95", percentile(took, 0.95), "ms", 500, note=f"{who}; {note}"),
        Figure("the gateway meanwhile", used, "cores", 0.3, note=f"{idle:.2f} while nothing changes"),
    ]


def first_paint(console: Console) -> list[Figure]:
    """MY JOBS, its files in the browser's cache."""
    with console.visit("admin", "/jobs") as page:
        took = []
        for number in range(TIMES + 2):
            page.goto(f"{console.yard.url}/jobs", wait_until="commit")
            painted = float(page.evaluate(PAINTED, ROWS))
            if number >= 2:
                took.append(painted)
    note = f"p95 {percentile(took, 0.95):.0f} ms"
    return [
        Figure(
            f"MY JOBS of {MANY:,} jobs, to the frame with {ROWS} rows, p50", percentile(took, 0.5), "ms", 300, note=note
        )
    ]


def console_opened(console: Console) -> list[Figure]:
    """From the click on CONSOLE to its last line, of 2,000."""
    yard = console.yard
    id = yard.submit("seq 1 3000; echo the very last line", "lines", cpus=0.01)
    yard.wait(id, "finished")
    took = []
    with console.visit("admin", f"/jobs/{id}") as page:
        for number in range(TIMES + 1):
            page.get_by_role("link", name="CONSOLE").wait_for()
            took_one = float(page.evaluate(UNTIL_LINE, "the very last line"))
            if number > 0:
                took.append(took_one)
            page.get_by_role("link", name="BRIEF").click()
            page.get_by_text("Job Submission Time").wait_for()
    note = f"p95 {percentile(took, 0.95):.0f} ms"
    return [Figure("from the click on CONSOLE to its last line, p50", percentile(took, 0.5), "ms", 200, note=note)]


def console_fast(console: Console) -> list[Figure]:
    """A console to which 10,000 lines are written each second."""
    yard = console.yard
    each = LINES_PER_S // 10
    line = "step %08d loss 0.123456 accuracy 0.98765"
    script = (
        "import time\nbegin = time.time()\n"
        f"for tick in range({WRITES_S * 10}):\n"
        f"    print('\\n'.join('{line}' % (tick * {each} + n) for n in range({each})), flush=True)\n"
        "    time.sleep(max(0, begin + (tick + 1) / 10 - time.time()))\n"
    )
    id = yard.submit(["python3", "-c", script], "fast", cpus=0.01)
    yard.wait(id, "running")
    with console.visit("admin", f"/jobs/{id}/console") as page:
        page.get_by_text("step 0").first.wait_for()
        page.wait_for_timeout(2_000)
        gaps = page.evaluate(FRAMES, 6)
        page.evaluate(INPUTS)
        for _ in range(10):
            _a_click(page)
        page.wait_for_timeout(300)
        inputs = page.evaluate("window.inputs") or [16.0]
    yard.wait(id, "finished")
    frames = f"{len(gaps) / 6:.0f} frames/s, the longest gap {max(gaps):.0f} ms"
    return [
        Figure(
            f"CONSOLE at {LINES_PER_S:,} lines/s: gap between frames, p95",
            percentile(gaps, 0.95),
            "ms",
            50,
            note=frames,
        ),
        Figure("the same: a click until its frame, the longest of 10", max(inputs), "ms", 100),
    ]


def _a_click(page: Page) -> None:
    """Opens a menu of the console's bar, or closes it."""
    page.locator("main button[aria-haspopup=menu]").first.click()
    page.wait_for_timeout(150)
    page.keyboard.press("Escape")
    page.wait_for_timeout(150)


def _held(yard: Platform) -> list[str]:
    """500 jobs that wait."""
    answer = yard.call("POST", "/jobs:submit-batch", 207, json={"jobs": [HELD] * 500})
    return [outcome["id"] for outcome in answer["outcomes"]]


def _busy(pid: int, seconds: float) -> float:
    """Processor time of a process during so many seconds, as a share of a core."""
    before, begin = _processor_s(pid), time.monotonic()
    time.sleep(seconds)
    return (_processor_s(pid) - before) / (time.monotonic() - begin)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
