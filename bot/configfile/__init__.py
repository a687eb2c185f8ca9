"""Reads `promobot.yaml`: every fault is told with file and line, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from pydantic import ValidationError

from bot.config import Auth, BasicAuth, Config, DockerAuth, ForgeConfig, GitHubForge, GitLabForge, LocalForge
from bot.config.references import broken_references
from bot.configfile.faults import Fault, faults_of
from bot.configfile.reading import Loc, compose, lines_of, plain
from bot.errors import ConfigError

__all__ = ["Places", "load_config"]

_ABOUT_KEYS = ("unknown key", "a mapping with the key")


def load_config(path: Path) -> Config:
    """Read and check a configuration file. Raises ConfigError, one line for each fault, `file:line: where: what`."""
    document = compose(path)
    data = plain(document, path)
    places = Places(path, dict(lines_of(document)))
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise _refused(places, faults_of(error)) from None
    if faults := list(broken_references(config)):
        raise _refused(places, faults)
    return _anchored(config, path.resolve().parent)


@dataclass(frozen=True)
class Places:
    """Where the parts of a configuration file are."""

    path: Path
    lines: Mapping[Loc, int]

    @classmethod
    def of(cls, path: Path) -> Places:
        """Of a file that `load_config` has read. Raises ConfigError."""
        return cls(path, dict(lines_of(compose(path))))

    def at(self, loc: Loc) -> str:
        """`file:line: key.key`, of the nearest part around it that is written."""
        return f"{self.path}:{self.line(loc)}: {'.'.join(map(str, loc)) or 'file'}"

    def line(self, loc: Loc) -> int:
        """The line of a part, or of the nearest around it that is written."""
        while loc not in self.lines:
            loc = loc[:-1]
        return self.lines[loc]


def _refused(places: Places, faults: Iterable[Fault]) -> ConfigError:
    told = [(places.at(loc), what) for loc, what in faults]
    # What is wrong with a value says by itself what it must be.
    about_keys = any(words in what for words in _ABOUT_KEYS for _, what in told)
    hint = "`promobot schema` says of every key what it means" if about_keys else ""
    return ConfigError("\n".join(f"{place}: {what}" for place, what in told), hint=hint)


def _anchored(config: Config, folder: Path) -> Config:
    """Relative paths in the file are relative to the file."""
    forges = {name: _anchored_forge(forge, folder) for name, forge in config.forges.items()}
    registries = {
        name: registry.model_copy(
            update={"auth": _anchored_auth(registry.auth, folder), "ca_file": _below(folder, registry.ca_file)}
        )
        for name, registry in config.registries.items()
    }
    return config.model_copy(
        update={"forges": forges, "registries": registries, "templates": _below(folder, config.templates)}
    )


def _anchored_forge(forge: ForgeConfig, folder: Path) -> ForgeConfig:
    match forge:
        case LocalForge(path=path):
            return forge.model_copy(update={"path": folder / path})
        case GitHubForge() | GitLabForge():
            below = {"token_file": _below(folder, forge.token_file), "ca_file": _below(folder, forge.ca_file)}
            if isinstance(forge, GitHubForge) and forge.app is not None:
                key_file = _below(folder, forge.app.key_file)
                return forge.model_copy(update={**below, "app": forge.app.model_copy(update={"key_file": key_file})})
            return forge.model_copy(update=below)
        case _:
            assert_never(forge)


def _anchored_auth(auth: Auth | None, folder: Path) -> Auth | None:
    match auth:
        case BasicAuth(password_file=path):
            return auth.model_copy(update={"password_file": _below(folder, path)})
        case DockerAuth(config=path):
            return auth.model_copy(update={"config": _below(folder, path)})
        case None:
            return None
        case _:
            assert_never(auth)


def _below(folder: Path, path: Path | None) -> Path | None:
    return folder / path if path is not None else None
