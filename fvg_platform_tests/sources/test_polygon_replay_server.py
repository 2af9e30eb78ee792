"""The look-alike over HTTP: keys, limits, connections, next pages, and each fault as a client meets it."""

import datetime as dt
import gzip
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pandas as pd
import pytest
import urllib3

from fvg_platform.sources.base import Split
from fvg_platform.sources.polygon_replay.faults import Fault, FaultPlan
from fvg_platform.sources.polygon_replay.folder import ReplayFolderError
from fvg_platform.sources.polygon_replay.serve import serve
from fvg_platform.sources.polygon_replay.server import ReplayServer, ReplayServerError
from fvg_platform.sources.polygon_replay.vendor import Plan

MINUTES = "/v2/aggs/ticker/SPY/range/1/minute/2024-01-03/2024-01-03"
TICKERS = "/v3/reference/tickers"
KEY = "s3cret-key"
Get = Callable[..., urllib3.BaseHTTPResponse]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SPY, ten minutes at 100, and a currency whose ticker has a slash."""
    folder = tmp_path_factory.mktemp("bars")
    ts = pd.date_range("2024-01-03 14:30", periods=10, freq="1min", tz="UTC")
    frame = pd.DataFrame(
        {"ts": ts, "open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 10.0}
    )
    frame.to_parquet(folder / "SPY_1m.parquet")
    frame.to_parquet(folder / "C-EUR-USD_1m.parquet")
    (folder / "tickers.csv").write_text("ticker,market\nSPY,stocks\nC:EUR/USD,fx\nQQQ,stocks\n")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[ReplayServer]:
    with ReplayServer(folder) as server:
        yield server


@pytest.fixture
def get() -> Iterator[Get]:
    with urllib3.PoolManager(retries=False, timeout=5.0) as pool:

        def ask(address: str, **headers: str) -> urllib3.BaseHTTPResponse:
            return pool.request("GET", address, headers={k.replace("_", "-"): v for k, v in headers.items()})

        yield ask


def raw_answer(server: ReplayServer, path: str) -> bytes:
    """Everything that comes until the server closes the connection."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: replay\r\n\r\n".encode())
        pieces = []
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)


# --- keys, plans, limits -----------------------------------------------------------------------------------------


def test_the_key_is_taken_from_the_header_or_the_query_and_kept_nowhere(folder: Path, get: Get) -> None:
    said: list[str] = []
    with ReplayServer(folder, key=KEY, say=said.append) as server:
        answers = [
            get(server.url + MINUTES, Authorization=f"Bearer {KEY}"),
            get(f"{server.url}{MINUTES}?apiKey={KEY}&limit=3"),
            get(f"{server.url}{MINUTES}?apikey={KEY}"),
            get(server.url + MINUTES, Authorization="Bearer another"),
            get(server.url + MINUTES),
        ]
        assert [answer.status for answer in answers] == [200, 200, 200, 401, 401]
        assert answers[3].json() | {"request_id": ""} == {
            "status": "ERROR", "request_id": "", "error": "Unknown API Key"
        }  # fmt: skip
        assert server.requests[1].query == {"limit": "3"}
        assert "next_url" in answers[1].json()
        told = f"{server.requests} {said} {[answer.data for answer in answers]}"
        assert KEY not in told and "another" not in told


def test_without_a_key_every_key_is_taken(server: ReplayServer, get: Get) -> None:
    assert get(server.url + MINUTES, Authorization="Bearer whatever").status == 200


def test_what_the_plan_lacks_is_403(folder: Path, get: Get) -> None:
    with ReplayServer(folder, plan=Plan(tickers=frozenset({"QQQ"}))) as server:
        answer = get(server.url + MINUTES)
        assert (answer.status, answer.json()["status"]) == (403, "NOT_AUTHORIZED")


def test_more_calls_than_allowed_are_429_until_the_minute_is_over(folder: Path, get: Get) -> None:
    now = 1_000.0
    with ReplayServer(folder, calls_per_minute=2, clock=lambda: now) as server:
        assert [get(server.url + TICKERS).status for _ in range(2)] == [200, 200]
        now += 14.5
        answer = get(server.url + TICKERS)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "46")
        assert answer.json()["status"] == "ERROR"
        now += 45.5
        assert get(server.url + TICKERS).status == 200
        assert [request.status for request in server.requests] == [200, 200, 429, 200]


@pytest.mark.parametrize(("address", "status"), [("/v9", 404), (MINUTES.replace("2024", "24"), 400)])
def test_refusals_are_json_with_an_id(server: ReplayServer, get: Get, address: str, status: int) -> None:
    answer = get(server.url + address)
    assert answer.status == status
    assert answer.json()["request_id"]


