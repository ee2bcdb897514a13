"""How many may be connected who have not said who they are: enough for everybody, too few to hurt."""

from services.endpoints.domain.shares import Shares

MOST = 100
MOST_OF_ONE = 25
"""From one address, so that one machine does not keep all others out."""


class Strangers(Shares):
    """Connections that are not authenticated yet, by their address."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        super().__init__(most, most_of_one)
