"""Checks of this machine: the model, disk space, who may read files, who may reach the bot and the desk."""

from __future__ import annotations

import ipaddress
import shlex
import shutil
import sys
import tarfile
import time
import zlib
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from urllib.parse import urlsplit

import requests

from bot.doctor.installation import THIS_MACHINE, Finding, Installation
from bot.model_versions.folder import ModelVersionError, models_folder, read_served
from bot.stores.databases import readable_by_others, sqlite_file
from bot.text.yaml_files import read_yaml
from bot.training import LaunchError, model_path

_MEGABYTE = 1_000_000
_DISK_ERROR, _DISK_WARNING = 500, 2000
_FEWEST_CHARACTERS = 10
_SECONDS = 4
_LISTENS = "0A"
Address = IPv4Address | IPv6Address


def model(installation: Installation) -> Finding:
    """Looks whether the served model is there, whole, and how old it is: the switched one, or that of the content."""
    folder = models_folder(installation.root)
    try:
        chosen = None if installation.model else read_served(folder)
        path = folder / chosen.model if chosen else installation.model or model_path(installation.root)
    except (LaunchError, ModelVersionError, ValueError) as error:
        return Finding("model", "error", f"cannot be told: {error}".rstrip("."), "correct the file that it names")
    if not path.is_file():
        return _no_model(installation, path)
    try:
        with tarfile.open(path) as archive:
            archive.getmembers()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        return Finding("model", "error", f"{path} is broken ({error})", "delete it and run `python -m bot train`")
    age = time.time() - path.stat().st_mtime
    how_old = f"{age / 86400:.0f} days" if age > 2 * 86400 else f"{age / 3600:.0f} hours"
    of = "named with --model" if installation.model else "switched to" if chosen else "of the present content"
    return Finding("model", "ok", f"{path} ({of}) is whole and {how_old} old")


def _no_model(installation: Installation, path: Path) -> Finding:
    if installation.model:
        return Finding("model", "error", f"there is no {path}", "correct --model")
    remedy = "`python -m bot train` (four to ten minutes); else the next start does so"
    old = sorted(path.parent.glob("triage-*.tar.gz"))
    if old:
        return Finding("model", "warning", f"stale: {old[-1]} is of other content or code than there is now", remedy)
    return Finding("model", "error", "there is none", remedy)


