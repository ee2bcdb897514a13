"""What a program is started with: a script that finds it where the job runs, and how to see that it answers.

The job's own one comes first, then the platform's, where the job runs on the platform's machine. A missing one ends
with MISSING, and the sentence that says what to install is ready.
"""

import hashlib
from dataclasses import dataclass

from services.endpoints.domain.document import EndpointDocument
from shared.contracts.endpoints import EndpointKind
from shared.contracts.streams import Child
from shared.ports import PORTS

MISSING = 127
"""The exit code of a program that is not there; a shell's own word for it."""

TRIES = 5
"""Ports that are tried: another program of the machine may have one."""


@dataclass(frozen=True)
class Program:
    """One kind of program. `script` gets the platform's Python, the port, the base path as its arguments."""

    title: str
    package: str
    script: str
    answers: str
    """Below the base path: answers with 200 once the program works."""
    token: str | None = None
    """The variable that it reads its token from."""

    def child(self, endpoint: EndpointDocument, number: int, python: str) -> Child:
        """What to start: the same for the same endpoint, run and number."""
        secret = endpoint.secret or ""
        argv = ("/bin/sh", "-c", self.script, self.title, python, str(port_of(secret, number)), base_of(endpoint))
        env = {self.token: secret} if self.token else {}
        return Child(argv=argv, env=env, name=child_name(endpoint, number))

    def headers(self, endpoint: EndpointDocument) -> dict[str, str]:
        """What a request has to bring."""
        return {"Authorization": f"token {endpoint.secret}"} if self.token else {}


def base_of(endpoint: EndpointDocument) -> str:
    """The path that people see it under; the door keeps it."""
    return f"/endpoints/{endpoint.job_id}/{endpoint.name}/"


def child_name(endpoint: EndpointDocument, number: int) -> str:
    """Of the program that was started for this run and request, and for no other."""
    return f"{endpoint.kind}-{number}-{_digest(endpoint.secret or '', 'name').hex()[:8]}"


def port_of(secret: str, number: int) -> int:
    """A port to try: nobody knows it before, and every replica finds the same."""
    return PORTS.start + int.from_bytes(_digest(secret, str(number))[:4]) % len(PORTS)


def _digest(secret: str, what: str) -> bytes:
    return hashlib.sha256(f"{secret}:{what}".encode()).digest()


JUPYTER = Program(
    title="Jupyter",
    package="jupyterlab",
    answers="api/status",
    token="JUPYTER_TOKEN",
    script="""
python=$1 port=$2 base=$3
own=$JOBYARD_JOB_PATH/.jobyard/jupyter
has() { "$1" -c "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))" "$2" 2>/dev/null; }
mkdir -p "$own/runtime" && chmod 700 "$own/runtime" && export JUPYTER_RUNTIME_DIR="$own/runtime"
config=$own/config
mkdir -p "$config/labconfig" && export JUPYTER_CONFIG_PATH="$config${JUPYTER_CONFIG_PATH:+:$JUPYTER_CONFIG_PATH}"
cat >"$config/labconfig/page_config.json" <<'END'
{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}
END
set -- --no-browser --allow-root --ServerApp.ip=127.0.0.1 --ServerApp.port="$port" --ServerApp.port_retries=0 \
  --ServerApp.base_url="$base" --ServerApp.root_dir="$PWD" --ServerApp.allow_remote_access=True \
  --ServerApp.trust_xheaders=True --ServerApp.quit_button=False --IdentityProvider.password_required=False \
  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate
if command -v jupyter-lab >/dev/null; then exec jupyter-lab "$@"; fi
if [ -x "$python" ] && has "$python" jupyterlab; then
  kernel=/usr/bin/env title="Python 3"
  has python3 ipykernel || { kernel=$python title="Python 3 of the platform"; }
  mkdir -p "$own/kernels/python3"
  "$python" - "$kernel" "$title" >"$own/kernels/python3/kernel.json" <<'END'
import json, sys
_, kernel, title = sys.argv
argv = [kernel] + ["python3"] * (kernel == "/usr/bin/env") + ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
print(json.dumps({"argv": argv, "display_name": title, "language": "python"}))
END
  export JUPYTER_PATH="$own${JUPYTER_PATH:+:$JUPYTER_PATH}"
  exec "$python" -m jupyterlab "$@" --KernelSpecManager.ensure_native_kernel=False
fi
exit 127
""",
)
"""The kernels of the job's own Jupyter are its own; those of the platform's run the job's `python3`, if that can."""

TENSORBOARD = Program(
    title="TensorBoard",
    package="tensorboard",
    answers="data/environment",
    script="""
python=$1 port=$2 base=$3
mkdir -p "$JOBYARD_JOB_PATH/tensorboard"
set -- --logdir "$JOBYARD_JOB_PATH/tensorboard" --host 127.0.0.1 --port "$port" --path_prefix "${base%/}" \
  --reload_interval 5
if command -v tensorboard >/dev/null; then exec tensorboard "$@"; fi
if [ -x "$python" ] && "$python" -c "import importlib.util as u, sys; sys.exit(not u.find_spec('tensorboard'))"; then
  exec "$python" -m tensorboard.main "$@"
fi
exit 127
""",
)

PROGRAMS: dict[EndpointKind, Program] = {EndpointKind.JUPYTER: JUPYTER, EndpointKind.TENSORBOARD: TENSORBOARD}
