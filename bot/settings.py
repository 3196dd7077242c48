"""Every environment variable of the project, typed, in one place."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import BaseSettings, Field, HttpUrl

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The project's settings; each is read from the environment variable `BOT_<NAME>`.

    Raises:
        pydantic.ValidationError: a variable's value does not fit; the message names the field and what is expected.
    """

    data_dir: Path = Field(PROJECT_ROOT / "data", description="Folder of articles, replies, issues and phrases.")
    support_request_url: HttpUrl = Field(
        "https://go.microsoft.com/fwlink/?linkid=2083458",
        description="Where a customer opens a support request: the contact given when the bot cannot help.",
    )
    azure_docs_base_url: HttpUrl = Field(
        "https://learn.microsoft.com/azure/cost-management-billing/manage/",
        description="Base address of the relative links in azure-docs articles.",
    )
    action_server_url: str = Field(
        "http://127.0.0.1:5055/webhook", description="Where the Rasa server finds the action server."
    )
    default_language: str = Field("en", description="The language of a conversation of which nothing is known yet.")

    class Config:
        env_prefix = "BOT_"
        frozen = True


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Returns the settings of this process, read once."""
    return Settings()  # type: ignore[call-arg]  # pydantic reads the environment
