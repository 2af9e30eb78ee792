"""LightGBM's settings, apart from LightGBM: what is tuned, recorded and part of a model's bytes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoostingSettings:
    """Few leaves and strong shrinkage, since the signal in setups is faint."""

    max_rounds: int = 200
    patience: int = 15
    learning_rate: float = 0.1
    leaves: int = 15
    max_bin: int = 63
    l2: float = 10.0
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.8
