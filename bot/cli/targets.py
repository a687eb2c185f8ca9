"""What the user names on the command line, checked against the configuration."""

from __future__ import annotations

import difflib
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from bot.config import Config, is_service
from bot.decide import Intent, Orders
from bot.errors import UsageError
from bot.images import ImageParts

_LONGEST_REASON = 300


def checked_intent(
    config: Config,
    services: Sequence[str],
    targets: Sequence[str],
    *,
    automatic: bool = False,
    reopen: bool = False,
    orders: Orders | None = None,
) -> Intent:
    """The intent of a command. Raises UsageError for an environment or service that can't be."""
    for target in targets:
        _check_target(config, target)
    if automatic:
        _check_automatic(config, targets)
    for service in services:
        _check_service(service)
    intent = Intent(tuple(dict.fromkeys(services)), tuple(targets), automatic=automatic, reopen=reopen)
    if orders is None:
        return intent
    # An image is given for one service, which then doesn't wait for its group.
    return replace(intent, orders=orders, together=services[0] if orders.image else None)


def checked_orders(args: Namespace) -> Orders:
    """What `promote` was told by name. Raises UsageError for an image or a reason that can't be."""
    if args.image is not None and (len(set(args.services)), len(set(args.to))) != (1, 1):
        raise UsageError("--image is for one service and one environment", hint="name one of each")
    if args.unproven is not None and args.image is None:
        raise UsageError("--unproven is for an image given by --image", hint="give it, or leave the reason out")
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
    if environment not in config.names:
        near = difflib.get_close_matches(environment, config.names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(config.names)}"
        raise UsageError(f"no environment is named {environment}", hint=hint)


def _check_service(service: str) -> None:
    if not is_service(service):
        raise UsageError(f"{service!r} is not a service's name", hint="letters, digits, dots, dashes, underscores")


def _check_target(config: Config, target: str) -> None:
    targets = [env.name for env in config.targets]
    if target in targets:
        return
    if target in config.names:
        raise UsageError(
            f"nothing is promoted to {target}: it has no `from`", hint=f"targets are {', '.join(targets) or 'none'}"
        )
    near = difflib.get_close_matches(target, targets, n=1)
    hint = f"did you mean {near[0]}?" if near else f"targets are {', '.join(targets)}"
    raise UsageError(f"no environment is named {target}", hint=hint)


def _check_automatic(config: Config, targets: Sequence[str]) -> None:
    """A pass that can't ever find anything to do is a mistake, not a quiet night."""
    automatic = [env.name for env in config.targets if config.may_be_automatic(env)]
    floating = [env.name for env in config.environments if config.may_float(env)]
    for target in targets:
        if target not in (*automatic, *floating):
            raise UsageError(
                f"{target} doesn't say `promote: auto`", hint=f"promobot promote SERVICE --to {target} does it by name"
            )
    if not automatic and not floating:
        raise UsageError("no environment says `promote: auto`", hint="add it to one, or promote by name")
