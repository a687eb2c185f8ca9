"""Webhooks tell where to look: the forges' own examples do, and what isn't signed or isn't one is refused."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.forges import webhooks
from bot.forges.webhooks import DeliveryError, GitHubSecret, GitLabSigningKey, GitLabToken, Key, Secret, key_of
from tests.doubles.contract.data import ABSENT, FORGE_SCHEMAS, present

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HUB = GitHubSecret("It's a Secret to Everybody")
TOKEN = GitLabToken("glwt-canary")
KEY = GitLabSigningKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
JSON = {"Content-Type": "application/json; charset=utf-8"}

needs_data = pytest.mark.skipif(not present(), reason=ABSENT)


def headers_of(secret: Secret, body: bytes, event: str = "", *, at: datetime = NOW) -> dict[str, str]:
    """What a forge sends along."""
    match secret:
        case GitHubSecret(text):
            signed = hmac.new(text.encode(), body, sha256).hexdigest()
            return {**JSON, "X-Hub-Signature-256": f"sha256={signed}", "X-GitHub-Event": event}
        case GitLabToken(text):
            return {**JSON, "X-Gitlab-Token": text, "X-Gitlab-Event": event}
        case GitLabSigningKey():
            stamp = str(int(at.timestamp()))
            signed_bytes = hmac.new(secret.key, f"msg_1.{stamp}.".encode() + body, sha256).digest()
            signature = f"v1,{base64.b64encode(signed_bytes).decode()}"
            return {**JSON, "webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}


def told(secret: Secret, said: object, event: str = "") -> Key | None:
    body = json.dumps(said).encode()
    return key_of(headers_of(secret, body, event), body, secret, now=NOW)


# --- the forges' own examples ---------------------------------------------------------------------------

HELLO = "Codertocat/Hello-World"
EXAMPLES: Mapping[str, set[Key | None]] = {
    "check_run": {Key(HELLO, "changes")},
    "check_suite": {Key(HELLO, "changes"), Key(HELLO, "main"), Key(HELLO, "master")},
    "installation": {None},
    "issue_comment": {None},
    "ping": {None},
    "pull_request": {Key(HELLO, number=2)},
    "pull_request_review": {Key(HELLO, number=2)},
    "push": {None},
    "release": {None},
    "status": {Key(HELLO), Key(HELLO, "master")},
    "workflow_run": {Key(HELLO, "main"), Key("octo-org/octo-repo", "master"), Key("octo-org/octo-repo", "main")},
}


@needs_data
@pytest.mark.parametrize("event", EXAMPLES)
def test_githubs_examples(event: str) -> None:
    examples = json.loads((FORGE_SCHEMAS / "github/webhook-examples" / f"{event}.json").read_text())
    found = {told(HUB, example, event) for example in examples}
    assert found <= EXAMPLES[event]
    assert found


RECORDED: Mapping[str, Key | None] = {
    "go-gitlab/webhooks/push": Key("mike/diaspora", "master"),
    "go-gitlab/webhooks/merge_request": Key("gitlabhq/gitlab-test", number=1),
    # Its names end in blanks, so that nobody knows which merge request.
    "go-gitlab/webhooks/group_merge_request": Key("exm-namespace/example-project"),
    "go-gitlab/webhooks/note_merge_request": Key("gitlab-org/gitlab-test", number=1),
    "go-gitlab/webhooks/pipeline": Key("gitlab-org/gitlab-test", number=1),
    "go-gitlab/webhooks/tag_push": None,
    "go-gitlab/webhooks/job": None,
    "go-gitlab/webhooks/release": None,
    "go-gitlab/webhooks/deployment": None,
    "go-gitlab/webhooks/resource_access_token_project": None,
    "gitlab4j/push-event": Key("mike/diaspora", "master"),
    "gitlab4j/merge-request-event": Key("gitlabhq/gitlab-test", number=1),
    "gitlab4j/note-merge-request-event": Key("gitlab-org/gitlab-test", number=1),
    "gitlab4j/pipeline-event": Key("gitlab-org/gitlab-test", number=1),
    "gitlab4j/tag-push-event": None,
    "gitlab4j/job-event": None,
    "gitlab4j/deployment-event": None,
}


@needs_data
@pytest.mark.parametrize("secret", [TOKEN, KEY], ids=["token", "signed"])
@pytest.mark.parametrize("name", RECORDED)
def test_what_gitlab_sent(name: str, secret: Secret) -> None:
    body = (FORGE_SCHEMAS / "gitlab/recorded" / f"{name}.json").read_bytes()
    assert key_of(headers_of(secret, body), body, secret, now=NOW) == RECORDED[name]


# --- signatures -----------------------------------------------------------------------------------------


def test_githubs_own_vector() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    signed = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    with pytest.raises(DeliveryError, match="JSON can't be read"):  # it is signed, and no JSON
        key_of({**JSON, "X-Hub-Signature-256": signed}, b"Hello, World!", HUB, now=NOW)


def test_the_vector_of_standard_webhooks() -> None:
    headers = {
        **JSON,
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,bm9uZQ== v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    signed_at = datetime.fromtimestamp(1614265330, UTC)
    body = b'{"test": 2432232314}'
    for minutes in (-5, 0, 5):
        assert key_of(headers, body, KEY, now=signed_at + timedelta(minutes=minutes)) is None
    for seconds in (-301, 301):
        with pytest.raises(DeliveryError, match="at another time"):
            key_of(headers, body, KEY, now=signed_at + timedelta(seconds=seconds))


PUSH = {"ref": "refs/heads/main", "repository": {"full_name": "acme/gitops"}}
PUSHED = {"object_kind": "push", "ref": "refs/heads/main", "project": {"path_with_namespace": "acme/sub/gitops"}}


@pytest.mark.parametrize("secret", [HUB, TOKEN, KEY], ids=lambda secret: type(secret).__name__)
@pytest.mark.parametrize("spoil", ["absent", "empty", "another", "ünï", "body", "other"])
def test_what_is_not_signed_is_refused_and_nothing_of_it_is_said(secret: Secret, spoil: str) -> None:
    body = json.dumps(PUSH | PUSHED).encode()
    headers = headers_of(secret, body, "push")
    (name,) = headers.keys() & {"X-Hub-Signature-256", "X-Gitlab-Token", "webhook-signature"}
    sound = headers[name]
    match spoil:
        case "absent":
            del headers[name]
        case "empty":
            headers[name] = ""
        case "another":
            headers[name] = sound[:-2] + ("00" if sound[-2:] != "00" else "11")
        case "ünï":
            headers[name] = f"{sound}ü"
        case "body" if isinstance(secret, GitLabToken):
            headers[name] = sound.upper()
        case "body":
            body += b" "
        case _:  # signed in another forge's way
            headers = headers_of(TOKEN if secret != TOKEN else HUB, body, "push")
    with pytest.raises(DeliveryError, match="isn't signed") as caught:
        key_of(headers, body, secret, now=NOW)
    assert sound not in f"{caught.value} {secret!r}"
    assert secret.text not in f"{caught.value} {secret!r}"


@pytest.mark.parametrize("secret", [GitHubSecret(""), GitLabToken("")], ids=lambda secret: type(secret).__name__)
def test_an_empty_secret_lets_nobody_in(secret: Secret) -> None:
    with pytest.raises(ConfigError, match="is empty"):
        told(secret, PUSH, "push")


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_ü", "whsec_a", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_what_is_no_signing_token(text: str) -> None:
    with pytest.raises(ConfigError, match="signing token"):
        GitLabSigningKey(text)


@pytest.mark.parametrize("stamp", ["", "now", "-1", "1e9", "٣", "9" * 40])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    body = json.dumps(PUSHED).encode()
    signed = base64.b64encode(hmac.new(KEY.key, f"m.{stamp}.".encode() + body, sha256).digest()).decode()
    headers = {**JSON, "webhook-id": "m", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signed}"}
    with pytest.raises(DeliveryError, match="at another time"):
        key_of(headers, body, KEY, now=NOW)


# --- what is no webhook ---------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
@pytest.mark.parametrize("secret", [HUB, TOKEN], ids=["github", "gitlab"])
def test_what_is_no_object_is_refused(secret: Secret, body: bytes) -> None:
    with pytest.raises(DeliveryError):
        key_of(headers_of(secret, body, "push"), body, secret, now=NOW)


def test_other_types_and_sizes_are_refused() -> None:
    body = json.dumps(PUSHED).encode()
    form = {**headers_of(TOKEN, body), "Content-Type": "application/x-www-form-urlencoded"}
    with pytest.raises(DeliveryError, match="isn't JSON"):
        key_of(form, body, TOKEN, now=NOW)
    with pytest.raises(DeliveryError, match="longer than any forge sends"):
        key_of({}, b" " * (webhooks.MOST + 1), TOKEN, now=NOW)


GITHUB_FAULTS: list[tuple[str, Any]] = [
    ("push", {**PUSH, "repository": None}),
    ("push", {**PUSH, "repository": {"full_name": 7}}),
    ("push", {**PUSH, "repository": {"full_name": "../../etc"}}),
    ("push", {**PUSH, "repository": {"full_name": "acme/git\nops"}}),
    ("push", {**PUSH, "ref": 7}),
    ("push", {**PUSH, "ref": "refs/heads/" + "x" * 2000}),
    ("push", {**PUSH, "ref": "refs/heads/a\x1b[1m"}),
    ("push", {**PUSH, "repository": {"full_name": "acme/.."}}),
    ("pull_request", {**PUSH, "pull_request": ["number"]}),
    ("pull_request", {**PUSH, "pull_request": {"number": "2"}}),
    ("pull_request", {**PUSH, "pull_request": {"number": True}}),
    ("pull_request", {**PUSH, "pull_request": {"number": -2}}),
    ("check_suite", {**PUSH, "check_suite": {"head_branch": ["a"]}}),
]


@pytest.mark.parametrize(("event", "said"), GITHUB_FAULTS)
def test_a_known_event_that_is_not_as_it_should_be_is_refused(event: str, said: object) -> None:
    with pytest.raises(DeliveryError):
        told(HUB, said, event)


def test_what_is_told_and_what_is_left_out() -> None:
    assert told(HUB, PUSH, "push") == Key("acme/gitops", "main")
    assert told(HUB, {**PUSH, "ref": "refs/heads/promobot/prod/a+b"}, "push") == Key("acme/gitops", "promobot/prod/a+b")
    assert told(HUB, {**PUSH, "issue": {"number": 7, "pull_request": {}}}, "issue_comment") == Key(
        "acme/gitops", number=7
    )
    assert told(HUB, {**PUSH, "check_suite": {"head_branch": None}}, "check_suite") == Key("acme/gitops")
    assert told(HUB, {**PUSH, "issue": {"number": 7}}, "issue_comment") is None
    assert told(HUB, PUSH, "something_new") is None
    assert told(HUB, PUSH) is None
    assert told(TOKEN, PUSHED) == Key("acme/sub/gitops", "main")
    project = {"project": PUSHED["project"]}
    of_tag = {"object_kind": "pipeline", "object_attributes": {"ref": "v1", "tag": True}, **project}
    of_branch = {"object_kind": "pipeline", "object_attributes": {"ref": "main", "tag": False}, **project}
    assert (told(TOKEN, of_tag), told(TOKEN, of_branch)) == (None, Key("acme/sub/gitops", "main"))
    assert told(TOKEN, {"object_kind": ["push"], **project}) is None
    assert told(TOKEN, {"object_kind": "note", "issue": {}, **project}) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                sorted(
                    {
                        "ref",
                        "repository",
                        "full_name",
                        "pull_request",
                        "number",
                        "issue",
                        "check_run",
                        "check_suite",
                        "branches",
                        "name",
                        "object_kind",
                        "object_attributes",
                        "iid",
                        "merge_request",
                        "project",
                        "path_with_namespace",
                    }
                )
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(said=ANYTHING, event=st.sampled_from([*EXAMPLES, "pipeline", "note"]))
def test_whatever_comes_there_is_a_key_or_a_refusal(said: Any, event: str) -> None:
    for secret in (HUB, TOKEN):
        if isinstance(said, dict):
            said = {**said, "object_kind": event}
        try:
            found = told(secret, said, event)
        except DeliveryError:
            continue
        assert found is None or "/" in found.project