def disk(installation: Installation) -> Finding:
    """Looks for free space where databases and models are written."""
    files = [sqlite_file(url) for _, url in installation.databases.values()]
    folders = {_existing(file.parent) for file in files if file} | {_existing(installation.root / "models")}
    free, folder = min((shutil.disk_usage(each).free // _MEGABYTE, each) for each in folders)
    found = f"{free} MB free in {folder}"
    if free < _DISK_ERROR:
        return Finding("disk", "error", found, "make room: nothing can be kept soon")
    if free < _DISK_WARNING:
        return Finding("disk", "warning", found, "make room: training and backups need it")
    return Finding("disk", "ok", found)


def _existing(folder: Path) -> Path:
    return next(each for each in [folder, *folder.parents] if each.is_dir())


def files(installation: Installation) -> Finding:
    """Looks whether other users of this machine may read databases, keys or files of settings."""
    paths = [path for _, url in installation.databases.values() if (path := sqlite_file(url))]
    secrets = installation.settings.secrets_dir
    paths += [path for path in secrets.glob("*") if path.name != ".gitignore"]
    env_files = [path for path in installation.env_files if path.exists()]
    # A group may read settings: the bot's user, of a file that belongs to root.
    wide = {
        "chmod 600": [each for path in dict.fromkeys(paths) for each in readable_by_others(path)],
        "chmod o=": [path for path in env_files if path.stat().st_mode & 0o007],
    }
    found = {remedy: shlex.join(map(str, names)) for remedy, names in wide.items() if names}
    if found:
        remedy = "; ".join(f"{command} {names}" for command, names in found.items())
        return Finding("files", "error", f"other users of this machine may read {' '.join(found.values())}", remedy)
    number = sum(path.exists() for path in paths) + len(env_files)
    return Finding("files", "ok", f"{number} databases, keys and files of settings are closed to other users")


def signing_key(installation: Installation) -> Finding:
    """Looks whether the key that signs tokens can be guessed."""
    settings = installation.settings
    own = settings.secrets_dir / "page-key"
    try:
        key = settings.secret_key.get_secret_value() if settings.secret_key else own.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return Finding("signing key", "ok", f"is made at the first start, in {own}")
    except (OSError, ValueError) as error:
        found = f"{own} cannot be read ({error})"
        return Finding("signing key", "error", found, "correct its owner, or set BOT_SECRET_KEY")
    return _of_key("signing key", "BOT_SECRET_KEY" if settings.secret_key else str(own), key, 32)


def metrics(installation: Installation) -> Finding:
    """Looks whether the metrics' token can be guessed."""
    token = installation.settings.metrics_token
    if token is None:
        return Finding("metrics", "ok", "off; with BOT_METRICS_TOKEN Prometheus can read /metrics")
    return _of_key("metrics", "BOT_METRICS_TOKEN", token.get_secret_value(), 16)


def _of_key(check: str, where: str, key: str, shortest: int) -> Finding:
    remedy = "make one with: openssl rand -base64 48"
    if len(key) < shortest:
        return Finding(check, "error", f"{where} has {len(key)} characters, {shortest} is the least", remedy)
    if len(set(key)) < _FEWEST_CHARACTERS:
        return Finding(check, "error", f"{where} has {len(set(key))} different characters; it can be guessed", remedy)
    return Finding(check, "ok", f"{where} has {len(key)} characters")


def bot(installation: Installation) -> Iterator[Finding]:
    """Looks whether the bot is ready, who may reach it, and what it lets them do."""
    configured = read_yaml(installation.root / "credentials.yml", ValueError) or {}
    addresses = listening(installation.port)
    if not addresses:
        found = f"nothing listens at port {installation.port} of this machine"
        yield Finding("bot", "warning", found, "start it, or name its port with --port")
        if "rest" in configured:
            yield Finding("REST channel", "error", "named in credentials.yml", _CLOSE_REST)
        return
    public = [each for each in addresses if not each.is_loopback]
    host = "127.0.0.1" if addresses[0].is_unspecified else str(addresses[0])
    origin = f"http://[{host}]:{installation.port}" if ":" in host else f"http://{host}:{installation.port}"
    yield _readiness(origin)
    yield _proxies(installation, public)
    if "rest" in configured or _status(f"{origin}/webhooks/rest/") == 200:
        yield Finding("REST channel", "error", "open: whoever reaches it may write into any conversation", _CLOSE_REST)
    else:
        yield Finding("REST channel", "ok", "closed")
    if _status(f"{origin}/status") == 200:
        found = "open: whoever reaches it may read and change every conversation"
        yield Finding("HTTP API", "error", found, "start without --enable-api, or with --auth-token")
    else:
        yield Finding("HTTP API", "ok", "closed")


_CLOSE_REST = "start without --rest (REST=1), which is for development only"


def _readiness(origin: str) -> Finding:
    try:
        found = requests.get(f"{origin}/health/ready", timeout=_SECONDS).json()
        missing = ", ".join(found["missing"])
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        return Finding("bot", "error", f"{origin} does not tell its health ({type(error).__name__})", "look at its log")
    if missing:
        return Finding("bot", "error", f"{origin} is not ready, for want of: {missing}", "fix that; its log says more")
    return Finding("bot", "ok", f"{origin} is ready")


def _proxies(installation: Installation, public: list[Address]) -> Finding:
    count, origin = installation.settings.proxies_count, installation.settings.page_origin
    if public and count:
        found = f"BOT_PROXIES_COUNT is {count}, but {public[0]} can be reached past the proxy: addresses can be forged"
        return Finding("proxies", "error", found, "let the bot listen on 127.0.0.1, or a firewall keep others out")
    if not public and not count and origin:
        found = "BOT_PROXIES_COUNT is 0 behind a proxy: all visitors share the limits of one address"
        return Finding("proxies", "warning", found, "set it to the number of proxies that add to X-Forwarded-For")
    where = f"the bot listens on {public[0]}, for everybody" if public else "the bot listens on this machine only"
    return Finding("proxies", "ok", f"{where}; {count} proxies are trusted")


def desk(installation: Installation) -> Iterator[Finding]:
    """Looks whether agents' passwords can be read on the way to the desk."""
    origin = installation.settings.desk_origin
    public = [each for each in listening(installation.desk_port) if not each.is_loopback]
    if origin.startswith("http://") and urlsplit(origin).hostname not in THIS_MACHINE:
        found = f"BOT_DESK_ORIGIN is {origin}: passwords and customers' words can be read on the way"
        yield Finding("agents' desk", "error", found, "put a proxy with TLS before it, and write https://")
    elif public:
        found = f"listens on {public[0]}:{installation.desk_port} without TLS"
        beside = "" if origin else "; set BOT_DESK_ORIGIN to its https address"
        yield Finding("agents' desk", "error", found, f"start it on 127.0.0.1, behind a proxy with TLS{beside}")
    elif origin:
        yield Finding("agents' desk", "ok", f"reached at {origin}")
    elif installation.settings.desk == "on":
        yield Finding("agents' desk", "ok", "answers on this machine only")


def listening(port: int) -> list[Address]:
    """Returns the addresses of this machine on which a TCP port is listened at; none where /proc is not Linux's."""
    found: list[Address] = []
    for name in ("tcp", "tcp6"):
        table = Path("/proc/net", name)
        for line in table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else []:
            _, local, _, state = line.split()[:4]
            address, number = local.split(":")
            if state == _LISTENS and int(number, 16) == port:
                # Words of 32 bits in the machine's own order.
                words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
                listener = ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))
                found.append(getattr(listener, "ipv4_mapped", None) or listener)  # as in ::ffff:127.0.0.1
    return found


def _status(url: str) -> int:
    try:
        return requests.get(url, timeout=_SECONDS).status_code
    except requests.RequestException:
        return 0
