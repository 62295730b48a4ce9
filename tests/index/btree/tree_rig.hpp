// SPDX-License-Identifier: BSL-1.0
//
// What the tests of a page_tree share: a tree with its pool, source and numbers, and a model.
#pragma once

#include "slotted_rows.hpp"

#include <mantis/index/btree/page_tree.hpp>
#include <mantis/page/free_page_numbers.hpp>
#include <mantis/page/memory_source.hpp>

#include <doctest/doctest.h>

#include <map>

namespace tree_tests {

using namespace mantis;
using slotted_tests::random_key;
using slotted_tests::table;

template <class Pool>
buffer_pool_options room_for(std::size_t frames, std::size_t page_bytes,
                             std::size_t side_copies = 6) {
    buffer_pool_options options;
    options.page_bytes = page_bytes;
    options.translation_bytes = 64 * KiB;
    options.clean_percent = 0;
    options.side_bytes = 1 + side_copies * Pool::side_copy_bytes(page_bytes);
    options.memory_bytes =
        options.translation_bytes + options.side_bytes + frames * Pool::frame_bytes(page_bytes);
    return options;
}

template <class Platform, class Source = memory_source<Platform>>
struct rig {
    using pool = buffer_pool<Platform, Source>;
    using numbers_type = free_page_numbers<Platform>;
    using tree_type = page_tree<pool, numbers_type>;

    Source disk;
    pool pages;
    numbers_type numbers{page_id{10'000}};
    tree_type tree;

    rig(std::size_t page_bytes, std::size_t frames, std::size_t side_copies = 6)
        : pages{disk, room_for<pool>(frames, page_bytes, side_copies)},
          tree{tree_type::create(pages, numbers, table, numbers.take().value()).value()} {}

    // What is wrong with it; nothing when it is sound, and its pages are those that are taken.
    std::string damage() {
        const auto seen = tree.verify();
        if (!seen) return seen.error().message().template as<std::string>();
        if (seen->pages() != numbers.used_count()) return "numbers are lost";
        return "";
    }
};

struct dated {
    std::string value;
    std::uint64_t version;
    bool operator==(const dated&) const = default;
};
using model = std::map<std::string, dated>;

template <class Tree>
std::string difference(const Tree& tree, const model& expected) {
    auto at = expected.begin();
    std::string wrong;
    const auto done = tree.scan({}, [&](bytes_view key, bytes_view value, lsn version) {
        if (at == expected.end()) wrong = "more entries";
        else if (key != bytes_view{at->first} || value != bytes_view{at->second.value} ||
                 version.value != at->second.version)
            wrong = "another entry";
        if (wrong.empty()) ++at;
        return wrong.empty();
    });
    if (!done) return done.error().message().template as<std::string>();
    if (wrong.empty() && at != expected.end()) return "fewer entries";
    return wrong;
}

template <class Tree>
bool has(const Tree& tree, const model& expected, const std::string& key) {
    const auto at = expected.find(key);
    bool right = at == expected.end();
    const auto found = tree.find(key, [&](bytes_view value, lsn version) {
        right = at != expected.end() && value == bytes_view{at->second.value} &&
                version.value == at->second.version;
    });
    return found && *found == (at != expected.end()) && right;
}

inline std::string big_endian(std::uint64_t number) {
    std::string key(8, '\0');
    for (std::size_t i = 8; i-- > 0; number >>= 8) key[i] = static_cast<char>(number & 0xff);
    return key;
}

}  // namespace tree_tests
