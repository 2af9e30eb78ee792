import pytest

from fvg_platform.learning.retraining import decide_retraining


@pytest.mark.parametrize(
    ("newly", "trained_on", "resolved", "start", "numbers"),
    [
        (0, None, 0, False, ["no resolved setup"]),
        (0, None, 1, True, ["1 resolved"]),
        (49, 100, 149, False, ["49", "50", "100"]),  # the minimum decides
        (50, 100, 150, True, ["50", "100"]),
        (99, 1000, 1099, False, ["99", "100 are needed", "1000"]),  # the share decides
        (100, 1000, 1100, True, ["100", "1000"]),
        (100, 1001, 1101, False, ["101 are needed"]),  # a tenth of 1001, rounded up
        (50, 0, 50, True, ["50"]),  # a model that served a base rate without any setup
        (0, 0, 0, False, ["0"]),
    ],
)
def test_when_to_train_again(newly, trained_on, resolved, start, numbers):
    decision = decide_retraining(newly, trained_on, resolved)
    assert decision.start is start
    assert decision.reason.endswith(".")
    for number in numbers:
        assert number in decision.reason


def test_the_thresholds_can_be_set():
    assert decide_retraining(10, 100, 110, min_new=10, min_share=0.05).start
    assert not decide_retraining(10, 100, 110, min_new=10, min_share=0.2).start


@pytest.mark.parametrize("counts", [(-1, 1, 1), (1, -1, 1), (1, 1, -1)])
def test_negative_counts_are_refused(counts):
    with pytest.raises(ValueError, match="must not be negative"):
        decide_retraining(*counts)
