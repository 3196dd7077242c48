"""Every environment variable of the project, typed, in one place."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AnyHttpUrl, BaseSettings, Field, HttpUrl, SecretStr, ValidationError, validator

PROJECT_ROOT = Path(__file__).resolve().parent.parent
HELP_DESKS = ("email", "webhook", "request_tracker", "zammad", "chatwoot")
"""Names of the help desks that there are."""


class Settings(BaseSettings):
    """The project's settings; each is read from the environment variable `BOT_<NAME>`.

    Raises:
        pydantic.ValidationError: a variable's value does not fit; the message names the field and what is expected.
    """

    # Folder of articles, replies, issues and phrases.
    data_dir: Path = PROJECT_ROOT / "data"
    # Where a customer opens a support request when the bot cannot help; without it Microsoft's own page for the
    # customer's product.
    support_request_url: HttpUrl | None = None
    # Base address of the relative links in azure-docs articles.
    azure_docs_base_url: HttpUrl = Field("https://learn.microsoft.com/azure/cost-management-billing/manage/")
    # The language of a conversation of which nothing is known yet, and of answers to customers whose own language the
    # bot understands but has no replies in.
    default_language: str = "en"
    # Folder of the sentence encoder: `model.onnx`, `tokenizer.json` and, where the defaults do not fit, `about.json`
    # (docs/understanding.md); models are trained with one encoder.
    encoder: Path = PROJECT_ROOT / "bot" / "encoder" / "shipped"
    # Vectors of words in which languages without phrases are understood, a file that `python -m bot encoder train`
    # wrote.
    encoder_weights: Path = PROJECT_ROOT / "bot" / "encoder" / "weights.npz"
    # Folder of trained models, and of the file `served` that names the one which servers answer with.
    models_dir: Path = PROJECT_ROOT / "models"
    # `on` makes a server take another model while it runs, when `served` in that folder names one; `python -m bot run`
    # without `--model` sets it.
    models_follow: Literal["on", "off"] = "off"
    # Niceness of training and comparing beside servers: 19 leaves them all they want, 0 takes its share.
    models_nice: int = Field(19, ge=0, le=19)
    # `off` runs Rasa without the replacements that only save time (bot/rasa_patches).
    rasa_patches: Literal["on", "off"] = "on"
    # Signs the session tokens of the support page, at least 32 characters; without it a key is made once and kept in
    # `secrets_dir`.
    secret_key: SecretStr | None = Field(None, min_length=32)
    # Folder of keys that the bot has made itself, readable by its owner only.
    secrets_dir: Path = PROJECT_ROOT / ".secrets"
    # How long a conversation on the support page can be continued.
    token_lifetime_seconds: int = Field(12 * 3600, ge=60)
    # Scheme and host of the support page as browsers see it, such as `https://help.example.com`; needed behind a proxy
    # that changes the Host header.
    page_origin: str = ""
    # Origins of the sites that may embed the chat, separated by blanks, such as `https://www.example.com
    # https://shop.example.com`; without any, only the page's own origin may.
    embed_origins: str = ""
    # Hosts that links in answers may lead to, separated by blanks, beside that of `support_request_url`.
    link_hosts: str = (
        "learn.microsoft.com go.microsoft.com portal.azure.com azure.microsoft.com admin.microsoft.com "
        "support.microsoft.com account.microsoft.com signup.microsoft.com signup.azure.com support.office.com "
        "www.microsoft.com aka.ms passwordreset.microsoftonline.com mysignins.microsoft.com"
    )
    # Longest message on the support page, in characters.
    message_length: int = Field(2000, ge=1)
    # Largest body of a request to the support page, in bytes.
    body_bytes: int = Field(131072, ge=1024)
    # How long a request to the server may take to arrive as a whole, whatever its address.
    request_seconds: float = Field(20, gt=0)
    # How many messages one conversation may send (notation of `limits`); one counts once for every 250 characters that
    # it has begun.
    limit_messages_per_conversation: str = "30 per minute; 500 per day"
    # How many requests one network address may send to the support page; a message counts as above.
    limit_requests_per_address: str = "300 per minute"
    # How many conversations one network address may begin.
    limit_sessions_per_address: str = "120 per hour"
    # Where counts are kept: `memory://` or `redis://host:port/0`; without it, in `redis_url` if that is set, otherwise
    # in memory.
    limits_storage: str = ""
    # How many messages of one network address are answered at the same time; others wait.
    turns_per_address: int = Field(2, ge=1)
    # Most conversations that the support page holds at once.
    sessions_at_once: int = Field(10000, ge=1)
    # Number of trusted proxies before the server that add to X-Forwarded-For.
    proxies_count: int = Field(0, ge=0)
    # Where Rasa keeps conversations, in SQLAlchemy's notation: `sqlite:///FILE` or
    # `postgresql://user:password@host/name`.
    tracker_database: SecretStr = SecretStr(f"sqlite:///{PROJECT_ROOT / 'var' / 'conversations.db'}")
    # Redis that several servers share, `redis://user:password@host:6379/0`: locks, limits and the page's
    # conversations. Without it each server has its own.
    redis_url: SecretStr | None = None
    # RabbitMQ that gets every event of every conversation, `amqp://user:password@host:5672/`.
    broker_url: SecretStr | None = None
    # Queue of RabbitMQ that events are put into.
    broker_queue: str = "conversation-events"
    # Address of an action server that is started apart (`rasa run actions`), such as `http://127.0.0.1:5055/webhook`;
    # without it, actions run in Rasa's own process.
    action_server_url: AnyHttpUrl | None = None
    # In how many conversations customers must have chosen a document for like questions before `python -m bot articles
    # learn` takes them as questions that it answers; one customer alone must not teach the search.
    search_learns_from: int = Field(3, ge=2)
    # How many days after its last message `python -m bot privacy expire` deletes a conversation.
    keep_conversations_days: int = Field(30, ge=1)
    # How many days after its last change `python -m bot privacy expire` makes a ticket anonymous.
    keep_tickets_days: int = Field(365, ge=1)
    # What Prometheus must send as bearer token to read `/metrics`, at least 16 characters; without it there is no such
    # address.
    metrics_token: SecretStr | None = Field(None, min_length=16)
    # `json` for one object a line, with the conversation's id and no personal data.
    log_format: Literal["text", "json"] = "text"
    # Where tickets are kept, in SQLAlchemy's notation: `sqlite:///FILE` or `postgresql://user:password@host/name`.
    tickets_database: SecretStr = SecretStr(f"sqlite:///{PROJECT_ROOT / 'var' / 'tickets.db'}")
    # `on` lets agents take over conversations on the support page (docs/desk.md).
    desk: Literal["on", "off"] = "off"
    # Language of the headings in delivered tickets; without it, each ticket's own.
    tickets_language: str = ""
    # Help desks that tickets are for, of HELP_DESKS, separated by blanks, where another process knows their passwords
    # and delivers; without it, those that the next settings name.
    tickets_targets: str = ""
    # Mail server that tickets are sent through: `smtp://user:password@host:25`, `smtps://...` or
    # `smtp+starttls://...`; needs `tickets_email_from` and `tickets_email_to`.
    tickets_smtp_url: SecretStr | None = None
    # Address that tickets are sent from.
    tickets_email_from: str = ""
    # The help desk's address.
    tickets_email_to: str = ""
    # Where tickets are posted as signed JSON; needs `tickets_webhook_secret`.
    tickets_webhook_url: AnyHttpUrl | None = None
    # Signs what is posted, at least 24 characters; known to the receiver.
    tickets_webhook_secret: SecretStr | None = Field(None, min_length=24)
    # Address of Request Tracker 5 that tickets are created in; needs `tickets_rt_token`.
    tickets_rt_url: AnyHttpUrl | None = None
    # Authentication token of a user with the rights SeeQueue, ShowTicket and CreateTicket.
    tickets_rt_token: SecretStr | None = None
    # Queue of Request Tracker; `{queue}` in it stands for the ticket's own queue.
    tickets_rt_queue: str = "General"
    # Address of Zammad that tickets are created in; needs `tickets_zammad_token`.
    tickets_zammad_url: AnyHttpUrl | None = None
    # Access token of an agent who may read and create tickets in the group.
    tickets_zammad_token: SecretStr | None = None
    # Group of Zammad; `{queue}` in it stands for the ticket's own queue.
    tickets_zammad_group: str = "Users"
    # Address of Chatwoot that tickets become conversations in; needs `tickets_chatwoot_token` and
    # `tickets_chatwoot_inbox`.
    tickets_chatwoot_url: AnyHttpUrl | None = None
    # Access token of an agent who belongs to the inbox.
    tickets_chatwoot_token: SecretStr | None = None
    # Id of the account in Chatwoot.
    tickets_chatwoot_account: int = Field(1, ge=1)
    # Id of the API inbox in Chatwoot.
    tickets_chatwoot_inbox: int | None = Field(None, ge=1)
    # Team of Chatwoot that gets the conversations, none without it; `{queue}` stands for the ticket's own queue.
    tickets_chatwoot_team: str = ""
    # Secret by which other help desks sign what has become of a ticket, at least 24 characters; without it the
    # agents' desk takes no such messages (`POST /ticket-status`).
    tickets_status_secret: SecretStr | None = Field(None, min_length=24)
    # Signature token of Zammad's webhook, at least 24 characters, for the agents' desk (`POST /ticket-status/zammad`).
    tickets_zammad_status_secret: SecretStr | None = Field(None, min_length=24)
    # Secret of Chatwoot's webhook, as Chatwoot shows it, for the agents' desk (`POST /ticket-status/chatwoot`).
    tickets_chatwoot_status_secret: SecretStr | None = Field(None, min_length=16)
    # Address of Chatwoot whose agent bot this bot is; needs `chatwoot_bot_token` and `chatwoot_bot_secret`.
    chatwoot_bot_url: AnyHttpUrl | None = None
    # Access token of the agent bot.
    chatwoot_bot_token: SecretStr | None = None
    # Webhook secret of the agent bot, as Chatwoot shows it.
    chatwoot_bot_secret: SecretStr | None = Field(None, min_length=16)
    # How long a help desk's answer is waited for.
    tickets_answer_seconds: float = Field(20, gt=0)
    # How long a worker may take over one delivery before another one takes it up; at least three times
    # `tickets_answer_seconds`.
    tickets_lease_seconds: float = Field(180, gt=0)
    # Wait after the first failed delivery; then it doubles.
    tickets_retry_seconds: float = Field(2, gt=0)
    # Longest wait between two deliveries.
    tickets_retry_longest_seconds: float = Field(300, gt=0)
    # After so many refusals by the help desk a delivery is parked for a person to look at.
    tickets_refusals: int = Field(25, ge=1)
    # Folder of what reviewers keep of customers' messages beside the training phrases: the test share
    # (`test/<language>.tsv`) and conversations (`conversations/<language>.yml`).
    review_dir: Path = PROJECT_ROOT / "var" / "review"
    # Fraction of reviewed messages that is for measuring and never for training, 0-1.
    review_test_share: float = Field(0.2, ge=0, le=1)
    # Scheme and host of the agents' desk as browsers see it, such as `https://desk.example.com`; without it, the desk
    # answers on this machine only.
    desk_origin: str = Field("", regex=r"^(https?://[^/\s]+)?$")
    # Issuer of the OpenID Connect provider that agents may sign in with, such as `https://login.example.com/realms/x`;
    # without it, they sign in with passwords only. What is wrong with this and the next settings is said by the desk.
    desk_openid_issuer: str = ""
    # The desk's client id at the provider.
    desk_openid_client_id: str = ""
    # The desk's client secret at the provider.
    desk_openid_client_secret: SecretStr | None = None
    # Claim that names somebody's role, one value or a list.
    desk_openid_claim: str = "groups"
    # Roles (`agent`, `reviewer`, `admin`) by the claim's values, as a JSON object.
    desk_openid_roles: str = '{"agent": "agent", "reviewer": "reviewer", "admin": "admin"}'
    # Where the history of nightly runs is kept, in SQLAlchemy's notation.
    regression_database: SecretStr = SecretStr(f"sqlite:///{PROJECT_ROOT / 'var' / 'regression.db'}")
    # Chat channel that gets a nightly run's summary, as JSON with the field `text`.
    regression_webhook_url: SecretStr | None = None
    # Address that a nightly run's summary is sent to; needs `tickets_smtp_url`, `tickets_email_from`.
    regression_email_to: str = ""
    # The sentence encoder of the search, a file that `python -m benchmarks.search.learn` wrote; the next import
    # encodes anew what was imported with another one.
    search_encoder_weights: Path = PROJECT_ROOT / "bot" / "search" / "weights.npz"
    # The imported help articles that are searched; its indexes lie in a folder beside it.
    articles_database: Path = PROJECT_ROOT / "var" / "articles.db"

    @validator(
        "tickets_status_secret",
        "tickets_zammad_status_secret",
        "tickets_chatwoot_status_secret",
        "chatwoot_bot_url",
        "chatwoot_bot_token",
        "chatwoot_bot_secret",
        pre=True,
    )
    def _none_for_empty(cls, value: object) -> object:  # noqa: N805 - pydantic calls it on the class
        """Returns None for an empty variable, which is how files of environments leave one out."""
        return value or None

    class Config:
        env_prefix = "BOT_"
        frozen = True

    @validator("tickets_targets")
    def _are_help_desks(cls, names: str) -> str:  # noqa: N805 - pydantic calls it with the class
        for name in names.split():
            if name not in HELP_DESKS:
                raise ValueError(
                    f"{name!r} is no help desk{did_you_mean(name, HELP_DESKS)}; there are {', '.join(HELP_DESKS)}"
                )
        return names


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns ` (did you mean ...?)` with the nearest of the known names; empty where none is near."""
    nearest = get_close_matches(name, known, 1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""


def explain(error: ValidationError) -> dict[str, str]:
    """Returns the environment variables that do not fit, each with the reason in words."""
    return {f"BOT_{str(each['loc'][0]).upper()}": str(each["msg"]) for each in error.errors()}


class SettingsError(ValueError):
    """Environment variables do not fit; the message names each, with the reason."""


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Returns the settings of this process, read once.

    Raises:
        SettingsError: a variable does not fit.
    """
    try:
        return Settings()  # type: ignore[call-arg]  # pydantic reads the environment
    except ValidationError as error:
        reasons = [f"{name}: {reason}" for name, reason in explain(error).items()]
        raise SettingsError("; ".join(reasons) + "; correct or remove it.") from error
