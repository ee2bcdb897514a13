"""Variables by which container runtimes give devices to a container, whatever it was scheduled with.

NVIDIA's and Huawei's runtimes look for them in the container's own environment, images of CUDA set them to `all`, and
what a job says there would win over a device plugin. So none of them is a job's to say (`GIVES_DEVICES`), and a
container without such devices is told that it has none.
"""

_NONE = {"nvidia.com": {"NVIDIA_VISIBLE_DEVICES": "void"}, "huawei.com": {"ASCEND_VISIBLE_DEVICES": ""}}


def withheld(resource: str | None) -> dict[str, str]:
    """What the environment says of devices that a container does not have.

    `resource`: what Kubernetes calls those that it has. Beside one that is not known here nothing is withheld, since
    its plugin may use any of the variables.
    """
    maker = resource.partition("/")[0] if resource is not None else None
    if maker is not None and maker not in _NONE:
        return {}
    return {name: none for other, said in _NONE.items() if other != maker for name, none in said.items()}
