"""Run in a network namespace of its own: a registry at a public address that points to a service of this machine.

Prints how many reads were tried, the errors that they ended in, and how many connections the service saw.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
from contextlib import closing

from bot.errors import RegistryError
from bot.registry.client import RegistryClient
from tests.registry import hostile
from tests.registry.bystander import start_bystander
from tests.registry.hostile import start_hostile

# Of a block that is for documentation, so nobody's: https://www.rfc-editor.org/rfc/rfc5737
ADDRESS = "192.0.2.7"
# ioctls of netdevice(7)
_SIOCSIFADDR, _SIOCSIFFLAGS, _IFF_UP = 0x8916, 0x8914, 1


def bring_up() -> None:
    """Give the namespace its loopback device, and the address to it as well."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
        address = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(ADDRESS))
        fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))


def main() -> None:
    """See above."""
    bring_up()
    errors = []
    with start_bystander() as service, start_hostile(ADDRESS) as registry:
        port = service.host.partition(":")[2]
        names = (service.host, f"localhost:{port}", f"127.1:{port}", f"0.0.0.0:{port}", f"[::ffff:127.0.0.1]:{port}")
        for name in names:
            registry.acts = {"/manifests/": hostile.redirect(f"http://{name}/admin")}
            with closing(RegistryClient(registry.access("shady"), timeout=2.0, sleep=lambda _: None)) as client:
                try:
                    client.manifest("app", "v1")
                except RegistryError as error:
                    errors.append(str(error))
        touched = service.touched
    json.dump({"tried": len(names), "errors": errors, "touched": touched}, sys.stdout)


if __name__ == "__main__":
    main()
