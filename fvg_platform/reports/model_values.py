"""A row of the table `models` as plain values, and how its figures are written: on the card and in the terminal alike.

Every part of a row may be missing: a model from before the part existed, or one that could not be judged. What is
missing is written as a dash, never as a made-up number.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, TypeGuard

import numpy as np
import pandas as pd

TARGETS = ("target_1", "target_2", "target_3", "entered")
"""In the order in which they are shown; what a model has besides comes after them."""
PATHS = {"lo": "worse path", "hi": "better path"}
"""Where the bars leave open what came first, a backtest is made for either answer."""
DASH = "–"
_MINUS = "−"


def plain(value: Any) -> Any:
    """The value as JSON knows it: NaN, NaT and infinities are None, times ISO text, dataclasses dicts."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, pd.DataFrame):
        return plain(value.to_dict("records"))
    if isinstance(value, np.ndarray | pd.Series | list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def model_values(record: Mapping[str, Any]) -> dict[str, Any]:
    """One model in full as plain values: what `fvg models show --json` prints."""
    return {str(name): plain(value) for name, value in record.items()}


def mapping_of(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one: a part that is missing has nothing in it."""
    return dict(value) if isinstance(value, Mapping) else {}


def records_of(value: Any) -> list[dict[str, Any]]:
    """The mappings in a list, else none."""
    return [dict(row) for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def targets_in(names: Iterable[str]) -> list[str]:
    """The targets among the names, the order of :data:`TARGETS` first."""
    found = list(names)
    return [name for name in TARGETS if name in found] + [name for name in found if name not in TARGETS]


def words(name: str) -> str:
    """A name of a column as people read it: `target_1` is target 1, `base_rate` base rate."""
    return name.replace("_", " ")


def number(value: Any, decimals: int = 3, *, signed: bool = False, percent: bool = False) -> str:
    """A number with thousands separated and a true minus sign; a dash for None."""
    if not is_number(value):
        return DASH
    factor, unit = (100.0, " %") if percent else (1.0, "")
    text = f"{float(value) * factor:{'+' if signed else ''},.{decimals}f}{unit}"
    if float(text.removesuffix(unit).replace(",", "")) == 0.0:
        text = text.lstrip("+-")  # a zero has no direction
    return text.replace("-", _MINUS)


def count(value: Any) -> str:
    """A whole number with thousands separated; a dash for None."""
    return number(value, 0)


def interval(estimate: Any, decimals: int = 3, *, signed: bool = False, percent: bool = False) -> str:
    """An estimate's interval in brackets; empty without one."""
    low, high = (mapping_of(estimate).get(end) for end in ("low", "high"))
    if not (is_number(low) and is_number(high)):
        return ""
    ends = (number(end, decimals, signed=signed, percent=percent).removesuffix(" %") for end in (low, high))
    return f"[{', '.join(ends)}]"


def estimate_text(estimate: Any, decimals: int = 3, *, signed: bool = False, percent: bool = False) -> str:
    """A value with its interval behind it."""
    value = number(mapping_of(estimate).get("value"), decimals, signed=signed, percent=percent)
    return f"{value} {interval(estimate, decimals, signed=signed, percent=percent)}".rstrip()


def is_number(value: Any) -> TypeGuard[float]:
    """Whether there is a finite number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def day(value: Any) -> str:
    """The date of an ISO instant."""
    return str(value)[:10] if value else DASH


def period(first: Any, last: Any) -> str:
    """The days from one instant to another; one dash without either."""
    return f"{day(first)} to {day(last)}" if first or last else DASH


def minute(value: Any) -> str:
    """An ISO instant to the minute; those of the tables are UTC."""
    return str(value)[:16].replace("T", " ") + " UTC" if value else DASH


def sentence(said: Any) -> str:
    """Words with a full stop, unless they end in a mark of their own."""
    text = str(said).strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def flat(nested: Any, before: str = "") -> dict[str, Any]:
    """Nested settings in one level: `boosting.num_leaves`."""
    found: dict[str, Any] = {}
    for name, value in mapping_of(nested).items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def setting(value: Any) -> str:
    """A setting as text: numbers at full precision without trailing zeros."""
    if value is None or value == []:
        return DASH
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(setting, value)) if isinstance(value, list) else str(value)
