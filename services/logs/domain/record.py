"""A ring as one file's bytes and back: a line of JSON that describes the chunks, then their payloads as they came."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.logs.domain.chunk import Kept
from services.logs.domain.ring import Ring, Run
from shared.contracts.logs import LogLine

FORMAT = 1


class Unreadable(Exception):
    """The bytes are no ring, or one of a later version."""


@dataclass(frozen=True, slots=True)
class RingCopy:
    """A ring at one moment, to be encoded elsewhere while the ring goes on."""

    job_id: str
    position: int
    last: Mapping[Run, int]
    kept: tuple[Kept, ...]
    unfinished: tuple[LogLine, ...]


def copy_of(ring: Ring) -> RingCopy:
    return RingCopy(ring.job_id, ring.position, ring.last, ring.kept, ring.unfinished)


def encode(ring: RingCopy, era: str) -> list[bytes]:
    """The pieces of the file; `era` names the stream that its sequences belong to."""
    head = {
        "format": FORMAT,
        "job_id": ring.job_id,
        "era": era,
        "position": ring.position,
        "last": [[attempt, rank, last] for (attempt, rank), last in ring.last.items()],
        "unfinished": [line.model_dump_json() for line in ring.unfinished],
        "kept": [
            [
                chunk.sequence,
                chunk.attempt,
                chunk.rank,
                chunk.seq,
                chunk.count,
                chunk.trimmed,
                chunk.lost,
                chunk.after_seq,
                chunk.origins,
                len(chunk.payload),
            ]
            for chunk in ring.kept
        ],
    }
    return [json.dumps(head, separators=(",", ":")).encode(), b"\n", *(chunk.payload for chunk in ring.kept)]


def decode(data: bytes, era: str) -> Ring:
    """The ring; of another era, it keeps its lines and forgets its sequences. Raises Unreadable."""
    end = data.find(b"\n")
    try:
        head = json.loads(data[:end])
        if head["format"] != FORMAT:
            raise Unreadable(f"format {head['format']} is not known here")
        ring = Ring(
            job_id=head["job_id"],
            position=head["position"],
            last={(attempt, rank): last for attempt, rank, last in head["last"]},
            kept=_chunks(head["kept"], data, end + 1),
            unfinished=[LogLine.model_validate_json(line) for line in head.get("unfinished", ())],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"not the file of a ring: {error!r}") from error
    if head["era"] != era:
        ring.forget_stream()
    return ring


def _chunks(rows: Iterable[list[Any]], data: bytes, start: int) -> list[Kept]:
    kept = []
    for *numbers, origins, size in rows:
        sequence, attempt, rank, seq, count, trimmed, lost, after_seq = numbers
        kept.append(
            Kept(
                sequence=sequence,
                attempt=attempt,
                rank=rank,
                seq=seq,
                count=count,
                trimmed=trimmed,
                lost=lost,
                after_seq=after_seq,
                payload=data[start : start + size],
                origins=tuple((origin, lines) for origin, lines in origins),
            )
        )
        start += size
    if start != len(data):
        raise ValueError(f"{start} bytes are described, {len(data)} are there")
    return kept
