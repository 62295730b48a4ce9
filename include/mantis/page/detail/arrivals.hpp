// SPDX-License-Identifier: BSL-1.0
//
// The pages that are on their way into a buffer pool, and who waits for them: a page is loaded once
// however many ask for it, and all of them hear how it went.
//
// Both live on the stacks of their threads: an arrival until it has ended, a waiter until then too.
//
// Threads: one at a time, under the pool's mutex.
#pragma once

#include "../../core/ids.hpp"
#include "../../core/result.hpp"

#include <optional>
#include <vector>

namespace mantis::detail {

struct arrival_waiter {
    std::optional<error> failed;
    bool told = false;
};

struct arrival {
    page_id page;
    std::vector<arrival_waiter*> waiters;
    arrival* next = nullptr;
};

class arrivals {
public:
    void add(arrival& own) noexcept {
        own.next = first_;
        first_ = &own;
    }
    //   Returns     nullptr: it is not on its way
    [[nodiscard]] arrival* find(page_id page) const noexcept {
        arrival* at = first_;
        while (at != nullptr && at->page != page) at = at->next;
        return at;
    }
    //   Effects     those who wait are told; it is not on its way any more
    void end(arrival& own, const error* failed) {
        for (arrival_waiter* const at : own.waiters) {
            if (failed != nullptr) at->failed.emplace(*failed);
            at->told = true;
        }
        arrival** link = &first_;
        while (*link != &own) link = &(*link)->next;
        *link = own.next;
    }

private:
    arrival* first_ = nullptr;
};

}  // namespace mantis::detail