def test_a_file_that_cannot_be_read_is_500_with_the_reason(tmp_path: Path, get: Get) -> None:
    (tmp_path / "SPY_1m.csv").write_text("ts,open,high,low,close,volume\nnever,1,2,1,2,3\n")
    with ReplayServer(tmp_path) as server:
        answer = get(server.url + MINUTES)
    assert answer.status == 500
    assert "'never', which is no time" in answer.json()["error"]


# --- HTTP --------------------------------------------------------------------------------------------------------


def test_bars_come_as_the_vendor_writes_them(server: ReplayServer, get: Get) -> None:
    answer = get(f"{server.url}{MINUTES}?limit=1")
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    next_url, request_id = body.pop("next_url"), body.pop("request_id")
    assert (
        next_url.startswith(f"{server.url}/v2/aggs/ticker/SPY/range/1/minute/1704292260000/") and request_id
    )
    assert body == {
        "ticker": "SPY",
        "adjusted": True,
        "queryCount": 1,
        "resultsCount": 1,
        "results": [{"t": 1704292200000, "o": 100, "h": 101, "l": 99, "c": 100, "v": 10}],
        "status": "OK",
    }


def test_next_url_leads_through_all_bars(server: ReplayServer, get: Get) -> None:
    address, times = (
        f"{server.url}/v2/aggs/ticker/C%3AEUR%2FUSD/range/1/minute/2024-01-03/2024-01-03?limit=4",
        [],
    )
    while address:
        body = get(address).json()
        times += [row["t"] for row in body["results"]]
        address = body.get("next_url", "")
    assert times == list(range(1704292200000, 1704292800000, 60_000))
    assert [request.rows for request in server.requests] == [4, 4, 2]
    assert {request.path.split("/")[4] for request in server.requests} == {"C:EUR"}


def test_a_connection_serves_many_requests(server: ReplayServer) -> None:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    sockets = []
    for _ in range(3):
        connection.request("GET", TICKERS)
        assert len(orjson.loads(connection.getresponse().read())["results"]) == 3
        sockets.append(connection.sock)
    assert len(set(sockets)) == 1
    connection.close()


def test_answers_are_packed_only_on_request(tmp_path: Path) -> None:
    ts = pd.date_range("2024-01-03 14:30", periods=100, freq="1min", tz="UTC")
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), index=ts)
    frame.to_parquet(tmp_path / "SPY_1m.parquet")
    assert encodings(tmp_path, packed=False) == [None, None]
    assert encodings(tmp_path, packed=True) == ["gzip", None]


