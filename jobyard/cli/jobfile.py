"""Job files: one job, or a list of them, in YAML or JSON.

A path that begins with a dot (`.`, `./data`, `../data`) starts at the file, as in other tools' files; any other
relative path starts at the platform's storage.
"""

import sys
from pathlib import Path
from typing import Any

from jobyard.errors import Invalid

PATHS = ("data_path", "work_path", "job_path", "checkpoint_path")


def read(source: Path) -> list[dict[str, Any]]:
    """The jobs in a file; `-` is stdin. `{jobs: [...]}` counts as a list. Raises Invalid."""
    try:
        text = sys.stdin.read() if str(source) == "-" else source.read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{source} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{source} is no text in UTF-8.") from error
    import yaml  # takes a tenth of a second, and most commands read no file

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Invalid(f"{source} is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    if isinstance(content, dict) and set(content) == {"jobs"}:
        content = content["jobs"]
    jobs = content if isinstance(content, list) else [content]
    if not jobs or not all(isinstance(job, dict) for job in jobs):
        raise Invalid(f"{source} describes no job; write its fields, such as `name: hello` and `command: echo hello`.")
    folder = Path.cwd() if str(source) == "-" else source.resolve().parent
    return [with_paths(_plain(job, source), folder) for job in jobs]


def with_paths(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The job with the paths that begin with a dot made absolute."""
    return {key: absolute(value, folder) if key in PATHS else value for key, value in job.items()}


def absolute(path: Any, folder: Path) -> Any:
    """`./data` below the folder; anything else as it is."""
    if isinstance(path, str) and path.split("/", 1)[0] in (".", ".."):
        return str((folder / path).resolve())
    return path


def _plain(job: dict[Any, Any], source: Path) -> dict[str, Any]:
    """YAML knows keys and values that JSON has not (numbers as keys, dates): named here, as the platform can't."""
    for key, value in job.items():
        _check(value, str(key), source)
    return {str(key): value for key, value in job.items()}


def _check(value: object, field: str, source: Path) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise Invalid(f"{source}: {field}: the name {key!r} is no text; put it in quotes.")
            _check(item, f"{field}.{key}", source)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{field}.{index}", source)
    elif not (value is None or isinstance(value, str | bool | int | float)):
        raise Invalid(f"{source}: {field}: {value!s} was read as a {type(value).__name__}; put it in quotes.")
