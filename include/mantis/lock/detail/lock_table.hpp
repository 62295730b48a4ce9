// SPDX-License-Identifier: BSL-1.0
//
// All locks and all owners: the shards of the table, and the list of owners.
//
// Latches are taken in this order: the list of owners, an owner's own_latch, a shard's. Nobody
// holds two shards.
//
// Threads: any number.
#pragma once

#include "shard.hpp"

#include "../../platform/guard.hpp"

namespace mantis::detail {

template <class Platform, class Choice>
class lock_table {
public:
    using core = lock_owner_core<Platform>;
    using request = lock_request<Platform>;
    using head = lock_head<Platform>;
    using shard = lock_shard<Platform>;
    using wake_list = lock_wake_list<Platform>;
    using latch_guard = lock_guard<word_latch<Platform>>;
    using parking = typename Platform::parking;

    //   Requires    shard_count is a power of two of at most 65,536
    lock_table(std::size_t shard_count, std::uint32_t bypass_bound)
        : shards_(shard_count), bypass_bound_{bypass_bound} {
        check(shard_count != 0 && (shard_count & (shard_count - 1)) == 0 && shard_count <= 65'536,
              "lock_manager: the number of shards is a power of two of at most 65,536");
    }
    lock_table(const lock_table&) = delete;
    lock_table& operator=(const lock_table&) = delete;
    ~lock_table() {
        check(idle_.size() == owners_.size(), "a lock manager is destroyed before its owners");
        for (const core* const owner : owners_) delete owner;
    }

    [[nodiscard]] std::uint32_t bypass_bound() const noexcept { return bypass_bound_; }
    [[nodiscard]] std::size_t shard_count() const noexcept { return shards_.size(); }
    [[nodiscard]] shard& shard_at(std::size_t index) noexcept { return shards_[index]; }
    [[nodiscard]] std::size_t shard_index(std::uint64_t hash) const noexcept {
        return hash & (shards_.size() - 1);
    }
    [[nodiscard]] shard& shard_of(std::uint64_t hash) noexcept {
        return shards_[shard_index(hash)];
    }

    // Owners.
    [[nodiscard]] core& begin_owner(const char* label, void* user) {
        const lock_guard<mutex> hold{owners_latch_};
        if (idle_.empty()) {
            owners_.push_back(new core);
            idle_.reserve(owners_.size());
            idle_.push_back(owners_.back());
        }
        core& begun = *idle_.back();
        idle_.pop_back();
        begun.label = label;
        begun.user = user;
        begun.work.store(0);
        begun.id.store(++last_id_);
        return begun;
    }
    //   Requires    it holds nothing
    void end_owner(core& ended) {
        const lock_guard<mutex> hold{owners_latch_};
        ended.id.store(0);
        idle_.push_back(&ended);
    }
    // Calls see(owner) for every one there is, and for some that have ended.
    template <class See>
    void each_owner(See see) {
        const lock_guard<mutex> hold{owners_latch_};
        for (core* const owner : owners_) see(*owner);
    }

    //   Effects     what a request in the table holds is given back, and so is the request to its
    //               pool if it has one
    void release(request& given, wake_list& wakes) {
        head& at = *given.head;
        shard& home = shard_of(at.hash);
        const latch_guard hold{home.latch};
        at.template release<Choice>(given);
        after_change(home, at, wakes);
        forget(home, given);
    }
    //   Requires    `mode` conflicts with no more than what is held
    //   Effects     what is held becomes less
    void weaken(request& given, lock_mode mode) {
        head& at = *given.head;
        shard& home = shard_of(at.hash);
        wake_list wakes;
        const latch_guard hold{home.latch};
        at.template hold<Choice>(given, mode);
        after_change(home, at, wakes);
    }
    //   Effects     the wait that `state` tells of ends with `why`, if it still goes on
    //   Returns     whether it did
    bool cancel(core& owner, std::uint64_t state, error_code why) {
        wake_list wakes;
        return cancel(owner, state, why, wakes);
    }
    bool cancel(core& owner, std::uint64_t state, error_code why, wake_list& wakes) {
        shard& home = shards_[core::shard_of(state)];
        const latch_guard hold{home.latch};
        if (!core::waits(state) || owner.wait_state.load() != state) return false;
        refuse(home, *owner.waits_for, why, wakes);
        return true;
    }
    //   Requires    the latch of the shard, and that it waits
    //   Effects     its wait ends with `why`
    void refuse(shard& home, request& waiting, error_code why, wake_list& wakes) {
        head& at = *waiting.head;
        at.template leave<Choice>(waiting);
        waiting.owner->end_wait();
        waiting.refusal = why;
        wakes.add(waiting, lock_refused);
        after_change(home, at, wakes);
    }
    //   Requires    the latch of the shard
    void after_change(shard& home, head& at, wake_list& wakes) {
        if (!at.waiting.empty()) at.template serve<Choice>(bypass_bound_, wakes);
        home.drop_unused(at);
    }
    //   Requires    the latch of the shard; it holds nothing and does not wait
    void forget(shard& home, request& given) noexcept {
        given.head = nullptr;
        if (given.pooled) home.give_back(given);
    }

private:
    using mutex = typename Platform::mutex;

    std::vector<shard> shards_;
    const std::uint32_t bypass_bound_;
    mutex owners_latch_;
    std::vector<core*> owners_;
    std::vector<core*> idle_;
    std::uint64_t last_id_ = 0;
};

}  // namespace mantis::detail
