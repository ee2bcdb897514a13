"""How many notification mails a person's jobs may cause within an hour: a script must not make a mail bomb of us.

What is above it is refused for good, and kept to say so: told hours later, a mail about a job's end is of no use.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from services.notify.domain.delivery import DeliveryDocument
from services.notify.domain.sending import refused

WINDOW = timedelta(hours=1)


def allowed(
    made: Sequence[DeliveryDocument], mailed: Mapping[str, int], per_hour: int, now: datetime
) -> list[DeliveryDocument]:
    """The deliveries, those mails refused that come after `per_hour` of one person's; `mailed`: theirs of the hour."""
    taken = Counter(mailed)
    result: list[DeliveryDocument] = []
    for one in made:
        if one.by_mail and taken[one.owner] >= per_hour:
            result.append(one.model_copy(update={"sending": refused(now, _why(one.owner, per_hour))}))
            continue
        taken[one.owner] += one.by_mail
        result.append(one)
    return result


def _why(owner: str, per_hour: int) -> str:
    return (
        f"Refused: the jobs of {owner} have caused {per_hour} mails within an hour, the most that the operators allow "
        "(JOBYARD_NOTIFY_MAILS_PER_HOUR). Let fewer events be mailed, or use a webhook."
    )
