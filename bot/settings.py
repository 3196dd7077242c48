"""Every environment variable of the project, typed, in one place."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AnyHttpUrl, BaseSettings, Field, HttpUrl, SecretStr

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The project's settings; each is read from the environment variable `BOT_<NAME>`.

    Raises:
        pydantic.ValidationError: a variable's value does not fit; the message names the field and what is expected.
    """

    data_dir: Path = Field(PROJECT_ROOT / "data", description="Folder of articles, replies, issues and phrases.")
    support_request_url: HttpUrl | None = Field(
        None,
        description="Where a customer opens a support request when the bot cannot help; without it Microsoft's own "
        "page for the customer's product.",
    )
    azure_docs_base_url: HttpUrl = Field(
        "https://learn.microsoft.com/azure/cost-management-billing/manage/",
        description="Base address of the relative links in azure-docs articles.",
    )
    default_language: str = Field(
        "en",
        description="The language of a conversation of which nothing is known yet, and of answers to customers whose "
        "own language the bot understands but has no replies in.",
    )
    encoder: Path = Field(
        PROJECT_ROOT / "bot" / "encoder" / "shipped",
        description="Folder of the sentence encoder: `model.onnx`, `tokenizer.json` and, where the defaults do not "
        "fit, `about.json` (docs/encoder.md); models are trained with one encoder.",
    )
    encoder_weights: Path = Field(
        PROJECT_ROOT / "bot" / "encoder" / "weights.npz",
        description="Vectors of words in which languages without phrases are understood, a file that `python -m bot "
        "encoder train` wrote.",
    )
    rasa_patches: Literal["on", "off"] = Field(
        "on", description="`off` runs Rasa without the replacements that only save time (bot/rasa_patches)."
    )
    secret_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Signs the session tokens of the support page, at least 32 characters; without it a key is made "
        "once and kept in `secrets_dir`.",
    )
    secrets_dir: Path = Field(
        PROJECT_ROOT / ".secrets",
        description="Folder of keys that the bot has made itself, readable by its owner only.",
    )
    token_lifetime_seconds: int = Field(
        12 * 3600, ge=60, description="How long a conversation on the support page can be continued."
    )
    page_origin: str = Field(
        "",
        description="Scheme and host of the support page as browsers see it, such as `https://help.example.com`; "
        "needed behind a proxy that changes the Host header.",
    )
    embed_origins: str = Field(
        "",
        description="Origins of the sites that may embed the chat, separated by blanks, such as "
        "`https://www.example.com https://shop.example.com`; without any, only the page's own origin may.",
    )
    link_hosts: str = Field(
        "learn.microsoft.com go.microsoft.com portal.azure.com azure.microsoft.com admin.microsoft.com "
        "support.microsoft.com account.microsoft.com signup.microsoft.com signup.azure.com support.office.com "
        "www.microsoft.com aka.ms",
        description="Hosts that links in answers may lead to, separated by blanks, beside that of "
        "`support_request_url`.",
    )
    message_length: int = Field(2000, ge=1, description="Longest message on the support page, in characters.")
    body_bytes: int = Field(131072, ge=1024, description="Largest body of a request to the support page, in bytes.")
    request_seconds: float = Field(
        20, gt=0, description="How long a request to the server may take to arrive as a whole, whatever its address."
    )
    limit_messages_per_conversation: str = Field(
        "30 per minute; 500 per day",
        description="How many messages one conversation may send (notation of `limits`); one counts once for every 250 "
        "characters that it has begun.",
    )
    limit_requests_per_address: str = Field(
        "300 per minute",
        description="How many requests one network address may send to the support page; a message counts as above.",
    )
    limit_sessions_per_address: str = Field(
        "120 per hour", description="How many conversations one network address may begin."
    )
    limits_storage: str = Field(
        "",
        description="Where counts are kept: `memory://` or `redis://host:port/0`; without it, in `redis_url` if that "
        "is set, otherwise in memory.",
    )
    turns_per_address: int = Field(
        2, ge=1, description="How many messages of one network address are answered at the same time; others wait."
    )
    sessions_at_once: int = Field(10000, ge=1, description="Most conversations that the support page holds at once.")
    proxies_count: int = Field(
        0, ge=0, description="Number of trusted proxies before the server that add to X-Forwarded-For."
    )
    tracker_database: SecretStr = Field(
        SecretStr(f"sqlite:///{PROJECT_ROOT / 'var' / 'conversations.db'}"),
        description="Where Rasa keeps conversations, in SQLAlchemy's notation: `sqlite:///FILE` or "
        "`postgresql://user:password@host/name`.",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis that several servers share, `redis://user:password@host:6379/0`: locks, limits and the "
        "page's conversations. Without it each server has its own.",
    )
    broker_url: SecretStr | None = Field(
        None, description="RabbitMQ that gets every event of every conversation, `amqp://user:password@host:5672/`."
    )
    broker_queue: str = Field("conversation-events", description="Queue of RabbitMQ that events are put into.")
    action_server_url: AnyHttpUrl | None = Field(
        None,
        description="Address of an action server that is started apart (`rasa run actions`), such as "
        "`http://127.0.0.1:5055/webhook`; without it, actions run in Rasa's own process.",
    )
    keep_conversations_days: int = Field(
        30,
        ge=1,
        description="How many days after its last message `python -m bot privacy expire` deletes a conversation.",
    )
    keep_tickets_days: int = Field(
        365,
        ge=1,
        description="How many days after its last change `python -m bot privacy expire` makes a ticket anonymous.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="What Prometheus must send as bearer token to read `/metrics`, at least 16 characters; without it "
        "there is no such address.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="`json` for one object a line, with the conversation's id and no personal data."
    )
    tickets_database: SecretStr = Field(
        SecretStr(f"sqlite:///{PROJECT_ROOT / 'var' / 'tickets.db'}"),
        description="Where tickets are kept, in SQLAlchemy's notation: `sqlite:///FILE` or "
        "`postgresql://user:password@host/name`.",
    )
    tickets_language: str = Field(
        "", description="Language of the headings in delivered tickets; without it, each ticket's own."
    )
    tickets_targets: str = Field(
        "",
        regex=r"^((email|webhook|request_tracker)( +|$))*$",
        description="Help desks that tickets are for, of `email`, `webhook`, `request_tracker`, separated by blanks, "
        "where another process knows their passwords and delivers; without it, those that the next settings name.",
    )
    tickets_smtp_url: SecretStr | None = Field(
        None,
        description="Mail server that tickets are sent through: `smtp://user:password@host:25`, `smtps://...` or "
        "`smtp+starttls://...`; needs `tickets_email_from` and `tickets_email_to`.",
    )
    tickets_email_from: str = Field("", description="Address that tickets are sent from.")
    tickets_email_to: str = Field("", description="The help desk's address.")
    tickets_webhook_url: AnyHttpUrl | None = Field(
        None, description="Where tickets are posted as signed JSON; needs `tickets_webhook_secret`."
    )
    tickets_webhook_secret: SecretStr | None = Field(
        None, min_length=24, description="Signs what is posted, at least 24 characters; known to the receiver."
    )
    tickets_rt_url: AnyHttpUrl | None = Field(
        None, description="Address of Request Tracker 5 that tickets are created in; needs `tickets_rt_token`."
    )
    tickets_rt_token: SecretStr | None = Field(
        None, description="Authentication token of a user with the rights SeeQueue, ShowTicket and CreateTicket."
    )
    tickets_rt_queue: str = Field(
        "General", description="Queue of Request Tracker; `{queue}` in it stands for the ticket's own queue."
    )
    tickets_answer_seconds: float = Field(20, gt=0, description="How long a help desk's answer is waited for.")
    tickets_lease_seconds: float = Field(
        180,
        gt=0,
        description="How long a worker may take over one delivery before another one takes it up; at least three times "
        "`tickets_answer_seconds`.",
    )
    tickets_retry_seconds: float = Field(2, gt=0, description="Wait after the first failed delivery; then it doubles.")
    tickets_retry_longest_seconds: float = Field(300, gt=0, description="Longest wait between two deliveries.")
    tickets_refusals: int = Field(
        25, ge=1, description="After so many refusals by the help desk a delivery is parked for a person to look at."
    )
    regression_database: SecretStr = Field(
        SecretStr(f"sqlite:///{PROJECT_ROOT / 'var' / 'regression.db'}"),
        description="Where the history of nightly runs is kept, in SQLAlchemy's notation.",
    )
    regression_webhook_url: SecretStr | None = Field(
        None, description="Chat channel that gets a nightly run's summary, as JSON with the field `text`."
    )
    regression_email_to: str = Field(
        "",
        description="Address that a nightly run's summary is sent to; needs `tickets_smtp_url`, `tickets_email_from`.",
    )

    search_encoder_weights: Path = Field(
        PROJECT_ROOT / "bot" / "search" / "weights.npz",
        description="The sentence encoder of the search, a file that `python -m benchmarks.search.learn` wrote; the "
        "next import encodes anew what was imported with another one.",
    )
    articles_database: Path = Field(
        PROJECT_ROOT / "var" / "articles.db",
        description="The imported help articles that are searched; its indexes lie in a folder beside it.",
    )

    class Config:
        env_prefix = "BOT_"
        frozen = True


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Returns the settings of this process, read once."""
    return Settings()  # type: ignore[call-arg]  # pydantic reads the environment
