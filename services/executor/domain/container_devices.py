"""Variables by which container runtimes give devices to a container, whatever it was scheduled with.

NVIDIA's and Huawei's runtimes look for them in the container's own environment, images of CUDA set them to `all`, and
what a job says there would win over a device plugin. So none of them is a job's to say (`GIVES_DEVICES`), and none an
image's: a container is told that it has none of what it was not given.
"""

from collections.abc import Collection, Mapping

from shared.contracts.job import GIVES_DEVICES

_NONE: Mapping[str, Mapping[str, str]] = {
    "nvidia.com": {"NVIDIA_VISIBLE_DEVICES": "void"},
    "huawei.com": {"ASCEND_VISIBLE_DEVICES": ""},
}
NVIDIA_EXTRAS = frozenset(name for name in GIVES_DEVICES if name.startswith("NVIDIA_")) - {*_NONE["nvidia.com"]}
"""Each gives a container of any GPU device nodes of the host beside it: of InfiniBand, of switches, of storage.

Huawei's others count for the devices named there alone, its plugin says them, and its runtime starts no container
whose ASCEND_VNPU_SPECS is empty.
"""


def withheld(resource: str | None, said: Collection[str] = ()) -> dict[str, str]:
    """What the environment says of devices that a container does not have.

    `resource`: what Kubernetes calls those that it has. Beside one that is not known here, the variables that name
    devices are left alone, since its plugin may use any of them. `said`: what plugins say beside those.
    """
    maker = resource.partition("/")[0] if resource is not None else None
    names = {} if maker is not None and maker not in _NONE else _NONE
    none = {name: value for other, each in names.items() if other != maker for name, value in each.items()}
    return none | {name: "" for name in sorted(NVIDIA_EXTRAS) if maker is None or name not in said}
