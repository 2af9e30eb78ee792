"""The asset graph, one module per stage; thin functions over the pure packages and storage."""

from fvg_platform.pipeline.assets import bars, features, gaps, raw_bars

SERIES_ASSETS = (raw_bars.raw_bars, *bars.SERIES_ASSETS, *gaps.SERIES_ASSETS, *features.SERIES_ASSETS)
