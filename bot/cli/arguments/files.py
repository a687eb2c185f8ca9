"""Arguments of what looks at registries and files, and edits files."""

from __future__ import annotations

import argparse

from bot.cli.arguments.common import add_command, add_match, positive
from bot.cli.arguments.parsing import Parser


def add_tags(commands: Parser) -> None:
    """`promobot tags`."""
    parser = add_command(
        commands,
        "tags",
        "which tags of an image each registry has, and which of them run where",
        """\
  promobot tags inventory                    a service's image, along the chain
  promobot tags inventory --match '1.1.*'
  promobot tags inventory --all -o json
  promobot tags shop/inventory               a path, at the chain's registries
  promobot tags registry.example.com/shop/inventory

Highest version first. Where a tag leads to different digests, it is marked.
Tags of signatures (sha256-...) are shown only with --all.
""",
    )
    parser.add_argument("name", metavar="SERVICE|IMAGE", help="a service's name, or [host/]path of an image")
    add_match(parser, "tags that match")
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument(
        "--limit",
        metavar="N",
        type=positive,
        default=20,
        help="how many tags to look up, besides those that run somewhere (default: %(default)s)",
    )
    how_many.add_argument("--all", action="store_true", help="every tag, however many there are")


def add_inspect(commands: Parser) -> None:
    """`promobot inspect`."""
    parser = add_command(
        commands,
        "inspect",
        "what an image is: platforms, labels, size, signatures, and where else it is",
        """\
  promobot inspect registry.example.com/shop/inventory:1.1.3
  promobot inspect registry.example.com/shop/inventory@sha256:...
  promobot inspect shop/inventory:1.1.3     at the first that has it
  promobot inspect docker.io/nginx:1.25     as Docker reads it, library/nginx
  promobot inspect ghcr.io/org/app -o json

A configured registry is asked with its login, any other anonymously by https;
that needs no configuration. Without one, a name without a host is Docker Hub's.
""",
    )
    parser.add_argument("image", metavar="IMAGE", help="[host/]path[:tag][@digest]; without both, the tag latest")


def add_images(commands: Parser) -> None:
    """`promobot images`."""
    parser = add_command(
        commands,
        "images",
        "every image in these files and folders, and where it stands",
        """\
  promobot images .                     in a pipe one line for each image
  promobot images apps clusters/prod
  promobot images . --match '*/podinfo'
  promobot images . --unpinned          what runs by tag alone
  promobot images . --no-editable       what can't be edited, and why
  promobot images . -o json | jq -r '.[].image'
  helm template ./chart | promobot images -

In folders it reads *.yaml, *.yml and *.json, and what they are made from, such
as *.yaml.gotmpl and *.yaml.j2; it follows no symbolic links. A file that can't
be read is a warning.
""",
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="files and folders; - is stdin")
    add_match(parser, "images whose reference, name or last word matches")
    parser.add_argument("--unpinned", action="store_true", help="only images without a digest")
    parser.add_argument(
        "--editable", action=argparse.BooleanOptionalAction, help="only those that can be edited, or can't be"
    )
    parser.add_argument("--strict", action="store_true", help="a file that can't be read is a failure (exit code 6)")


def add_set_image(commands: Parser) -> None:
    """`promobot set-image`."""
    parser = add_command(
        commands,
        "set-image",
        "change images in files, in place, and no other byte",
        """\
  promobot set-image app.yaml /spec/values/image :1.4.2
  promobot set-image app.yaml 1:/image ghcr.io/org/app:1.4.2 --check
  promobot set-image a.yaml /image :1.4 b.yaml /image :1.4      both or none
  promobot set-image app.yaml /image :1.4@sha256:...            tag and digest
  promobot set-image app.yaml /image :1.4 --drop-digest

FILE stays as it is but for the image. POINTER is what `promobot images` shows:
the document's number, from 0, may be left out. IMAGE is
[registry/repository][:tag][@digest]; what it leaves out stays.
""",
    )
    parser.add_argument("edits", metavar="FILE POINTER IMAGE", nargs="+", help="where, and what it shall name")
    parser.add_argument("--check", action="store_true", help="show the diff and write nothing")
    parser.add_argument("--exit-code", action="store_true", help="with --check: end with 10 if anything would change")
    parser.only_with("--check", "--exit-code")
    digest = parser.add_mutually_exclusive_group()
    digest.add_argument("--drop-digest", action="store_true", help="take the digest away from each of these images")
    digest.add_argument("--add-digest", action="store_true", help="insert a `digest` key where a map has none")
