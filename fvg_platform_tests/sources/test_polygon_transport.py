"""The way to the vendor: faults are tried again, refusals told at once, the key stays where it belongs."""

import json
import logging
import traceback
from typing import Any

import pytest

from fvg_platform.sources.base import (
    VendorError,
    VendorKeyError,
    VendorPlanError,
    VendorUnavailableError,
)
from fvg_platform.sources.polygon.transport import Answer, PolygonClient
from fvg_platform_tests.sources.canned_vendor import KEY, Canned, CannedVendor, Request, bar, bars_body

WHAT = "SPY 1h 2024-01-01 to 2024-02-01"
SOUND = Canned(bars_body([bar(1_000)]))
WHOLE = b'{"status":"OK","resultsCount":1,"results":[{"t":1}]}'


def ask(client: PolygonClient, ticker: str = "SPY") -> list[Answer]:
    pages = client.aggregates(ticker, 30, "minute", 1_000, 2_000, adjusted=True, limit=50_000, what=WHAT)
    return list(pages)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Canned(b"<html><body>Down for maintenance</body></html>"), "is not JSON: “<html><body>Down"),
        (Canned(b""), "is not JSON: nothing"),
        (Canned(WHOLE, cut=30), "IncompleteRead"),
        (Canned(WHOLE, headers={"Content-Length": "5"}), "is not JSON"),
        (Canned(b'[{"t": 1}]'), "no JSON object"),
        (Canned({"status": "ERROR", "error": "try later"}), "status 'ERROR': “ERROR: try later”"),
        (Canned({"results": []}), "status None"),
        (Canned({"status": "OK"}), "resultsCount is None"),
        (Canned({"status": "OK", "resultsCount": 2}), "says resultsCount 2 and holds 0"),
        (Canned({"status": "OK", "resultsCount": 0, "results": [bar(1)]}), "says resultsCount 0 and holds 1"),
        (Canned(bars_body([], ticker="QQQ")), "is for ticker 'QQQ' and not for 'SPY'"),
        (Canned(bars_body([], adjusted=False)), "is for adjusted False and not for True"),
        (Canned(drop=True), "Remote end closed"),
        (Canned(b"oops", status=500), "HTTP 500, “oops”"),
        (Canned(b"", status=204), "HTTP 204 instead of 200"),
        (Canned({"status": "ERROR", "error": "slow down"}, status=429), "HTTP 429, “ERROR: slow down”"),
    ],
)
def test_what_is_no_sound_answer_is_asked_for_again(fault: Canned, reason: str) -> None:
    with CannedVendor(fault, fault, SOUND) as vendor:
        client = vendor.client()
        (answer,) = ask(client)
    assert (answer.results, answer.calls, client.calls) == ([bar(1_000)], 3, 3)
    with CannedVendor(fault) as vendor, pytest.raises(VendorUnavailableError) as error:
        ask(vendor.client(attempts=2))
    assert len(vendor.requests) == 2
    assert f"polygon: {WHAT}: no sound answer in 2 attempts; the last: " in str(error.value)
    assert reason in str(error.value)


def test_no_answer_at_all_times_out() -> None:
    with CannedVendor(Canned(silent=True)) as vendor, pytest.raises(VendorUnavailableError) as error:
        ask(vendor.client(attempts=2, read_timeout=0.05))
    assert "ReadTimeoutError" in str(error.value)
    assert len(vendor.requests) == 2


def test_nobody_listening_is_told() -> None:
    with CannedVendor(SOUND) as vendor:
        client = vendor.client(attempts=2)
    with pytest.raises(VendorUnavailableError, match="in 2 attempts; the last: NewConnectionError"):
        ask(client)


# --- waiting -----------------------------------------------------------------------------------------------------


def pauses(*answers: Canned, **options: Any) -> tuple[list[float], list[str]]:
    slept: list[float] = []
    said: list[str] = []
    with CannedVendor(*answers) as vendor:
        try:
            ask(vendor.client(sleep=slept.append, say=said.append, **options))
        except VendorUnavailableError as error:
            said.append(str(error))
    return slept, said


@pytest.mark.parametrize(("status", "reason"), [(429, "429"), (503, "HTTP 503, nothing")])
def test_retry_after_in_seconds_is_honoured(status: int, reason: str) -> None:
    slept, said = pauses(Canned(status=status, headers={"Retry-After": "12"}), SOUND)
    assert len(slept) == 1
    assert 12 <= slept[0] <= 13
    assert said == [f"polygon: waiting {slept[0]:.0f} s ({reason}, {WHAT})"]


