"""Trains a small neural network to read handwritten digits, and can be paused: it goes on from its checkpoint.

`jobyard.save` writes a checkpoint whole or not at all, `jobyard.load` finds it again. Beside that the platform speaks
to a script through SIGTERM, which means: write down where you are and end.

    python train.py --epochs 30            # by hand; checkpoints go to ./checkpoints
    jobyard submit -f job.yaml --follow    # as a job
"""

import argparse
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import jobyard

CHECKPOINT = "digits.pkl"

stopping = False


def stop(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM: end after the current epoch."""
    global stopping
    stopping = True


def say(text: str) -> None:
    print(text, flush=True)


def begin(seed: int) -> tuple[int, MLPClassifier]:
    """Epochs done, and the model after them; a new model when this is the first start."""
    saved = jobyard.load(CHECKPOINT) if jobyard.resuming() else None
    if saved is None:
        return 0, MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=2e-3, random_state=seed)
    epoch, model = saved
    say(f"resuming after epoch {epoch} from {CHECKPOINT}")
    return epoch, model


class Board:
    """Curves for TensorBoard, where the job's endpoint looks for them; none by hand, or without that package."""

    def __init__(self) -> None:
        self.writer: Any = None
        folder = os.environ.get("JOBYARD_JOB_PATH")
        if folder is None:
            return
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            return
        self.writer = EventFileWriter(os.path.join(folder, "tensorboard"))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """One point of a curve, on disk when this returns."""
        if self.writer is None:
            return
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        self.writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
        self.writer.flush()


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

    images, digits = load_digits(return_X_y=True)
    train_images, test_images, train_digits, test_digits = train_test_split(
        images / 16.0, digits, test_size=0.25, random_state=options.seed
    )
    done, model = begin(options.seed)
    board = Board()
    say(f"{len(train_images)} images to learn from, {len(test_images)} to be tested on, {options.epochs} epochs")

    for epoch in range(done + 1, options.epochs + 1):
        model.partial_fit(train_images, train_digits, classes=range(10))
        jobyard.save((epoch, model), CHECKPOINT)
        board.scalar("loss", model.loss_, epoch)
        jobyard.report(loss=model.loss_, epoch=epoch)
        say(f"epoch {epoch:>2}/{options.epochs}  loss {model.loss_:.4f}")
        rest(options.pause)
        if stopping:
            say(f"told to stop: the checkpoint holds epoch {epoch}")
            return 0

    accuracy = model.score(test_images, test_digits)
    board.scalar("accuracy", accuracy, options.epochs)
    jobyard.report(accuracy=accuracy)
    say(f"accuracy {accuracy:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
