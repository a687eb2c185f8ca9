"""How promobot has its own merge requests merged on GitLab: now, by its auto-merge, or by the project's merge train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

from gitlab import Gitlab

from bot.errors import ForgeError
from bot.forges.certainty import certain
from bot.forges.errors import StatusError
from bot.forges.gitlab.merging import Merging
from bot.forges.gitlab.requests import Identity
from bot.forges.port import AutoMerge

# By its new name, and by that before GitLab 17.11, which merges at once where it is told nothing that it knows:
# https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request
_LATER = {"auto_merge": True, "merge_when_pipeline_succeeds": True}
# By the old name such a one takes it only while a pipeline runs, and says 400 to what could get on the train at once:
# ee/app/services/auto_merge/add_to_merge_train_when_pipeline_succeeds_service.rb, available_for?
_ON_TRAIN = {"auto_merge": True}
_ON_TRAIN_LATER = {**_ON_TRAIN, "when_pipeline_succeeds": True}


def _is_refusal(said: object) -> TypeGuard[Mapping[str, str]]:
    """Whether GitLab says no with HTTP 201: lib/api/merge_requests.rb, and app/services/auto_merge/base_service.rb."""
    return isinstance(said, dict) and said.get("status") == "error"


@dataclass(frozen=True)
class Joining:
    """Merge requests of one project, which is an object of the library's, and `name` what it is called."""

    gitlab: Gitlab
    project: Any
    name: str
    sleep: Callable[[float], None]

    def begin(self, number: int, head: str, look: Callable[[], tuple[Mapping[str, Any], Identity]]) -> AutoMerge:
        """See `Merging.begin`. Whoever merges at once in a project with merge trains goes past all that wait there."""
        path = self.project.mergerequests.path
        settings = self.gitlab.http_get(f"/projects/{self.project.encoded_id}")
        board = partial(self._on_train, number)
        now: Callable[[], object] = partial(board, {"sha": head, **_ON_TRAIN})
        later: Callable[[], object] = partial(board, {"sha": head, **_ON_TRAIN_LATER})
        if not (isinstance(settings, dict) and settings.get("merge_trains_enabled")):
            put = partial(self.gitlab.http_put, f"{path}/{number}/merge")
            told = {"sha": head, "should_remove_source_branch": True}
            now, later = partial(put, post_data=told), partial(put, post_data={**told, **_LATER})
        return Merging(f"{self.name}!{number}", head, self.sleep).begin(look=look, now=now, later=later)

    def leave(self, number: int, is_armed: Callable[[], bool]) -> bool:
        """Let GitLab no longer merge it by itself; False where it wouldn't have."""
        if not is_armed():
            return False
        path = f"{self.project.mergerequests.path}/{number}/cancel_merge_when_pipeline_succeeds"

        def post() -> object:
            return self.gitlab.http_post(path)

        try:
            said = certain(post, lambda: None if is_armed() else True, sleep=self.sleep)
        except StatusError:
            if is_armed():
                raise
            return False  # somebody else has done it in that moment, or it is merged
        if not _is_refusal(said):
            return True
        if is_armed():
            words = said.get("message", "it refuses")
            raise ForgeError(f"GitLab still merges {self.name}!{number} by itself: {words}", hint="run again")
        return False

    def _on_train(self, number: int, told: dict[str, object]) -> object:
        path = f"/projects/{self.project.encoded_id}/merge_trains/merge_requests/{number}"
        return self.gitlab.http_post(path, post_data=told)
