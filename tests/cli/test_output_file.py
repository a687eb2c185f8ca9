"""`--output-file`: what the next job of a pipeline reads."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.arguments import make_parser
from bot.cli.call import Call
from bot.cli.outputfile import OutputFile, deployed_variables, promotion_variables, variable
from bot.errors import ExitCode, UsageError
from bot.images import ImageRef
from bot.plan import Blocked, Standing, Verdict
from bot.promotion import Deployed, Unit
from bot.repositories import MergeRequest, Repository, RequestState, Rev
from tests.cli.registries import Shop, shop

__all__ = ["shop"]

HOSTILE = "1.0\nPATH=/tmp/evil $(touch x) `id` 'a' \"b\" ;& ~root \\ # €\u2028"


def call() -> Call:
    return Call(make_parser().parse_args(["status"]), {}, lambda _: None)


def test_a_promotion_leaves_what_a_later_job_needs(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "out.env"
    digest = shop.company.e2e_digest("inventory", "1.1.3-rc2")
    command = ("promote", "inventory", "--to", "staging", "--output-file", str(file))
    assert shop.run(*command).code == 0
    (request,) = shop.company.requests()
    expected = {
        "PROMOBOT_STAGING_INVENTORY_TAG": "1.1.3",
        "PROMOBOT_STAGING_INVENTORY_DIGEST": str(digest),
        "PROMOBOT_STAGING_INVENTORY_MERGE_REQUEST_URL": request.url,
        "PROMOBOT_EXIT_CODE": "0",
    }
    assert dict(line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines()) == expected
    assert file.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["out.env"]
    assert shop.run(*command).code == 0, "once more, when it is proposed already"
    assert dict(line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines()) == expected


@pytest.mark.parametrize(
    "command", [("status",), ("plan",), ("reconcile",), ("promote", "inventory", "--to", "staging")]
)
def test_json_is_what_o_json_prints(shop: Shop, tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "out.json"
    said = shop.run(*command, "-o", "json", "--output-file", str(file))
    assert said.code == 0
    assert json.loads(file.read_text(encoding="utf-8")) == said.data


def test_what_is_blocked_leaves_its_exit_code(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "out.env"
    assert shop.run("promote", "inventory", "--to", "staging").code == 0
    assert shop.run("mr", "close", "1", "--as", "ann").code == 0
    assert shop.run("promote", "inventory", "--to", "staging", "--output-file", str(file)).code == ExitCode.BLOCKED
    assert file.read_text(encoding="utf-8") == "PROMOBOT_EXIT_CODE=7\n"


def test_what_is_blocked_names_no_merge_request_though_that_was_just_written_to() -> None:
    request = MergeRequest(1, "t", "", "b", "main", "h", RequestState.OPEN, "url/1", "promobot", ours=True)
    blocked = Verdict(Unit("api", ("api",)), "prod", Standing.BLOCKED, blocked=Blocked("no", ""), request=request)
    edited = {("prod", "api"): "url/1"}
    assert list(promotion_variables([blocked], edited)) == []
    proposed = replace(blocked, standing=Standing.PROPOSED, blocked=None)
    assert list(promotion_variables([proposed], edited)) == [(("prod", "api", "merge_request_url"), "url/1")]


def test_a_value_is_one_word_on_one_line_and_a_shell_does_nothing_with_it(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "out.env")
    file.write(call(), {}, [(("prod", "a-b.c", "tag"), HOSTILE)], ExitCode.DONE)
    text = file.path.read_text(encoding="utf-8")
    assert text.isascii()
    assert [line.partition("=")[0] for line in text.splitlines()] == ["PROMOBOT_PROD_A_B_C_TAG", "PROMOBOT_EXIT_CODE"]
    script = '. ./out.env; printf %s "$PROMOBOT_PROD_A_B_C_TAG"; ls'
    done = subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == f"{text.splitlines()[0].partition('=')[2]}out.env\n"


def test_what_two_names_share_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = OutputFile(tmp_path / "out.env")
    same = [(("prod", name, "tag"), "1") for name in ("x-y", "x.y")]
    other = [(("prod", name, "tag"), name) for name in ("a-b", "a.b")]
    file.write(call(), {}, [*same, *other], ExitCode.DONE)
    assert file.path.read_text(encoding="utf-8") == "PROMOBOT_PROD_X_Y_TAG=1\nPROMOBOT_EXIT_CODE=0\n"
    assert "PROMOBOT_PROD_A_B_TAG would be of several" in capsys.readouterr().err


def test_several_images_of_a_service_are_told_apart() -> None:
    images = [ImageRef.parse(f"registry.example.com/shop/{name}:1.{n}") for n, name in enumerate(("web", "worker"))]
    rev = Rev(Repository("f", "a/b"), "c")
    deployed = [Deployed("prod", "shop", rev, "x", 1, "0:/image", image, ours=True) for image in images]
    keys = [variable(*words) for words, _ in deployed_variables(deployed)]
    assert keys == ["PROMOBOT_PROD_SHOP_WEB_TAG", "PROMOBOT_PROD_SHOP_WORKER_TAG"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out.txt", "what to write there?"),
        ("out", "what to write there?"),
        ("missing/out.env", "there is no folder"),
        ("folder.env", "is a folder"),
    ],
)
def test_a_file_that_can_t_be_is_refused_before_anything_is_done(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.env").mkdir()
    with pytest.raises(UsageError) as refused:
        OutputFile.named(str(tmp_path / name))
    assert words in refused.value.message
