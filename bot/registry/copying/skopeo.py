"""One run of skopeo: exactly one digest from registry to registry. See docs/registries.md for every flag."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from uuid import uuid4

from bot.errors import RegistryError
from bot.images import Digest
from bot.ownership import not_ours
from bot.process import Glance, Limits, ProgramMissingError, StalledError, TimedOutError, follow, run
from bot.registry.access import RegistryAccess
from bot.registry.client import ImageRepository
from bot.registry.copying.diagnosis import Diagnosis, diagnose
from bot.registry.copying.unnamed import unnamed_files

_PROGRAM = "skopeo"
# The first with --multi-arch and a digest that is kept in all the ways that tests look at; Debian 12 has 1.9.3.
_OLDEST = (1, 9)
_VERSION = re.compile(r"skopeo version (\d+)\.(\d+)")
_VERSION_WITHIN = 20.0
# skopeo wants a home directory and reads configuration and logins below it: there are none below this.
_NOWHERE = "/nonexistent/promobot"
_ENVIRONMENT = {
    "HOME": _NOWHERE,
    # What the environment says of proxies is not for credentials meant for a registry; reads do not use it either.
    "HTTP_PROXY": "",
    "HTTPS_PROXY": "",
}
_POLICY = b'{"default": [{"type": "insecureAcceptAnything"}]}'
# Seconds that skopeo has for ending by itself at its time limit.
_BELT = 15.0


class SkopeoTooOldError(ProgramMissingError):
    """The skopeo that is installed lacks what promobot relies on."""


def check_skopeo() -> None:
    """Raises ProgramMissingError without skopeo, SkopeoTooOldError with one that is known to be too old."""
    said = run([_PROGRAM, "--version"], timeout=_VERSION_WITHIN, env=_ENVIRONMENT).stdout.decode(errors="replace")
    found = _VERSION.search(said)
    # What cannot be read is a build of somebody's own: let it try.
    if found and (int(found[1]), int(found[2])) < _OLDEST:
        raise SkopeoTooOldError(
            f"skopeo {found[1]}.{found[2]} is too old: promobot needs {_OLDEST[0]}.{_OLDEST[1]} or newer",
            hint="install a newer one; Debian 12, Ubuntu 24.04 and later have it",
        )


@dataclass(frozen=True)
class Skopeo:
    """Runs skopeo; threads may share it. `cache` is a directory of ours."""

    cache: Path

    def copy(
        self,
        source: ImageRepository,
        digest: Digest,
        destination: ImageRepository,
        *,
        limits: Limits,
        look: Callable[[Glance], None],
    ) -> Diagnosis | None:
        """Copy exactly `digest` with all its platforms, without a tag; None if skopeo says that it did.

        `look` sees it at work, a few times a second. Raises ProgramMissingError and NotStartedError, and
        RegistryError where the authority's certificate cannot be kept or another digest was pushed.
        """
        src, dst = source.registry.access, destination.registry.access
        contents = (_POLICY, _configuration(source, destination), b"", _logins(src), _logins(dst))
        with unnamed_files(*contents) as files:
            digestfile = files[2]
            argv = [
                *(_PROGRAM, "--command-timeout", f"{round(limits.total * 1000)}ms"),
                *self._arguments(src, dst, [file.path for file in files]),
                f"docker://{src.endpoint}/{source.path}@{digest}",
                f"docker://{dst.endpoint}/{destination.path}@{digest}",
            ]
            belt = replace(limits, total=limits.total + _BELT)
            fds = [file.fd for file in files]
            try:
                ended = follow(argv, limits=belt, look=look, env=_ENVIRONMENT, pass_fds=fds)
            except StalledError:
                return _ended_by_us(f"no progress: not a byte moved for {limits.idle:g} s")
            except TimedOutError:
                return _ended_by_us(f"it did not end in {limits.total:g} s")
            pushed = digestfile.read().decode(errors="replace").strip()
        if ended.returncode != 0:
            redact = partial(_redacted, accesses=(src, dst))
            return diagnose(ended.stderr, ended.returncode, redact, _names(source, destination))
        _must_be_pushed(pushed, digest, destination)
        return None

    def _arguments(self, src: RegistryAccess, dst: RegistryAccess, paths: Sequence[str]) -> list[str]:
        """Where skopeo finds all that it is to know; nothing else of this machine counts."""
        policy, configuration, digestfile, src_logins, dst_logins = paths
        return [
            *("--registries-conf", configuration, "--policy", policy, "--registries.d", _NOWHERE),
            *("copy", "--all", "--preserve-digests", "--digestfile", digestfile),
            *("--src-authfile", src_logins, "--dest-authfile", dst_logins),
            *self._tls("src", src),
            *self._tls("dest", dst),
        ]

    def _tls(self, side: str, access: RegistryAccess) -> list[str]:
        """Both flags always: without them, files of this machine decide."""
        verify = "false" if access.plain_http else "true"
        return [f"--{side}-tls-verify={verify}", f"--{side}-cert-dir", self._certificates(access)]

    def _certificates(self, access: RegistryAccess) -> str:
        """A directory with the registry's authority, named by its content, so that any number of runs share it."""
        if access.ca_file is None:
            return _NOWHERE
        try:
            return self._kept_certificate(access.ca_file.read_bytes())
        except OSError as error:
            raise RegistryError(
                f"the ca_file of registry {access.name} cannot be kept in {self.cache}: {error.strerror}",
                hint="choose a folder that can be written and has room (PROMOBOT_CACHE)",
            ) from error

    def _kept_certificate(self, content: bytes) -> str:
        directory = self.cache / "certs" / hashlib.sha256(content).hexdigest()
        file = directory / "ca.crt"
        if directory.exists() and (why := not_ours(directory)):
            raise RegistryError(f"{directory} {why}", hint="choose a folder of your own (PROMOBOT_CACHE)")
        if not file.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = directory / f"{uuid4().hex}.draft"
            draft.write_bytes(content)
            draft.replace(file)
        return str(directory)


