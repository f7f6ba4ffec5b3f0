"""A self-signed certificate for localhost, made afresh: no key is kept in the repository, and no tool is needed."""

from __future__ import annotations

import base64
import hashlib
import math
import secrets
from pathlib import Path
from typing import Final

_EXPONENT: Final = 65_537
_RSA: Final = bytes.fromhex("06092a864886f70d0101010500")
_SHA256_WITH_RSA: Final = bytes.fromhex("300d06092a864886f70d01010b0500")
_SHA256_PREFIX: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_SMALL_FACTORS: Final = math.prod(range(3, 2_000, 2))
_COMMON_NAME: Final = bytes.fromhex("0603550403")
_ALTERNATIVE_NAME: Final = bytes.fromhex("0603551d11")


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """Write a certificate and its key, both PEM, and return their paths."""
    p, q = _prime(), _prime()
    n, d = p * q, pow(_EXPONENT, -1, (p - 1) * (q - 1))
    key = _sequence(*map(_integer, (0, n, _EXPONENT, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))
    certificate, key_file = directory / "localhost.pem", directory / "localhost.key"
    certificate.write_text(_pem("CERTIFICATE", _certificate(n, d)))
    key_file.write_text(_pem("RSA PRIVATE KEY", key))
    return certificate, key_file


def _certificate(n: int, d: int) -> bytes:
    name = _sequence(_tagged(0x31, _sequence(_COMMON_NAME, _tagged(0x0C, b"localhost"))))
    validity = _sequence(_tagged(0x17, b"200101000000Z"), _tagged(0x18, b"21000101000000Z"))
    public = _tagged(0x03, b"\0" + _sequence(_integer(n), _integer(_EXPONENT)))
    names = _tagged(0x04, _sequence(_tagged(0x82, b"localhost")))
    extensions = _tagged(0xA3, _sequence(_sequence(_ALTERNATIVE_NAME, names)))
    version, serial = _tagged(0xA0, _integer(2)), _integer(1)
    key = _sequence(_sequence(_RSA), public)
    body = _sequence(version, serial, _SHA256_WITH_RSA, name, validity, name, key, extensions)
    return _sequence(body, _SHA256_WITH_RSA, _tagged(0x03, b"\0" + _signature(body, n, d)))


def _signature(body: bytes, n: int, d: int) -> bytes:
    size = (n.bit_length() + 7) // 8
    digest = _SHA256_PREFIX + hashlib.sha256(body).digest()
    padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
    return pow(int.from_bytes(padded, "big"), d, n).to_bytes(size, "big")


def _prime(bits: int = 1024) -> int:
    while True:
        candidate = secrets.randbits(bits) | 3 << (bits - 2) | 1
        # Of ten candidates, nine have a small factor, which takes a hundredth of the time to see.
        if math.gcd(candidate, _SMALL_FACTORS) != 1 or candidate % _EXPONENT == 1:
            continue
        if all(_passes(candidate, base) for base in (2, 3, 5, 7, 11)):
            return candidate


def _passes(candidate: int, base: int) -> bool:
    """Miller and Rabin's test."""
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    power = pow(base, odd, candidate)
    if power in {1, candidate - 1}:
        return True
    for _ in range(twos - 1):
        power = power * power % candidate
        if power == candidate - 1:
            return True
    return False


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _pem(label: str, der: bytes) -> str:
    encoded = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{encoded}-----END {label}-----\n"
