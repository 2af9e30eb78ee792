"""FVG Platform: market bars in, honest Fair Value Gap signals out, every step a Dagster asset in Postgres."""

from fvg_platform.kernel_cache import keep_kernels_by_source

__version__ = "0.1.0"

keep_kernels_by_source()
