"""The HTTP client under the SDK: every request, retries included, waits here for its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mtbench_pytest.models.api.errors import no_credit
from mtbench_pytest.models.api.throttle import Places, Throttle, current_hold

if TYPE_CHECKING:
    import openai

# 529 is what some servers call an overload; with 503 only those that name a time mean one.
_TOO_MUCH = (429, 529)
_SHORT_WAIT = 0.5  # the SDK's own first wait, where the server names none


def throttled_client(
    throttle: Throttle, room: Places, seconds: float, stop: Callable[[], None]
) -> openai.DefaultAsyncHttpxClient:
    """The SDK's HTTP client, with its limits on connections.

    It stands below the SDK's retries: a call that waits to be made again takes no place, neither here nor
    among its caller's (`throttle.held`).

    Args:
        throttle: The server's, shared by all who call it.
        room: How many requests the caller itself may have under way.
        seconds: The longest a request may take, however slowly its reply trickles in.
        stop: Called before every request; raises where no request is to be sent any more.
    """
    import openai

    class Client(openai.DefaultAsyncHttpxClient):
        async def send(self, request: Any, **options: Any) -> Any:
            retries = int(request.headers.get("x-stainless-retry-count", "0"))
            hold = current_hold()
            await hold.take(retries)
            await room.enter(retries)
            good = False
            try:
                response = await self._send_at_once(retries, request, **options)
                good = response.is_success
                return response
            finally:
                room.leave(retries)
                if not good:
                    hold.give()

        async def _send_at_once(self, retries: int, request: Any, **options: Any) -> Any:
            async with throttle.place(retries) as place:
                stop()
                try:
                    async with asyncio.timeout(seconds):
                        response = await super().send(request, **options)
                except TimeoutError:
                    raise openai.APITimeoutError(request) from None
                place.answered = True
                place.refused = _wants_less(response)
                place.hold = _wait(response)
            if response.status_code == 429 and no_credit(response.text):
                response.headers["x-should-retry"] = "false"  # the SDK's own sign: waiting brings no credit
            return response

    return Client()


def _wants_less(response: Any) -> bool:
    status = response.status_code
    return status in _TOO_MUCH or (status == 503 and "retry-after" in response.headers)


def _wait(response: Any) -> float:
    try:
        return max(0.0, float(response.headers.get("retry-after", _SHORT_WAIT)))
    except ValueError:  # a date
        return _SHORT_WAIT
