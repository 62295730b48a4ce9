// SPDX-License-Identifier: BSL-1.0
//
// A page store in memory, with the deltas that were committed, for tests.
#pragma once

#include <doctest/doctest.h>

#include "page_life.hpp"

#include <mantis/platform/memory.hpp>

namespace page_test {

using store = page_store<memory>;

struct place {
    memory world;
    memory::directory in = world.open_directory("db", directory_mode::create).value();
    std::vector<bytes> deltas;

    static page_store_options options() { return page_life<memory>::options(); }
    std::vector<std::string> names() {
        std::vector<std::string> found;
        for (const bytes& name : in.list().value()) found.push_back(name.as<std::string>());
        return found;
    }
    void commit(store& disk, std::uint32_t epoch) {
        (void)disk.prepare(epoch).value();
        deltas.push_back(all_changes(disk).encode());
        disk.committed(epoch);
    }
    void load(store& disk) {
        for (const bytes& delta : deltas) REQUIRE(disk.load(delta));
    }
};
// Stamp 7: 4096 bytes.
inline void fill(store& disk, std::uint32_t epoch, std::uint64_t first, std::uint64_t last,
                 std::uint64_t stamp = 7) {
    for (std::uint64_t page = first; page <= last; ++page)
        REQUIRE(disk.write({page}, epoch, image_of(page, stamp)));
}
inline page_state all(std::uint64_t first, std::uint64_t last, std::uint64_t stamp = 7) {
    page_state state;
    for (std::uint64_t page = first; page <= last; ++page) state[page] = stamp;
    return state;
}
inline bytes contents(memory::directory& in, const char* name) {
    auto file = in.open(name, file_mode::read).value();
    bytes raw = bytes::zeros(file.size().value());
    raw.resize(file.read(0, raw.data(), raw.size()).value());
    return raw;
}

}  // namespace page_test
