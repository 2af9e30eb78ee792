"""What an answer of the vendor must look like, and what a refusal means.

An answer that is not sound is an error that is worth another attempt, never an empty list.
"""

import email.utils
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from fvg_platform.sources.base import VendorError, VendorKeyError, VendorPlanError

Body = dict[str, Any]
Clean = Callable[[str], str]
"""Takes out of a text of the vendor what nobody should read: the key."""

_SOUND = ("OK", "DELAYED")
_PASSING = (408, 425, 429)  # besides all of 5xx


class Unsound(Exception):  # noqa: N818
    """One attempt gave nothing that can be used; another one may.

    `status`: of HTTP, None where no answer came; `retry_after`: seconds that the vendor asks to wait, if it says.
    """

    def __init__(self, reason: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.status, self.retry_after = reason, status, retry_after


class Refused(Exception):  # noqa: N818
    """An answer with another status than 200, as it came over the wire."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.headers, self.content = status, headers, content


def parse_body(content: bytes, clean: Clean) -> Body:
    """The JSON object of a body; raises Unsound for anything else, and for one that says it is an error."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise Unsound(f"the answer is not JSON: {_excerpt(content, clean)}") from None
    if not isinstance(body, dict):
        raise Unsound(f"the answer is no JSON object: {_excerpt(content, clean)}")
    status = body.get("status")
    if status not in _SOUND:
        raise Unsound(f"the answer has status {status!r}: {vendor_message(content, clean)}")
    return body


def check_counted(body: Body) -> None:
    """Hold an answer with bars against its own count; raises Unsound if rows are missing or too many."""
    count, results = body.get("resultsCount"), body.get("results", [])
    if not isinstance(count, int) or not isinstance(results, list):
        raise Unsound(f"the answer has no list of results with its count (resultsCount is {count!r})")
    if count != len(results):
        raise Unsound(f"the answer says resultsCount {count} and holds {len(results)}")


def check_list(body: Body) -> None:
    """Raise Unsound for a page of reference data without its list of results."""
    results = body.get("results")
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise Unsound("the answer has no list of results")


def judge(refused: Refused, what: str, address: str, clean: Clean) -> Exception:
    """The error that a refusal stands for: Unsound where another attempt may help, else a VendorError for `what`."""
    status = refused.status
    told = f"HTTP {status}, {vendor_message(refused.content, clean)}"
    if status in _PASSING or status >= 500:
        return Unsound(told, status=status, retry_after=_retry_after(refused.headers))
    if status == 401:
        return VendorKeyError(
            f"polygon: {what}: {told}. The key is not known at {address}: check POLYGON_API_KEY"
        )
    if status == 403:
        return VendorPlanError(
            f"polygon: {what}: {told}. The plan behind the key does not include this: ask for a later span or "
            "fewer timeframes, or take another plan"
        )
    if 300 <= status < 400:
        return VendorError(
            f"polygon: {what}: HTTP {status}, {address} sends callers elsewhere, where the key is not taken: "
            "set the base address to where the vendor is now"
        )
    if status < 300:
        return Unsound(f"HTTP {status} instead of 200", status=status)
    return VendorError(
        f"polygon: {what}: {told}. The vendor does not answer such a question: check ticker, span and base "
        f"address ({address})"
    )


def vendor_message(content: bytes, clean: Clean) -> str:
    """What a body says in words: its `error` or `message`, or its first characters."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _excerpt(content, clean)
    if isinstance(body, dict):
        words = [body.get(name) for name in ("status", "error", "message")]
        said = ": ".join(str(word) for word in words if word)
        if said:
            return _excerpt(said.encode(), clean)
    return _excerpt(content, clean)


def _excerpt(content: bytes, clean: Clean) -> str:
    """The beginning of a text on one line, without characters that do something to a terminal."""
    # Cleaned before it is cut: half of a key is a part of it too.
    text = " ".join(clean(content.decode("utf-8", "replace")).split())
    text = "".join(c for c in text if c.isprintable())
    if not text:
        return "nothing"
    return f"“{text[:300]}{'…' if len(text) > 300 else ''}”"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from seconds or an HTTP date; None where nothing, or nothing sensible, is said."""
    text = headers.get("Retry-After", "").strip()
    try:
        return min(max(0.0, float(text)), 1e9)
    except ValueError:
        until = _http_date(text)
    if until is None:
        return None
    # By the vendor's own clock where it tells the time: ours may be wrong.
    now = _http_date(headers.get("Date", ""))
    return max(0.0, until - (time.time() if now is None else now))


def _http_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
