"""How actions are told."""

from __future__ import annotations

from dataclasses import replace

from bot.cli.actions import action_text
from bot.plan import SetNote, UpdateRequest
from bot.repositories import Repository


def test_a_note_is_told_in_whole_sentences_and_what_nobody_sees_is_no_update() -> None:
    here = Repository("local", "shop/gitops")
    note = "Somebody changed the text above. This proposes now:\n\n- `a:1`"
    assert action_text(SetNote(here, 2, note)) == "note on merge request !2: Somebody changed the text above."
    assert action_text(SetNote(here, 2, "Only this:")) == "note on merge request !2: Only this:"
    marked = UpdateRequest(here, 2, "title", "body\n\n<!-- mark 2 -->", seen=("title", "body <!-- mark 1 -->\n"))
    assert action_text(marked) == "update the hidden marks of merge request !2"
    assert action_text(replace(marked, title="other")) == "update merge request !2"
    assert action_text(replace(marked, seen=None)) == "update merge request !2"
