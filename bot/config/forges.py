"""Where merge requests live."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, model_validator

from bot.config.base import FilePath, Model


class SigningConfig(Model):
    """How promobot's commits are signed; the key is named, never written here."""

    ssh_key_file: FilePath | None = Field(
        default=None, description="File that holds an SSH key, or its public part where an agent has the key."
    )
    gpg_key: str | None = Field(
        default=None, pattern=r"^(0x)?[0-9A-Fa-f]{16,64}$", description="Fingerprint or id of a key of GnuPG."
    )

    @model_validator(mode="after")
    def _says_which(self) -> SigningConfig:
        if (self.ssh_key_file is None) == (self.gpg_key is None):
            raise ValueError("give either ssh_key_file or gpg_key")
        return self


_SIGNING = Field(default=None, description="How promobot's commits there are signed; none: not at all.")


class LocalForge(Model):
    """Merge requests over bare repositories in a folder of this machine; for trials and air gaps."""

    type: Literal["local"]
    judges_forks: ClassVar[bool] = False  # it has none
    queues: ClassVar[str] = ""
    lists_statuses: ClassVar[bool] = True
    approves: ClassVar[bool] = False  # nobody can, there
    asks_people: ClassVar[bool] = False
    rules_name_people: ClassVar[bool] = False
    codeowners: ClassVar[tuple[str, ...]] = ()
    path: FilePath = Field(description="Folder that holds the bare repositories, `<path>/<project>.git`.")
    signing: SigningConfig | None = _SIGNING

    def comparison(self, _project: str, _before: str, _after: str) -> str:
        """Where a browser shows the commits between two of a project; this forge has no pages."""
        return ""

    def group(self, _project: str, name: str) -> str:
        """What a group is called in rules and mentions."""
        return name

    def mention(self, _group: str) -> str:
        """What tells a group of a text that has this; this forge tells nobody."""
        return ""


# lib/gitlab/path_regex.rb: what a group's path is made of
_GROUP = re.compile(r"[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)*", re.ASCII)


def _is_url(url: str) -> str:
    parts = _parsed(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no address such as https://gitlab.example.com")
    if "@" in parts.netloc:
        raise ValueError("no user or password belongs into the url; give token_env or token_file")
    return url.rstrip("/")


def _is_ssh(url: str) -> str:
    parts = _parsed(url)
    if parts.scheme != "ssh" or not parts.hostname or parts.password is not None or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no address such as ssh://git@gitlab.example.com")
    return url.rstrip("/")


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(f"{url!r} is no address") from None
    return parts


class ServerForge(Model):
    """What forges on servers have in common; the token is named, never written here."""

    judges_forks: ClassVar[bool] = True
    # What the names of a merge queue's branches begin with, `<queues>/<target>/pr-<number>-…`, where it has any.
    queues: ClassVar[str] = ""
    # Whether one question tells the statuses of many commits.
    lists_statuses: ClassVar[bool] = True
    approves: ClassVar[bool] = True
    # Whether the members of a group are asked for a review one by one, so that it matters who they are.
    asks_people: ClassVar[bool] = False
    token_env: str | None = Field(default=None, min_length=1, description="Environment variable that holds the token.")
    token_file: FilePath | None = Field(default=None, description="File that holds the token and nothing else.")
    ca_file: FilePath | None = Field(default=None, description="PEM file of the authority that signed its certificate.")
    git: Annotated[str, AfterValidator(_is_ssh)] | None = Field(
        default=None, description="Where git connects, `ssh://git@host[:port]`, if not to the url with the token."
    )

    signing: SigningConfig | None = _SIGNING

    ways: ClassVar[tuple[str, ...]] = ("token_env", "token_file")

    @model_validator(mode="after")
    def _says_where_the_token_is(self) -> ServerForge:
        if sum(getattr(self, way) is not None for way in self.ways) != 1:
            raise ValueError(f"give either {' or '.join(self.ways)}")
        return self


class GitLabForge(ServerForge):
    """GitLab, as gitlab.com or self-managed."""

    type: Literal["gitlab"]
    rules_name_people: ClassVar[bool] = True
    asks_people: ClassVar[bool] = True
    # A status needs a pipeline of the project's own, which a fork's commit has none of.
    judges_forks: ClassVar[bool] = False
    lists_statuses: ClassVar[bool] = False
    # https://docs.gitlab.com/user/project/codeowners/: where it is looked for, the first counts
    codeowners: ClassVar[tuple[str, ...]] = ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
    url: Annotated[str, AfterValidator(_is_url)] = Field(
        default="https://gitlab.com", description="Where people see it, with its path where it is below one."
    )

    def comparison(self, project: str, before: str, after: str) -> str:
        """Where a browser shows the commits between two of a project."""
        return f"{self.url}/{project}/-/compare/{before}...{after}"

    def group(self, _project: str, name: str) -> str:
        """What a group is called in rules and mentions."""
        return name

    def mention(self, group: str) -> str:
        """What tells a group of a text that has this."""
        return f"@{group}" if _GROUP.fullmatch(group) else ""


class GitHubApp(Model):
    """An App of GitHub that acts by itself; its private key is named, never written here."""

    id: int | str = Field(description="The App's number or client id, from its page.")
    key_env: str | None = Field(default=None, min_length=1, description="Environment variable that holds the key, PEM.")
    key_file: FilePath | None = Field(default=None, description="File that holds the key, as the App's page makes it.")
    installation: int | None = Field(
        default=None, ge=1, description="Number of the one installation to act in, if not that of each repository."
    )

    @model_validator(mode="after")
    def _says_where_the_key_is(self) -> GitHubApp:
        if (self.key_env is None) == (self.key_file is None):
            raise ValueError("give either key_env or key_file")
        return self


class GitHubForge(ServerForge):
    """GitHub, as github.com, Enterprise Cloud or Enterprise Server."""

    ways: ClassVar[tuple[str, ...]] = ("token_env", "token_file", "app")

    type: Literal["github"]
    # https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
    queues: ClassVar[str] = "gh-readonly-queue"
    # How many must approve is all that protection and rulesets say; only CODEOWNERS says who.
    rules_name_people: ClassVar[bool] = False
    # https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
    codeowners: ClassVar[tuple[str, ...]] = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
    url: Annotated[str, AfterValidator(_is_url)] = Field(
        default="https://github.com", description="Where people see it; the API is found from there."
    )
    app: GitHubApp | None = None
    commits: Literal["git", "api"] = Field(
        default="git", description="What makes promobot's commits: git, or GitHub's API, which signs those of an App."
    )

    @model_validator(mode="after")
    def _signs_once(self) -> GitHubForge:
        if self.commits == "api" and self.signing is not None:
            raise ValueError("signing is for `commits: git`; what the API makes GitHub signs")
        return self

    def comparison(self, project: str, before: str, after: str) -> str:
        """Where a browser shows the commits between two of a project."""
        return f"{self.url}/{project}/compare/{before}...{after}"

    def group(self, project: str, name: str) -> str:
        """What a team is called in rules: its organization is the repository's."""
        return name if "/" in name else f"{project.partition('/')[0]}/{name}"

    def mention(self, _group: str) -> str:
        """Nothing: whom a review is asked of is told of it anyway."""
        return ""


ForgeConfig: TypeAlias = Annotated[LocalForge | GitLabForge | GitHubForge, Field(discriminator="type")]
