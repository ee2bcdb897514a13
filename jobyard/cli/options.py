"""What `jobyard submit` and `jobyard dev` say of a job, in the same words, and how it becomes what is submitted."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jobyard.cli import jobfile

FileOption = Annotated[
    Path | None, typer.Option("--file", "-f", help="YAML or JSON, a job or a list; - is stdin. Options replace.")
]
NameOption = Annotated[str | None, typer.Option(help="Needed, here or in the file.")]
VcOption = Annotated[str | None, typer.Option(help="Virtual cluster.")]
ImageOption = Annotated[
    str | None, typer.Option(help="Container image; a node that runs jobs on the host has no use for it.")
]
DeviceTypeOption = Annotated[str | None, typer.Option(help="`cpu`, or for example `v100`.")]
DevicesOption = Annotated[int | None, typer.Option(help="Accelerators per node.")]
CpusOption = Annotated[float | None, typer.Option(help="Per node.")]
MemoryOption = Annotated[
    int | None,
    typer.Option(help="Per node. 0: the scheduler counts none; in containers the operators' default is the limit."),
]
PriorityOption = Annotated[int | None, typer.Option(help="1 to 1000; higher is considered first.")]
PreemptibleOption = Annotated[
    bool | None, typer.Option("--preemptible/--not-preemptible", help="May be paused for a job of higher priority.")
]
EnvOption = Annotated[list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE", help="Repeatable.")]
SecretOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[=SECRET]", help="A variable that holds a secret, by default of its own name. Repeatable."
    ),
]
LabelOption = Annotated[list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="Repeatable.")]
DataPathOption = Annotated[str | None, typer.Option(help="Must exist. One that begins with a dot starts here.")]
JobPathOption = Annotated[str | None, typer.Option(help="The job's own folder.")]
CheckpointPathOption = Annotated[str | None, typer.Option(help="Default: below the job path.")]
PortOption = Annotated[list[int] | None, typer.Option(help="An interactive port. Repeatable.")]


def requests_of(options: dict[str, Any], file: Path | None) -> list[dict[str, Any]]:
    """The jobs of the file, or one, with those options that were given in place of their fields. Raises Invalid."""
    given = jobfile.with_paths({key: value for key, value in options.items() if value is not None}, Path.cwd())
    return [_merged(job, given) for job in (jobfile.read(file) if file else [{}])]


def pairs(option: str, texts: list[str] | None) -> dict[str, str] | None:
    """Of NAME=VALUE each; None where there are none. Raises BadParameter."""
    if not texts:
        return None
    for text in texts:
        if "=" not in text:
            raise typer.BadParameter(f"'{text}' has no '='; write NAME=VALUE.", param_hint=option)
    return dict(text.split("=", 1) for text in texts)


def environment(texts: list[str] | None, secrets: list[str] | None) -> dict[str, Any] | None:
    """Texts and secrets, as the API takes them; None where there are none."""
    environment: dict[str, Any] = dict(pairs("--env", texts) or {})
    for word in secrets or []:
        variable, _, name = word.partition("=")
        environment[variable] = {"secret": name or variable}
    return environment or None


def _merged(job: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Options replace the file's fields; environment and labels are joined."""
    merged = {**job, **given}
    for field in ("env", "labels"):
        if isinstance(job.get(field), dict) and field in given:
            merged[field] = {**job[field], **given[field]}
    return merged
