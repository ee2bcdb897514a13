"""How a try can fail: `Missed` is worth another one, `Hopeless` is not."""


class Missed(Exception):
    """It did not arrive, as far as is known; the message says why."""


class Hopeless(Missed):
    """No repetition would change that."""
