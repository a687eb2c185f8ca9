"""How promobot has its own merge requests merged on GitLab: now, by its auto-merge, or by the project's merge train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gitlab import Gitlab

from bot.forges.gitlab.merging import Merging
from bot.forges.gitlab.requests import Identity
from bot.forges.port import AutoMerge

# By its new name, and by that before GitLab 17.11, which merges at once where it is told nothing that it knows:
# https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request
_LATER = {"auto_merge": True, "merge_when_pipeline_succeeds": True}
_ON_TRAIN_LATER = {"auto_merge": True, "when_pipeline_succeeds": True}


@dataclass(frozen=True)
class Joining:
    """Merge requests of one project, which is an object of the library's."""

    gitlab: Gitlab
    project: Any
    sleep: Callable[[float], None]

    def begin(self, number: int, head: str, look: Callable[[], tuple[Mapping[str, Any], Identity]]) -> AutoMerge:
        """See `Merging.begin`. Whoever merges at once in a project with merge trains goes past all that wait there."""
        path = self.project.mergerequests.path
        settings = self.gitlab.http_get(f"/projects/{self.project.encoded_id}")
        now: Callable[[], object] = partial(self._on_train, number, head)
        later = now
        if not (isinstance(settings, dict) and settings.get("merge_trains_enabled")):
            put = partial(self.gitlab.http_put, f"{path}/{number}/merge")
            told = {"sha": head, "should_remove_source_branch": True}
            now, later = partial(put, post_data=told), partial(put, post_data={**told, **_LATER})
        name = f"{self.project.get_id()}!{number}"
        return Merging(name, head, self.sleep).begin(look=look, now=now, later=later)

    def _on_train(self, number: int, head: str) -> object:
        path = f"/projects/{self.project.encoded_id}/merge_trains/merge_requests/{number}"
        return self.gitlab.http_post(path, post_data={"sha": head, **_ON_TRAIN_LATER})
