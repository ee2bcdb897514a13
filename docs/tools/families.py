"""The table of families in `docs/metrics.md`, from what the executor exports; the rest of the page is made by hand."""

from shared.contracts.families import EXPORTED, Exported

BEGIN = "<!-- families: written by `make docs` from shared/contracts/families.py -->\n"
END = "<!-- /families -->"


def document(page: str) -> str:
    """The page with today's table. Raises ValueError if it has no place for one."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"docs/metrics.md needs the lines {BEGIN.strip()!r} and {END!r} around the table of families.")
    return before + BEGIN + _table() + END + after


def _table() -> str:
    rows = ["| family | exported as | more labels | in a graph | |", "|---|---|---|---|---|"]
    rows += [f"| {one.family} | `{one.name}` | {_labels(one)} | {_graph(one)} | {one.help} |" for one in EXPORTED]
    return "\n".join(rows) + "\n"


def _labels(one: Exported) -> str:
    return ", ".join(f"`{label}`" for label in one.also)


def _graph(one: Exported) -> str:
    return ", ".join([one.unit.replace("_per_", "/").replace("second", "s"), *one.shown.values()])
