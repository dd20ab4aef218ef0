"""How long run-claude waits for an answer over HTTP, in seconds.

Each bounds one whole call, from connecting to the last byte, whichever of the three clients makes it. Commands that
take their own ``--timeout`` bound a whole start; a stream of events has no end, and the observer's heartbeat bounds it.
"""

from __future__ import annotations

__all__ = ["ENGINE_ANSWER", "ENGINE_LOG", "ENGINE_LOOK", "GATEWAY_ANSWER", "PROVIDER_ANSWER"]

# Longer than any one-shot call takes on a busy engine. A frozen engine accepts the connection and never answers.
ENGINE_ANSWER = 10.0

# For the observer, which asks again and again: a healthy engine takes 2 ms, and until the time is up an engine that
# is dead still counts as alive.
ENGINE_LOOK = 5.0

# The last lines of a log. They only illustrate an error, which must not wait for them.
ENGINE_LOG = 5.0

# Calls that LiteLLM answers by itself.
GATEWAY_ANSWER = 10.0

# Calls that reach a provider: a slow model may think for a minute.
PROVIDER_ANSWER = 120.0
