"""Which file system a path leads to, without a look at any that may hang."""

from pathlib import Path

from services.executor.mounts import Mounts, MountTable, parsed

TABLE = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw - nfs4 server:/export rw
31 30 0:41 / /srv/team\040one rw - nfs4 server:/one rw
32 22 0:42 /part /data rw - nfs4 other:/ rw
33 22 0:43 / /data rw - tmpfs tmpfs rw
34 22 0:40 /jobs /mnt/jobs rw - nfs4 server:/export rw
"""


def test_a_path_lies_on_what_is_mounted_nearest_above_it_and_was_mounted_last() -> None:
    mounts = parsed(TABLE)
    where = {
        "/": "8:1",
        "/srvs": "8:1",
        "/srv": "0:40",
        "/srv/jobs/a": "0:40",
        "/srv/team one/a": "0:41",
        "/data/a": "0:43",
        "/mnt/jobs/a": "0:40",
    }
    assert {path: mounts.device(path) for path in where} == where
    assert mounts.devices("/srv/team one/a") == {"8:1", "0:40", "0:41"}


def test_a_link_is_followed_up_to_the_first_storage_that_is_another(tmp_path: Path) -> None:
    mounts = Mounts({"/": "root", str(tmp_path): "here", "/away": "away", "/away/far": "far"})
    (tmp_path / "data").symlink_to("/away/far/set")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/up").symlink_to("../data/./train")
    (tmp_path / "round").symlink_to("round")
    passed = mounts.devices(str(tmp_path))
    assert passed == {"root", "here"}
    assert mounts.beyond(f"{tmp_path}/folder/up/x", passed) == "away"
    assert mounts.beyond(f"{tmp_path}/folder/up/x", passed | {"away"}) == "far"
    assert mounts.beyond(f"{tmp_path}/folder/up/x", passed | {"away", "far"}) is None
    for within in ("folder", "missing/data", "round", "folder/\udcff\ud800"):
        assert mounts.beyond(f"{tmp_path}/{within}", passed) is None


def test_the_kernel_says_what_is_mounted() -> None:
    assert MountTable().now().device("/proc/self") != MountTable().now().device("/dev/null")
