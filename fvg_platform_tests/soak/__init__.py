"""Campaigns that disturb the reading of a vendor: faulty answers, splits overnight, processes killed at any moment.

`python -m fvg_platform_tests.soak` runs the long one; the test suite runs short ones.
"""
