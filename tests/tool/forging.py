# SPDX-License-Identifier: BSL-1.0
"""Rows that no collection writes, forged in the log with checksums that fit."""

import struct

from tool import DAMAGED, case, mantis

SEGMENT_HEADER_BYTES, RECORD_HEADER_BYTES = 4096, 48


def crc32c(raw):
    crc = 0xFFFFFFFF
    for byte in raw:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def forge(database, old, new):
    """Puts `new` in place of `old` in the last record of the log (docs/formats.md)."""
    assert len(old) == len(new)
    log = max(database.glob("*.log"))
    first_lsn = int(log.stem, 16)
    raw = bytearray(log.read_bytes())
    at = raw.rindex(old)
    begin = max(
        place
        for place in range(SEGMENT_HEADER_BYTES, at, 8)
        if struct.unpack_from("<Q", raw, place + 8)[0] == first_lsn + place - SEGMENT_HEADER_BYTES
    )
    end = begin + RECORD_HEADER_BYTES + struct.unpack_from("<I", raw, begin + 32)[0]
    assert struct.unpack_from("<Q", raw, begin)[0] == crc32c(raw[begin + 8 : end])
    raw[at : at + len(old)] = new
    struct.pack_into("<Q", raw, begin, crc32c(raw[begin + 8 : end]))
    log.write_bytes(raw)


def number_key(double, missing):
    """The key of a positive number (include/mantis/document/document_key.hpp)."""
    bits = struct.unpack(">Q", struct.pack(">d", double))[0]
    return b"\x20" + struct.pack(">QH", bits ^ 1 << 63, missing)


@case
def check_compares_each_key_with_its_id(folder):
    """A document under the key of another _id is damage, and check names the collection."""
    database = folder / "db"
    mantis("insert", database, "people", '{"_id":1,"a":"b"}')
    mantis("check", database)
    forge(database, b"_id\0\x01", b"_id\0\x02")
    assert mantis("find", database, "people").lines == [{"_id": 2, "a": "b"}]
    said = mantis("check", database, expect=DAMAGED).err
    assert "[people]" in said and "_id" in said, said


@case
def the_log_shows_any_key(folder):
    """log dump shows NaN as the _id it is, and a key that would be an integer over 64 bits as
    bytes.
    """
    database = folder / "db"
    mantis("insert", database, "c", '{"_id":{"$numberDouble":"NaN"}}')
    mantis("insert", database, "c", '{"_id":1}')
    hostile = number_key(2.0**63 - 1024, 0xFFFF)
    forge(database, number_key(1.0, 0), hostile)
    puts = [
        each
        for record in mantis("log", "dump", database).lines
        for each in record["operations"]
        if each["operation"] == "put" and each.get("name") == "collection/c"
    ]
    assert puts[0]["key"] == {"$numberDouble": "NaN"}, puts
    assert "$binary" in puts[1]["key"], puts
