"""Tag lists: whole, or an error; never without an end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import parse_qs

import pytest

from bot.demo.oci import build_image, move_tag, push
from bot.demo.registries import RunningRegistry, start_registry
from bot.errors import RegistryError
from bot.registry.client import ImageRepository
from tests.proxy import Answer, Fault, Seen, start_proxy
from tests.registry.places import pushed, repository_of


def tags_of(repository: ImageRepository) -> tuple[str, ...] | None:
    return repository.registry.tags(repository.path)


def test_the_tags_of_a_repository_are_those_that_were_pushed(
    source: ImageRepository, destination: ImageRepository
) -> None:
    image = build_image("app")
    names = ["v1.2.3", "V1.2.3-RC1", "latest", "_odd.Tag-1", "x" * 128, "2024.01.01-abcdef"]
    for repository in (source, destination):
        for tag in names:
            pushed(repository, tag, image)
        found = tags_of(repository)
        assert found is not None
        assert sorted(found) == sorted(names)


def test_a_repository_that_is_not_there_has_no_list(source: ImageRepository) -> None:
    assert tags_of(source) is None


def test_not_found_by_something_else_than_a_registry_is_no_missing_repository(open_registry: RunningRegistry) -> None:
    with (
        start_proxy(open_registry, gate=lambda _: Answer(404)) as proxy,
        repository_of(proxy.access("r"), "app") as place,
        pytest.raises(RegistryError, match="does not answer like a registry"),
    ):
        tags_of(place)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry with repositories `r<n>/app` of n tags: `t0000` and so on."""
    folder = tmp_path_factory.mktemp("crowded")
    with start_registry(folder) as registry:
        for count in (1000, 1001, 2000):
            access, repository = registry.access("r"), f"r{count}/app"
            push(access, repository, "t0000", build_image("app"))
            tags = folder / "data/docker/registry/v2/repositories" / repository / "_manifests" / "tags"
            for number in range(1, count):
                tags.joinpath(f"t{number:04}").symlink_to("t0000")
        yield registry


def names(count: int) -> list[str]:
    return [f"t{number:04}" for number in range(count)]


@pytest.mark.parametrize(("count", "requests"), [(1000, 2), (1001, 1), (2000, 1)])
def test_a_registry_that_knows_no_pages_gives_all_at_once(crowded: RunningRegistry, count: int, requests: int) -> None:
    # docker-registry 2.8 takes neither n nor last, and sorts nothing.
    with start_proxy(crowded) as proxy, repository_of(proxy.access("r"), f"r{count}/app") as place:
        found = tags_of(place)
        assert found is not None
        assert sorted(found) == names(count)
        assert proxy.count() == requests


# --- pages -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paging:
    """Answers for tag lists in sorted pages, as the specification has it, in front of a registry that knows none."""

    upstream: RunningRegistry
    link: str = "relative"  # or absolute, elsewhere, unquoted, none
    largest: int = 1000
    takes_last: bool = True

    def __call__(self, request: Seen) -> Answer | None:
        path, _, query = request.path.partition("?")
        if not path.endswith("/tags/list"):
            return None
        repository = path.removeprefix("/v2/").removesuffix("/tags/list")
        with repository_of(self.upstream.access("r"), repository) as place:
            tags = sorted(tags_of(place) or ())
        asked = parse_qs(query)
        size = min(int(asked.get("n", ["1000000"])[0]), self.largest)
        last = asked.get("last", [""])[0] if self.takes_last else ""
        left = [tag for tag in tags if tag > last]
        page = left[:size]
        headers = {"Content-Type": "application/json"}
        if len(left) > size:
            headers |= self._headers(path, f"n={size}&last={page[-1]}", request.headers["Host"])
        return Answer(200, headers, json.dumps({"name": repository, "tags": page}).encode())

    def _headers(self, path: str, query: str, host: str) -> dict[str, str]:
        match self.link:
            case "none":
                return {}
            case "absolute":
                return {"Link": f'</v2/x/tags/list>; rel="prev", <http://{host}{path}?{query}>; title="a"; REL="next"'}
            case "unquoted":
                return {"Link": f"<{path}?{query}>;rel=next"}
            case "elsewhere":
                return {"Link": f'<http://elsewhere.invalid{path}?{query}>; rel="next"'}
            case _:
                return {"Link": f'<{path}?{query}>; rel="next"'}


@pytest.mark.parametrize("link", ["relative", "absolute", "unquoted", "elsewhere"])
@pytest.mark.parametrize("largest", [1000, 100])
def test_links_lead_from_page_to_page(crowded: RunningRegistry, link: str, largest: int) -> None:
    gate = Paging(crowded, link, largest)
    with start_proxy(crowded, gate=gate) as proxy, repository_of(proxy.access("r"), "r2000/app") as place:
        assert tags_of(place) == tuple(names(2000))
        assert proxy.count() == (2000 / largest if link != "elsewhere" else 2000 / largest + (largest == 1000))
        assert all(request.path.startswith("/v2/r2000/app/tags/list?") for request in proxy.seen)


