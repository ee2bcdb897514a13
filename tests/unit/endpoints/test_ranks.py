"""Where an endpoint's rank is asked for: at the executor that answers for it, whichever node it is on."""

from services.endpoints.domain.document import RunPlace
from services.endpoints.domain.following import run_of
from shared.contracts.commands.submission import NewJob
from shared.contracts.job import Allocation, JobRequest, JobStatus, JobView, Share
from tests.support.endpoints import JOB
from tests.support.gateway import stored_job, view_of


def placed(*shares: Share) -> JobView:
    request = JobRequest(name="j", command="true", nodes=len(shares))
    view = view_of(stored_job(NewJob(id=JOB, owner="ada", request=request), status=JobStatus.RUNNING), "local")
    state = view.state.model_copy(update={"attempt": 1, "allocation": Allocation(shares=shares)})
    return view.model_copy(update={"state": state})


def test_a_rank_on_a_node_that_answers_for_itself_is_asked_for_there() -> None:
    view = placed(Share(node="a"), Share(node="a", rank=1))
    assert run_of(view, 1) == RunPlace(attempt=1, executor="a")


def test_a_rank_on_a_node_of_a_cluster_is_asked_for_at_the_clusters_executor() -> None:
    view = placed(Share(node="a", executor="k"), Share(node="b", rank=1, executor="k"))
    assert [run_of(view, rank) for rank in (0, 1)] == [RunPlace(attempt=1, executor="k")] * 2


def test_a_rank_that_the_job_does_not_have_is_nowhere() -> None:
    assert run_of(placed(Share(node="a")), 1) is None
