# SPDX-License-Identifier: BSL-1.0
"""Bugs in what is measured: counters and histograms, their registry, the text that shows them."""

from mutant import mutant

NUMBERS = (
    mutant(
        "lesser-maximum-stays",
        "metrics/histogram.hpp",
        "        while (value > seen &&\n"
        "               !mine.max.compare_exchange_weak(seen, value,"
        " Platform::memory_order::relaxed)) {}\n",
        "        if (value > seen) mine.max.store(value);\n",
        "metrics/histogram.cpp",
        "A thread that recorded less writes over the greatest value.",
        "greatest value stays",
    ),
    mutant(
        "sum-before-its-bucket",
        "metrics/histogram.hpp",
        "        mine.buckets[layout.bucket_of(value)].fetch_add("
        "1, Platform::memory_order::release);\n"
        "        mine.sum.fetch_add(value, Platform::memory_order::release);\n",
        "        mine.sum.fetch_add(value, Platform::memory_order::release);\n"
        "        mine.buckets[layout.bucket_of(value)].fetch_add("
        "1, Platform::memory_order::release);\n",
        "metrics/histogram.cpp",
        "A snapshot holds the sum of values that it does not count.",
        "200 seeds",
    ),
    mutant(
        "bucket-off-by-one",
        "metrics/histogram_snapshot.hpp",
        "return (std::uint64_t{2} << step_bits) - 1;",
        "return std::uint64_t{2} << step_bits;",
        "metrics/histogram_snapshot.cpp",
        "A small value is counted in the bucket of the next one.",
    ),
    mutant(
        "rank-rounded-down",
        "metrics/histogram_snapshot.hpp",
        "floor + 1 : floor;",
        "floor : floor;",
        "metrics/histogram_snapshot.cpp",
        "A quantile is the value before the one that it should be.",
    ),
    mutant(
        "buckets-of-two-layouts-added",
        "metrics/histogram_snapshot.hpp",
        "        if (other.layout_.step_bits < layout_.step_bits) coarsen(other.layout_);\n",
        "",
        "metrics/histogram_snapshot.cpp",
        "What was measured coarsely is shown as if it were exact.",
    ),
)

REGISTRY = (
    mutant(
        "detached-while-it-is-read",
        "metrics/registry.hpp",
        "        while (running_ == number) ended_.wait(state_);\n",
        "",
        "metrics/registry.cpp",
        "A collector is called while what it reads is taken down.",
    ),
    mutant(
        "end-of-a-collector-not-told",
        "metrics/registry.hpp",
        "        running_ = 0;\n        ended_.notify_all();\n",
        "        running_ = 0;\n",
        "metrics/registry.cpp",
        "Who ends an attachment while it is read waits for ever.",
    ),
)

TEXT = (
    mutant(
        "backslash-not-escaped",
        "metrics/prometheus.hpp",
        "            else if (first == '\\\\') text_.append(\"\\\\\\\\\");\n",
        "",
        "metrics/prometheus.cpp",
        "A label that ends with a backslash swallows the quote behind it.",
    ),
    mutant(
        "bound-not-included",
        "metrics/histogram_snapshot.hpp",
        "layout_.upper_bound(i) <= value; ++i)",
        "layout_.upper_bound(i) < value; ++i)",
        "metrics/prometheus.cpp",
        "What is exactly at a bound is not counted up to it.",
    ),
)

MUTANTS = NUMBERS + REGISTRY + TEXT
