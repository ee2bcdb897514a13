"""Bytes through the SSH bastion into a job, against OpenSSH's own sshd at its defaults, with the same client.

Runs are interleaved, so that a machine that is busy for a moment is so for both; the medians are compared.
"""

import getpass
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from shared.ports import free_port
from tests.support.people import Person
from tests.support.people import admin as first_account
from tests.support.platform import Platform
from tests.support.programs import found
from tests.support.ssh import Ssh
from tests.support.waiting import wait_until

RUNS = 5
MIB = 512
DOWN = f"head -c {MIB << 20} /dev/zero"
UP = "cat >/dev/null"


def measure(yard: Platform, folder: Path) -> list[Figure]:
    """Both directions. Without an sshd on this machine there is nothing to compare with."""
    if found("sshd") is None or found("ssh") is None:
        print("There is no sshd here to compare the bastion with; install openssh-server.")
        return []
    person = first_account(yard)
    client = Ssh.of(person, yard.ssh_port, folder, "benchmark")
    job = _running(person)
    with _sshd(folder, client) as sshd:
        figures = [*_compared("download", client, sshd, job, DOWN), *_compared("upload", client, sshd, job, UP)]
    person.call("POST", f"/jobs/{job}/kill", 202)
    return figures


def _compared(direction: str, bastion: Ssh, sshd: Ssh, job: str, command: str) -> list[Figure]:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(RUNS):
        theirs.append(_rate(sshd.command(getpass.getuser(), command), command))
        ours.append(_rate(bastion.command(job, command), command))
    ratio = median(our / their for our, their in zip(ours, theirs, strict=True))
    note = f"{median(ours):,.0f} of {median(theirs):,.0f} MiB/s, median of {RUNS} interleaved runs"
    return [Figure(f"SSH {direction} through the bastion, of sshd's own", ratio, "", 0.5, "higher", note)]


def _rate(command: list[str], inside: str) -> float:
    """MiB per second of one transfer, the connecting and its cryptography included."""
    begun = time.monotonic()
    if inside == UP:
        with subprocess.Popen(["head", "-c", str(MIB << 20), "/dev/zero"], stdout=subprocess.PIPE) as source:
            subprocess.run(command, stdin=source.stdout, check=True)
    else:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return MIB / (time.monotonic() - begun)


def _running(person: Person) -> str:
    job = person.submit("sleep 3600", endpoints=["ssh"], grace_period_s=0, cpus=0.01)

    def ready() -> bool:
        items = person.call("GET", f"/jobs/{job}/endpoints", 200)["items"]
        return [item["status"] for item in items] == ["ready"]

    wait_until(ready, "the job may be entered")
    return job


@contextmanager
def _sshd(folder: Path, client: Ssh) -> Iterator[Ssh]:
    """An sshd of our own, with a host key and one authorized key, for as long as the block takes."""
    port = free_port()
    host_key, authorized = folder / "host-key", folder / "authorized"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host_key)], check=True)
    authorized.write_text(client.key.with_suffix(".pub").read_text())
    said = {
        "Port": str(port),
        "ListenAddress": "127.0.0.1",
        "HostKey": str(host_key),
        "AuthorizedKeysFile": str(authorized),
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
    }
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    options = [word for name, value in said.items() for word in ("-o", f"{name}={value}")]
    process = subprocess.Popen(
        [found("sshd") or "sshd", "-D", "-e", "-f", "/dev/null", *options], stderr=subprocess.DEVNULL
    )
    sshd = Ssh(port, client.key, folder / "known-sshd")
    try:
        wait_until(lambda: sshd.run(getpass.getuser(), "true").returncode == 0, "sshd answers")
        yield sshd
    finally:
        process.terminate()
        process.wait()
