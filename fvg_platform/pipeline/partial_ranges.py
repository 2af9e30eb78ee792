"""Assets that fill only some partitions of the range they run over, in one run.

Such an asset logs a materialisation for each partition that it filled. An ordinary output would add one for every
partition of the range, failed and missing ones included, and give all of them the same metadata; no output
at all would skip everything downstream in the run. So the output says of itself that its events were logged.
"""

import dagster as dg

# Dagster's own mark for "the function logged its events itself". It is private, so Dagster is pinned, and the
# tests of partial ranges fail should it ever mean something else.
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION


def let_downstream_run(asset: str) -> dg.Output[None]:
    """The output of an asset that logged its materialisations itself; to be yielded last."""
    return dg.Output(None, output_name=asset, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})
