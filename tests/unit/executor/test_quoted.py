"""What others say is quoted in sentences of ours, whoever they are."""

from services.executor.domain.quoted import sentence


def test_words_of_others_become_one_sentence_on_one_line_that_is_not_endless() -> None:
    assert sentence("no such host") == "no such host."
    assert sentence("Is it there?\n") == "Is it there?"
    assert sentence("a\x1b[31m\u202eb\n\tc") == "a[31mb c."
    assert len(sentence("line\n" * 1000)) <= 501
