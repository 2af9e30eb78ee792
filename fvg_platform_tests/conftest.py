"""Fixtures that every test may ask for."""

import os
from collections import Counter

import pytest
from hypothesis import settings

from fvg_platform_tests.database import empty_database, postgres_server
from fvg_platform_tests.platforms import (
    door,
    empty_platform_home,
    module_workplace,
    sample,
    sample_home,
    workplace,
)

__all__ = [
    "door",
    "empty_database",
    "empty_platform_home",
    "module_workplace",
    "postgres_server",
    "sample",
    "sample_home",
    "workplace",
]

# A build is red for its change, not for its luck: there every run draws the same examples, elsewhere new ones.
settings.register_profile("build", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("build")

# Two workers take one file after the other: what takes longest goes first, or one of them ends alone with it. The file
# at the top makes the sample's template, for which another file that needs it would only wait.
LONGEST = (
    "storage/test_backup.py",
    "integration/test_kill.py",
    "integration/test_isolation.py",
    "integration/test_polygon_like_sample.py",
    "integration/test_noise_gate.py",
    "test_up.py",
    "integration/test_engine_configuration.py",
    "integration/test_incremental.py",
    "integration/test_files_like_sample.py",
    "integration/test_retention.py",
    "integration/test_model_registry_life.py",
    "pipeline/test_data_retention.py",
    "integration/test_models_stage.py",
    "integration/test_model_faults.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest files first, then those with the most tests; only where workers share the files."""
    if not hasattr(config, "workerinput"):
        return
    places = {config.rootpath / "fvg_platform_tests" / name: place for place, name in enumerate(LONGEST)}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (places.get(item.path, len(places)), -tests[item.path], str(item.path)))