def test_retry_after_as_a_date_is_reckoned_by_the_vendors_clock() -> None:
    headers = {"Retry-After": "Fri, 05 Jan 2024 10:00:40 GMT", "Date": "Fri, 05 Jan 2024 10:00:00 GMT"}
    slept, _ = pauses(Canned(status=429, headers=headers), SOUND)
    assert 40 <= slept[0] <= 41
    # Without the vendor's clock by ours, which is past it.
    slept, _ = pauses(Canned(status=429, headers={"Retry-After": headers["Retry-After"]}), SOUND)
    assert 0 <= slept[0] <= 1


def test_over_the_limit_without_a_word_waits_until_a_minute_has_passed() -> None:
    slept, said = pauses(Canned(status=429))
    assert len(slept) == 5
    assert slept[:4] == sorted(slept[:4])
    assert sum(slept[:4]) > 60
    assert max(slept) <= 60
    assert said[-1].endswith("with fewer calls a minute if the plan allows fewer")
    slept, _ = pauses(Canned(status=429, headers={"Retry-After": "soon"}), SOUND)
    assert 5 <= slept[0] <= 7


def test_other_faults_wait_longer_each_time() -> None:
    slept, said = pauses(Canned(b"oops", status=500))
    for pause, least in zip(slept, (1, 2, 4, 8, 16), strict=True):
        assert least <= pause <= least + 1
    assert said[0].endswith(f"s (HTTP 500, “oops”, {WHAT})")


def test_a_pause_of_an_hour_is_left_to_a_person() -> None:
    slept, said = pauses(Canned(status=429, headers={"Retry-After": "3600"}))
    assert slept == []
    assert "no sound answer in 1 attempt; the vendor asks to wait 3600 s." in said[0]


def test_the_limiter_is_asked_before_every_attempt() -> None:
    asked: list[str] = []

    class Limiter:
        def acquire(self, what: str) -> float:
            asked.append(what)
            return 0.0

    page = Canned(bars_body([bar(1_000)], next_url="https://elsewhere.test/v2/aggs/next?cursor=a"))
    with CannedVendor(Canned(status=500), page, Canned(drop=True), SOUND) as vendor:
        ask(vendor.client(limiter=Limiter()))
    assert asked == [WHAT] * 4


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (401, VendorKeyError, "HTTP 401, “ERROR: Unknown API Key”. The key is not known at http://127.0.0.1"),
        (403, VendorPlanError, "The plan behind the key does not include this"),
        (404, VendorError, "HTTP 404, “ERROR: Unknown API Key”. The vendor does not answer such a question"),
        (400, VendorError, "HTTP 400"),
        (302, VendorError, "sends callers elsewhere, where the key is not taken"),
    ],
)
def test_refusals_are_told_at_once(status: int, kind: type[VendorError], told: str) -> None:
    with CannedVendor(SOUND) as elsewhere:
        body = {"status": "ERROR", "error": "Unknown API Key"}
        refusal = Canned(body, status=status, headers={"Location": elsewhere.url + "/v2"})
        with CannedVendor(refusal) as vendor, pytest.raises(kind) as error:
            ask(vendor.client())
    assert type(error.value) is kind
    assert str(error.value).startswith(f"polygon: {WHAT}: HTTP {status}")
    assert told in str(error.value)
    assert (len(vendor.requests), elsewhere.requests) == (1, [])


