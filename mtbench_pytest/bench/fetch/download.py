"""One file from a server, to the byte or not at all."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.fetch.manifest import ListedFile
from mtbench_pytest.core.errors import FetchError, first_line

_TRIES = 4
_PAUSE = 0.5  # seconds before the second try, then twice as many each time
_LONGEST_PAUSE = 60.0
_TIMEOUT = 30.0  # seconds for a connection, and without a byte


class _Passing(Exception):
    """What may be over at the next try.

    Args:
        problem: What it was.
        after: Seconds the server asked to wait.
    """

    def __init__(self, problem: str, after: float = 0.0) -> None:
        self.problem = problem
        self.after = after
        super().__init__(problem)


def download_file(
    url: str, target: Path, wanted: ListedFile, told: Callable[[int], object] = lambda _: None
) -> None:
    """Loads a file; connections that fail, 429 and 5xx are tried again a few times.

    Args:
        url: Where it is.
        target: Where it goes.
        wanted: What it must be.
        told: Called with the number of bytes that came; minus as many where they must come again.

    Raises:
        FetchError: In one line why it was not taken; then there may be a part of it in its place.
        OSError: Where it cannot be written.
    """
    pause = _PAUSE
    for tries_left in reversed(range(_TRIES)):
        came = 0

        def count(size: int) -> None:
            nonlocal came
            came += size
            told(size)

        try:
            return _load(url, target, wanted, count)
        except _Passing as error:
            told(-came)
            if not tries_left:
                raise FetchError(
                    url, f"{error.problem}, {_TRIES} times", "a connection, or --base-url of a mirror"
                ) from None
            time.sleep(min(max(pause, error.after), _LONGEST_PAUSE))
            pause *= 2


def _load(url: str, target: Path, wanted: ListedFile, told: Callable[[int], object]) -> None:
    digest, size = hashlib.sha256(), 0
    with _answer(url) as response, target.open("wb") as file:
        for chunk in response.iter_bytes():
            if not size and chunk.lstrip()[:1] == b"<":
                raise FetchError(url, "an HTML page came", f"the file {wanted.path} of {wanted.size} bytes")
            size += len(chunk)
            if size > wanted.size:
                raise FetchError(url, f"more than {wanted.size} bytes came", f"{wanted.path} of so many")
            digest.update(chunk)
            file.write(chunk)
            told(len(chunk))
    if size < wanted.size:
        raise _Passing(f"only {size} of {wanted.size} bytes came")
    if digest.hexdigest() != wanted.sha256:
        raise FetchError(url, f"sha256 {digest.hexdigest()}", f"sha256 {wanted.sha256}")


@contextmanager
def _answer(url: str) -> Iterator[Any]:
    """A response of status 200 that may be the file."""
    import httpx2

    begun = False
    # Unpacked on the way, sizes would not be those of the file.
    headers = {"Accept-Encoding": "identity", "User-Agent": "mtbench-pytest"}
    try:
        with httpx2.stream("GET", url, headers=headers, follow_redirects=True, timeout=_TIMEOUT) as response:
            _check(url, response)
            begun = True
            yield response
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise FetchError(url, first_line(error), "an address that begins with https://") from None
    except httpx2.TooManyRedirects:
        raise FetchError(url, "it leads on without end", "the file") from None
    except httpx2.TransportError as error:
        what = "the connection was cut" if begun else "no connection"
        raise _Passing(f"{what} ({first_line(error)})") from None


def _check(url: str, response: Any) -> None:
    status = f"{response.status_code} {response.reason_phrase}".strip()
    if response.status_code == 429 or response.status_code >= 500:
        raise _Passing(status, _seconds(response.headers.get("retry-after", "")))
    if response.status_code != 200:
        raise FetchError(url, status, "the file: is the address, or the mirror's, right?")
    kind = response.headers.get("content-type", "")
    if kind.startswith("text/html"):
        raise FetchError(url, "an HTML page came", "the file: is a login or a proxy in between?")


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 0.0
