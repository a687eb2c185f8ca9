"""The tag that an image gets in the next environment."""

from __future__ import annotations

import re

from bot.images import is_tag

# https://semver.org/spec/v2.0.0.html#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string,
# with an optional leading v and without build metadata, since a tag can't hold a plus sign.
_VERSION = re.compile(
    r"v?(?P<major>0|[1-9][0-9]*)\.(?P<minor>0|[1-9][0-9]*)\.(?P<patch>0|[1-9][0-9]*)(?:-(?P<rest>[0-9A-Za-z.-]+))?"
)


def target_tag(template: str, source: str) -> str:
    """Fill a tag template such as `{major}.{minor}.{patch}` from the source's tag; `same` keeps it.

    Raises ValueError where the source's tag is no version or the result is no tag.
    """
    if template == "same":
        return source
    version = _VERSION.fullmatch(source)
    if version is None:
        raise ValueError(f"{source} is not a version such as 1.2.3-rc1, so {template} can't be filled")
    tag = template.format_map({part: version[part] for part in ("major", "minor", "patch")})
    if not is_tag(tag):
        raise ValueError(f"{template} makes {tag!r} of {source}, which is no tag")
    return tag
