"""The way to the vendor: its own client, with a connection that times out, and attempts that wait and give up.

The client of polygon-api-client 1.16.3 is used for its requests only (`raw=True`). Three of its habits lose data or
time: timeouts are never passed on, a body that is not JSON becomes an empty list, and a 429 is repeated within a
second. So its connection is replaced by one of our own and its answers are read here. The key travels in a header to
the configured address alone; it is in no URL, message or log.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import certifi
import tenacity
import urllib3

from fvg_platform.sources.base import CallLimiter, VendorError, VendorKeyError, VendorUnavailableError
from fvg_platform.sources.polygon.answers import (
    Body,
    Refused,
    Unsound,
    check_counted,
    check_list,
    judge,
    parse_body,
)

_LOCAL = ("127.0.0.1", "localhost", "::1")
_SECRET_LENGTH = 8
_PAGE = 1_000  # the most that reference data give at once
# A vendor may skip what it filters out page by page, but not for ever.
_MOST_EMPTY_PAGES = 10
# Longer than any per-minute or per-quarter limit; beyond it a person should know.
_LONGEST_PAUSE = 900.0
_BACKOFF = tenacity.wait_exponential_jitter(multiplier=1, max=60, jitter=1)
# Together more than two minutes in six attempts: a plan by the minute has opened again by then.
_PER_MINUTE_BACKOFF = tenacity.wait_exponential_jitter(multiplier=5, max=60, jitter=2)
_AFTER_WHAT_WAS_ASKED = tenacity.wait_random(0, 1)

Send = Callable[[], urllib3.BaseHTTPResponse]


@dataclass(frozen=True, eq=False)
class Answer:
    """A sound answer: its JSON object, and how many calls it took."""

    body: Body
    calls: int

    @property
    def results(self) -> list[Any]:
        """The rows; none where the vendor has none."""
        results: list[Any] = self.body.get("results", [])
        return results


class PolygonClient:
    """Asks the vendor, once or as often as it takes.

    Parameters
    ----------
    key
        The account's key.
    base_url
        Where the vendor is: `https://…`, or `http://` on this machine, perhaps with a path before the vendor's own.
    limiter
        Asked before every single attempt; None: no limit.
    connect_timeout, read_timeout
        Seconds until a connection stands, and between two pieces of an answer.
    attempts
        How often one question is put before it is given up.
    say
        Told how long a call waits and why.

    Raises
    ------
    VendorError
        A key that cannot be sent, or an address that it should not be sent to.
    """

    def __init__(
        self,
        key: str,
        *,
        base_url: str,
        limiter: CallLimiter | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        attempts: int = 6,
        say: Callable[[str], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # 0.4 s, and only needed by those who ask the vendor.
        from polygon import RESTClient

        self._key = _require_key(key)
        self._key_in_text = _key_pattern(self._key)
        self.base_url = _require_address(base_url)
        self._limiter, self._attempts, self._sleep = limiter, attempts, sleep
        self._say = say or (lambda _message: None)
        self._calls = 0
        self._lock = threading.Lock()
        self._rest = RESTClient(api_key=self._key, base=self.base_url, retries=0)
        wire = _Wire(urllib3.Timeout(connect=connect_timeout, read=read_timeout))
        self._rest.client = self._rest.vx.client = wire

    def __repr__(self) -> str:
        return f"PolygonClient(base_url={self.base_url!r})"

    @property
    def calls(self) -> int:
        """How many requests were sent, repeated ones included."""
        return self._calls

    def say(self, message: str) -> None:
        """Tell whoever listens."""
        self._say(f"polygon: {message}")

    def aggregates(
        self,
        ticker: str,
        multiplier: int,
        timespan: str,
        first: int,
        last: int,
        *,
        adjusted: bool,
        limit: int,
        what: str,
    ) -> Iterator[Answer]:
        """Pages of bars that open from `first` to `last` (milliseconds since 1970, both included), oldest first.

        Raises
        ------
        VendorError
            naming `what`; see also :meth:`tickers`.
        """
        path = _in_path(ticker, what)

        def send() -> urllib3.BaseHTTPResponse:
            return self._rest.get_aggs(
                path, multiplier, timespan, first, last, adjusted=adjusted, sort="asc", limit=limit, raw=True
            )

        def check(body: Body) -> None:
            check_counted(body)
            for name, asked in (("ticker", ticker), ("adjusted", adjusted)):
                if body.get(name, asked) != asked:
                    raise Unsound(f"the answer is for {name} {body[name]!r} and not for {asked!r}")

        return self._pages(send, check, what)

    def grouped_daily(self, day: date, *, locale: str, market: str, adjusted: bool, what: str) -> Answer:
        """The bars of all tickers of a market on one day; without results on a day without trade."""

        def send() -> urllib3.BaseHTTPResponse:
            return self._rest.get_grouped_daily_aggs(
                day.isoformat(), adjusted=adjusted, locale=locale, market_type=market, raw=True
            )

        return self._ask(send, check_counted, what)

    def tickers(self, *, market: str, active: bool, ticker: str | None = None, what: str) -> Iterator[Answer]:
        """Pages of the market's tickers, or of one of them, by ticker.

        Raises
        ------
        VendorKeyError, VendorPlanError
            at once, when key or plan are refused.
        VendorUnavailableError
            after the last attempt.
        VendorError
            for what else the vendor refuses, and for pages that lead in a circle.
        """

        def send() -> urllib3.BaseHTTPResponse:
            return self._rest.list_tickers(
                ticker=ticker, market=market, active=active, limit=_PAGE, sort="ticker", order="asc", raw=True
            )

        return self._pages(send, check_list, what)

    def splits(self, since: date, *, what: str) -> Iterator[Answer]:
        """Pages of the splits of all tickers from an execution date on, oldest first."""

        def send() -> urllib3.BaseHTTPResponse:
            return self._rest.list_splits(
                execution_date_gte=since.isoformat(),
                limit=_PAGE,
                sort="execution_date",
                order="asc",
                raw=True,
            )

        return self._pages(send, check_list, what)

    def _pages(self, send: Send, check: Callable[[Body], None], what: str) -> Iterator[Answer]:
        """An answer and those that its `next_url` leads to; each is asked for when it is wanted."""
        seen: set[str] = set()
        before: list[Any] = []
        empty = 0
        answer = self._ask(send, check, what)
        while True:
            yield answer
            next_url = answer.body.get("next_url")
            if not next_url:
                return
            path = self._own_path(next_url, what)
            empty = 0 if answer.results else empty + 1
            if path in seen or empty > _MOST_EMPTY_PAGES or (before and before == answer.results):
                raise VendorError(
                    f"polygon: {what}: after {len(seen) + 1} pages the vendor's next_url leads no further; "
                    "nothing of this was kept. Try again later, and tell the vendor if it stays"
                )
            seen.add(path)
            before = answer.results
            answer = self._ask(partial(self._get, path), check, what)

    def _get(self, path: str) -> urllib3.BaseHTTPResponse:
        return self._rest.client.request("GET", self.base_url + path, headers=self._rest.headers)

    def _own_path(self, next_url: object, what: str) -> str:
        """Path and query of a `next_url`, for the configured address; without a key that it may carry."""
        try:
            parts = urlsplit(next_url) if isinstance(next_url, str) else None
        except ValueError:
            parts = None
        if parts is None or not parts.path.startswith("/") or ".." in parts.path:
            raise VendorError(
                f"polygon: {what}: the vendor's next_url is {self._without_key(repr(next_url))[:200]}, "
                "which leads nowhere; nothing of this was kept. Try again later"
            )
        prefix = urlsplit(self.base_url).path
        path = parts.path.removeprefix(prefix) if parts.path.startswith(prefix + "/") else parts.path
        query = parse_qsl(parts.query, keep_blank_values=True)
        kept = urlencode([(name, value) for name, value in query if name.lower() != "apikey"])
        return f"{path}?{kept}" if kept else path

    def _ask(self, send: Send, check: Callable[[Body], None], what: str) -> Answer:
        """Put one question until its answer is sound."""
        calls = 0

        def attempt() -> Body:
            nonlocal calls
            if self._limiter is not None:
                self._limiter.acquire(what)
            calls += 1
            with self._lock:
                self._calls += 1
            return self._attempt(send, check, what)

        def tell(state: tenacity.RetryCallState) -> None:
            self.say(f"waiting {state.upcoming_sleep:.0f} s ({self._without_key(_reason(state))}, {what})")

        try:
            body = tenacity.Retrying(
                sleep=self._sleep,
                stop=tenacity.stop_after_attempt(self._attempts),
                wait=_pause,
                retry=tenacity.retry_if_exception(_is_worth_another_attempt),
                before_sleep=tell,
                reraise=True,
            )(attempt)
        except Unsound as error:
            # Without the Unsound itself, whose words may hold the key.
            raise VendorUnavailableError(self._given_up(error, calls, what)) from error.__cause__
        return Answer(body, calls)

    def _attempt(self, send: Send, check: Callable[[Body], None], what: str) -> Body:
        try:
            body = parse_body(send().data, self._without_key)
        except Refused as refused:
            raise judge(refused, what, self.base_url, self._without_key) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unsound(f"{type(error).__name__}: {error}") from error
        check(body)
        return body

    def _given_up(self, error: Unsound, calls: int, what: str) -> str:
        text = f"polygon: {what}: no sound answer in {calls} attempt{'s' if calls > 1 else ''}; "
        if (error.retry_after or 0) > _LONGEST_PAUSE:
            text += f"the vendor asks to wait {error.retry_after:.0f} s. "
        text += (
            f"the last: {self._without_key(error.reason)}. What was committed before stays; try again later"
        )
        if error.status == 429:
            text += ", with fewer calls a minute if the plan allows fewer"
        return text

    def _without_key(self, text: str) -> str:
        return self._key_in_text.sub("(the key)", text)


class _Wire:
    """Stands in for the client's connection pool: one attempt, in time, to the address that was asked for."""

    def __init__(self, timeout: urllib3.Timeout) -> None:
        self._timeout = timeout
        self._pool = urllib3.PoolManager(
            num_pools=2, maxsize=8, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where()
        )

    def request(
        self, method: str, url: str, fields: Any = None, headers: Any = None
    ) -> urllib3.BaseHTTPResponse:
        """The whole answer with status 200; raises Refused for another one, and urllib3's errors."""
        response = self._pool.request(
            method,
            url,
            fields=fields,
            headers=headers,
            timeout=self._timeout,
            retries=False,
            redirect=False,
            enforce_content_length=True,
        )
        if response.status != 200:
            raise Refused(response.status, response.headers, response.data)
        return response


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt: what the vendor asks for, or more from one attempt to the next."""
    error = _error(state)
    if error.retry_after is not None:
        return error.retry_after + _AFTER_WHAT_WAS_ASKED(state)
    return _PER_MINUTE_BACKOFF(state) if error.status == 429 else _BACKOFF(state)


def _is_worth_another_attempt(error: BaseException) -> bool:
    return isinstance(error, Unsound) and (error.retry_after or 0.0) <= _LONGEST_PAUSE


def _reason(state: tenacity.RetryCallState) -> str:
    error = _error(state)
    return str(error.status) if error.status == 429 else error.reason


def _error(state: tenacity.RetryCallState) -> Unsound:
    error = None if state.outcome is None else state.outcome.exception()
    if not isinstance(error, Unsound):
        raise TypeError(f"only an unsound answer is waited for, not {error!r}")
    return error


def _in_path(ticker: str, what: str) -> str:
    """A ticker as one segment of a path: `EUR/USD` must not become two, `..` none."""
    if not any(c.isalnum() for c in ticker):
        raise VendorError(f"polygon: {what}: {ticker!r} is no ticker: remove it")
    return quote(ticker, safe=":")


def _require_key(key: str) -> str:
    key = key.strip()
    if not key:
        raise VendorKeyError("polygon: there is no key: set POLYGON_API_KEY")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise VendorKeyError(
            f"polygon: the key ({len(key)} characters) has some that no key has, such as spaces, line ends or "
            "accents: check POLYGON_API_KEY"
        )
    return key


def _key_pattern(key: str) -> re.Pattern[str]:
    """Finds the key in a text, as it is and as it stands in a URL."""
    pattern = f"(?:{re.escape(key)}|{re.escape(quote(key, safe=''))})"
    # A vendor's keys have 32 characters. One of the look-alike may be a single letter, which is in every word.
    return re.compile(pattern if len(key) >= _SECRET_LENGTH else rf"(?<!\w){pattern}(?!\w)")


def _require_address(base_url: str) -> str:
    parts = urlsplit(base_url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not safe or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        shown = f"{parts.scheme}://{parts.hostname or ''}"
        raise VendorError(
            f"polygon: the base address {shown} cannot be used: write https://HOST, or http://127.0.0.1:PORT for "
            "one on this machine, without user, query or fragment; the key travels with every request"
        )
    return base_url.rstrip("/")
