"""Requests of a client logged in with a subscription: its login is for Anthropic's own host alone."""

from __future__ import annotations

from tests.conformance.exchange import Answer, Call, Exchange, Text

from .request import BETAS, request

__all__ = ["EXCHANGES"]

EXCHANGES = [
    Exchange(
        "login",
        "logins",
        "A provider gets its own key, and never the login that the client has sent.",
        request("login"),
        Answer((Text("Reading."), Call("Read", '{"file_path": "/w/a.txt"}'))),
        headers=BETAS,
        login=True,
    ),
    Exchange(
        "login-counting",
        "logins",
        "Nor when it counts tokens.",
        {key: value for key, value in request("login-counting").items() if key not in ("max_tokens", "stream")},
        path="/v1/messages/count_tokens",
        headers=BETAS,
        login=True,
    ),
]
