// SPDX-License-Identifier: BSL-1.0
//
// Where time is waited, by name: the names with most of it, in bounded memory.
//
// A name that is not among those kept takes the place of the one with the least time, and is
// credited that time as a possible error: a name that waited longer than the least kept one is
// never missed.
//
//   Source    Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in
//             data streams (ICDT 2005)
//
// Threads: any number; a latch.
#pragma once

#include "../../core/units.hpp"
#include "../../platform/guard.hpp"
#include "../../sync/word_latch.hpp"
#include "../path.hpp"

#include <vector>

namespace mantis {

struct waited_at {
    bytes name;
    std::uint64_t waits = 0;
    nanoseconds total;
    nanoseconds longest;
    nanoseconds error;  // `total` may be too large by as much
};

namespace detail {

template <class Platform>
class wait_profile {
public:
    static constexpr std::size_t capacity = 64;

    void add(const lock_path& path, nanoseconds wait) {
        const lock_guard<word_latch<Platform>> hold{latch_};
        name_.clear();
        path.append_text(name_);
        count(place_of(name_), wait);
    }
    void add(bytes_view name, nanoseconds wait) {
        const lock_guard<word_latch<Platform>> hold{latch_};
        count(place_of(name), wait);
    }
    //   Returns     the names with most time, the most first
    [[nodiscard]] std::vector<waited_at> top(std::size_t count) const {
        std::vector<waited_at> found;
        {
            const lock_guard<word_latch<Platform>> hold{latch_};
            found = places_;
        }
        for (std::size_t i = 1; i < found.size(); ++i)
            for (std::size_t j = i; j > 0 && found[j - 1].total < found[j].total; --j)
                std::swap(found[j - 1], found[j]);
        if (found.size() > count) found.resize(count);
        return found;
    }

private:
    static void count(waited_at& at, nanoseconds wait) noexcept {
        ++at.waits;
        at.total = at.total + wait;
        if (wait > at.longest) at.longest = wait;
    }
    [[nodiscard]] waited_at& place_of(bytes_view name) {
        std::size_t least = 0;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (places_[i].name.view() == name) return places_[i];
            if (places_[i].total < places_[least].total) least = i;
        }
        if (places_.size() < capacity)
            return places_.emplace_back(waited_at{bytes{name}, 0, {}, {}, {}});
        waited_at& taken = places_[least];
        taken.name.assign(name);
        taken.waits = 0;
        taken.longest = {};
        taken.error = taken.total;
        return taken;
    }

    mutable word_latch<Platform> latch_;
    std::vector<waited_at> places_;
    bytes name_;  // kept for its storage
};

}  // namespace detail

}  // namespace mantis
