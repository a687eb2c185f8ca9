"""Nothing that others may choose means anything in a merge request, its title or its commit, but to people."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.decide.sentences import Foreign, Sentence, sentence
from bot.decide.text import BODY, COMMIT_MESSAGE, TITLE, Background, Texts, fingerprints_in
from bot.decide.text.context import make_context
from bot.decide.text.escape import Linked, code, words
from bot.decide.text.listed import Listed
from bot.decide.text.sample import samples
from bot.decide.trailers import trailer_block
from bot.promotion import Promotion, Unit
from tests.paper import TEXTS

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
NASTY = [
    *("@all", "@group/sub", "a@b.com", "#1", "!2", "Closes #1", "fixes GH-1", "org/repo#1", "&1", "%1", "$1", "~label"),
    *(
        "/merge",
        "\n/approve",
        "\n\n/close\n",
        "\r\n/merge",
        "<b>",
        "</details>",
        "-->",
        "<!-- x",
        "<script>",
        "<a href=x>",
    ),
    *("<!-- promobot staging/x 0000000000000000 -->", "[x](http://evil.example)", "![x](y)", "<http://evil.example>"),
    *(
        "http://evil.example",
        "www.evil.example",
        "mailto:x",
        ":tada:",
        ":100:",
        "`",
        "``",
        "```",
        "\\",
        "\\`",
        "|",
        "| x |",
    ),
    *(
        "# x",
        "- x",
        "1. x",
        "1) x",
        "> x",
        "---",
        "===",
        "***",
        "**x**",
        "_x_",
        "__x__",
        "~~x~~",
        "~~~",
        "    x",
        "[x]: y",
    ),
    *(
        "{{ 7*7 }}",
        "{% raw %}",
        "&#64;all",
        "&lt;",
        "\u202e",
        "\x00",
        "\x1b[31m",
        "\u2028",
        "\ue000",
        "\ue00141\ue001",
        "\ud800",
    ),
    *("", " ", "x", "1.1.3", "sha256:abc", "$`x`$", "[[_TOC_]]", "^[x]", "é", "中"),
    # What GitLab and GitHub make of more than Markdown says.
    *("$x$", "$$x$$", "$`", "`$", "[^1]", "[^1]: x", "[[wiki]]", "[[a|b]]", "group/project!1", "group/project@1a2b3c4"),
    *("%{project_name}", "[issue:1]", "^alert#1", ">>>\n", ":::", "||x||", "{+x+}", "[-x-]", "- [ ] x", "<details>"),
    *(
        "```mermaid",
        "\n```\n",
        "\\|",
        "\\\\|",
        "a\\",
        "\x85/approve",
        "\u2028/close",
        "\u3000/close",
        "@all",
        "[skip ci]",
    ),
    *("skip-checks: true", "Co-authored-by: x <x@example.com>", "\n\nPromotion: prod/x", "Promoted-Image: a/b:1@x"),
]
hostile = st.lists(st.sampled_from(NASTY) | st.text(max_size=3), min_size=1, max_size=4).map("".join)
# What forges make of text that is in no code.
OBEYED = re.compile(r"[@#!&%$~*\[\]<>`|\\^](?!u[0-9a-f]{4})|://|www\.|\bGH-\d|:[\w+-]+:", re.IGNORECASE)
MEANT = {"link_open", "image", "html_inline", "html_block", "heading_open", "hr", "fence", "code_block", "em_open"}
MEANT |= {
    "strong_open",
    "s_open",
    "blockquote_open",
    "ordered_list_open",
    "bullet_list_open",
    "list_item_open",
    "td_open",
}


def tokens(text: str) -> Iterator[Token]:
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or ()


def structure(text: str) -> Counter[str]:
    return Counter(token.type for token in tokens(text) if token.type in MEANT)


def outside_code(text: str) -> str:
    """What is neither in code nor between paragraphs."""
    return "\n".join(t.content for t in tokens(text) if t.type in {"text", "html_inline", "html_block", "text_special"})


def obeyed(text: str) -> Counter[str]:
    return Counter(OBEYED.findall(text))


def poisoned(value: Any, text: str) -> Any:
    """A context whose every text is this one."""
    match value:
        case Mapping():
            return {key: poisoned(inner, text) for key, inner in value.items()}
        case Listed():
            return Listed.of((poisoned(inner, text) for inner in value), len(value))
        case Linked():
            return Linked(text, value.url)
        case Foreign():
            return Foreign(text)
        case Sentence():
            theirs = [text for part in value.parts if isinstance(part, Foreign)]
            return sentence("".join("{}" if isinstance(part, Foreign) else part for part in value.parts), *theirs)
        case str():
            return text
        case _:
            return value


@pytest.mark.parametrize("sample", range(3))
@settings(max_examples=40)
@given(text=hostile)
def test_whatever_a_name_is_the_body_is_built_alike(sample: int, text: str) -> None:
    context = make_context(*samples()[sample], 100)
    body, usual = (TEXTS._render(BODY, poisoned(context, given)) for given in (text or "x", "x"))
    assert structure(body) == structure(usual)
    assert obeyed(outside_code(body)) == obeyed(outside_code(usual))
    assert not re.search(r"^\s*/", body, re.MULTILINE)
    assert body.count("\n") == usual.count("\n")
    assert "<!-- promobot" not in body
    assert not {c for c in body if not c.isprintable()} - {"\n"}


@settings(max_examples=40)
@given(text=hostile)
def test_titles_and_messages_say_nothing_that_a_forge_obeys(text: str) -> None:
    for name in (TITLE, COMMIT_MESSAGE):
        for promotion, background in samples():
            rendered = TEXTS._render(name, poisoned(make_context(promotion, background, 100), text))
            assert not OBEYED.search(rendered), rendered
            assert not re.search(r"^\s*/", rendered, re.MULTILINE)
            assert not {c for c in rendered if not c.isprintable()} - {"\n"}


CARELESS = [
    *(
        "{{ v }}",
        "x {{ v }} y",
        "`{{ v }}`",
        "`a {{ v }}`",
        "``{{ v }}",
        "# {{ v }}",
        "- {{ v }}",
        "- [ ] {{ v }}",
        "\\{{ v }}",
    ),
    *(
        "> {{ v }}",
        "<b>{{ v }}</b>",
        "<b>\n{{ v }}\n</b>",
        "<!--\n\n{{ v }}\n\n-->",
        "<pre>\n\n{{ v }}\n\n</pre>",
        "*{{ v }}*",
    ),
    *(
        "```\n{{ v }}\n```",
        "```\n\n{{ v }}\n\n```",
        "~~~\n\n{{ v }}\n\n~~~",
        "    {{ v }}",
        "{{ v }}{{ v }}",
        "{{ v }}`{{ v }}",
    ),
    *(
        "| a |\n| --- |\n| {{ v }} |",
        "a | b\n--- | ---\n{{ v }} | x",
        "{{ v ~ ':' ~ v }}",
        "{{ v | upper }}",
        "{{ v | lower }}",
    ),
    *(
        "{{ [v, v] | join(', ') }}",
        "{{ v | replace('x', 'y') }}",
        "{% set w = v %}{{ w }}",
        "{{ v[0] }}",
        "{{ v or 'x' }}",
    ),
    *("[a](https://git.example.com/{{ v }})", "[{{ v }}](https://git.example.com)", "https://git.example.com/{{ v }}"),
    *(
        "[a]: {{ v }}",
        "![{{ v }}](x)",
        "www.example.com/{{ v }}",
        "a\n{{ v }}",
        "{{ v }}\n{{ v }}",
        "{{ v | join('-') }}",
    ),
]


@cache
def _own(template: str) -> Texts:
    return Texts({BODY: re.sub(r"\bv\b", "unit", template)})


@pytest.mark.parametrize("template", CARELESS)
@settings(max_examples=20)
@given(text=hostile)
def test_ones_own_template_need_not_take_care(template: str, text: str) -> None:
    texts = _own(template)
    body, usual = (texts._render(BODY, {"unit": Foreign(given)}) for given in (text or "x", "x"))
    assert not structure(body) - structure(usual)
    assert not obeyed(outside_code(body)) - obeyed(outside_code(usual)) - obeyed(template)
    assert fingerprints_in(body) == frozenset()


def test_a_warning_says_what_others_chose_as_code_and_in_words_where_there_is_none() -> None:
    promotion = replace(samples()[0][0], warnings=(sentence("unproven: {} never ran {} ({})", "e2e", "@all", "`#1"),))
    template = "{{ warnings | join('; ') }}"
    texts = Texts({BODY: template, TITLE: template})
    body, _, _ = texts.body(promotion).partition("\n")
    assert body == "unproven: `e2e` never ran `@all` (`\\u0060#1`)"
    assert texts.title(promotion) == "unproven: e2e never ran \\u0040all (\\u0060\\u00231)"


PAGE = "https://git.example.com/shop/api/-/compare/1...2"


@pytest.mark.parametrize(
    ("template", "url", "said"),
    [
        ("in {{ v }}.", PAGE, f"in [`1 → 2`]({PAGE})."),
        ("| {{ v }} |", PAGE, f"| [`1 → 2`]({PAGE}) |"),
        ("in {{ v }}.", "", "in `1 → 2`."),
        ("`x` {{ v }}", PAGE, "`x` 1 → 2"),
        ("<b>{{ v }}</b>", PAGE, "<b>1 → 2</b>"),
        ("[{{ v }}](https://example.com)", PAGE, "[1 → 2](https://example.com)"),
        ("{{ v | upper }}", PAGE, "`1 → 2`"),
        *(
            ("{{ v }}", url, "`1 → 2`")
            for url in ("javascript:x", f"{PAGE})", f"{PAGE} x", f"<{PAGE}>", "//x", f"{PAGE}\n")
        ),
    ],
)
def test_a_link_leads_where_we_say_or_nowhere(template: str, url: str, said: str) -> None:
    assert _own(template)._render(BODY, {"unit": Linked("1 → 2", url)}) == said


@settings(max_examples=40)
@given(text=hostile)
def test_nothing_in_a_link_can_end_it(text: str) -> None:
    body = _own("in {{ v }}.")._render(BODY, {"unit": Linked(text, PAGE)})
    assert structure(body) == Counter(link_open=1)
    assert not obeyed(outside_code(body))


def test_no_value_makes_a_trailer_of_its_own() -> None:
    promotion, background = samples()[0]
    block = trailer_block(promotion.key, promotion.moves)
    for text in NASTY:
        message = TEXTS._render(COMMIT_MESSAGE, poisoned(make_context(promotion, background, 100), text))
        whole = f"{message.strip()}\n\n{block}\n".encode("utf-8", "surrogateescape")
        parse = ["git", "interpret-trailers", "--parse", "--no-divider"]
        found = subprocess.run(parse, input=whole, capture_output=True, check=True, timeout=60).stdout.decode()
        assert found.splitlines() == block.splitlines(), text


def test_names_are_code_and_code_stays_readable() -> None:
    assert code("apps/*/staging/a_b.yaml") == "`apps/*/staging/a_b.yaml`"
    assert code("a`b\n<c>") == "`a\\u0060b\\u000a\\u003cc>`"


@pytest.mark.parametrize(
    "text",
    [
        *("1.1.3", "v1.2.3-amd64", "1.0+build.7", "shop/api_v2", "registry.example.com:5000", "my--svc", "a__b"),
        *("2026-11-12 09:14 UTC", "sha256:abcdef012345", "inventory 1.1.2 → 1.1.3, orders 7 → 8 and 3 more", "PR-123"),
    ],
)
def test_versions_names_and_dates_are_words(text: str) -> None:
    assert words(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Closes #1", "Closes \\u00231"),
        ("@all", "\\u0040all"),
        ("GH-1", "GH\\u002d1"),
        ("gh-1", "gh\\u002d1"),
        ("/merge", "\\u002fmerge"),
        ("www.example.com", "www\\u002eexample.com"),
        (":tada:", "\\u003atada\\u003a"),
        ("- x", "\\u002d x"),
        ("1. x", "1\\u002e x"),
        ("\U0001f600", "\\u1f600"),
        ("sha256:tada", "sha256\\u003atada"),
        ("host:100", "host\\u003a100"),
        ("x:8ball", "x\\u003a8ball"),
    ],
)
def test_what_a_forge_obeys_is_shown(text: str, said: str) -> None:
    assert words(text) == said


# What GitLab closes issues by, wherever it stands: https://docs.gitlab.com/administration/issue_closing_pattern/
GITLAB = re.compile(
    r"\b((?:[Cc]los(?:e[sd]?|ing)|\b[Ff]ix(?:e[sd]|ing)?|\b[Rr]esolv(?:e[sd]?|ing)|\b[Ii]mplement(?:s|ed|ing)?)(:?) +"
    r"(?:(?:issues? +)?(?:https?://\S+|[\w./-]*#\d+)|[A-Z][A-Z0-9_]+-\d+)+)"
)


@pytest.mark.parametrize(
    "text",
    [
        "Closes #3",
        "fixes: PROJ-1",
        "Resolves   shop/code#3",
        "implements issue #3",
        "Closes https://x.example/issues/3",
    ],
)
def test_nothing_from_outside_closes_an_issue(text: str) -> None:
    """GitLab looks for such words in the text as it is written, in code too."""
    assert GITLAB.search(text)
    assert not GITLAB.search(code(text))
    assert not GITLAB.search(words(text))


def test_nor_do_two_values_beside_each_other_while_a_template_may() -> None:
    promotion, _ = samples()[0]
    promotion = replace(promotion, unit=Unit("Closes", ("PROJ-1", "b")))
    template = "{{ unit }}: {{ services[0] }}, closes PROJ-7"
    said = Texts({TITLE: template}).title(promotion)
    assert [found[0] for found in GITLAB.finditer(said)] == ["closes PROJ-7"]
    assert said == "Closes\\u003a PROJ-1, closes PROJ-7"


@pytest.mark.parametrize("name", ["draft", "Draft", "WIP"])
def test_a_group_makes_no_draft_by_its_name(name: str) -> None:
    promotion, _ = samples()[0]
    promotion = replace(promotion, unit=Unit(name, ("a", "b")))
    assert Texts({TITLE: "{{ unit }}: x"}).title(promotion) == f"Promote {name}: x"
    assert Texts({TITLE: "Draft: {{ unit }}"}).title(promotion) == f"Draft: {name}"


def many(count: int, name: str = "service") -> tuple[Promotion, Background]:
    promotion, background = samples()[0]
    moves = tuple(
        replace(promotion.moves[0], service=f"{name}-{number}", path=f"{'p' * 200}/{number}", line=number)
        for number in range(count)
    )
    unit = Unit("shop", tuple(move.service for move in moves))
    marks = tuple(f"{number:016x}" for number in range(min(count, 500)))
    return replace(promotion, unit=unit, moves=moves, fingerprints=marks, warnings=("w " * 300,) * count), background


@pytest.mark.parametrize("count", [1, 3, 60, 3000])
def test_what_is_too_much_for_a_forge_ends_with_how_much_more_there_is(count: int) -> None:
    promotion, background = many(count)
    body = TEXTS.body(promotion, background)
    assert len(body) <= 65_536
    assert fingerprints_in(body) == set(promotion.fingerprints)
    assert structure(body)["html_block"] == 5, "evidence opens and closes, and the marks"
    assert ("more images" in body) == (body.count("`shop/inventory`") < count)


def test_a_title_fits_every_forge_and_is_cut_between_characters() -> None:
    promotion = many(4, "é" * 100)[0]
    title = TEXTS.title(promotion)
    assert 230 < len(title.encode()) <= 240
    assert title.endswith("…")
    assert TEXTS.commit_message(promotion).startswith("Promote shop")
