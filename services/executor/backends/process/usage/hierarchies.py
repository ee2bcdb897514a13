"""Where this machine's control groups are mounted, and where in them a process is: from what /proc says of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hierarchy:
    """A mounted tree of groups, and this process's own group in it."""

    controllers: frozenset[str]
    """Of version 1; the unified one has those that its groups say."""
    folder: str

    @property
    def unified(self) -> bool:
        return not self.controllers


def hierarchies(mountinfo: str, own: str) -> tuple[Hierarchy, ...]:
    """Of /proc/self/mountinfo and /proc/self/cgroup; those in which this process's group cannot be reached left out."""
    paths = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        paths[frozenset(controllers.split(",") if controllers else ())] = path
    found: dict[frozenset[str], Hierarchy] = {}
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        _, _, _, root, point, *_ = fields.split(" ")
        names = _names(kind, options, paths)
        if names is not None and (folder := _folder(root, point, paths[names])) is not None:
            found.setdefault(names, Hierarchy(names, folder))
    return tuple(found.values())


def _names(kind: str, options: str, paths: dict[frozenset[str], str]) -> frozenset[str] | None:
    if kind == "cgroup2":
        return frozenset() if frozenset() in paths else None
    if kind != "cgroup":
        return None
    offered = set(options.split(","))
    return next((names for names in paths if names and names <= offered), None)


def _folder(root: str, point: str, path: str) -> str | None:
    """The group's folder; none if only another part of the tree is mounted there, or a name holds what is escaped."""
    inside = path if root == "/" else path.removeprefix(root)
    if (root != "/" and inside and (inside == path or inside[0] != "/")) or "\\" in point or " " in path:
        return None
    if inside.startswith("/.."):  # outside of this process's namespace of groups
        return None
    return point + inside.rstrip("/")
