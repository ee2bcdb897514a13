"""What is shown first of what a job reports."""

from jobyard.cli.foremost import foremost


def test_losses_come_first_then_accuracies_then_what_was_validated_then_the_rest() -> None:
    names = [
        "Accuracy",
        "a",
        "acc",
        "accumulated",
        "eval/f1",
        "lr",
        "step",
        "train/mlm_loss",
        "val.bleu",
        "valve",
        "loss",
    ]
    assert sorted(names, key=foremost) == [
        "loss",
        "train/mlm_loss",
        "Accuracy",
        "acc",
        "eval/f1",
        "val.bleu",
        "a",
        "accumulated",
        "lr",
        "step",
        "valve",
    ]
