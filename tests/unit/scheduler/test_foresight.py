"""What a submission hears before it is stored: what lasts, and nothing that is only a matter of its turn."""

from typing import Any

from services.scheduler.domain.foresight import foresee
from services.scheduler.domain.reasons import Reasons
from shared.contracts.commands.submission import Foresee
from tests.support.yard import Yard, closed, job, node


def warned(yard: Yard, **fields: Any) -> list[str]:
    plain: dict[str, Any] = {"device_type": "cpu", "devices": 0, "nodes": 1, "cpus": 1.0, "memory_mib": 0}
    ask = Foresee(**(plain | fields))
    return [reason.code for reason in foresee(yard.snapshot, Reasons(yard.snapshot), ask).warnings]


def test_what_lasts_is_told() -> None:
    yard = Yard()
    assert warned(yard) == ["no_nodes"]
    yard = Yard(node("a", cpus=4, v100=2))
    assert warned(yard, device_type="h100", devices=1) == ["no_such_device"]
    assert warned(yard, cpus=5.0) == ["no_node_fits"]
    yard.pass_time(31, silent=["a"])
    assert warned(yard) == ["node_silent"]
    yard = Yard(closed(node("a", v100=2)))
    assert warned(yard, device_type="v100", devices=1) == ["nodes_closed"]


def test_what_is_only_taken_now_is_not() -> None:
    yard = Yard(node("a", cpus=4, v100=2))
    yard.submit(job(1, devices=2, cpus=4))
    yard.cycle()
    assert warned(yard, device_type="v100", devices=1) == []
    assert warned(yard) == []


def test_an_image_is_warned_of_only_where_it_is_known_that_no_node_uses_it() -> None:
    host, boxes = (
        node("a").model_copy(update={"uses_images": False}),
        node("b").model_copy(update={"uses_images": True}),
    )
    assert warned(Yard(host), image="python:3.12") == ["image_not_used"]
    assert warned(Yard(host)) == []
    assert warned(Yard(host, boxes), image="python:3.12") == []
    assert warned(Yard(node("a")), image="python:3.12") == []
    assert warned(Yard(), image="python:3.12") == ["no_nodes"]


def test_devices_that_do_not_exist_anywhere_are_told() -> None:
    pretended, real = node("a", v100=2).model_copy(update={"simulated": ("v100",)}), node("b", v100=2)
    assert warned(Yard(pretended), device_type="v100", devices=1) == ["simulated_devices"]
    assert warned(Yard(pretended)) == []
    assert warned(Yard(real), device_type="v100", devices=1) == []
    assert warned(Yard(pretended, real), device_type="v100", devices=1) == []
    assert warned(Yard(pretended, node("b", h100=2)), device_type="h100", devices=1) == []


def test_asking_for_ever_new_shapes_keeps_nothing() -> None:
    yard = Yard(node("a", v100=2))
    reasons = Reasons(yard.snapshot)
    for number in range(50):
        ask = Foresee(device_type=f"type-{number}", devices=1, nodes=1, cpus=1.0, memory_mib=number)
        foresee(yard.snapshot, reasons, ask)
    assert len(reasons._figures) == 0 and len(reasons._causes) == 0
