"""Programs that tests need beyond Python: found, said to be missing, and installed where that is possible.

`make test` runs this module first: as root on Debian it installs what is missing, elsewhere it does nothing, and the
tests say what is missing and are skipped (with CI=true they fail).
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.backends import BACKENDS

PACKAGES = {
    "cc": "build-essential",
    "ssh": "openssh-client",
    "scp": "openssh-client",
    "sftp": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sftp-server": "openssh-sftp-server",
    "sshd": "openssh-server",
    "chromium": "chromium",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}
"""Each program, and what it is in on Debian."""
OF_BACKENDS = {
    "docker": {
        "dockerd": "docker.io",
        "docker": "docker.io",
        "docker-registry": "docker-registry",
        "iptables": "iptables",
        "mmdebstrap": "mmdebstrap",
    },
    "kubernetes": {
        "host-local": "containernetworking-plugins",
        "docker-registry": "docker-registry",
        "mmdebstrap": "mmdebstrap",
        "runc": "runc",
    },
}
"""The same of those that one backend's tests need."""
FILES = {"/usr/share/fonts/truetype/wqy/wqy-microhei.ttc": "fonts-wqy-microhei"}
"""What pictures of pages need: without a Chinese font they show boxes."""
PLACES = ("/usr/sbin", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/lib/cni")
APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")


def found(program: str) -> str | None:
    """Where it is."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(PLACES))


def needs(*programs: str) -> None:
    """Skip what is being collected or run when one of these is missing, and say what to install."""
    missing = [program for program in programs if found(program) is None]
    if missing:
        known = {name: package for packages in (PACKAGES, *OF_BACKENDS.values()) for name, package in packages.items()}
        packages = " ".join(sorted({known[program] for program in missing}))
        pytest.skip(f"{', '.join(missing)} not found; install {packages}", allow_module_level=True)


def install() -> None:
    """Install what is missing, if this is Debian and we may."""
    programs = PACKAGES.copy()
    for backend in BACKENDS:
        programs |= OF_BACKENDS.get(backend, {})
    wanted = {package for program, package in programs.items() if found(program) is None}
    missing = sorted(wanted | {package for file, package in FILES.items() if not Path(file).exists()})
    if not missing or os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*APT, "update"], env=environment, check=False)
    subprocess.run([*APT, "install", "--no-install-recommends", "-y", *missing], env=environment, check=False)


if __name__ == "__main__":
    install()
