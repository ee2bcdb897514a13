"""Trains one model on several ranks at once: each works on its part of the data, and all agree on every step.

The platform tells each rank who it is (RANK of WORLD_SIZE) and where to meet (MASTER_ADDR, MASTER_PORT). Rank 0 listens
there, adds up everybody's gradients and sends the sum back, so that all ranks take the same step and have the same
model. Rank 0 writes the checkpoint, which all of them go on from. Real trainings leave the exchange to a library such
as torch.distributed, which reads the same four variables.

    jobyard submit -f job.yaml --follow    # as a job of two ranks
    python train.py --epochs 30            # by hand, as one rank
"""

import argparse
import os
import signal
import socket
import sys
import time
from types import FrameType

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import jobyard

CHECKPOINT = "together.pkl"
CLASSES = 10
RATE = 0.5
MEET_S, WAIT_S = 60.0, 0.1

Array = NDArray[np.float64]

stopping = False


def stop(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM: end after the current epoch, which all ranks agree on."""
    global stopping
    stopping = True


def say(text: str) -> None:
    print(text, flush=True)


class Peers:
    """All ranks of the job, joined by one connection of each to rank 0."""

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self._links: list[socket.socket] = []
        if self.count > 1:
            self._links = self._welcome() if self.rank == 0 else [self._join()]

    def sum(self, values: Array) -> Array:
        """The sum of what all ranks bring; everybody gets the same."""
        if self.rank > 0:
            _send(self._links[0], values)
            return _receive(self._links[0], values.size)
        total = values.copy()
        for link in self._links:
            total += _receive(link, values.size)
        for link in self._links:
            _send(link, total)
        return total

    def _welcome(self) -> list[socket.socket]:
        """One connection from every other rank, in their order, so that sums come out the same each time."""
        with socket.create_server(("", int(os.environ["MASTER_PORT"]))) as server:
            server.settimeout(WAIT_S)
            found: dict[int, socket.socket] = {}
            while len(found) < self.count - 1:
                try:
                    link, _ = server.accept()
                except TimeoutError:
                    if stopping:
                        sys.exit("told to stop before all ranks had come")
                    continue
                link.settimeout(None)
                found[int(_receive(link, 1)[0])] = link
        return [found[rank] for rank in sorted(found)]

    def _join(self) -> socket.socket:
        """A connection to rank 0, which may begin to listen a little later."""
        deadline = time.monotonic() + MEET_S
        while True:
            try:
                link = socket.create_connection((os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])), 5)
                break
            except OSError as error:
                if stopping or time.monotonic() > deadline:
                    sys.exit(f"rank {self.rank} does not reach rank 0: {error}")
                time.sleep(WAIT_S)
        link.settimeout(None)
        _send(link, np.array([float(self.rank)]))
        return link


def _send(link: socket.socket, values: Array) -> None:
    link.sendall(values.tobytes())


def _receive(link: socket.socket, count: int) -> Array:
    data = bytearray()
    while len(data) < count * 8:
        piece = link.recv(count * 8 - len(data))
        if not piece:
            sys.exit("a peer has gone")
        data += piece
    return np.frombuffer(bytes(data))


def gradient(weights: Array, images: Array, digits: NDArray[np.int64]) -> tuple[Array, float]:
    """Of softmax regression, summed over these images, and the summed loss."""
    scores = images @ weights
    scores -= scores.max(axis=1, keepdims=True)
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    right = np.arange(len(digits)), digits
    loss = -float(np.log(chances[right]).sum())
    chances[right] -= 1.0
    return images.T @ chances, loss


def rest(seconds: float) -> None:
    """Stands for a larger model: pass the time, but not when told to stop."""
    end = time.monotonic() + seconds
    while not stopping and time.monotonic() < end:
        time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description="Train on scikit-learn's digits, on several ranks.")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds to wait after each epoch")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)

    images, digits = load_digits(return_X_y=True)
    images = np.hstack([images / 16.0, np.ones((len(images), 1))])
    done, weights = 0, np.zeros((images.shape[1], CLASSES))
    if jobyard.resuming() and (saved := jobyard.load(CHECKPOINT)) is not None:
        done, weights = saved
        say(f"resuming after epoch {done} from {CHECKPOINT}")

    peers = Peers()
    mine = slice(peers.rank, None, peers.count)
    say(f"rank {peers.rank} of {peers.count} has {len(digits[mine])} of {len(digits)} images")
    for epoch in range(done + 1, options.epochs + 1):
        step, loss = gradient(weights, images[mine], digits[mine])
        told = peers.sum(np.concatenate([step.ravel(), [loss, float(stopping)]]))
        weights = weights - RATE * told[:-2].reshape(weights.shape) / len(digits)
        if peers.rank == 0:
            jobyard.save((epoch, weights), CHECKPOINT)
            jobyard.report(loss=told[-2] / len(digits), epoch=epoch)
            say(f"epoch {epoch:>2}/{options.epochs}  loss {told[-2] / len(digits):.6f}")
        if told[-1] > 0:  # somebody was told to stop, so all of them do, after the same epoch
            say(f"told to stop after epoch {epoch}")
            return 0
        rest(options.pause)

    right = (images[mine] @ weights).argmax(axis=1) == digits[mine]
    accuracy = peers.sum(np.array([float(right.sum())]))[0] / len(digits)
    if peers.rank == 0:
        jobyard.report(accuracy=accuracy)
        say(f"accuracy {accuracy:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
