"""Posting JSON to a webhook whose address is a secret: no message, log line or `repr` from here shows it.

The request is made on a bare connection of urllib3, since its pools write paths into the log and into exceptions.
Redirects are not followed, and the environment's proxies are not used.
"""

import http.client
import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import tenacity
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Url

# Three attempts of at most 8 s each, when connecting and reading both time out: a sensor's tick has 60 s.
_ATTEMPTS = 3
_TIMEOUT_SECONDS = 4.0


class WebhookError(RuntimeError):
    """The webhook did not take a message; says why, and nothing of the address.

    `passing`: the next attempt may well succeed.
    """

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


def require_webhook_address(address: str) -> str:
    """Return an address that may be posted to; raise ValueError, without the address, if it may not.

    It is https, so that nobody on the way reads secret or message; http is for this machine alone.
    """
    _parsed(address)
    return address


class Webhook:
    """A webhook that takes JSON, such as Slack's.

    Parameters
    ----------
    address
        Its URL, with the secret in it; ValueError if it is not one to post to.
    sleep
        How to wait between attempts; tests put something else here.
    """

    def __init__(self, address: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = _parsed(address)
        self._sleep = sleep

    def __repr__(self) -> str:
        return "Webhook(…)"

    def post(self, body: Mapping[str, Any], *, key: str) -> None:
        """Post a message, in up to three attempts.

        Parameters
        ----------
        body
            What becomes JSON.
        key
            Goes with it as `Idempotency-Key`, by which the receiver knows a message that comes twice.

        Raises
        ------
        WebhookError
            It cannot be reached, or answers with anything but a 2xx.
        """
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "User-Agent": "fvg-platform",
        }
        if self._url.auth:
            headers |= urllib3.make_headers(basic_auth=unquote(self._url.auth))
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=tenacity.wait_exponential(multiplier=0.5, max=2) + tenacity.wait_random(0, 0.5),
            retry=tenacity.retry_if_exception(lambda error: getattr(error, "passing", False)),
            sleep=self._sleep,
            reraise=True,
        )
        attempts(self._post_once, json.dumps(body).encode("ascii"), headers)

    def _post_once(self, content: bytes, headers: Mapping[str, str]) -> None:
        connection = self._connection()
        try:
            connection.request(
                "POST", self._url.request_uri, body=content, headers=headers, preload_content=False
            )
            status = connection.getresponse().status
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            # The words of these errors name the host; their kind says enough.
            raise WebhookError(
                f"the webhook of FVG_ALERT_WEBHOOK cannot be reached ({type(error).__name__})", passing=True
            ) from None
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise WebhookError(
                f"the webhook of FVG_ALERT_WEBHOOK answers {status} {http.client.responses.get(status, '')}".rstrip(),
                passing=status == 429 or status >= 500,
            )

    def _connection(self) -> HTTPConnection:
        host = str(self._url.host).strip("[]")
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        return kind(host, self._url.port, timeout=_TIMEOUT_SECONDS)


def _parsed(address: str) -> Url:
    try:
        url = urllib3.util.parse_url(address)
    except urllib3.exceptions.LocationParseError:
        url = Url()
    if not (url.host and (url.scheme == "https" or (url.scheme == "http" and _is_this_machine(url.host)))):
        raise ValueError("the address of a webhook must be https://…, or http:// to this machine (127.0.0.1)")
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
