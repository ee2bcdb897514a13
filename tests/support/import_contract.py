"""A kind of contract for import-linter: these packages import nothing but what stands on a list.

Its own kinds forbid what somebody thought of; purity asks for the opposite, that whatever is new is refused until it
is allowed. Used in `pyproject.toml` for the `domain/` packages and for what has to start with the standard library
alone.
"""

import sys
from dataclasses import dataclass
from typing import Any

from grimp import DetailedImport, ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules


@dataclass(frozen=True)
class Allowed:
    """What a package may import: itself, `packages` and all below them, and the standard library but `not_stdlib`."""

    packages: frozenset[str]
    not_stdlib: frozenset[str]

    def holds(self, importer: str, imported: str) -> bool:
        """Whether a module of the package `importer` may import the module `imported`."""
        top = imported.partition(".")[0]
        if top in sys.stdlib_module_names:
            return not any(_within(imported, package) for package in self.not_stdlib)
        return any(_within(imported, package) for package in self.packages | {importer})


def _held(graph: ImportGraph, package: str, reached: bool) -> set[str]:
    modules = {package, *graph.find_descendants(package)}
    if reached:
        far = {module for near in modules for module in graph.find_upstream_modules(near)}
        modules |= {module for module in far if not graph.is_module_squashed(module)}
    return modules


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


class OnlyContract(Contract):
    """Options: `packages` (who is held to it), `allowed`, `not_stdlib` (parts of the standard library refused).

    With `reached`, everything of ours that the packages import, however far away, is held to the same list.
    """

    type_name = "only"

    packages = fields.SetField(subfield=fields.ModuleExpressionField())
    allowed = fields.SetField(subfield=fields.StringField(), required=False, default=frozenset())
    not_stdlib = fields.SetField(subfield=fields.StringField(), required=False, default=frozenset())
    reached = fields.BooleanField(required=False, default=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every direct import of every module of the packages."""
        options: Any = self  # the fields are declared as their parsers and hold what those parsed
        allowed = Allowed(frozenset(options.allowed), frozenset(options.not_stdlib))
        found = module_expressions_to_modules(graph, options.packages, raise_if_unmatched=True)
        packages = {module.name for module in found}
        refused: list[DetailedImport] = []
        for package in sorted(packages):
            for importer in sorted(_held(graph, package, options.reached)):
                for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                    if not allowed.holds(package, imported):
                        refused += graph.get_import_details(importer=importer, imported=imported)
        return ContractCheck(kept=not refused, metadata={"refused": refused})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that is not on the list."""
        for found in check.metadata["refused"]:
            where = f"{found['importer']} (line {found['line_number']})"
            output.print_error(f"{where} imports {found['imported']}: {found['line_contents']}", bold=False)
