"""What the tool will not do, as a sentence for the operator."""


class Refused(Exception):
    """Nothing was changed, or all of it was taken back; the message says what to do."""
