"""The `only` contract refuses whatever is not on its list, the impure part of the standard library included."""

import grimp
import pytest

from tests.support.import_contract import Allowed, OnlyContract

OPTIONS = {"packages": ["yard.domain"], "allowed": ["shared.contracts"], "not_stdlib": ["random"]}


@pytest.mark.parametrize(
    ("imported", "holds"),
    [
        ("yard.domain.plan", True),
        ("shared.contracts.job", True),
        ("dataclasses", True),
        ("shared.contracts_of_others", False),
        ("shared.bus", False),
        ("yard.store", False),
        ("pydantic", False),
        ("random", False),
    ],
)
def test_the_list(imported: str, holds: bool) -> None:
    assert Allowed(frozenset({"shared.contracts"}), frozenset({"random"})).holds("yard.domain", imported) is holds


@pytest.mark.parametrize(("imported", "kept"), [("json", True), ("random", False), ("yard.store", False)])
def test_a_module_deep_inside_is_held_to_it(imported: str, kept: bool) -> None:
    graph = grimp.ImportGraph()
    for module in ("yard.domain", "yard.domain.deep", "yard.store"):
        graph.add_module(module)
    if imported != "yard.store":
        graph.add_module(imported, is_squashed=True)
    graph.add_import(importer="yard.domain.deep", imported=imported, line_number=3, line_contents=f"import {imported}")
    contract = OnlyContract("domain", session_options={}, contract_options=OPTIONS)
    assert contract.check(graph, verbose=False).kept is kept


@pytest.mark.parametrize(("reached", "kept"), [(False, True), (True, False)])
def test_what_it_reaches_is_held_to_it_too(reached: bool, kept: bool) -> None:
    graph = grimp.ImportGraph()
    for module in ("yard.domain", "shared.contracts.job"):
        graph.add_module(module)
    graph.add_module("random", is_squashed=True)
    graph.add_import(importer="yard.domain", imported="shared.contracts.job", line_number=1, line_contents="...")
    graph.add_import(importer="shared.contracts.job", imported="random", line_number=1, line_contents="import random")
    options = OPTIONS | {"reached": str(reached).lower()}
    contract = OnlyContract("domain", session_options={}, contract_options=options)
    assert contract.check(graph, verbose=False).kept is kept


def test_a_contract_that_holds_nobody_is_a_mistake() -> None:
    contract = OnlyContract("domain", session_options={}, contract_options=OPTIONS)
    with pytest.raises(ValueError, match="does not exist"):
        contract.check(grimp.ImportGraph(), verbose=False)
