// SPDX-License-Identifier: BSL-1.0
//
// Makes a plan that fails smaller: drops rounds, then operations, then faults, then threads, as
// long as it still fails.
#pragma once

#include "plan.hpp"

namespace simulate {

// Takes pieces out of `items`, halves first and then smaller, as long as still_fails() holds.
//   Returns     whether any could go
template <class Item, class StillFails>
bool drop_pieces(std::vector<Item>& items, StillFails still_fails) {
    bool dropped = false;
    for (std::size_t piece = (items.size() + 1) / 2; piece != 0; piece /= 2)
        for (std::size_t at = 0; at < items.size();) {
            const std::vector<Item> whole = items;
            const std::size_t end = at + piece < items.size() ? at + piece : items.size();
            items.erase(items.begin() + static_cast<std::ptrdiff_t>(at),
                        items.begin() + static_cast<std::ptrdiff_t>(end));
            if (still_fails()) {
                dropped = true;
                continue;
            }
            items = whole;
            at = end;
        }
    return dropped;
}

//   Requires    fails(of)
//   Returns     a plan that fails too, from which no single piece can go
template <class Fails>
[[nodiscard]] plan shrink(plan of, Fails fails) {
    const auto still = [&] { return fails(of); };
    for (bool smaller = true; smaller;) {
        smaller = drop_pieces(of.rounds, still);
        for (round& each : of.rounds)
            for (auto& operations : each.threads) smaller |= drop_pieces(operations, still);
        for (round& each : of.rounds) smaller |= drop_pieces(each.faults, still);
        for (round& each : of.rounds) smaller |= drop_pieces(each.threads, still);
    }
    return of;
}

}  // namespace simulate
