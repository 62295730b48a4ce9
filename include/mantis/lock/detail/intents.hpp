// SPDX-License-Identifier: BSL-1.0
//
// The fast path of intents: while nobody has or wants a strong lock on the store or on a table, its
// intents are noted by their owner alone and never seen by anybody else.
//
// Intents get along with each other, so who takes one needs to know only that there is no strong
// lock. For that there is a count of strong locks, held or wanted, by a hash of the resource.
//
//   taking an intent                         asking for a strong lock
//   1. latch own                             1. add one to the count
//   2. if the count is 0: note it            2. for every owner: latch own, make what is kept there
//   3. unlatch                                  empty, and put what is in use into the queue
//                                            3. wait in the queue like everybody
//
// Either the count is seen in step 2 of the left, and the intent goes to the queue; or the right
// has not latched that owner yet, and finds the note. After step 2 of the right no intent is
// outside of the queue until the count falls to 0 again.
//
// Threads: any number; of one owner, one.
#pragma once

#include "lock_table.hpp"

namespace mantis::detail {

template <class Platform, class Choice>
class lock_intents {
public:
    using table = lock_table<Platform, Choice>;
    using core = typename table::core;
    using request = typename table::request;
    using wake_list = typename table::wake_list;
    using latch_guard = typename table::latch_guard;

    explicit lock_intents(table& locks) noexcept : locks_{locks} {}

    // The request that the owner has, or may use, for the store or a table.
    //   Threads     the owner's
    [[nodiscard]] static request* in_use(core& owner, const lock_path& path) noexcept {
        if (path.level() == lock_level::store) return owner.own[0].in_use ? &owner.own[0] : nullptr;
        if (request* const found = recent(owner, path.table()); found != nullptr) return found;
        for (std::uint32_t left = owner.used & ~1U; left != 0; left &= left - 1) {
            const auto i = static_cast<std::uint32_t>(std::countr_zero(left));
            if (owner.own[i].table != path.table()) continue;
            owner.recent = i;
            return &owner.own[i];
        }
        return nullptr;
    }

    // The same for the table that was looked for last.
    [[nodiscard]] static request* recent(core& owner, table_id table) noexcept {
        request& last = owner.own[owner.recent];
        return last.in_use && last.table == table ? &last : nullptr;
    }

    // Takes the intent on the store and on the table, as far as the fast path goes.
    //   Returns     the table's request when both are held now, else nullptr
    [[nodiscard]] request* take(core& owner, table_id table_number, lock_mode intent) {
        const latch_guard hold{owner.own_latch};
        if (!take_slot(owner, owner.own[0], lock_path::store(), intent)) return nullptr;
        request* const slot = slot_for(owner, table_number);
        if (slot == nullptr || !take_slot(owner, *slot, lock_path::table(table_number), intent))
            return nullptr;
        return slot;
    }
    // The same on the store or one table.
    [[nodiscard]] bool take(core& owner, const lock_path& path, lock_mode intent) {
        const latch_guard hold{owner.own_latch};
        request* const slot =
            path.level() == lock_level::store ? &owner.own[0] : slot_for(owner, path.table());
        return slot != nullptr && take_slot(owner, *slot, path, intent);
    }
    // An own request of the owner for the queue: the one in use there, now in the queue, or an
    // empty one.
    //   Returns     nullptr when there is none
    [[nodiscard]] request* prepare_shared(core& owner, const lock_path& path) {
        wake_list wakes;
        const latch_guard hold{owner.own_latch};
        request* const slot =
            path.level() == lock_level::store ? &owner.own[0] : slot_for(owner, path.table());
        if (slot == nullptr) return nullptr;
        if (slot->shared) return slot;
        if (slot->in_use) share(*slot, path, wakes);
        else {
            slot->held = lock_mode::none;
            slot->children = slot->next_escalation = 0;
            slot->table = path.table();
            slot->shared = true;
        }
        return slot;
    }

    //   Effects     no intent on `path` is outside of the queue until take_back_strong()
    void announce_strong(const lock_path& path) {
        wake_list wakes;
        count_of(path).fetch_add(1);
        locks_.each_owner([&](core& owner) { revoke(owner, path, wakes); });
    }
    void take_back_strong(const lock_path& path) { count_of(path).fetch_sub(1); }