def _must_be_pushed(pushed: str, digest: Digest, destination: ImageRepository) -> None:
    if pushed != digest.text:
        raise RegistryError(
            f"{destination.place(digest.text)}: skopeo says that it pushed {pushed or 'nothing'}, not {digest}",
            hint="is the skopeo on PATH the real one?",
        )


def _ended_by_us(reason: str) -> Diagnosis:
    return Diagnosis(reason, "are both registries well, and the way to them?", may_pass=True)


def _names(*repositories: ImageRepository) -> Iterator[str]:
    """What errors say of where something is, as they write it."""
    for repository in repositories:
        if not repository.registry.access.endpoint.isalpha():  # such as "registry", a word of skopeo's own
            yield repository.registry.access.endpoint
        yield f"/{repository.path}"


def _redacted(text: str, accesses: tuple[RegistryAccess, ...]) -> str:
    """skopeo passes on what registries say, and they may repeat what they were sent."""
    for login in filter(None, (access.login for access in accesses)):
        text = login.redact(text)
    return text


def _logins(access: RegistryAccess) -> bytes:
    """The file of logins for one registry (containers-auth.json(5))."""
    entry = {access.endpoint: {"auth": access.login.basic}} if access.login else {}
    return json.dumps({"auths": entry}).encode()


def _configuration(*repositories: ImageRepository) -> bytes:
    """Each repository is where its name says (containers-registries.conf(5)).

    Files in /etc/containers/registries.conf.d count all the same, but the entry with the longest prefix wins,
    and none is longer than ours.
    """
    # Strings of JSON are strings of TOML.
    lines = ["unqualified-search-registries = []", 'credential-helpers = ["containers-auth.json"]']
    for name in sorted({f"{repository.registry.access.endpoint}/{repository.path}" for repository in repositories}):
        lines += ["[[registry]]", f"prefix = {json.dumps(name)}", f"location = {json.dumps(name)}"]
    return "\n".join([*lines, ""]).encode()
