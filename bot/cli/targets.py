"""What the user names on the command line, checked against the configuration."""

from __future__ import annotations

import hashlib
import re
from argparse import Namespace
from collections.abc import Collection, Iterable, Sequence

from bot.config import Config, is_service
from bot.decide import Intent, Orders
from bot.decide.together import together_name
from bot.errors import UsageError, did_you_mean
from bot.images import ImageParts

_LONGEST_REASON = 300

# So many names are told of what there is.
_FEW = 20
# Part of a branch's name (git-check-ref-format(1)); `+` is in no service's name, so it joins without confusing.
_UNIT = re.compile(r"\+?[A-Za-z0-9]([A-Za-z0-9._+-]{0,61}[A-Za-z0-9])?")
_LONGEST = 63
_DIGITS = 8


def checked_intent(
    config: Config,
    services: Sequence[str],
    targets: Sequence[str],
    *,
    automatic: bool = False,
    together: str | None = None,
    orders: Orders | None = None,
) -> Intent:
    """The intent of a command. Raises UsageError for an environment, service or unit that can't be.

    `together`: the name of the unit that the services make up; empty: one made of theirs.
    """
    for target in targets:
        _check_target(config, target)
    if automatic:
        _check_automatic(config, targets)
    for service in services:
        _check_service(service)
    wanted = tuple(dict.fromkeys(services))
    unit = None if together is None else _unit(config, wanted, together)
    if orders is not None and orders.image:
        unit = _alone(config, services[0])
    given = Orders() if orders is None else orders
    return Intent(wanted, tuple(targets), automatic=automatic, together=unit, orders=given)


def _alone(config: Config, service: str) -> str | None:
    """The name of a unit of this service alone, where it would go with its group; None where it goes alone anyway."""
    if service in _groups(config) and config.group(service) != service:
        raise UsageError(f"{service} is a group, and --image is for one service", hint="name the service")
    return together_name(service) if config.group(service) else None


def _groups(config: Config) -> set[str]:
    return {rule.group for rule in config.services if rule.group}


def _unit(config: Config, services: Sequence[str], name: str) -> str:
    """The name of what goes together only now; the same services have the same one, in whatever order."""
    groups = _groups(config)
    if len(services) < 2:
        raise UsageError("--together is for several services", hint="name at least two")
    for service in services:
        if service in groups:
            raise UsageError(f"{service} is a group, which goes together anyway", hint="name services")
    unit = together_name(name or _joined(services))
    if not _UNIT.fullmatch(unit) or ".." in unit or unit.endswith(".lock"):
        hint = "it becomes part of a branch's name: letters, digits, dots, dashes, underscores, plus"
        raise UsageError(f"{name!r} can't be called so", hint=hint)
    return unit


def _joined(services: Sequence[str]) -> str:
    """`cart+inventory`; of many services the beginning, told apart by a hash of all."""
    joined = "+".join(sorted(services))
    if len(joined) <= _LONGEST:
        return joined
    digits = hashlib.sha256(joined.encode()).hexdigest()[:_DIGITS]
    return f"{joined[: _LONGEST - _DIGITS - 1].rstrip('+._-')}+{digits}"


def check_environments(config: Config, names: Iterable[str]) -> None:
    """Raises UsageError for the first that there isn't."""
    for name in names:
        if name not in config.names:
            raise _no("no environment is", name, config.names)


def check_services(config: Config, names: Iterable[str], known: Collection[str]) -> None:
    """The same for services and groups."""
    groups = {group for service in known if (group := config.group(service))}
    for name in names:
        if name not in known and name not in groups:
            raise _no("no environment has a service or group", name, sorted({*known, *groups}))


def _no(what: str, name: str, known: Sequence[str]) -> UsageError:
    """Of a name that there isn't: what was probably meant, and what there is."""
    more = f" and {len(known) - _FEW} more" if len(known) > _FEW else ""
    there = f"there are {', '.join(known[:_FEW]) or 'none'}{more}"
    return UsageError(f"{what} named {name}{did_you_mean(name, known)}", hint=there)


def checked_orders(args: Namespace) -> Orders:
    """What `promote` was told by name. Raises UsageError for an image or a reason that can't be."""
    if args.image is not None and (len(set(args.services)), len(set(args.to))) != (1, 1):
        raise UsageError("--image is for one service and one environment", hint="name one of each")
    image = None if args.image is None else _checked_image(args.image)
    reason = "" if args.unproven is None else _checked_reason(args.unproven)
    return Orders(image, reason, drop=args.allow_downgrade, mixed=args.allow_mixed)


def _checked_image(text: str) -> ImageParts:
    try:
        image = ImageParts.parse(text)
    except ValueError as error:
        raise UsageError(f"--image {text!r}: {error}", hint="write [[host/]path][:tag][@sha256:...]") from None
    if image.tag is None and image.digest is None:
        raise UsageError(f"--image {text!r} has neither tag nor digest", hint="write such as :1.1.2@sha256:...")
    return image


def _checked_reason(text: str) -> str:
    """One line that can stand in a commit's trailers."""
    reason = " ".join(text.split())
    if not reason or not reason.isprintable() or len(reason) > _LONGEST_REASON:
        raise UsageError(
            "--unproven needs a reason", hint=f"one line of at most {_LONGEST_REASON} characters, such as a ticket"
        )
    return reason


def check_environment(config: Config, service: str, environment: str) -> None:
    """Raise UsageError for an environment that isn't there, or what can't be a service's name."""
    _check_service(service)
    check_environments(config, [environment])


def _check_service(service: str) -> None:
    if not is_service(service):
        raise UsageError(f"{service!r} is not a service's name", hint="letters, digits, dots, dashes, underscores")


def _check_target(config: Config, target: str) -> None:
    targets = [env.name for env in config.targets]
    if target not in config.names:
        raise _no("no environment is", target, config.names)
    if target not in targets:
        raise UsageError(
            f"nothing is promoted to {target}: it has no `from`", hint=f"targets are {', '.join(targets) or 'none'}"
        )


def _check_automatic(config: Config, targets: Sequence[str]) -> None:
    """A pass that can't ever find anything to do is a mistake, not a quiet night."""
    automatic = [env.name for env in config.targets if config.may_be_automatic(env)]
    floating = [env.name for env in config.environments if config.may_float(env)]
    for target in targets:
        if target not in (*automatic, *floating):
            raise UsageError(
                f"{target} doesn't say `promote: auto`",
                hint=f"`promobot promote --all --to {target}` promotes what is due; or set `promote: auto` for it",
            )
    if not automatic and not floating:
        raise UsageError("no environment says `promote: auto`", hint="add it to one, or promote by name")
