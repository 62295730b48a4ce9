// SPDX-License-Identifier: BSL-1.0
//
// From owners to the places of their nodes in a wait_graph: a hash table with linear probing, at
// most half full, whose entries are forgotten all at once by a new generation. Its storage stays.
//
// Threads: like an int.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mantis::detail {

class owner_places {
public:
    static constexpr std::uint32_t nowhere = UINT32_MAX;

    void clear() {
        count_ = 0;
        if (++generation_ != 0) return;
        entries_.assign(entries_.size(), entry{});
        generation_ = 1;
    }
    [[nodiscard]] std::uint32_t find(std::uint64_t owner) const noexcept {
        if (entries_.empty()) return nowhere;
        const entry& found = entries_[probe(owner)];
        return found.generation == generation_ ? found.place : nowhere;
    }
    //   Requires    find(owner) == nowhere
    void add(std::uint64_t owner, std::uint32_t place) {
        if (entries_.size() < 2 * (count_ + 1)) grow();
        entries_[probe(owner)] = {owner, place, generation_};
        ++count_;
    }

private:
    struct entry {
        std::uint64_t owner = 0;
        std::uint32_t place = 0;
        std::uint32_t generation = 0;  // 0: never used
    };

    // Where `owner` is or would be.
    [[nodiscard]] std::size_t probe(std::uint64_t owner) const noexcept {
        const std::size_t mask = entries_.size() - 1;
        // Fibonacci hashing: ids in a row, which is what owners have, spread evenly.
        auto at = static_cast<std::size_t>((owner * 0x9E37'79B9'7F4A'7C15U) >> shift_);
        while (entries_[at].generation == generation_ && entries_[at].owner != owner)
            at = (at + 1) & mask;
        return at;
    }
    void grow() {
        --shift_;
        std::vector<entry> old(std::size_t{1} << (64U - shift_));
        old.swap(entries_);
        for (const entry& each : old)
            if (each.generation == generation_) entries_[probe(each.owner)] = each;
    }

    std::vector<entry> entries_;
    std::size_t count_ = 0;
    unsigned shift_ = 61;  // leaves the bits of a place: the first table has 16
    std::uint32_t generation_ = 1;
};

}  // namespace mantis::detail