@pytest.mark.parametrize(("count", "requests"), [(1000, 2), (1001, 2), (2000, 3)])
def test_without_links_the_last_tag_leads_on(crowded: RunningRegistry, count: int, requests: int) -> None:
    with (
        start_proxy(crowded, gate=Paging(crowded, "none")) as proxy,
        repository_of(proxy.access("r"), f"r{count}/app") as place,
    ):
        assert tags_of(place) == tuple(names(count))
        assert proxy.count() == requests


@pytest.mark.parametrize("link", ["relative", "none", "elsewhere"])
def test_a_registry_that_gives_the_same_page_again_is_told_so(crowded: RunningRegistry, link: str) -> None:
    with (
        start_proxy(crowded, gate=Paging(crowded, link, takes_last=False)) as proxy,
        repository_of(proxy.access("r"), "r2000/app") as place,
    ):
        with pytest.raises(RegistryError, match=r"r2000/app: an endless list: a page of it has no tag that was not"):
            tags_of(place)
        assert proxy.count() == 2


def endless(request: Seen) -> Answer:
    number = int(parse_qs(request.path.partition("?")[2]).get("last", ["0"])[0]) + 1
    body = json.dumps({"name": "app", "tags": [f"t{number}"]}).encode()
    return Answer(200, {"Link": f'</v2/app/tags/list?last={number}>; rel="next"'}, body)


def test_a_list_without_an_end_is_given_up(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry, gate=endless) as proxy, repository_of(proxy.access("r"), "app") as place:
        with pytest.raises(RegistryError, match=r"registry r: .*/app: an endless list: it goes on after 1000 pages"):
            tags_of(place)
        assert proxy.count() == 1001


def test_a_list_that_takes_for_ever_is_an_error(
    open_registry: RunningRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        monotonic = count(0.0, 250.0).__next__

    monkeypatch.setattr("bot.registry.paging.time", Clock)
    with start_proxy(open_registry, gate=endless) as proxy, repository_of(proxy.access("r"), "app") as place:
        with pytest.raises(RegistryError, match=r"an endless list: it goes on after 600 s"):
            tags_of(place)
        assert proxy.count() == 3


def test_more_tags_than_anybody_has_are_refused(open_registry: RunningRegistry) -> None:
    body = json.dumps({"tags": [f"t{number}" for number in range(100_001)]}).encode()
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), "app") as place:
        proxy.inject(Fault("tags/list", Answer(200, {}, body)))
        with pytest.raises(RegistryError, match="more than 100000 tags"):
            tags_of(place)


def test_a_tag_is_told_once(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), "app") as place:
        link = {"Link": '</v2/app/tags/list?page=2>; rel="next"'}
        proxy.inject(Fault("tags/list", Answer(200, link, b'{"tags": ["b", "a", "b"]}')))
        proxy.inject(Fault("page=2", Answer(200, {}, b'{"tags": ["a", "c"]}')))
        assert tags_of(place) == ("b", "a", "c")


@pytest.mark.parametrize("body", [b'{"name": "app", "tags": null}', b'{"name": "app", "tags": []}'])
def test_a_repository_without_tags_has_none(open_registry: RunningRegistry, body: bytes) -> None:
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), "app") as place:
        proxy.inject(Fault("tags/list", Answer(200, {}, body)))
        assert tags_of(place) == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<h1>Welcome", "list of tags is none"),
        (b"[]", "list of tags is none"),
        (b"{}", "list of tags is none"),
        (b"[" * 100_000, "list of tags is none"),
        (b"\xff\xfe", "list of tags is none"),
        (b'{"tags": "v1"}', "something that is no tag"),
        (b'{"tags": ["v1", 2]}', "something that is no tag"),
        (b'{"tags": ["../../other"]}', "something that is no tag"),
        (b'{"tags": ["a\\nb"]}', "something that is no tag"),
    ],
)
def test_what_is_no_list_of_tags_is_refused(open_registry: RunningRegistry, body: bytes, words: str) -> None:
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), "app") as place:
        proxy.inject(Fault("tags/list", Answer(200, {}, body)))
        with pytest.raises(RegistryError, match=words):
            tags_of(place)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(403),
        Answer(404, {}, b'{"errors": [{"code": "DENIED", "message": "no"}]}'),
        Answer(500),
        Answer(302, {"Location": "https://elsewhere.invalid/x"}),
    ],
    ids=str,
)
def test_not_knowing_the_tags_is_an_error(open_registry: RunningRegistry, answer: Answer) -> None:
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), "app") as place:
        proxy.inject(Fault("tags/list", answer, 9))
        with pytest.raises(RegistryError, match="registry r: "):
            tags_of(place)


def test_a_repository_that_goes_away_meanwhile_is_an_error(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), "app") as place:
        proxy.inject(Fault("n=1000", Answer(200, {"Link": '<?page=2>; rel="next"'}, b'{"tags": ["a"]}')))
        with pytest.raises(RegistryError, match="went away while it was read"):
            tags_of(place)


def test_a_path_of_many_segments(open_registry: RunningRegistry, repository: str) -> None:
    deep = "/".join([repository, *(f"a{number}.b__c-d" for number in range(12))])
    image = build_image("app")
    push(open_registry.access("r"), deep, "v1", image)
    move_tag(open_registry.access("r"), deep, "V2", image)
    with repository_of(open_registry.access("r"), deep) as place:
        assert sorted(tags_of(place) or ()) == ["V2", "v1"]
        assert place.registry.digest(deep, "V2") == image.digest
