"""The asset graph, one module per stage; thin functions over the pure packages and storage."""

from fvg_platform.pipeline.assets import bars, features, gaps, labels, raw_bars, setups

SERIES_ASSETS = (
    raw_bars.raw_bars,
    *bars.SERIES_ASSETS,
    gaps.fvg_detections,
    setups.fvg_setups,
    labels.fvg_labels,
    *features.SERIES_ASSETS,
)
