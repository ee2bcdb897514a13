"""`python -m docs.tools.screenshots` takes the pictures of the console that the documents show, of a yard full of jobs.

Every picture goes to build/screenshots; those of `SHOWN` are kept small in docs/screenshots and committed. Ids and
moments differ from one time to the next, and so does the machine's own use; all else is the same each time. The test
run takes pictures of the same looks (`tests/browser/test_console_looks.py`), so that none can be of a page that is
gone.
"""

import argparse
import sys
import time
from pathlib import Path

from PIL import Image

from tests.support.console import Console, Language, console
from tests.support.console_jobs import LIGHT, in_each_status
from tests.support.console_looks import LOOKS, looked_at
from tests.support.platform import CHECKOUT

ALL = CHECKOUT / "build" / "screenshots"
KEPT = CHECKOUT / "docs" / "screenshots"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
SHOWN = (
    "my-jobs-en-light",
    "my-jobs-en-phone",
    "all-jobs-zh-light",
    "job-brief-failed-en-dark",
    "job-metrics-en-light",
    "job-console-en-dark",
    "submit-clone-en-light",
    "cluster-en-light",
)
"""What docs/console.md and README.md show."""
QUALITY = 82
SIMULATED = "v100=16,ascend910=16"
SLEEP = "exec sleep 86400"
TRAINING = """
import json, math, os, random, time
kept, noise = [], random.Random(7)
with open(os.environ["JOBYARD_METRICS_FILE"], "a", buffering=1) as told:
    for step in range(100000):
        kept.append(bytearray(1 << 20))
        if len(kept) > 120: del kept[:60]
        until = time.perf_counter() + 0.12 + 0.1 * math.sin(step / 40)
        while time.perf_counter() < until: pass
        loss = 2.3 / (1 + step / 40) + noise.random() / 20
        told.write(json.dumps({"loss": loss, "accuracy": 1 - loss / 2.5, "step": step}) + "\\n")
        if step % 4 == 0: print(f"step {step:6d}  loss {loss:.4f}", flush=True)
        time.sleep(0.25)
"""
OTHERS = (
    ("vera", "eval-mmlu", "v100", 2, 120, True),
    ("mia", "tokenise-wiki", "cpu", 0, 100, False),
    ("vera", "rlhf-reward", "ascend910", 8, 150, True),
    ("vera", "asr-conformer", "ascend910", 8, 140, False),
    ("mia", "ocr-crnn", "ascend910", 4, 130, True),
    ("vera", "sd-lora-portraits", "v100", 4, 110, True),
    ("mia", "segment-cells", "v100", 2, 100, True),
    ("vera", "gnn-molecules", "v100", 8, 90, False),
)
"""Who, name, devices, priority, preemptible."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.tools.screenshots", description=__doc__)
    parser.add_argument("--wait", type=float, default=150.0, help="seconds of METRICS to show")
    parser.add_argument("looks", nargs="*", help="names of looks; nothing: all")
    asked = parser.parse_args()
    looks = [look for look in LOOKS if not asked.looks or look.name in asked.looks]
    for folder in (ALL, KEPT):
        folder.mkdir(parents=True, exist_ok=True)
    with console(SIMULATED) as running:
        ids = _busy(running)
        time.sleep(asked.wait)  # METRICS shows time, and so there has to be some
        for look in looks:
            for language in LANGUAGES:
                for way, _ in looked_at(running, look, ids, language, ALL):
                    print(f"{look.name}-{language}-{way.name}", flush=True)
    for name in SHOWN:
        if name.rsplit("-", 2)[0] in {look.name for look in looks}:
            _keep(ALL / f"{name}.png")
    return 0


def _busy(running: Console) -> dict[str, str]:
    """A yard as it looks at noon, every v100 in use; the ids of mia's jobs by status."""
    mia, vera = running.people["mia"], running.people["vera"]
    training = mia.submit(["python3", "-c", TRAINING], "train-unet-ct", device_type="v100", devices=2, **LIGHT)
    large = vera.submit(SLEEP, "pretrain-gpt-13b", device_type="v100", devices=8, priority=300, **LIGHT)
    for id in (training, large):
        running.yard.wait(id, "running")
    ids = in_each_status(running.yard, mia)
    for who, name, device_type, devices, priority, preemptible in OTHERS:
        fields = {"device_type": device_type, "devices": devices, "priority": priority, "preemptible": preemptible}
        running.people[who].submit(SLEEP, name, **fields, **LIGHT)
    return ids | {"running": training}


def _keep(picture: Path) -> None:
    """As WebP, which is small and which every browser shows."""
    with Image.open(picture) as image:
        image.convert("RGB").save(KEPT / f"{picture.stem}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    sys.exit(main())
