"""A built console that is small: an index, files with hashed names, and one that was packed when it was built."""

import gzip
from pathlib import Path

INDEX = "<!doctype html><title>Jobyard</title><script type=module src=/assets/app-1a2b.js></script>" + "<!-- -->" * 200
SCRIPT = "console.log('jobyard');\n" * 200
BROTLI = b"as if packed by brotli"
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


def built_console(folder: Path) -> Path:
    """Where it is."""
    files = {
        "index.html": INDEX.encode(),
        "favicon.png": IMAGE,
        "assets/app-1a2b.js": SCRIPT.encode(),
        "assets/app-1a2b.js.br": BROTLI,
        "assets/app-1a2b.js.gz": gzip.compress(SCRIPT.encode(), 9),
        "assets/style-3c4d.css": b"a{}",
        "assets/notes-5e6f.txt.gz": b"not the encoded form of a file that is there",
    }
    dist = folder / "console" / "dist"
    for name, body in files.items():
        path = dist / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    secret = folder / "secret.txt"
    secret.write_text("canary")
    (dist / "assets" / "out.txt").symlink_to(secret)
    (dist / "outside").symlink_to(folder, target_is_directory=True)
    return dist
