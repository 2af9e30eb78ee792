"""What a request asks for: parameters and times read strictly, cursors, and the vendor's refusals.

A parameter that the look-alike does not know is refused, not passed over: a test that relies on it should fail.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import date
from typing import Any, NoReturn

import orjson
import pandas as pd

Body = dict[str, Any]
Query = dict[str, str]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MILLISECONDS = re.compile(r"-?\d{1,15}")


class Refusal(Exception):  # noqa: N818
    """An answer other than 200: its HTTP status, the body's `status`, and what it says in words."""

    def __init__(self, code: int, status: str, words: str, *, retry_after: int | None = None) -> None:
        super().__init__(words)
        self.code, self.retry_after = code, retry_after
        self.body: Body = {"status": status, "message" if code in (403, 404) else "error": words}


def bad_request(words: str) -> NoReturn:
    """Refuse a question that cannot be understood."""
    raise Refusal(400, "ERROR", words)


def require_known(query: Query, known: Iterable[str]) -> None:
    """Refuse parameters that are not known here."""
    strange = sorted(set(query) - set(known))
    if strange:
        bad_request(f"this replay server does not know the parameter(s) {', '.join(strange)}")


def read_flag(query: Query, name: str, default: bool) -> bool:
    """A parameter that is true or false."""
    text = query.get(name, "true" if default else "false").lower()
    if text not in ("true", "false"):
        bad_request(f"{name} is {text!r}: write true or false")
    return text == "true"


def read_choice(query: Query, name: str, choices: tuple[str, ...]) -> str:
    """One of some words; the first of them where nothing is said."""
    text = query.get(name, choices[0])
    if text not in choices:
        bad_request(f"{name} is {text!r}: write one of {', '.join(choices)}")
    return text


def read_limit(query: Query, default: int, most: int) -> int:
    """The parameter `limit`, a whole number from 1 to `most`."""
    text = query.get("limit", str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        bad_request(f"limit is {text!r}: write a whole number from 1 to {most}")
    return int(text)


def read_day(name: str, text: str) -> date:
    """A day written YYYY-MM-DD."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    bad_request(f"{name} is {text!r}: write a day as YYYY-MM-DD")


def read_time(name: str, text: str, zone: str, *, last: bool = False) -> int:
    """Milliseconds since 1970 from such a number, or from a day: its first, or its `last`, millisecond in the zone."""
    if _MILLISECONDS.fullmatch(text):
        return int(text)
    if not _DATE.fullmatch(text):
        bad_request(f"{name} is {text!r}: write a day as YYYY-MM-DD, or milliseconds since 1970")
    midnight = pd.Timestamp(read_day(name, text)) + pd.Timedelta(days=int(last))
    return midnight.tz_localize(zone).value // 1_000_000 - int(last)


def write_cursor(query: Query) -> str:
    """Parameters as the opaque text of a cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(query)).decode().rstrip("=")


def read_cursor(query: Query) -> Query:
    """The parameters together with those that their cursor holds."""
    if "cursor" not in query:
        return query
    text = query["cursor"]
    try:
        held = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        held = None
    if not isinstance(held, dict) or not all(isinstance(value, str) for value in held.values()):
        bad_request("the cursor is none of this server's")
    return {name: value for name, value in query.items() if name != "cursor"} | held