def encodings(folder: Path, *, packed: bool) -> list[str | None]:
    """How 100 bars come to a client that takes gzip, and to one that does not."""
    found = []
    with ReplayServer(folder, packed=packed) as server:
        parts = urlsplit(server.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
        for accepted in ("gzip", "identity"):
            connection.request("GET", MINUTES, headers={"Accept-Encoding": accepted})
            response = connection.getresponse()
            content, encoding = response.read(), response.getheader("Content-Encoding")
            body = orjson.loads(gzip.decompress(content) if encoding else content)
            assert body["resultsCount"] == len(body["results"]) == 100
            found.append(encoding)
        connection.close()
    return found


def test_stopping_ends_connections_and_frees_the_port(folder: Path) -> None:
    server = ReplayServer(folder)
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    connection.request("GET", TICKERS)
    connection.getresponse().read()
    server.stop()
    server.stop()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.request("GET", TICKERS)
        connection.getresponse()
    connection.close()
    with ReplayServer(folder, port=parts.port or 0) as again:
        assert urlsplit(again.url).port == parts.port


def test_only_this_machine_is_listened_on(folder: Path) -> None:
    for host in ("0.0.0.0", "example.com"):  # noqa: S104
        with pytest.raises(ReplayServerError, match=host):
            ReplayServer(folder, host=host)


def test_a_port_that_is_taken_is_named(folder: Path, server: ReplayServer) -> None:
    port = urlsplit(server.url).port or 0
    with pytest.raises(ReplayServerError, match=f"{port}.*choose another port"):
        ReplayServer(folder, port=port)


# --- faults, as a client meets them ------------------------------------------------------------------------------


def faulty(server: ReplayServer, *faults: Fault | str | None) -> None:
    server.faults = FaultPlan.queue(faults)


def test_too_many_says_when_to_come_back_or_does_not(server: ReplayServer, get: Get) -> None:
    faulty(server, Fault("too_many", retry_after=7), "too_many_bare", None)
    answers = [get(server.url + MINUTES) for _ in range(4)]
    assert [answer.status for answer in answers] == [429, 429, 200, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == ["7", None, None, None]
    assert [(request.status, request.fault) for request in server.requests] == [
        (429, "too_many"),
        (429, "too_many_bare"),
        (200, None),
        (200, None),
    ]


def test_server_errors_have_their_status(server: ReplayServer, get: Get) -> None:
    faulty(server, *(Fault("server_error", status=status) for status in (500, 502, 503)))
    assert [get(server.url + MINUTES).status for _ in range(3)] == [500, 502, 503]


def test_a_slow_answer_comes_after_the_client_s_patience_has_ended(server: ReplayServer, get: Get) -> None:
    faulty(server, Fault("slow", seconds=30.0), Fault("slow", seconds=0.01))
    with (
        urllib3.PoolManager(retries=False, timeout=0.2) as hasty,
        pytest.raises(urllib3.exceptions.ReadTimeoutError),
    ):
        hasty.request("GET", server.url + MINUTES)
    assert get(server.url + MINUTES).json()["resultsCount"] == 10


def test_a_dropped_connection_has_not_a_single_byte(server: ReplayServer, get: Get) -> None:
    faulty(server, "dropped", "dropped")
    assert raw_answer(server, MINUTES) == b""
    with pytest.raises(urllib3.exceptions.ProtocolError):
        get(server.url + MINUTES)
    assert [(request.status, request.fault) for request in server.requests] == [(None, "dropped")] * 2


def test_a_truncated_answer_ends_before_its_length(server: ReplayServer, get: Get) -> None:
    faulty(server, "truncated", "truncated")
    head, _, body = raw_answer(server, MINUTES).partition(b"\r\n\r\n")
    (length,) = (line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: "))
    assert len(body) == int(length.split()[1]) // 2 > 0
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        get(server.url + MINUTES)


def test_a_page_for_people_comes_with_status_200(server: ReplayServer, get: Get) -> None:
    faulty(server, "html")
    answer = get(server.url + MINUTES)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.data.startswith(b"<!DOCTYPE html>")


def test_garbage_is_whole_for_http_but_no_json(server: ReplayServer, get: Get) -> None:
    faulty(server, "garbage_json", "garbage_json")
    for path in (MINUTES, TICKERS):
        answer = get(server.url + path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(answer.data)


def test_rows_are_lost_repeated_and_shuffled(server: ReplayServer, get: Get) -> None:
    sound = get(server.url + MINUTES).json()["results"]
    faulty(server, "wrong_count", Fault("duplicates", seed=1), Fault("disorder", seed=1))
    lost = get(server.url + MINUTES).json()
    assert (lost["resultsCount"], lost["results"]) == (10, sound[:-1])
    twice = get(server.url + MINUTES).json()
    assert twice["resultsCount"] == len(twice["results"]) == 13
    assert [row for i, row in enumerate(twice["results"]) if row not in twice["results"][:i]] == sound
    shuffled = get(server.url + MINUTES).json()
    assert shuffled["results"] != sound
    assert sorted(shuffled["results"], key=lambda row: row["t"]) == sound
    assert get(server.url + MINUTES).json()["results"] == sound


def test_faults_of_rows_wait_for_bars(server: ReplayServer, get: Get) -> None:
    faulty(server, "wrong_count")
    assert len(get(server.url + TICKERS).json()["results"]) == 3
    assert get(server.url + MINUTES).json()["resultsCount"] == 10
    assert [request.fault for request in server.requests] == [None, "wrong_count"]


def test_a_split_appears_overnight(server: ReplayServer, get: Get) -> None:
    faulty(server, None, Fault("split_overnight", split=Split("SPY", dt.date(2024, 1, 4), 1.0, 4.0)))
    opens = [get(server.url + MINUTES).json()["results"][0]["o"] for _ in range(3)]
    assert opens == [100, 25, 25]
    (row,) = get(server.url + "/v3/reference/splits").json()["results"]
    assert (row["ticker"], row["execution_date"], row["split_to"]) == ("SPY", "2024-01-04", 4)


def test_now_can_be_moved_while_the_server_runs(server: ReplayServer, get: Get) -> None:
    server.now = pd.Timestamp("2024-01-03 14:32", tz="UTC")
    assert get(server.url + MINUTES).json()["resultsCount"] == 2
    server.now = None
    assert get(server.url + MINUTES).json()["resultsCount"] == 10


def test_a_client_that_asks_often_enough_gets_every_answer(server: ReplayServer, get: Get) -> None:
    server.faults = FaultPlan.of({"server_error": 0.5, "dropped": 0.4}, seed=3, max_in_a_row=3)
    for limit in range(1, 21):
        for _attempt in range(4):
            try:
                if get(f"{server.url}{MINUTES}?limit={limit}").status == 200:
                    break
            except urllib3.exceptions.ProtocolError:
                continue
        else:
            pytest.fail(f"no answer to limit {limit} in four attempts")
    assert {request.fault for request in server.requests} == {None, "server_error", "dropped"}


# --- plans of faults ---------------------------------------------------------------------------------------------


def drawn(plan: FaultPlan, questions: list[str]) -> list[str | None]:
    found = [plan.next_fault(question, of_bars=True) for question in questions]
    return [None if fault is None else fault.kind for fault in found]


def test_faults_by_chance_depend_on_seed_and_question_and_not_on_the_order_of_threads() -> None:
    shares = {"too_many": 0.2, "html": 0.1, "disorder": 0.2}
    questions = [f"/q{i}" for i in range(400)]
    forwards = drawn(FaultPlan.of(shares, seed=1), questions)
    backwards = drawn(FaultPlan.of(shares, seed=1), questions[::-1])
    assert forwards == backwards[::-1]
    assert forwards != drawn(FaultPlan.of(shares, seed=2), questions)
    for kind, share in shares.items():
        assert abs(forwards.count(kind) / 400 - share) < 0.06


def test_a_question_meets_no_more_faults_in_a_row_than_allowed() -> None:
    plan = FaultPlan.of({"html": 1.0}, max_in_a_row=2)
    assert drawn(plan, ["/a"] * 6) == ["html", "html", None] * 2
    # After what harms no client it need not ask again.
    assert drawn(FaultPlan.of({"disorder": 1.0}, max_in_a_row=2), ["/a"] * 4) == ["disorder"] * 4


def test_splits_enter_into_force_once_each() -> None:
    split = Split("SPY", dt.date(2024, 1, 4), 1.0, 4.0)
    plan = FaultPlan.of({"split_overnight": 1.0}, splits=[split])
    fault = plan.next_fault("/a", of_bars=True)
    assert fault is not None and (fault.kind, fault.split) == ("split_overnight", split)
    assert plan.next_fault("/a", of_bars=True) is None


def test_faults_are_read_from_a_line() -> None:
    assert set(drawn(FaultPlan.parse("html=0.5, too_many=0.5"), ["/a"] * 3)) <= {"html", "too_many"}
    assert drawn(FaultPlan.parse(""), ["/a"]) == [None]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FaultPlan.of({"teapot": 0.1}), "unknown fault 'teapot': use one of too_many"),
        (lambda: FaultPlan.of({"html": 0.7, "slow": 0.4}), "together at most 1"),
        (lambda: FaultPlan.of({"split_overnight": 0.1}), "no splits are given"),
        (lambda: FaultPlan.queue(["teapot"]), "unknown fault 'teapot'"),
        (lambda: FaultPlan.queue(["split_overnight"]), "needs a split"),
        (lambda: FaultPlan.parse("html:0.1"), "'html:0.1': write KIND=PROBABILITY"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(make: Callable[[], FaultPlan], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


# --- the command -------------------------------------------------------------------------------------------------


def test_serving_tells_the_address_how_to_use_it_and_what_is_asked(folder: Path, get: Get) -> None:
    said: list[str] = []
    ready, stop = threading.Event(), threading.Event()

    def say(line: str) -> None:
        said.append(line)
        if "FVG_POLYGON_URL" in line:
            ready.set()

    thread = threading.Thread(target=serve, args=(folder,), kwargs={"key": KEY, "say": say, "stop": stop})
    thread.start()
    assert ready.wait(5)
    url = said[1].split("FVG_POLYGON_URL=")[1].split()[0]
    assert get(url + MINUTES, Authorization=f"Bearer {KEY}").status == 200
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert said[0].startswith(f"{url} serves 2 series of 2 tickers from {folder}")
    assert said[1].startswith(
        "FVG_BAR_SOURCE=polygon POLYGON_API_KEY=YOUR_KEY FVG_POLYGON_URL=http://127.0.0.1:"
    )
    assert said[2] == f"200 {MINUTES} 10 rows"
    assert KEY not in " ".join(said)


def test_a_bad_folder_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ReplayFolderError, match="holds no bars to serve"):
        serve(tmp_path)
