"""`fvg ...`: the platform from the command line.

Commands call `pipeline`, `storage` and `reports` and hold no logic of their own. Imports stand inside the
commands: the graph takes seconds to import, and `fvg --help` must not.
"""

from fvg_platform.cli import database, graph, market, models, monitoring, setups
from fvg_platform.cli.app import app, main

__all__ = ["app", "database", "graph", "main", "market", "models", "monitoring", "setups"]
