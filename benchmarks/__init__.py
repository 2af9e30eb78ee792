"""Side-by-side measurements; `python -m benchmarks [NAME ...]` runs all of them or those named."""
