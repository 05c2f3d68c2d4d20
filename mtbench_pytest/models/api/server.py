"""Where a model is served and how it is called: the part of a spec that models and judges share."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mtbench_pytest.core.errors import ServiceError, SpecError
from mtbench_pytest.core.parsers import Parser, choice, json_object, number, truth, whole
from mtbench_pytest.core.specs import Spec, is_secret

OPENAI_URL = "https://api.openai.com/v1"

# For servers that want no key; the SDK insists on one.
_NO_KEY = "none"


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in the user's currency."""

    input: float
    output: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What a call costs."""
        return (self.input * prompt_tokens + self.output * completion_tokens) / 1e6


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model is served and how it is called.

    Attributes:
        base_url: Without a slash at its end.
        api_key_env: Name of the environment variable that holds the key; the key itself is kept nowhere.
        max_tokens_field: What the server calls the limit on new tokens.
        extra_body: Fields added to every request, over our own.
        timeout: Seconds to wait for a reply.
        retries: How often a call is repeated after 408, 409, 429, 5xx, a timeout or a lost connection.
        concurrency: Most calls at once, where this server needs a limit of its own.
        price: Where the user stated one.
    """

    model: str
    base_url: str = OPENAI_URL
    api_key_env: str = "OPENAI_API_KEY"
    max_tokens_field: str = "max_tokens"
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 120.0
    retries: int = 6
    concurrency: int | None = None
    price: Price | None = None

    @classmethod
    def from_spec(cls, spec: Spec, own: Mapping[str, Parser]) -> tuple[Server, dict[str, Any]]:
        """Reads `openai:MODEL?…`.

        Args:
            spec: What the user wrote.
            own: Parameters of the caller beside those of the server.

        Returns:
            The server, and the caller's own parameters, those given only.

        Raises:
            SpecError: For a parameter that is unknown or does not parse; it never shows a key.
        """
        _refuse_keys(spec)
        if not spec.value:
            raise spec.error("no model", f"{spec.kind}:MODEL, for example {spec.kind}:gpt-4o-mini")
        parsed = spec.read({**_PARAMS, **own})
        mine = {key: parsed.pop(key) for key in _PARAMS if key in parsed}
        mine["price"] = _price(spec, mine)
        if template := _template_kwargs(mine):
            extra = mine.get("extra_body", {})
            template = {**extra.get("chat_template_kwargs", {}), **template}
            mine["extra_body"] = {**extra, "chat_template_kwargs": template}
        url = mine.setdefault("base_url", _usual_url(spec))
        if _official(url):
            mine.setdefault("max_tokens_field", "max_completion_tokens")
        return cls(spec.value, **mine), parsed

    @property
    def short_name(self) -> str:
        """The model's name without the organisation before it."""
        return self.model.rstrip("/").rsplit("/", 1)[-1]

    def identity(self) -> dict[str, Any]:
        """What a reply depends on, as JSON."""
        return {
            "kind": "openai",
            "model": self.model,
            "base_url": self.base_url,
            "extra_body": dict(self.extra_body),
        }

    def key(self) -> str:
        """The key, fresh from the environment.

        Raises:
            ServiceError: Where a server that is not on this machine has no key, or one that cannot be sent.
        """
        key = os.environ.get(self.api_key_env, "").strip()
        help_line = (
            f"a key in the environment variable {self.api_key_env}; ?api_key_env=NAME names another one"
        )
        if key and not (key.isascii() and key.isprintable()):
            raise ServiceError(self.base_url, f"{self.api_key_env} holds what no key can hold", help_line)
        if not key and not _loopback(self.base_url):
            raise ServiceError(self.base_url, f"no API key: {self.api_key_env} is not set", help_line)
        return key or _NO_KEY

    def mask(self, text: str) -> str:
        """The text on one line, without the key should the server have sent it back."""
        key = os.environ.get(self.api_key_env, "").strip()
        if len(key) >= 8:  # shorter ones are placeholders such as "none", which stand in honest text too
            text = text.replace(key, "***")
        text = " ".join(text.split())
        return text if len(text) <= 300 else f"{text[:300]}…"


def lacks_key(spec: Spec) -> bool:
    """Whether the server of a spec wants a key that is not in the environment."""
    url = spec.params.get("base_url") or _usual_url(spec)
    try:
        Server(spec.value, url, spec.params.get("api_key_env", "OPENAI_API_KEY")).key()
    except ServiceError:
        return True
    return False


def _official(url: str) -> bool:
    return f".{urlsplit(url).hostname}".endswith(".api.openai.com")


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _refuse_keys(spec: Spec) -> None:
    """A spec is printed, stored and seen in the process list. The error does not repeat it."""
    # The name of a variable, not what it holds.
    named = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", spec.params.get("api_key_env", "X"))
    secret = any(is_secret(word) for word in re.findall(r'"([^"]*)"\s*:', spec.params.get("extra_body", "")))
    if secret or not named or "@" in urlsplit(spec.params.get("base_url", "")).netloc:
        expected = "the key in the environment; ?api_key_env=NAME names the variable"
        raise SpecError(f"{spec.kind}:{spec.value}", "a key or password in the spec", expected)


def _usual_url(spec: Spec) -> str:
    """The SDK's own variable, resolved here because what is stored depends on which server it was."""
    try:
        return _url(os.environ.get("OPENAI_BASE_URL") or OPENAI_URL)
    except ValueError as error:
        raise spec.error("OPENAI_BASE_URL cannot be used", str(error)) from None


def _url(text: str) -> str:
    parts = urlsplit(text)
    if (
        "@" in parts.netloc
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
    ):
        raise ValueError("a URL such as http://localhost:8000/v1")
    return text.rstrip("/")


def _price(spec: Spec, given: dict[str, Any]) -> Price | None:
    prices = [given.pop(name, None) for name in _PRICES]
    if prices == [None, None]:
        return None
    if None in prices:
        there, missing = _PRICES if prices[1] is None else _PRICES[::-1]
        raise spec.error(f"{there} without {missing}", "both, for a million tokens each; a price may be 0")
    return Price(*prices)


def _template_kwargs(given: dict[str, Any]) -> dict[str, Any]:
    """What vLLM, SGLang and llama.cpp hand on to the chat template."""
    thinking = given.pop("enable_thinking", None)
    template: dict[str, Any] = given.pop("template_kwargs", {})
    return template if thinking is None else {**template, "enable_thinking": thinking}


def _seconds(text: str) -> float:
    value = number(text)
    if value == 0:
        raise ValueError("a number of seconds above 0")
    return value


_PRICES = ("input_price", "output_price")
_PARAMS: dict[str, Parser] = {
    "base_url": _url,
    "api_key_env": str,
    "max_tokens_field": choice("max_tokens", "max_completion_tokens"),
    "extra_body": json_object,
    "template_kwargs": json_object,
    "enable_thinking": truth,
    "timeout": _seconds,
    "retries": whole(0),
    "concurrency": whole(),
    "input_price": number,
    "output_price": number,
}