@pytest.mark.parametrize("answer", [200, 401, 403, 404, 429, 500])
def test_the_key_is_told_to_nobody(answer: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    # A vendor, or what stands before it, that says the key again: as it is, in a URL, where an excerpt is cut.
    words = f"what is {KEY} or secret%2FKey-0123456789? {'x' * 225} {KEY}"
    body = json.dumps({"status": "ERROR", "error": words}).replace("/", "\\/").encode()
    echo = Canned(body, status=answer)
    with CannedVendor(echo) as vendor, pytest.raises(VendorError) as error:
        client = vendor.client(say=said.append, attempts=2)
        ask(client)
    trace = "".join(traceback.format_exception(error.value))
    for text in (trace, caplog.text, repr(client), str(vars(error.value)), *said):
        assert "secret" not in text
    assert "(the key) or (the key)?" in trace
    assert {r.authorization for r in vendor.requests} == {f"Bearer {KEY}"}
    assert not any("Key" in r.path or "Key" in str(r.query) for r in vendor.requests)


def test_a_key_of_one_letter_leaves_words_readable() -> None:
    """The look-alike takes any key."""
    echo = Canned({"status": "ERROR", "error": "key k is not known"}, status=404)
    with CannedVendor(echo) as vendor, pytest.raises(VendorError, match=r"key \(the key\) is not known"):
        ask(PolygonClient("k", base_url=vendor.url))


# --- pages -------------------------------------------------------------------------------------------------------


def test_next_url_is_followed_at_the_configured_address_only() -> None:
    def respond(request: Request) -> Canned:
        if "cursor" in request.query:
            return Canned(bars_body([bar(2_000)]))
        url = "https://api.elsewhere.test:444/proxy/v2/aggs/x?cursor=YWJj%3D%3D&apiKey=other&APIKEY=k&limit=7"
        return Canned(bars_body([bar(1_000)], next_url=url))

    with CannedVendor(respond=respond) as vendor:
        answers = ask(vendor.client(base_url=vendor.url + "/proxy/"))
    assert [row["t"] for answer in answers for row in answer.results] == [1_000, 2_000]
    assert vendor.requests[0].path == "/proxy/v2/aggs/ticker/SPY/range/30/minute/1000/2000"
    assert vendor.requests[0].query == {"adjusted": "true", "sort": "asc", "limit": "50000"}
    assert vendor.requests[1] == Request(
        "/proxy/v2/aggs/x", {"cursor": "YWJj==", "limit": "7"}, f"Bearer {KEY}"
    )


@pytest.mark.parametrize("rows", [[], [bar(1_000)]])
def test_pages_that_lead_nowhere_are_an_error(rows: list[dict[str, Any]]) -> None:
    """In a circle, with the same rows under ever new addresses, or without rows for ever."""
    count = 0

    def ever_new(request: Request) -> Canned:
        nonlocal count
        count += 1
        return Canned(bars_body(rows, next_url=f"https://x.test/v2/aggs/next?cursor={count}"))

    circle = Canned(bars_body(rows, next_url="https://x.test/v2/aggs/next?cursor=1"))
    for vendor in (CannedVendor(circle), CannedVendor(respond=ever_new)):
        with vendor, pytest.raises(VendorError, match="the vendor's next_url leads no further"):
            ask(vendor.client())
        assert len(vendor.requests) <= 11


@pytest.mark.parametrize("next_url", [7, "x", "https://x.test", "https://[x", "https://x.test/v2/../admin"])
def test_a_strange_next_url_is_an_error(next_url: object) -> None:
    vendor = CannedVendor(Canned(bars_body([], next_url=next_url)))
    with vendor, pytest.raises(VendorError, match="which leads nowhere"):
        ask(vendor.client())
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("ticker", ["X:BTCUSD", "BRK.B", "EUR/USD", "A B?c#d%41"])
def test_tickers_stay_one_segment_of_the_path(ticker: str) -> None:
    with CannedVendor(SOUND) as vendor:
        ask(vendor.client(), ticker)
    assert vendor.requests[0].path == f"/v2/aggs/ticker/{ticker}/range/30/minute/1000/2000"


def test_a_ticker_that_is_a_folder_is_refused() -> None:
    with CannedVendor(SOUND) as vendor, pytest.raises(VendorError, match=r"'\.\.' is no ticker"):
        ask(vendor.client(), "..")
    assert vendor.requests == []


# --- what the client is made with --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "  \n", "two words", "line\nend", "schlüssel", "tab\tkey"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(VendorKeyError, match="POLYGON_API_KEY") as error:
        PolygonClient(key, base_url="https://api.polygon.io")
    assert not key.strip() or key not in str(error.value)


def test_spaces_around_a_key_do_not_count() -> None:
    with CannedVendor(SOUND) as vendor:
        ask(PolygonClient(f" {KEY}\n", base_url=vendor.url))
    assert vendor.requests[0].authorization == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "address",
    [
        "http://api.polygon.io",
        "api.polygon.io",
        "ftp://127.0.0.1",
        "https://",
        "https://user:pw@host",
        "https://h?x=1",
    ],
)
def test_an_address_that_the_key_must_not_go_to_is_refused(address: str) -> None:
    with pytest.raises(VendorError, match=r"the base address .* cannot be used") as error:
        PolygonClient(KEY, base_url=address)
    assert "pw" not in str(error.value).split("cannot")[0]


def test_it_names_its_address() -> None:
    assert repr(PolygonClient(KEY, base_url="https://h.test/")) == "PolygonClient(base_url='https://h.test')"