    //   Effects     all that is in use is given back, tables before the store; what the owner alone
    //               knew is kept for the next time
    void give_back_all(core& owner, wake_list& wakes) {
        const latch_guard hold{owner.own_latch};
        while (owner.used != 0) {
            request& slot = owner.own[std::bit_width(owner.used) - 1];  // the store is the last
            put_away(owner, slot, wakes);
        }
    }
    void give_back(core& owner, request& slot, wake_list& wakes) {
        const latch_guard hold{owner.own_latch};
        put_away(owner, slot, wakes);
    }
    //   Requires    prepare_shared() gave it, and it holds nothing and does not wait
    static void abandon(core& owner, request& slot) {
        const latch_guard hold{owner.own_latch};
        slot.shared = false;
    }
    // What was kept is forgotten.
    //   Requires    nothing is in use
    static void forget_all(core& owner) {
        const latch_guard hold{owner.own_latch};
        for (request& slot : owner.own) slot.held = lock_mode::none;
    }
    [[nodiscard]] static lock_path path_of(const core& owner, const request& slot) noexcept {
        return &slot == &owner.own[0] ? lock_path::store() : lock_path::table(slot.table);
    }

private:
    static constexpr std::size_t count_slots = 256;
    using count = typename Platform::template atomic<std::uint32_t>;

    [[nodiscard]] count& count_of(const lock_path& path) noexcept {
        return counts_[(path.hash() >> 32) % count_slots];
    }
    //   Requires    the owner's own_latch
    [[nodiscard]] bool take_slot(core& owner, request& slot, const lock_path& path,
                                 lock_mode intent) {
        if (slot.in_use && covers(slot.held, intent)) return true;
        if (slot.shared) return false;
        if (!slot.in_use && &slot != &owner.own[0] && !covers(owner.own[0].held, slot.held))
            slot.held = lock_mode::none;
        const lock_mode mode = supremum(slot.held, intent);
        if (mode != slot.held && count_of(path).load() != 0) return false;
        slot.table = path.table();
        slot.held = mode;
        if (!slot.in_use) slot.children = slot.next_escalation = 0;
        owner.set_in_use(slot, true);
        return true;
    }
    // The table's own request, or one that can become it: an empty one before a kept one.
    //   Requires    the owner's own_latch
    [[nodiscard]] static request* slot_for(core& owner, table_id of) noexcept {
        request* spare = nullptr;
        request& recent = owner.own[owner.recent];
        if (recent.held != lock_mode::none && recent.table == of) return &recent;
        for (std::uint32_t i = 1; i < core::own_count; ++i) {
            request& slot = owner.own[i];
            if (slot.held != lock_mode::none && slot.table == of) return &slot;
            if (slot.in_use || slot.shared) continue;
            if (spare == nullptr || slot.held == lock_mode::none) spare = &slot;
        }
        if (spare == nullptr) return nullptr;
        spare->held = lock_mode::none;  // of another table
        owner.recent = static_cast<std::uint32_t>(spare - owner.own);
        return spare;
    }
    //   Requires    the owner's own_latch
    void put_away(core& owner, request& slot, wake_list& wakes) {
        const lock_path path = path_of(owner, slot);
        owner.set_in_use(slot, false);
        if (slot.shared) {
            locks_.release(slot, wakes);
            slot.shared = slot.escalated = false;
            if (std::exchange(slot.strong, false)) take_back_strong(path);
        } else if (count_of(path).load() != 0) slot.held = lock_mode::none;
    }
    void revoke(core& owner, const lock_path& path, wake_list& wakes) {
        const latch_guard hold{owner.own_latch};
        const bool store = path.level() == lock_level::store;
        for (std::size_t i = store ? 0 : 1; i < (store ? 1 : core::own_count); ++i) {
            request& slot = owner.own[i];
            if (slot.shared || slot.held == lock_mode::none) continue;
            if (!store && slot.table != path.table()) continue;
            if (slot.in_use) share(slot, path, wakes);
            else slot.held = lock_mode::none;
        }
    }
    //   Requires    the owner's own_latch; it is in use and not shared
    void share(request& slot, const lock_path& path, wake_list& wakes) {
        const std::uint64_t hash = path.hash();
        auto& home = locks_.shard_of(hash);
        const latch_guard hold{home.latch};
        auto& at = home.find_or_make(path, hash);
        at.template adopt<Choice>(slot);
        if (at.competing != nullptr)  // the lock is not free any more: let in who fits beside
            at.template serve<Choice>(locks_.bypass_bound(), wakes);
        slot.head = &at;
        slot.shared = true;
    }

    table& locks_;
    count counts_[count_slots] = {};
};

}  // namespace mantis::detail
