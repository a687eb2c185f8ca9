"""Copies of exactly one digest from registry to registry, by skopeo. See docs/registries.md for every flag."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from bot.errors import RegistryError
from bot.images import Digest
from bot.ownership import not_ours
from bot.process import TimedOutError, run
from bot.registry.access import RegistryAccess
from bot.registry.client import ImageRepository
from bot.registry.diagnosis import Diagnosis, diagnose
from bot.registry.errors import Place, TagTakenError
from bot.registry.retry import ATTEMPTS, pause
from bot.registry.unnamed import unnamed_files

_log = logging.getLogger(__name__)

# skopeo wants a home directory and reads configuration and logins below it: there are none below this.
_NOWHERE = "/nonexistent/promobot"
_ENVIRONMENT = {
    "HOME": _NOWHERE,
    # What the environment says of proxies is not for credentials meant for a registry; reads do not use it either.
    "HTTP_PROXY": "",
    "HTTPS_PROXY": "",
}
_POLICY = b'{"default": [{"type": "insecureAcceptAnything"}]}'
_BELT = 15.0


@dataclass(frozen=True)
class Copied:
    """The tag was absent and now holds the digest, as read back from the registry."""

    digest: Digest


@dataclass(frozen=True)
class AlreadyThere:
    """The tag held the digest before; nothing was started and nothing written."""

    digest: Digest


@dataclass(frozen=True)
class Skopeo:
    """Makes copies. `cache` is a directory of ours; `timeout` is for one try, in seconds; threads may share it."""

    cache: Path
    timeout: float = 600.0
    sleep: Callable[[float], None] = time.sleep

    def copy(
        self, source: ImageRepository, digest: Digest, destination: ImageRepository, tag: str
    ) -> Copied | AlreadyThere:
        """Make `tag` at the destination hold exactly `digest` with all its platforms, which the source has.

        The destination is read before each try and after the last, so that a failure that came after the work was
        done is none. Raises TagTakenError if the tag holds another digest at any of these times, else
        RegistryError, and ProgramMissingError without skopeo.
        """
        if _holds(destination, tag, digest):
            return AlreadyThere(digest)
        failure = self._try(source, digest, destination, tag)
        for attempt in range(1, ATTEMPTS):
            if failure is None or not failure.may_pass:
                break
            wait = pause(attempt)
            _log.debug("%s: try %d failed, the next in %.1f s: %s", destination.place(tag), attempt, wait, failure.hint)
            self.sleep(wait)
            if _holds(destination, tag, digest):
                return Copied(digest)
            failure = self._try(source, digest, destination, tag)
        # Whatever skopeo said: a copy can be complete though it failed, and incomplete though it did not.
        if _holds(destination, tag, digest):
            return Copied(digest)
        raise _failed(source, digest, destination.place(tag), failure)

    def _try(self, source: ImageRepository, digest: Digest, destination: ImageRepository, tag: str) -> Diagnosis | None:
        """Run skopeo once; None if it says that it copied exactly `digest`."""
        src, dst = source.registry.access, destination.registry.access
        contents = (_POLICY, _configuration(source, destination), b"", _logins(src), _logins(dst))
        with unnamed_files(*contents) as files:
            policy, configuration, digestfile, src_logins, dst_logins = files
            argv = [
                *("skopeo", "--command-timeout", f"{round(self.timeout * 1000)}ms"),
                *("--registries-conf", configuration.path, "--policy", policy.path, "--registries.d", _NOWHERE),
                *("copy", "--quiet", "--all", "--preserve-digests", "--digestfile", digestfile.path),
                *("--src-authfile", src_logins.path, "--dest-authfile", dst_logins.path),
                *self._tls("src", src),
                *self._tls("dest", dst),
                f"docker://{src.endpoint}/{source.path}@{digest}",
                f"docker://{dst.endpoint}/{destination.path}:{tag}",
            ]
            fds = [file.fd for file in files]
            try:
                ended = run(argv, timeout=self.timeout + _BELT, env=_ENVIRONMENT, pass_fds=fds)
            except TimedOutError:
                return Diagnosis(f"skopeo did not end in {self.timeout:g} s", "check both registries", may_pass=True)
            pushed = digestfile.read().decode(errors="replace").strip()
        if ended.returncode != 0:
            return diagnose(_redacted(ended.stderr, src, dst), ended.returncode)
        if pushed != digest.text:
            raise RegistryError(
                f"{destination.place(tag)}: skopeo says that it pushed {pushed or 'nothing'}, not {digest}",
                hint="do not use this tag: look at what it holds",
            )
        return None

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
                hint="is the folder writable, and is there room?",
            ) from error

    def _kept_certificate(self, content: bytes) -> str:
        directory = self.cache / "certs" / hashlib.sha256(content).hexdigest()
        file = directory / "ca.crt"
        if directory.exists() and (why := not_ours(directory)):
            raise RegistryError(f"{directory} {why}", hint="keep the cache in a folder of your own")
        if not file.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = directory / f"{uuid4().hex}.draft"
            draft.write_bytes(content)
            draft.replace(file)
        return str(directory)


def _holds(destination: ImageRepository, tag: str, digest: Digest) -> bool:
    """Whether the tag holds the digest; False if absent."""
    present = destination.registry.digest(destination.path, tag)
    if present is not None and present != digest:
        raise TagTakenError(destination.place(tag), present=present, wanted=digest)
    return present is not None


def _failed(source: ImageRepository, digest: Digest, place: Place, failure: Diagnosis | None) -> RegistryError:
    if failure is None:
        return RegistryError(
            f"{place}: absent right after {digest} was copied there",
            hint="does something delete tags there? Run again",
        )
    return RegistryError(f"{place}: copying {source.place(digest.text)} failed: {failure.reason}", hint=failure.hint)


def _redacted(text: str, *accesses: RegistryAccess) -> str:
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
