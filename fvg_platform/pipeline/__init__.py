"""Dagster: partitions, resources, stages, assets, checks, automation."""

import warnings

import dagster as dg

# Multi-partition mappings are beta in Dagster and work (see the tests); a notice on every import helps nobody.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
