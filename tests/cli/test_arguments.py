"""Mistakes on a command line: one line that says what is wrong, one that says what to do, and exit code 2."""

from __future__ import annotations

import pytest

from bot.cli.arguments import make_parser, read_arguments
from bot.cli.targets import check_environments, checked_intent
from bot.errors import ExitCode, UsageError
from tests.cli.conftest import Promobot
from tests.paper import configured

PROMOTE = ("promote", "a", "--to", "b")


@pytest.mark.parametrize(
    ("line", "says", "advises"),
    [
        ("statsu", "no command statsu, did you mean status?", "there are demo, init, check, status, plan, promote,"),
        ("--verison", "no option --verison, did you mean --version?", "options come after the command"),
        ("-o json status", "-o stands before the command", "`promobot status -o json`"),
        ("mr", "mr needs one of list, show, ready, merge, close", "such as `promobot mr list`"),
        ("mr lst", "mr has no command lst, did you mean list?", "there are list, show,"),
        ("mr close", "mr close needs [PROJECT!]NUMBER", "such as `promobot mr close 1`"),
        ("promote", "promote needs SERVICE and --to ENV", "such as `promobot promote inventory --to staging`"),
        ("promote --all", "promote needs --to ENV", "such as `promobot promote inventory --to staging`"),
        ("promote --all a --to b", "--all and SERVICE don't go together", "leave one of them out"),
        ("promote --all --to b a", "--all and SERVICE don't go together", "leave one of them out"),
        ("promote --all --to b --reopen", "--all says nothing beside --reopen", "leave one of them out"),
        ("promote --all --to b --image :1", "--all says nothing beside --image", "leave one of them out"),
        ("promote a --too b", "promote has no option --too, did you mean --to?", "`promobot promote --help`"),
        ("promote a --too=b", "promote has no option --too, did you mean --to?", "`promobot promote --help`"),
        ("promote a --to b --tim 5m", "promote has no option --tim, did you mean --timeout?", "--help"),
        ("status --environment prod", "status has no option --environment, did you mean --env?", "--help"),
        ("inspect a -x", "inspect has no option -x", "`promobot inspect --help` shows"),
        ("promote a --to", "--to needs a value", "write --to ENV"),
        ("promote a --to b c", "promote: c is too much", "name every SERVICE in one place"),
        ("mr show flux 1 x", "mr show: 1 x is too much", "write 'platform/gitops!3' in quotes"),
        ("pin a b --env c", "pin: b is too much", "`promobot pin --help` shows"),
        ("status -o xml", "--output: 'xml' is none of text, json", "`promobot status --help` shows"),
        ("check --online=yes", "--online takes no value", "write --online alone"),
        ("completion bsh", "SHELL: 'bsh' is none of bash, zsh, fish, did you mean bash?", "--help"),
        ("tags a --limit 0", "--limit: '0' is no number from 1 on", "--help"),
        ("tags a --limit ²", "--limit: '²' is no number from 1 on", "--help"),
        ("promote a --to b --wait --timeout 5", "--timeout: '5' is no duration, such as 90s, 30m or 2h", "--help"),
        ("schema stats", "no schema of stats, did you mean status?", "there is one of check,"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(promobot: Promobot, line: str, says: str, advises: str) -> None:
    said = promobot(*line.split(" "))
    assert (said.code, said.out) == (ExitCode.USAGE, "")
    first, second = said.err.splitlines()
    assert first == f"promobot: {says}"
    assert second.startswith("  → ")
    assert advises in second


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*PROMOTE, "--timeout", "5m"), "--timeout says nothing without --wait"),
        ((*PROMOTE, "--interval=5m"), "--interval says nothing without --wait"),
        ((*PROMOTE, "--diff"), "--diff says nothing without --dry-run"),
        ((*PROMOTE, "--no-diff", "--wait"), "--no-diff says nothing without --dry-run"),
        ((*PROMOTE, "--unproven", "because"), "--unproven says nothing without --image"),
        ((*PROMOTE, "--wait", "--dry-run"), "--dry-run and --wait don't go together"),
        (("set-image", "a", "/b", ":c", "--exit-code"), "--exit-code says nothing without --check"),
        (("reconcile", "--exit-code"), "--exit-code says nothing without --dry-run"),
        (
            ("set-image", "a", "/b", ":c", "--add-digest", "--drop-digest"),
            "--drop-digest and --add-digest don't go together",
        ),
        (("tags", "a", "--all", "--limit", "3"), "--limit and --all don't go together"),
        (("init", "--stdout", "--try"), "--try and --stdout don't go together"),
        (("init", "--stdout", "--force"), "--force says nothing beside --stdout"),
        (("demo", "--keep", "a", "--stop", "a"), "--stop and --keep don't go together"),
        (("demo", "--fast", "--start", "a"), "--fast says nothing beside --start"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_arguments(words)
    assert caught.value.message == says
    assert caught.value.hint


def test_what_is_no_option_is_not_taken_for_one() -> None:
    args = read_arguments((*PROMOTE, "--image", ":1", "--unproven", "-- see INC-7: --tiemout", "-ojson", "-vv"))
    assert (args.command, args.unproven, args.output, args.verbose) == ("promote", "-- see INC-7: --tiemout", "json", 2)
    assert read_arguments(("images", "-", "--", "--odd.yaml")).paths == ["-", "--odd.yaml"]
    assert read_arguments(("mr", "close", "1", "--reason=--no")).reason == "--no"
    assert read_arguments((*PROMOTE, "--wait", "--timeout", "1h30m")).timeout == 5400


@pytest.mark.parametrize(
    ("words", "shows"),
    [
        (("--help",), "exit codes:"),
        (("promote", "--too", "--help"), "promobot promote inventory --to staging"),
        (("mr", "-h"), "close one without merging"),
    ],
)
def test_who_asks_for_help_gets_it(words: tuple[str, ...], shows: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_arguments(words)
    assert not ended.value.code
    assert shows in capsys.readouterr().out


def test_every_commands_mistakes_have_an_example() -> None:
    waiting = [make_parser()]
    while waiting:
        parser = waiting.pop()
        assert next(parser.examples, "").startswith("promobot "), parser.name
        waiting += parser.commands.values()


def test_of_an_environment_that_there_isn_t_those_that_there_are_are_told() -> None:
    config = configured()
    with pytest.raises(UsageError, match=r"named prd \(there are e2e, staging\)"):
        checked_intent(config, (), ("prd",))
    with pytest.raises(UsageError, match=r"named stagin, did you mean staging\? \(there are e2e, staging\)"):
        check_environments(config, ["stagin"])
