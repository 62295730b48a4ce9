// SPDX-License-Identifier: BSL-1.0
//
// Something for each transaction that is open at one place in a log.
//
// Sorted by id in one vector: ids come in order but for a few, so a new one goes to the end.
//
// Threads: one.
#pragma once

#include "../../core/ids.hpp"

#include <utility>
#include <vector>

namespace mantis::detail {

template <class Held>
class by_transaction {
public:
    struct entry {
        transaction_id id;
        Held held;
    };

    //   Returns     what is held for it, made now if there was nothing
    [[nodiscard]] Held& operator[](transaction_id id) {
        const std::size_t at = place_of(id);
        if (at == entries_.size() || entries_[at].id != id)
            entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at), entry{id, {}});
        return entries_[at].held;
    }
    //   Returns     what was held for it, and is no more; an empty one if there was nothing
    [[nodiscard]] Held take(transaction_id id) {
        const std::size_t at = place_of(id);
        if (at == entries_.size() || entries_[at].id != id) return {};
        Held taken = std::move(entries_[at].held);
        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
        return taken;
    }
    [[nodiscard]] bool has(transaction_id id) const noexcept {
        const std::size_t at = place_of(id);
        return at < entries_.size() && entries_[at].id == id;
    }
    [[nodiscard]] std::size_t count() const noexcept { return entries_.size(); }
    [[nodiscard]] auto begin() noexcept { return entries_.begin(); }
    [[nodiscard]] auto end() noexcept { return entries_.end(); }

private:
    // Of the first entry that is not before it.
    [[nodiscard]] std::size_t place_of(transaction_id id) const noexcept {
        std::size_t from = 0;
        std::size_t to = entries_.size();
        if (to == 0 || entries_[to - 1].id < id) return to;
        while (from < to) {
            const std::size_t middle = from + (to - from) / 2;
            if (entries_[middle].id < id) from = middle + 1;
            else to = middle;
        }
        return from;
    }

    std::vector<entry> entries_;
};

}  // namespace mantis::detail
