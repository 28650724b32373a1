"""A client of VPP's CLI socket for machines without VPP's own: vppctl.py SOCKET WORDS...

Like that one it names its terminal "vppctl", prints what comes up to the NUL that ends an answer, and exits with 0.
"""

import re
import socket
import sys

with socket.socket(socket.AF_UNIX) as link:
    try:
        link.connect(sys.argv[1])
    except OSError as error:
        sys.exit(f"connect: {error}")
    link.sendall(b"\xff\xfa\x18\x00vppctl\xff\xf0" + " ".join(sys.argv[2:]).encode() + b"\n")
    received = b""
    while True:
        chunk = link.recv(65536)
        received += chunk
        # Without the server's telnet options: three bytes, or up to IAC SE where they are longer.
        text = re.sub(rb"\xff\xfa.*?\xff\xf0|\xff[^\xfa].", b"", received, flags=re.S)
        if b"\0" in text or not chunk:
            sys.stdout.buffer.write(text.split(b"\0")[0])
            sys.exit(0 if chunk else 1)
