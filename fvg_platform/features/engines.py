"""The numerical engines behind the features, loaded when the first value is computed.

The database's schema and the documentation read the catalogue's names alone. Loading numba costs 1.7 s and
TA-Lib, which pulls in polars, 1.1 s: more than the definitions of the whole graph may take together.
"""

from importlib import import_module
from typing import Any


class Engine:
    """A module that is imported when one of its attributes is first asked for; safe under threads."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._module), attribute)


talib = Engine("talib")
# Call its functions with lookahead=False: 9 of its 372 columns otherwise change when future bars arrive.
classic = Engine("pandas_ta_classic")
kernels = Engine("fvg_platform.features.kernels")
recursions = Engine("fvg_platform.features.recursions")
