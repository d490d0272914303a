"""Keyed pseudonyms: what stands for a source identifier everywhere behind the ingest door.

Why keyed: a plain hash of an identifier can be guessed by hashing every identifier there is. Why 64
bits: identifiers then travel as integer arrays. Two people share a pseudonym with probability
n^2 / 2^65 (for ten million people, 3 in a million); within a delivery ingest would find the two under
one key and put both in quarantine.
"""

from __future__ import annotations

import hmac


def pseudonym(key: bytes, domain: str, source_id: str) -> int:
    """Return the signed 64-bit pseudonym of a source identifier.

    Parameters
    ----------
    key : bytes
        The lake's secret. It never enters a table, a log or a query plan.
    domain : str
        What the identifier names (offender, claimant, sentence ...), so that equal texts in
        different registers do not meet.
    source_id : str
        The identifier as the source has it, without surrounding blanks.
    """
    message = f"{domain}\x1f{source_id}".encode()
    return int.from_bytes(hmac.digest(key, message, "sha256")[:8], "big", signed=True)
