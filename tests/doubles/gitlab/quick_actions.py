"""What GitLab takes out of texts and does, in the name of who sends them: lib/gitlab/quick_actions/extractor.rb."""

from __future__ import annotations

import re

# Some of them: lib/gitlab/quick_actions/merge_request_actions.rb, ee/lib/ee/gitlab/quick_actions
_NAMES = "approve|unapprove|close|merge|rebase|label|assign|target_branch|ready|draft"
# What stands in code, HTML and quotes, as far as this goes by, is left; the first that fits counts.
_TEXT = re.compile(
    r"^```.+?\n```$"
    r"|^.*`\n*.+?\n*`$"
    r"|^<[^>]+?>\n.+?\n</[^>]+?>$"
    r"|^>>>.+?\n>>>$"
    rf"|^/(?P<command>{_NAMES})(?: (?P<argument>[^\n]*))?(?:\s*\n|$)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)


def obeyed(text: str) -> tuple[str, list[str]]:
    """The text that is left, and the names of what is done."""
    done: list[str] = []

    def take(found: re.Match[str]) -> str:
        if found["command"] is None:
            return found[0]
        done.append(found["command"].lower())
        return ""

    left = _TEXT.sub(take, text.replace("\r", ""))
    return (left.rstrip(), done) if done else (text, done)
