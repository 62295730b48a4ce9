# SPDX-License-Identifier: BSL-1.0
"""Bugs of codecs and typed tables: keys that do not sort, bytes that are trusted, rows that are
left out."""

from mutant import mutant

MUTANTS = (
    mutant(
        "minus-zero-is-another-key",
        "core/key_encoding.hpp",
        "if (raw == layout::sign) raw = 0;",
        "if (raw == layout::sign) raw = layout::sign;",
        "core/key_codec.cpp",
        "Two keys are equal, and their rows are two.",
    ),
    mutant(
        "text-escape-is-not-looked-at",
        "core/detail/text_codec.hpp",
        "if (after != std::byte{0} && after != std::byte{0xff})",
        "if (false)",
        "core/key_codec.cpp",
        "Bytes that no key has are read as one.",
    ),
    mutant(
        "third-bool",
        "core/detail/scalar_codec.hpp",
        'if (std::to_integer<int>(from[0]) > 1) return "a bool that is neither 0 nor 1";',
        "",
        "core/key_codec.cpp",
        "A byte that is no bool is read as one.",
    ),
    mutant(
        "count-is-believed",
        "core/detail/list_codec.hpp",
        "if (count > from.size()) return",
        "if (count > (1u << 20)) return",
        "core/value_codec.cpp",
        "A damaged count is taken for one, and rows of nothing are made of it.",
    ),
    mutant(
        "none-keeps-what-was-there",
        "core/detail/optional_codec.hpp",
        "value.reset();",
        ";",
        "core/value_codec.cpp",
        "A row of a scan has a field of the row before.",
    ),
    mutant(
        "key-does-not-fit-on-the-stack",
        "core/encoded.hpp",
        "encoded_room_bytes = 512;",
        "encoded_room_bytes = 16;",
        "core/encoded.cpp",
        "Every key of some length takes an allocation.",
    ),
    mutant(
        "nothing-before-the-empty-key-is-all",
        "store/typed_table.hpp",
        'return to.empty() ? key_range{"x", "x"} : key_range{from, to};',
        "return key_range{from, to};",
        "store/typed_table.cpp",
        "A range up to the empty key has all rows.",
    ),
    mutant(
        "loop-ends-at-a-damaged-row",
        "store/typed_cursor.hpp",
        "over_ = failed_.has_value() && !skips_;",
        "over_ = failed_.has_value();",
        "store/typed_cursor.cpp",
        "The rows behind a damaged one are left out.",
    ),
)
