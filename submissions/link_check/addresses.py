"""Which addresses are on the public internet. Pure; knows nothing of names.

Sources: the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890 and its updates).
Python's own `is_global` differs between patch releases, so the list here stands by itself and
`is_global` is asked as well: both must agree that an address is public.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, some clouds' metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent: a public number, answered inside only
        "169.254.0.0/16",  # link-local, most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

# Everything outside 2000::/3 is refused unseen: loopback, mapped and compatible IPv4, NAT64,
# unique local, link-local, site-local, multicast, discard, segment routing.
PUBLIC_V6 = IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, benchmarking, ORCHID and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

# RFC 5214: an interface identifier that carries an IPv4 address, under any prefix.
ISATAP_MARKS = frozenset({0x0000_5EFE, 0x0200_5EFE, 0x0100_5EFE, 0x0300_5EFE})


def is_public(address: IPAddress) -> bool:
    """Say whether an address belongs to the public internet and nothing else."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not is_within(address, NOT_PUBLIC_V4)
    if address.scope_id or is_isatap(address):
        return False
    return address in PUBLIC_V6 and not is_within(address, NOT_PUBLIC_V6)


def is_isatap(address: IPv6Address) -> bool:
    return (int(address) >> 32) & 0xFFFF_FFFF in ISATAP_MARKS


def is_within(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    """Say whether one of the networks holds the address, in its own IP version only."""
    if isinstance(address, IPv6Address) and address.scope_id:
        return False
    return any(address.version == network.version and address in network for network in networks)
