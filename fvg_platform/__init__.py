"""FVG Platform: market bars in, honest Fair Value Gap signals out, every step a Dagster asset in Postgres."""

__version__ = "0.1.0"
