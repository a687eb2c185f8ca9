"""Addresses that servers name: read strictly, judged by where they lead and whose they are."""

from __future__ import annotations

import pytest

from bot.registry.addresses import Address, Origin, Reach, reach_of, same_site


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://Registry.example/v2/?x=1#part", Origin("https", "registry.example", 443), "/v2/?x=1"),
        ("http://[::1]:5000", Origin("http", "::1", 5000), "/"),
    ],
)
def test_a_url_is_whom_to_ask_and_for_what(url: str, origin: Origin, target: str) -> None:
    assert Address.parse(url) == Address(origin, target)
    assert Address.parse(str(Address.parse(url))) == Address(origin, target)


@pytest.mark.parametrize(
    "url",
    [
        *("", "/v2/", "file:///etc/passwd", "https:///x", "https://[x/", "https://h:99999/", "https://u:p@h/"),
        *("https://h/a b", "https://h/\r\nX: y", "https://h/\x00", "https://hö/", "https://h/" + "x" * 9000),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|URL|Port|IPv6"):
        Address.parse(url)


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("/v2/x", "https://h:5000/v2/x"),
        ("//other/x", "https://other/x"),
        ("http://h/", "http://h/"),
        ("y", "https://h:5000/v2/y"),
    ],
)
def test_a_reference_is_read_from_where_it_was_said(reference: str, url: str) -> None:
    assert str(Address.parse("https://h:5000/v2/a?b").join(reference)) == url


@pytest.mark.parametrize(
    ("ip", "reach"),
    [
        ("93.184.216.34", Reach.ANYWHERE),
        ("10.1.2.3", Reach.ANYWHERE),
        ("2606:2800:220:1::1", Reach.ANYWHERE),
        ("0.0.0.0", Reach.LOOPBACK),  # noqa: S104 - nothing is bound
        *((ip, Reach.LOOPBACK) for ip in ("127.0.0.1", "127.9.9.9", "::1", "::", "::ffff:127.0.0.1")),
        *((ip, Reach.LOOPBACK) for ip in ("64:ff9b::7f00:1", "2002:7f00:1::")),
        *((ip, Reach.LINK) for ip in ("169.254.1.1", "fe80::1%eth0", "224.0.0.1")),
        *(
            (ip, Reach.METADATA)
            for ip in (
                *("169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200"),
                *("169.254.170.23", "fd00:ec2::23", "fd20:ce::254"),
            )
        ),
    ],
)
def test_what_reaches_an_ip_address(ip: str, reach: Reach) -> None:
    assert reach_of(ip) is reach


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("registry-1.docker.io", "auth.docker.io", True),
        ("registry.gitlab.com", "gitlab.com", True),
        ("registry.example.co.uk", "gitlab.example.co.uk", True),
        ("registry.example.co.uk", "evil.co.uk", False),
        ("team.github.io", "evil.github.io", False),
        ("registry.example.com", "example.com.evil.org", False),
        ("registry.internal", "auth.internal", False),
        ("registry", "auth", False),
        ("10.0.0.1", "11.0.0.1", False),
        ("1.2.3.4", "1.2.3.4", True),
        ("127.0.0.1", "x.0.1", False),
        ("localhost", "localhost", True),
    ],
)
def test_whose_hosts_are(one: str, other: str, *, same: bool) -> None:
    assert same_site(one, other) is same
    assert same_site(other, one) is same
