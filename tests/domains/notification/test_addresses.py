"""Where a webhook may go: nothing but the public internet, however it is spelled."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.notification.rules.addresses import CLOSED, Refused, check, is_public, parse

GOOD = {
    "https://hooks.example.com/berth?x=1": ("hooks.example.com", 443, "/berth?x=1", "hooks.example.com"),
    "https://HOOKS.Example.com.": ("hooks.example.com", 443, "/", "hooks.example.com"),
    "https://xn--bcher-kva.example:8443/": ("xn--bcher-kva.example", 8443, "/", "xn--bcher-kva.example:8443"),
    "https://example.com?x": ("example.com", 443, "/?x", "example.com"),
    "https://93.184.216.34/x": ("93.184.216.34", 443, "/x", "93.184.216.34"),
    "https://[2606:2800:220:1::1]:4430/": ("2606:2800:220:1::1", 4430, "/", "[2606:2800:220:1::1]:4430"),
}
BAD = [
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "//hooks.example.com/",
    "https:hooks.example.com",
    "https:///x",
    "https://",
    "https://user@hooks.example.com/",
    "https://user:pw@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://127.0.0.1#@hooks.example.com/",
    "https://hooks.example.com/#x",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com /",
    " https://hooks.example.com/",
    "https://hooks.example.com/\r\nHost: x",
    "https://hooks.example.com/\t",
    "https://bücher.example/",
    "https://ⓗooks.example.com/",
    "https://hooks。example.com/",
    "https://hooks%2eexample.com/",
    "https://localhost/",
    "https://localhost./",
    "https://a.localhost/",
    "https://metadata/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://hooks..example.com/",
    "https://-a.example.com/",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:65536/",
    "https://hooks.example.com:abc/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://169.254.169.254/latest/meta-data",
    "https://100.100.100.200/",
    "https://192.168.1.1/",
    "https://10.0.0.1/",
    "https://172.31.255.255/",
    "https://0.0.0.0/",
    "https://0/",
    "https://255.255.255.255/",
    "https://224.0.0.1/",
    "https://168.63.129.16/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[::1",
    "https://" + "a" * 64 + ".example/",
    "https://example.com/" + "x" * 2000,
]


@pytest.mark.parametrize("url", GOOD)
def test_a_public_address_is_taken_apart_as_a_client_would(url: str) -> None:
    target = parse(url, loopback=False)
    assert (target.host, target.port, target.path, target.authority) == GOOD[url]


@pytest.mark.parametrize("url", BAD)
def test_what_hides_something_or_leads_inside_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse(url, loopback=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/x", "http://localhost:9000/", "http://[::1]:9000/"])
def test_in_development_and_only_there_this_computer_may_be_called(url: str) -> None:
    assert parse(url, loopback=True).port == 9000
    with pytest.raises(Refused):
        parse(url, loopback=False)


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "https://192.168.0.1/", "http://hooks.example.com/"])
def test_development_opens_this_computer_and_nothing_else(url: str) -> None:
    with pytest.raises(Refused):
        parse(url, loopback=True)


@given(st.ip_addresses())
def test_no_address_inside_a_closed_network_is_public(address: IPv4Address | IPv6Address) -> None:
    if any(address in network for network in CLOSED) or not address.is_global:
        assert not is_public(address)


@given(st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"]), st.integers(0, 2**16 - 1))
def test_a_private_address_stays_private_in_every_wrapping(network: str, offset: int) -> None:
    inner = int(ip_network(network)[offset])
    wrapped = [
        IPv4Address(inner),
        IPv6Address(inner),
        IPv6Address((0xFFFF << 32) | inner),
        IPv6Address((0x0064_FF9B << 96) | inner),
        IPv6Address((0x2002 << 112) | (inner << 80)),
    ]
    assert not any(is_public(address) for address in wrapped)


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_https_to_a_name_or_a_public_address(text: str) -> None:
    for url in (text, "https://" + text):
        try:
            target = parse(url, loopback=False)
        except Refused:
            continue
        assert target.scheme == "https"
        assert not set(target.authority) & set("@/\\#?% \r\n")
        assert target.literal is None or is_public(target.literal)


def test_one_inner_address_among_public_ones_refuses_the_name() -> None:
    public, inner = ip_address("93.184.216.34"), ip_address("10.0.0.1")
    assert check([public], loopback=False) == [public]
    for mixed in ([public, inner], [inner], []):
        with pytest.raises(Refused):
            check(mixed, loopback=False)
