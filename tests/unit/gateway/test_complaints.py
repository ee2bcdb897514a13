"""What people are told of a field that is wrong."""

import pytest
from pydantic import ValidationError

from services.gateway.domain.complaints import complaints
from services.gateway.resources.changes import NewEndpoint


@pytest.mark.parametrize("name", ["9000", "foo", "port-80", "port-1000", "Jupyter"])
def test_the_name_of_an_endpoint_is_not_taken_for_that_of_a_job(name: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        NewEndpoint.model_validate({"name": name})
    (complaint,) = complaints(wrong.value.errors())
    assert complaint.field == "name"
    assert complaint.message == "must be 'ssh', 'jupyter', 'tensorboard' or 'port-<1024…65535>'"
