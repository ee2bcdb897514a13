"""What others say, such as an engine, a cluster or a registry, as it may stand among words of ours.

Whoever they speak to did not ask for it, and a registry is whoever a job names.
"""

MOST_CHARACTERS = 500


def sentence(text: str) -> str:
    """On one line that shows all of what it says, with an end, and not endless."""
    line = "".join(each for each in " ".join(text.split()) if each.isprintable())[:MOST_CHARACTERS]
    return line if line.endswith((".", "!", "?")) else f"{line}."
