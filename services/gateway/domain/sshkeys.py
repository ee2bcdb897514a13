"""What somebody pastes as their SSH key: found in the line that OpenSSH keeps it in, or refused with what to do."""

import re

ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
RSA_BITS = (2048, 16_384)
"""The shortest RSA key that is safe, and the longest that OpenSSH makes."""

_OPTIONS = r'(?:[^\s"]|"(?:\\.|[^"\\])*")+'
_LINE = re.compile(
    rf"(?:(?P<options>{_OPTIONS})[ \t]+)?(?P<algorithm>[a-z0-9@.-]+)[ \t]+(?P<body>AAAA[A-Za-z0-9+/]+=*)(?:[ \t].*)?"
)


class NoKey(ValueError):
    """What is no key that anybody may use; the message says so without showing it."""


def found(text: str) -> str:
    """`<algorithm> <base64>` of a line of a `.pub` or `authorized_keys` file, without its options and its comment.

    Whether the base64 holds a key of that algorithm is not looked at. Raises NoKey.
    """
    line = text.strip()
    if "PRIVATE KEY" in line:
        raise NoKey(
            "This is a private key. Keep it to yourself and send the public one, from the file that ends in .pub."
        )
    if len(line.splitlines()) != 1:
        raise NoKey("Send one public key, on one line, as it stands in the file that ends in .pub.")
    shape = _LINE.fullmatch(line)
    if shape is None:
        raise NoKey("This is no public SSH key. Send the line of the file that ends in .pub: `ssh-ed25519 AAAA...`.")
    algorithm = shape["algorithm"]
    if "-cert-" in algorithm:
        raise NoKey("This is a certificate. Send the public key that it was made for.")
    if algorithm == "ssh-dss":
        raise NoKey("DSA keys are not safe any more. Make a new one: `ssh-keygen -t ed25519`.")
    if algorithm not in ALGORITHMS:
        raise NoKey(f"Keys of the kind '{algorithm[:64]}' are not taken. Make another: `ssh-keygen -t ed25519`.")
    return f"{algorithm} {shape['body']}"


def check_rsa(bits: int) -> None:
    """Raises NoKey for an RSA key that is too short, or absurdly long."""
    if not RSA_BITS[0] <= bits <= RSA_BITS[1]:
        raise NoKey(
            f"This RSA key has {bits} bits; {RSA_BITS[0]} to {RSA_BITS[1]} are taken. "
            "Make a new one: `ssh-keygen -t ed25519`."
        )
