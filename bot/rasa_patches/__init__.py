"""Every attribute of Rasa that this project replaces: what for, and why no extension point of Rasa's serves.

`bot/stores/tracker_store.py` calls `install`: every command that answers customers opens the tracker store first.

Behaviour, always there:

- `action_endpoint` (EndpointConfig.request): actions run in Rasa's process, as `embedded:` in endpoints.yml
  says; a class of endpoints cannot be chosen in that file.
- `tracker_store` (Agent._create_tracker_store): a conversation that cannot be read fails visibly; Rasa wraps every
  store so that it becomes a new one.
- `understanding` (MessageProcessor.parse_message): messages are understood beside the server's thread; Rasa calls the
  components in it.
- `stages` (Agent.handle_message, MessageProcessor.parse_message, RemoteAction.run): measured for Prometheus, with the
  conversation's id in logs; Rasa's tracing wants a server of its own.

Speed, `BOT_RASA_PATCHES=off` leaves them out; each returns what Rasa's own does (tests/rasa_patches and
tests/serving/test_message_path.py compare them), figures in docs/benchmarks.md:

- `action_results` (RemoteAction._validate_action_result, ._action_call_format, Event.resolve_by_type): one validator,
  made once, and none for actions in Rasa's process; calls without the answers that the page has rendered; 15 ms an
  action.
- `kept_connections` (EndpointConfig.session): calls of an action server apart share their connections; 0.6 ms a call.
- `rule_lookup` (RulePolicy._get_possible_keys, ._prediction_states, copy in its module): rules are found by an index,
  mostly without a replay of the conversation; a third of an answer.
- `without_tensorflow` (sys.meta_path): `python -m bot` loads no TensorFlow, as it installs this before it imports Rasa;
  400 MB of memory and 3 s of each start.
- `graph_runner` (DaskGraphRunner and copy in rasa.core.processor, Domain.is_empty, DialogueStateTracker.copy): the
  pipeline runs without Dask's scheduler, conversations are copied without a replay; 1.5 ms a message and 10 %.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from bot.settings import get_settings

BEHAVIOUR = (
    "action_endpoint",
    "tracker_store",
    "understanding",  # before what measures it: a customer waits for the messages before hers, too
    "stages",
)
SPEED = ("without_tensorflow", "action_results", "kept_connections", "rule_lookup", "graph_runner")


@lru_cache(maxsize=1)
def install() -> None:
    """Replaces what the settings say, once."""
    for name in (*BEHAVIOUR, *(SPEED if get_settings().rasa_patches == "on" else ())):
        import_module(f"{__name__}.{name}").install()
