"""Why a merge request was closed, as its body has it, which anybody may have written."""

from __future__ import annotations

import pytest

from bot.forges.closing import with_reason, without_reason

MOST = 1_048_576
MARK = '<!-- promobot:closed {"by": "ann", "reason": "why"} -->'

HOSTILE = {
    "blank lines": f"x{chr(10) * MOST}x",
    "blanks at the end": f"<!-- promobot:closed {{{'} --> ' * (MOST // 6)}x",
    "many beginnings": "<!-- promobot:closed {" * (MOST // 22),
    "beginnings and ends": "<!-- promobot:closed {} --> x" * (MOST // 29),
    "deep": "<!-- promobot:closed {" + "[" * 90_000 + "} -->",
    "deep objects": "<!-- promobot:closed " + '{"a":' * 15_000 + "} -->",
    "a long number": '<!-- promobot:closed {"a": ' + "9" * 90_000 + "} -->",
    "a list": "<!-- promobot:closed [] -->",
    "half of it": "<!-- promobot:closed {} --",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_what_anybody_may_write_keeps_nobody_busy(body: str) -> None:
    assert without_reason(body) == (body, {})


@pytest.mark.parametrize(
    "theirs",
    [
        MARK,
        f"mine\n\n{MARK}",
        f"mine\n\n---\n\nClosed by promobot\n\nand then I wrote this\n\n{MARK}",
    ],
)
def test_what_a_person_wrote_beside_it_stays(theirs: str) -> None:
    assert without_reason(theirs) == (theirs, {"by": "ann", "reason": "why"})


def test_what_we_wrote_is_found_again_and_not_written_twice() -> None:
    body = with_reason("why", "a\nb", "ann", most=MOST)
    assert without_reason(f"{body}\n \n") == ("why", {"by": "ann", "reason": "a\nb"})
    assert with_reason(body, "again", "bob", most=MOST).count("Closed by promobot") == 1
