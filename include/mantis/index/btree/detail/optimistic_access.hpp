// SPDX-License-Identifier: BSL-1.0
//
// The page_access of a page that is read while a writer changes it: sync/optimistic_load.hpp for
// every byte. What a reader saw counts once its latch has validated it.
#pragma once

#include "../../../sync/optimistic_load.hpp"
#include "page_access.hpp"

namespace mantis::detail {

template <class Platform>
struct optimistic_access {
    template <std::unsigned_integral T>
    [[nodiscard]] static T load(const std::byte* from) {
        std::byte own[sizeof(T)];
        optimistic_copy<Platform>(own, from, sizeof(T));
        return load_le<T>(own);
    }
    [[nodiscard]] static int compare(const std::byte* from, const std::byte* own,
                                     std::size_t size) {
        std::byte seen[64];
        for (std::size_t at = 0; at < size; at += sizeof seen) {
            const std::size_t some = size - at < sizeof seen ? size - at : sizeof seen;
            optimistic_copy<Platform>(seen, from + at, some);
            if (const int order = std::memcmp(seen, own + at, some); order != 0) return order;
        }
        return 0;
    }
    static void copy(std::byte* into, const std::byte* from, std::size_t size) {
        optimistic_copy<Platform>(into, from, size);
    }
    template <std::unsigned_integral T>
    static void store(std::byte* into, T value) {
        std::byte own[sizeof(T)];
        store_le<T>(own, value);
        optimistic_write<Platform>(into, own, sizeof(T));
    }
    static void write(std::byte* into, const std::byte* own, std::size_t size) {
        optimistic_write<Platform>(into, own, size);
    }
    static void move(std::byte* into, const std::byte* from, std::size_t size) {
        optimistic_move<Platform>(into, from, size);
    }
};

}  // namespace mantis::detail
