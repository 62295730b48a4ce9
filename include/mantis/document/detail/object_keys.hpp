// SPDX-License-Identifier: BSL-1.0
//
// The keys of the objects being built, to find the ones that occur twice: of equal keys the last
// one stays.
//
// Each key is kept as a hash and the place of its element. When an object ends, a few keys are
// compared with each other and many are sorted by hash; equal hashes are settled by the keys
// themselves, so hostile keys cost n log n at worst.
//
// The keys of one object lie together, those of an inner object behind those of the outer one.
#pragma once

#include "../../core/check.hpp"
#include "../bson_type.hpp"

#include <algorithm>
#include <vector>

namespace mantis::detail {

class object_keys {
public:
    void clear() noexcept { keys_.clear(); }
    //   Returns     what close() wants
    [[nodiscard]] std::size_t open() const noexcept { return keys_.size(); }

    //   Requires    element < 2^32
    void add(std::size_t element, bytes_view name) {
        keys_.push_back({static_cast<std::uint32_t>(element), hash_of(name) & 0x7fff'ffff, 0});
    }

    //   Requires    the elements added since `first` lie in `out` one behind the other, the last
    //               one up to its end
    //   Effects     removes from `out` each element whose key comes again later, and forgets the
    //               keys
    void close(std::size_t first, bytes& out) {
        const std::size_t count = keys_.size() - first;
        if (count > 1 && (count <= few ? any_equal(first, out) : any_equal_sorted(first, out)))
            keep_last(first, out);
        keys_.resize(first);
    }

private:
    static constexpr std::size_t few = 16;

    // Eight bytes, since a document of many short fields has one for every few bytes of input.
    struct entry {
        std::uint32_t element = 0;
        std::uint32_t hash : 31 = 0;
        std::uint32_t again : 1 = 0;  // the same key comes again later
    };

    // FNV-1a; only spreads, the keys themselves decide.
    [[nodiscard]] static std::uint32_t hash_of(bytes_view name) noexcept {
        std::uint32_t hash = 2166136261u;
        for (const std::byte each : name)
            hash = (hash ^ std::to_integer<std::uint32_t>(each)) * 16777619u;
        return hash;
    }
    [[nodiscard]] static bytes_view name_at(const bytes& out, std::size_t element) noexcept {
        return bytes_view{out.chars() + element + 1};
    }
    [[nodiscard]] static bool equal(const entry& a, const entry& b, const bytes& out) noexcept {
        return a.hash == b.hash && name_at(out, a.element) == name_at(out, b.element);
    }
    [[nodiscard]] bool any_equal(std::size_t first, const bytes& out) {
        bool found = false;
        for (std::size_t a = first; a < keys_.size(); ++a)
            for (std::size_t b = a + 1; b < keys_.size() && keys_[a].again == 0; ++b)
                if (equal(keys_[a], keys_[b], out)) {
                    keys_[a].again = 1;
                    found = true;
                }
        return found;
    }
    [[nodiscard]] bool any_equal_sorted(std::size_t first, const bytes& out) {
        sorted_.clear();
        for (std::size_t at = first; at < keys_.size(); ++at)
            sorted_.push_back(static_cast<std::uint32_t>(at));
        std::sort(sorted_.begin(), sorted_.end(), [&](std::uint32_t a, std::uint32_t b) {
            if (keys_[a].hash != keys_[b].hash) return keys_[a].hash < keys_[b].hash;
            const auto names = name_at(out, keys_[a].element) <=> name_at(out, keys_[b].element);
            return names != 0 ? names < 0 : a < b;
        });
        bool found = false;
        for (std::size_t i = 0; i + 1 < sorted_.size(); ++i) {
            if (!equal(keys_[sorted_[i]], keys_[sorted_[i + 1]], out)) continue;
            keys_[sorted_[i]].again = 1;
            found = true;
        }
        return found;
    }
    void keep_last(std::size_t first, bytes& out) const {
        std::size_t to = keys_[first].element;
        for (std::size_t at = first; at < keys_.size(); ++at) {
            if (keys_[at].again != 0) continue;
            const std::size_t from = keys_[at].element;
            const std::size_t end = at + 1 < keys_.size() ? keys_[at + 1].element : out.size();
            std::memmove(out.data() + to, out.data() + from, end - from);
            to += end - from;
        }
        out.resize(to);
    }

    std::vector<entry> keys_;
    std::vector<std::uint32_t> sorted_;
};

}  // namespace mantis::detail
