"""`jobyard admin ...`, or `python -m services.admin ...`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from services.admin.archive import Manifest
from services.admin.backup import backup
from services.admin.migrate import migrate
from services.admin.nodes import Confirm, forget
from services.admin.refused import Refused
from services.admin.restore import nodes_in, restore
from services.admin.rotation import rotate
from shared.contracts.job import JobView
from shared.logging import configure
from shared.settings import PlatformSettings
from shared.store.port import StoreError
from shared.wrong_settings import WrongSettings


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobyard admin", description="An installation's data as a whole.")
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    default = Path(os.environ.get("JOBYARD_DATA") or ".jobyard")
    common.add_argument("--data", type=Path, default=default, help="the platform's data folder")
    making = commands.add_parser("backup", parents=[common], help="one file with documents, consoles and keys")
    making.add_argument("target", type=Path)
    making.add_argument("--without-keys", action="store_true")
    putting = commands.add_parser("restore", parents=[common], help="a backup into an empty data folder")
    putting.add_argument("source", type=Path)
    commands.add_parser("migrate", parents=[common], help="documents from SQLite to JOBYARD_MONGO_URL")
    commands.add_parser("rotate-secret-key", parents=[common], help="a new key of secrets")
    nodes = commands.add_parser("node", help="the machines that jobs run on").add_subparsers(dest="verb", required=True)
    forgetting = nodes.add_parser("forget", parents=[common], help="tell that the runs of a node are lost")
    forgetting.add_argument("node")
    forgetting.add_argument("--yes", action="store_true")
    return parser.parse_args(arguments)


def run(chosen: argparse.Namespace) -> None:
    """Do it, and say what was done. Raises Refused, StoreError, OSError."""
    settings = PlatformSettings(data=chosen.data.resolve())
    configure(settings.model_copy(update={"log_level": "error"}), "admin")
    if chosen.command == "backup":
        target, manifest = backup(settings, chosen.target, not chosen.without_keys)
        print(f"Wrote {target}: {_summary(manifest)}.")
        print(
            "Not in it: storage/, whole outputs, NATS streams. Keep it safe: it opens this platform and its secrets."
            if manifest.keys
            else "Not in it: storage/, whole outputs, NATS streams, admin-password, secret-key."
        )
    elif chosen.command == "restore":
        manifest = restore(settings.data, chosen.source)
        print(f"Restored into {settings.data}: {_summary(manifest)}. Start the platform with --data {settings.data}.")
        for node, count in nodes_in(settings.data).items():
            print(
                f"{count} job(s) held something on {node}. An executor of that name queues them again; if there will "
                f"be none, start the platform and run: jobyard admin node forget {node} --data {settings.data}"
            )
    elif chosen.command == "migrate":
        for part in asyncio.run(migrate(settings)):
            print(f"{part.service}.{part.collection}: {part.documents} documents")
        print("Copied and compared. Start the services with this JOBYARD_MONGO_URL; the files stay as they were.")
    elif chosen.command == "node":
        told = asyncio.run(forget(settings, chosen.node, _confirmed(chosen.node, chosen.yes)))
        print(
            f"Told that {len(told)} run(s) on {chosen.node} are lost; the jobs service has taken it."
            if told
            else f"Nothing was told of {chosen.node}."
        )
    else:
        print(f"A new key is the first in {rotate(settings.data)}. Restart the gateway to seal every secret with it.")


def _confirmed(node: str, yes: bool) -> Confirm:
    """Shows what would be told, and asks on a terminal. Raises Refused where nobody can be asked."""

    def confirm(jobs: Sequence[JobView]) -> bool:
        for job in jobs:
            print(f"{job.id}  {job.state.status.value:<10}  attempt {job.state.attempt}  {job.owner}  {job.name}")
        if yes:
            return True
        if not sys.stdin.isatty():
            raise Refused("Nothing was told. Add --yes where nobody can be asked.")
        print(f"If one of them still runs on {node}, it will run twice. Be sure that {node} is off or was set up anew.")
        return input("Tell that all of them are lost? [y/N] ").strip().lower() in ("y", "yes")

    return confirm


def _summary(manifest: Manifest) -> str:
    documents = sum(sum(counts.values()) for counts in manifest.documents.values())
    moment = manifest.created_at.isoformat(timespec="seconds")
    return f"{documents} documents of {', '.join(sorted(manifest.documents))}, {len(manifest.files)} files, of {moment}"


def main() -> int:
    try:
        run(options(sys.argv[1:]))
    except (Refused, StoreError, WrongSettings) as error:
        print(f"error: {str(error)[:1].upper()}{str(error)[1:]}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or 'The disk'}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
