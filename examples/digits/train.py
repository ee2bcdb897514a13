"""Trains a small neural network to read handwritten digits, and can be paused: it goes on from its checkpoint.

Nothing here imports Jobyard. The platform speaks to a script through its environment (`JOBYARD_CHECKPOINT_DIR`,
`JOBYARD_RESUME`) and through SIGTERM, which means: write down where you are and end.

    python train.py --epochs 30            # by hand; checkpoints go to ./checkpoints
    jobyard submit -f job.yaml --follow    # as a job
"""

import argparse
import os
import pickle
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

stopping = False


def stop(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM: end after the current epoch."""
    global stopping
    stopping = True


def say(text: str) -> None:
    print(text, flush=True)


def save(checkpoint: Path, epoch: int, model: MLPClassifier) -> None:
    """Whole or not at all: a reader finds the checkpoint before or the one after, never half of one."""
    unfinished = checkpoint.with_suffix(".tmp")
    with unfinished.open("wb") as file:
        pickle.dump((epoch, model), file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(checkpoint)


def load(checkpoint: Path, seed: int) -> tuple[int, MLPClassifier]:
    """Epochs done, and the model after them; a new model when this is the first start."""
    if os.environ.get("JOBYARD_RESUME") == "1" and checkpoint.exists():
        with checkpoint.open("rb") as file:
            epoch, model = pickle.load(file)  # noqa: S301 - a file of our own
        say(f"resuming after epoch {epoch} from {checkpoint.name}")
        return epoch, model
    return 0, MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=2e-3, random_state=seed)


def rest(seconds: float) -> None:
    """Stands for a larger model: pass the time, but not when told to stop."""
    end = time.monotonic() + seconds
    while not stopping and time.monotonic() < end:
        time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description="Train on scikit-learn's digits.")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds to wait after each epoch")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)

    folder = Path(os.environ.get("JOBYARD_CHECKPOINT_DIR", "checkpoints"))
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "digits.pkl"
    images, digits = load_digits(return_X_y=True)
    train_images, test_images, train_digits, test_digits = train_test_split(
        images / 16.0, digits, test_size=0.25, random_state=options.seed
    )
    done, model = load(checkpoint, options.seed)
    say(f"{len(train_images)} images to learn from, {len(test_images)} to be tested on, {options.epochs} epochs")

    for epoch in range(done + 1, options.epochs + 1):
        model.partial_fit(train_images, train_digits, classes=range(10))
        save(checkpoint, epoch, model)
        say(f"epoch {epoch:>2}/{options.epochs}  loss {model.loss_:.4f}")
        rest(options.pause)
        if stopping:
            say(f"told to stop: the checkpoint holds epoch {epoch}")
            return 0

    say(f"accuracy {model.score(test_images, test_digits):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
