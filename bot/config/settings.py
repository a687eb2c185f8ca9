"""What may be said of an environment as a whole, and by `services` of some of its services."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from bot.config.base import Duration, Model, Pointer, Strings, as_tuple
from bot.config.expressions import group_names
from bot.images import is_tag

_VERSION = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+")


# GitHub takes no longer ones; GitLab no commas.
_LONGEST_LABEL = 50


class Approvers(Model):
    """Who is asked to review an environment's merge requests."""

    groups: Strings = ()
    users: Strings = ()
    required: int = Field(default=1, ge=0)
    rule: bool = Field(
        default=False,
        description="Whether each merge request gets an approval rule of its own that says so (GitLab Premium).",
    )


# What a version is made of, each with the sign that stands before it: `v`, `1`, `1`, `3`, `-rc2`, `-amd64`.
VERSION_PARTS = ("v", "major", "minor", "patch", "pre", "arch")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class TagScheme(Model):
    """What becomes of a tag: `to` is filled from the named groups of `match`, or from the version that the tag is."""

    match: str | None = Field(
        default=None,
        description="Regular expression (RE2) that the whole tag must fit, such as `aat-(?P<sha>[0-9a-f]+)`.",
    )
    to: str = Field(min_length=1, description="The tag here, such as `prod-{sha}`; `same` keeps it.")

    @field_validator("match")
    @classmethod
    def _compiles(cls, match: str | None) -> str | None:
        if match is not None:
            group_names(match)
        return match

    @model_validator(mode="after")
    def _knows_its_placeholders(self) -> TagScheme:
        if set("{}") & set(_PLACEHOLDER.sub("", self.to)):
            raise ValueError("a brace without its partner")
        known = VERSION_PARTS if self.match is None else group_names(self.match)
        unknown = set(_PLACEHOLDER.findall(self.to)) - set(known)
        if unknown:
            there = ", ".join(f"{{{name}}}" for name in known) or "none: name a group, (?P<name>…)"
            raise ValueError(f"unknown placeholder {{{min(unknown)}}}; there are {there}")
        if not is_tag(_PLACEHOLDER.sub("1", self.to)):
            raise ValueError(f"{self.to!r} makes no tag: letters, digits, dots, dashes and underscores, at most 128")
        return self


def _as_scheme(value: object) -> object:
    if value == "":
        raise ValueError("must not be empty")
    return {"to": value} if isinstance(value, str) else value


SchemeOrText = Annotated[TagScheme, BeforeValidator(_as_scheme, json_schema_input_type=str | TagScheme)]


def _is_label(label: str) -> str:
    if not label.strip() or "," in label or len(label) > _LONGEST_LABEL:
        raise ValueError(f"{label!r} is no label: without commas, at most {_LONGEST_LABEL} characters")
    return label


class MergeRequests(Model):
    """How merge requests are opened."""

    labels: Annotated[tuple[Annotated[str, AfterValidator(_is_label)], ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Labels beside `promobot` and `to-<environment>`."
    )
    draft: bool = Field(default=False, description="Whether they are drafts until a person calls them ready.")
    assignee: str | None = Field(
        default=None,
        min_length=1,
        description="Whom they are assigned to: a user, or `trigger`, who started the pipeline that promobot runs in.",
    )


class Gates(Model):
    """What has to be so before a promotion is proposed."""

    soak: Duration | None = Field(
        default=None,
        description="How long the source environment must have named this digest, such as `2h` or `1d12h`.",
    )


def _floats(tag: str) -> str:
    if not tag:
        raise ValueError("must not be empty")
    other = set(_PLACEHOLDER.findall(tag)) - {"v", "major", "minor", "patch"}
    if other:
        raise ValueError(f"{tag}: a floating tag has no {{{min(other)}}}; it may have {{v}}, {{major}}, {{minor}}")
    TagScheme(to=tag)
    if "{patch}" in tag or _VERSION.match(_PLACEHOLDER.sub("1", tag)):
        raise ValueError(f"{tag} is a version of its own, and version tags never move")
    return tag


FloatingTags = Annotated[tuple[Annotated[str, AfterValidator(_floats)], ...], BeforeValidator(as_tuple)]


class Settings(Model):
    """How services are promoted into an environment."""

    tag: SchemeOrText = Field(
        default=TagScheme(to="same"),
        description="The tag here: `same`, such as `{major}.{minor}.{patch}`, or `match` and `to`.",
    )
    write: Literal["as-found", "tag", "digest", "tag+digest"] = Field(
        default="as-found",
        description="What an image is written as: with a digest where it has one, without, by it alone, or with both.",
    )
    also_promote: Annotated[tuple[Pointer, ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        description="JSON pointers of further scalars that are carried with the image, from and to the document that "
        "names it, such as `/spec/chart/spec/version`.",
    )
    when_missing: Literal["copy"] | None = Field(
        default=None,
        description="`copy`: what the source has and this environment hasn't is proposed as a draft, made from the "
        "source's manifest.",
    )
    promote: Literal["auto", "manual"] = Field(
        default="manual", description="Whether `reconcile` proposes on its own what is due."
    )
    supersede: Literal["update", "wait"] = Field(
        default="update",
        description="What becomes of an open merge request when a newer image is due: `update` puts that in its place, "
        "`wait` leaves it to whoever reviews it.",
    )
    merge: Literal["never", "auto"] = Field(
        default="never",
        description="`auto`: promobot merges its merge requests once they may be, at the commit that it verified.",
    )
    approvers: Approvers = Approvers()
    merge_requests: MergeRequests = MergeRequests()
    gates: Gates = Gates()
    floating_tags: FloatingTags = Field(
        default=(),
        description="Tags that are moved to what this environment's branch names, such as `{major}.{minor}`.",
    )
    replace_unreleased: bool = Field(
        default=False,
        description="Whether a version tag here may be moved that no environment further on has ever named.",
    )
    allow_image_policy: bool = Field(
        default=False, description="Whether a tag that Flux keeps (`$imagepolicy`) is changed all the same."
    )

    @field_validator("tag")
    @classmethod
    def _tells_images_apart(cls, tag: TagScheme) -> TagScheme:
        if tag.to != "same" and not _PLACEHOLDER.search(tag.to):
            raise ValueError(
                f"every image would get the tag {tag.to}; write `same`, or a placeholder such as {{major}}"
            )
        return tag
