# SPDX-License-Identifier: BSL-1.0
"""Collections in pages: their files shrink, and what is damaged in them is told and left behind."""

import json

from tool import DAMAGED, case, mantis

ROWS = 3000


def filled(folder, rows=ROWS):
    """A database of which all documents are in pages."""
    database = folder / "db"
    text = "".join(json.dumps({"_id": row, "text": "v" * 100}) + "\n" for row in range(rows))
    (folder / "rows.json").write_text(text, encoding="ascii")
    mantis("import", database, "rows", folder / "rows.json")
    mantis("checkpoint", database)
    return database


def taken(database):
    return sum(path.stat().st_size for path in database.glob("data-0*"))


@case
def compacting_gives_back_what_deleted_documents_took(folder):
    """After nine of ten documents are deleted compact leaves files of about a tenth, and the rest
    of the documents.
    """
    database = filled(folder)
    mantis("update", database, "rows", "{}", '{"$set": {"text": "w"}}')
    before = taken(database)
    mantis("delete", database, "rows", '{"_id": {"$gte": 300}}')
    (line,) = mantis("compact", database).lines
    assert line["reserve_bytes"] <= 4 * 1024 * 1024, line
    assert len(list(database.iterdir())) < 30, list(database.iterdir())
    files = line["file_bytes"] - line["reserve_bytes"]
    assert files <= 1.5 * line["live_bytes"] + 1024 * 1024, line
    assert taken(database) < before, (taken(database), before)
    assert mantis("count", database, "rows").out.strip() == "300"
    (line,) = mantis("check", database).lines
    assert line["sound"] and line["documents"] == 300, line


@case
def stats_say_where_space_goes(folder):
    """Rows, nodes and bytes of the table are those that check --full counts; what was written to
    pages is counted over openings.
    """
    database = filled(folder)
    (stats,) = mantis("stats", database).lines
    (full,) = mantis("check", database, "--full").lines
    (table,) = stats["tables"]
    pages = full["pages"]
    assert table["name"] == "collection/rows" and table["rows"] == ROWS == pages["rows"], table
    for name in ("height", "leaves", "inner_nodes"):
        assert table[name] == pages[name], (name, table, pages)
    assert table["value_pages"] == pages["large_value_pages"] == 0, (table, pages)
    assert abs(table["fill_percent"] - pages["fill_percent"]) <= 3, (table, pages)
    assert table["bytes"] == stats["pages"]["count"] * stats["pages"]["page_bytes"], stats
    assert stats["cache"]["misses"] > 0, stats
    hits = stats["cache"]["hits"]
    ratio = hits / (hits + stats["cache"]["misses"])
    assert abs(stats["cache"]["hit_ratio"] - ratio) < 1e-9, stats
    written = stats["written"]
    assert written["page_bytes"] >= table["bytes"] and written["log_bytes"] > ROWS * 100, stats
    amplification = (written["page_bytes"] + written["log_bytes"]) / written["log_bytes"]
    assert abs(written["amplification"] - amplification) < 1e-9, stats
    mantis("update", database, "rows", "{}", '{"$set": {"text": "w"}}')
    mantis("checkpoint", database)
    (again,) = mantis("stats", database).lines
    assert again["written"]["page_bytes"] > written["page_bytes"], (written, again)


@case
def stats_of_a_damaged_table_say_so(folder):
    """Of so few leaves each is read: stats tell rows, damage and page, and end with 6."""
    database = filled(folder, 800)
    path = max(database.glob("data-0*"), key=lambda each: each.stat().st_size)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"v" * 100, 40_000)
    raw[at : at + 8] = b"damaged!"
    path.write_bytes(raw)
    (stats,) = mantis("stats", database, expect=DAMAGED).lines
    (table,) = stats["tables"]
    assert table["rows"] == 800 and "page=" in table["damage"], stats


@case
def a_damaged_page_is_told_and_salvage_makes_up_for_it(folder):
    """scrub and check end with 6 and name file and page; salvage takes the documents of other
    pages, and those of that one from the log, which goes back far enough here.
    """
    database = filled(folder)
    path = max(database.glob("data-0*"), key=lambda each: each.stat().st_size)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"v" * 100, 40_000)
    raw[at : at + 8] = b"damaged!"
    path.write_bytes(raw)
    scrubbed = mantis("scrub", database, expect=DAMAGED)
    (line,) = scrubbed.lines
    assert line["findings"] == 1 and line["found"][0]["file"] == path.name, line
    assert line["found"][0]["page"] > 0 and path.name in scrubbed.err, (line, scrubbed.err)
    assert "page=" in mantis("check", database, expect=DAMAGED).err
    (line, *_) = mantis("salvage", database, folder / "new").lines
    assert line["damaged_pages"] == 1 and ROWS - 60 < line["page_rows"] < ROWS, line
    assert line["lost_pages"] == [] and line["doubtful"] == 0, line
    assert mantis("count", folder / "new", "rows").out.strip() == str(ROWS)
