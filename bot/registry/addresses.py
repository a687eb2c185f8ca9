"""Addresses on the network: what a server names is read once, and judged before anything is sent there. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit

from publicsuffixlist import PublicSuffixList

_PORTS = {"http": 80, "https": 443}
# What RFC 3986 allows, and a little more: no spaces, no control characters, which a header could be split by.
_URL = re.compile(r"[\x21-\x7e]{1,8192}")
_IP: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Origin:
    """Whom a connection is to; `host` is in lower case, without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """`host` or `host:port`, as in URLs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


@dataclass(frozen=True)
class Address:
    """A URL of http or https: whom to ask, and for what (path and query)."""

    origin: Origin
    target: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read an absolute URL, without user or password. Raises ValueError, without the URL's query."""
        if not _URL.fullmatch(url):
            raise ValueError("not a URL")
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
            raise ValueError("not an address of http or https")
        query = f"?{parts.query}" if parts.query else ""
        origin = Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])
        return cls(origin, f"{parts.path or '/'}{query}")

    def join(self, reference: str) -> Address:
        """What a server at this address means by a reference, which may be a path alone. Raises ValueError."""
        if not _URL.fullmatch(reference):
            raise ValueError("not a URL")
        return Address.parse(urljoin(str(self), reference))

    def __str__(self) -> str:
        return f"{self.origin}{self.target}"


class Reach(Enum):
    """From where an address can be reached; behind all but ANYWHERE are services that trust whoever reaches them."""

    ANYWHERE = "anywhere"
    LOOPBACK = "this machine"
    LINK = "this network link"
    METADATA = "a cloud's metadata service"


# Where clouds tell machines their secrets: AWS and most others, AWS's containers, Azure, Alibaba, Oracle; by IPv6 AWS,
# its containers, Google.
_METADATA = {
    ipaddress.ip_address(text)
    for text in (
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    )
}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def reach_of(text: str) -> Reach:
    """What an IP address can be reached from. Raises ValueError for anything else."""
    address = _embedded(ipaddress.ip_address(text.partition("%")[0]))
    if address in _METADATA:
        return Reach.METADATA
    # 0.0.0.0 and :: are this machine as well.
    if address.is_loopback or address.is_unspecified:
        return Reach.LOOPBACK
    return Reach.LINK if address.is_link_local or address.is_multicast else Reach.ANYWHERE


def _embedded(address: _IP) -> _IP:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if address.version == 4:
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def same_site(one: str, other: str) -> bool:
    """Whether two hosts belong to one owner: below one registrable domain, such as `docker.io`.

    Of IP addresses, and of names without a dot, each is a site of its own. https://publicsuffix.org/
    """
    if one == other:
        return True
    if _is_ip(one) or _is_ip(other):
        return False
    site = _suffixes().privatesuffix(one)
    return site is not None and site == _suffixes().privatesuffix(other)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@cache
def _suffixes() -> PublicSuffixList:
    # Reading it takes some 40 ms, and few need it.
    return PublicSuffixList()
