"""Calls the HTTP API of a help desk, and says what its failures mean for the delivery of a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from bot.tickets.delivery.target import DeliveryAttempt, DeliveryError

# Not now: the request timed out, is being worked on, comes too early or too often, or nobody is behind the proxy.
NOT_NOW = frozenset({408, 409, 425, 429, 502, 503, 504})
# A proxy that answers so may have handed the request on.
_MAYBE_TAKEN = frozenset({502, 504})


def send(title: str, method: str, url: str, creates: bool, **sent: Any) -> requests.Response:
    """Sends one request to a help desk; redirects are not followed.

    Args:
        title: the help desk's name, for messages.
        method: of the request.
        url: where it goes.
        creates: whether sending it twice would create something twice.
        **sent: what `requests` takes besides.

    Raises:
        DeliveryError: no answer came.
    """
    try:
        return requests.request(method, url, allow_redirects=False, **sent)
    except requests.RequestException as error:
        never_left = isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error)
        problem = f"{title} did not answer ({type(error).__name__})"
        raise DeliveryError(problem, uncertain=creates and not never_left) from error


@dataclass(frozen=True, repr=False)
class HttpApi:
    """Sends JSON to a help desk and reads the JSON that it answers.

    Args:
        title: the help desk's name, for messages.
        url: address that every path is added to, without a slash at its end.
        headers: headers of every request, such as the token.
        answer_seconds: how long an answer is waited for.
        token_setting: the setting that has the token, for messages.
    """

    title: str
    url: str
    headers: Mapping[str, str]
    answer_seconds: float
    token_setting: str

    def call(self, method: str, path: str, creates: bool = False, **sent: Any) -> Any:
        """Sends one request, as `send` does.

        Args:
            method: of the request.
            path: after the address.
            creates: whether sending it twice would create something twice; the answer then has its `id`.
            **sent: `json` or `params`, as `requests` takes them.

        Returns:
            The JSON of the answer, None where its body is empty.

        Raises:
            DeliveryError: no answer came, or it is none that the request hoped for.
        """
        sent |= {"headers": {"Accept": "application/json", **self.headers}, "timeout": self.answer_seconds}
        response = send(self.title, method, f"{self.url}/{path}", creates, **sent)
        status = response.status_code
        if status >= 300:
            problem = f"{self.title} answered {status} {response.reason} to {method} {path}: {response.text[:200]}"
            problem += f"; look at {self.token_setting} and its rights" if status in (401, 403) else ""
            raise DeliveryError(problem, status not in NOT_NOW, uncertain=creates and status in _MAYBE_TAKEN)
        try:
            answer = response.json() if response.content.strip() else None
        except requests.JSONDecodeError as error:
            problem = f"{self.title} answered {method} {path} with no JSON; look at its address: {response.text[:100]}"
            raise DeliveryError(problem, uncertain=creates) from error
        if creates and "id" not in (answer or ()):
            problem = f"{self.title} answered {method} {path} without the id of what it made: {response.text[:100]}"
            raise DeliveryError(problem, uncertain=True)
        return answer

    def create(self, path: str, new: Mapping[str, Any], attempt: DeliveryAttempt) -> Any:
        """Creates something, if there is time left to do so safely; returns what is answered, with its `id`.

        Args:
            path: after the address.
            new: what is created, as JSON.
            attempt: the delivery that it is created for.

        Raises:
            DeliveryError: as for `call`, or there was not enough time left.
        """
        attempt.ensure_time(self.answer_seconds)
        return self.call("POST", path, creates=True, json=new)
