#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes the register of street trees of an invented town, one JSON document a line.

    examples/data/make_trees.py             the 1,100 documents of trees.json
    examples/data/make_trees.py 50000       as many as asked for
    examples/data/make_trees.py 50000 X     and their ids begin with X, not with T

The same count gives the same bytes everywhere: the numbers come from a small generator of its own.
"""
import json
import sys
from datetime import datetime, timedelta, timezone


class Numbers:
    """A 64-bit linear congruential generator (Knuth's MMIX constants); only the upper bits are
    used.
    """

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit

    def one_of(self, things):
        return things[self.below(len(things))]

    def between(self, low, high, digits):
        """A decimal number of so many digits after the point."""
        steps = round((high - low) * 10**digits)
        return round(low + self.below(steps + 1) / 10**digits, digits)


# genus, epithet, common name, tallest (m), how often
SPECIES = [
    ("Tilia", "cordata", "small-leaved lime", 28, 9),
    ("Acer", "platanoides", "Norway maple", 25, 8),
    ("Platanus", "x hispanica", "London plane", 32, 7),
    ("Quercus", "robur", "English oak", 34, 5),
    ("Betula", "pendula", "silver birch", 22, 5),
    ("Carpinus", "betulus", "hornbeam", 20, 4),
    ("Aesculus", "hippocastanum", "horse chestnut", 27, 4),
    ("Prunus", "avium", "wild cherry", 18, 4),
    ("Sorbus", "aucuparia", "rowan", 12, 3),
    ("Ginkgo", "biloba", "maidenhair tree", 24, 2),
    ("Ulmus", "glabra", "wych elm", 30, 1),
    ("Sequoiadendron", "giganteum", "giant sequoia", 45, 1),
]
DISTRICTS = [
    ("Harbour", 54.3312, 10.1502, ["Quay Street", "Ropewalk", "Customs Lane"]),
    (
        "Old Town",
        54.3221,
        10.1348,
        ["Market Square", "Baker's Row", "Cloister Street", "Bell Lane"],
    ),
    ("Northgate", 54.3468, 10.1287, ["Mill Road", "Gardeners' Way", "Long Acre"]),
    ("Riverside", 54.3127, 10.1611, ["Ferry Road", "Willow Walk", "Tannery Street"]),
    ("Hill", 54.3054, 10.1173, ["Observatory Road", "Vineyard Path", "Upper Terrace"]),
]
INSPECTORS = ["A. Lindqvist", "M. Okafor", "J. Novak", "S. Ferreira"]
FINDINGS = [
    "dead branch",
    "fungus at the base",
    "bark wound",
    "leaf miner",
    "roots lift the pavement",
]
DAY_ONE = datetime(2026, 1, 1, tzinfo=timezone.utc)


def date(days_before):
    at = DAY_ONE - timedelta(days=days_before)
    return {"$date": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def inspection(numbers, days_before):
    made = {
        "on": date(days_before),
        "by": numbers.one_of(INSPECTORS),
        "vitality": 1 + numbers.below(5),
    }
    if numbers.below(4) == 0:
        made["finding"] = numbers.one_of(FINDINGS)
    return made


def tree(number, prefix, numbers, wheel):
    genus, epithet, common, tallest, _ = numbers.one_of(wheel)
    district, lat, lon, streets = numbers.one_of(DISTRICTS)
    age = 3 + numbers.below(110)
    grown = min(1.0, age / 70)
    made = {
        "_id": f"{prefix}-{number:05}",
        "species": {"genus": genus, "epithet": epithet, "common": common},
        "place": {
            "district": district,
            "street": numbers.one_of(streets),
            "lat": round(lat + numbers.below(9000) / 1e6, 6),
            "lon": round(lon + numbers.below(14000) / 1e6, 6),
        },
        "planted": date(age * 365 + numbers.below(365)),
        "height_m": round(tallest * grown * numbers.between(0.7, 1.0, 2), 1),
        "trunk_cm": 8 + age + numbers.below(30),
    }
    if age > 80 and numbers.below(3) == 0:
        made["protected"] = True
    visits = numbers.below(3)
    if visits:
        first = numbers.below(300)
        made["inspections"] = [inspection(numbers, first + 400 * back) for back in range(visits)]
    return made


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1100
    prefix = sys.argv[2] if len(sys.argv) > 2 else "T"
    wheel = [kind for kind in SPECIES for _ in range(kind[4])]
    numbers = Numbers(2026)
    for number in range(1, count + 1):
        print(json.dumps(tree(number, prefix, numbers, wheel), separators=(",", ":")))


if __name__ == "__main__":
    main()
