// SPDX-License-Identifier: BSL-1.0
//
// How a path is locked and released: intents from the top down, then the thing itself; what is
// below before what is above.
//
// lock() may be called again with the same arguments at any point and goes on where it was: what is
// held already is found held. So an asynchronous lock is the same function, called again whenever
// one of its waits is over. From the moment it is pending another thread may be inside: what that
// one needs to know is in owner.pending before the wait begins, and nothing is touched after.
//
// Threads: of one owner, one; while an asynchronous lock of it is pending, whoever ends its wait.
#pragma once

#include "intents.hpp"
#include "lock_ranges.hpp"
#include "lock_waits.hpp"

namespace mantis::detail {

template <class Platform, class Deadlock, class Choice>
class lock_engine {
public:
    using table = lock_table<Platform, Choice>;
    using intents = lock_intents<Platform, Choice>;
    using waits = lock_waits<Platform, Deadlock, Choice>;
    using search = detector<Platform, Deadlock, Choice>;
    using core = typename table::core;
    using request = typename table::request;
    using shard = typename table::shard;
    using head = typename table::head;
    using wake_list = typename table::wake_list;
    using latch_guard = typename table::latch_guard;

    explicit lock_engine(const lock_manager_options& options)
        : options_{options},
          locks_{options.shard_count, Deadlock::prevents ? 0 : options.bypass_bound},
          detector_{locks_, options.kept_deadlocks},
          waits_{locks_, detector_, options},
          intents_{locks_} {}

    [[nodiscard]] table& locks() noexcept { return locks_; }
    [[nodiscard]] waits& all_waits() noexcept { return waits_; }
    [[nodiscard]] search& deadlocks() noexcept { return detector_; }
    [[nodiscard]] const lock_manager_options& options() const noexcept { return options_; }
    [[nodiscard]] std::uint64_t escalation_count() const { return escalations_.load(); }

    //   Requires    mode is not none; of a range: S, U or X
    //   Returns     refused with invalid_argument: it would wait for a strong lock above its own
    lock_answer lock(core& owner, const lock_path& path, lock_mode mode, const lock_call& call) {
        if (waits::must_give_way(owner)) return refusal(error_code::deadlock);
        if constexpr (Deadlock::prevents) waits_.born(owner);
        if (path.level() == lock_level::store) return lock_upper(owner, path, mode, call);
        if (path.level() == lock_level::table) {
            if (has_upper(owner, path, mode)) return {};
            const lock_answer above = lock_upper(owner, lock_path::store(), intent_for(mode), call);
            return above.granted() ? lock_upper(owner, path, mode, call) : above;
        }
        request* above = nullptr;
        const lock_answer parents = lock_parents(owner, path, mode, call, above);
        if (!parents.granted() || above == nullptr) return parents;
        if (above->escalated && above->contended.load() != 0) (void)deescalate(owner, *above);
        if (covers(mode_below(above->held), mode)) {
            if (above->escalated) remember(owner, path, mode);
            return {};
        }
        return path.level() == lock_level::key ? lock_key(owner, path, mode, call, *above)
                                               : lock_range(owner, path, mode, call, *above);
    }

    // Whether the owner has the store or a table in a mode that covers that by a lock there.
    [[nodiscard]] static bool has_upper(core& owner, const lock_path& path, lock_mode mode) {
        request* const held = find(owner, path);
        if (held == nullptr || !covers(held->held, mode)) return false;
        if (held->escalated) held->plain = supremum(held->plain, mode);
        return true;
    }
    // The owner's own request there, if it has one.
    [[nodiscard]] static request* find(core& owner, const lock_path& path) {
        if (path.level() <= lock_level::table)
            if (request* const own = intents::in_use(owner, path); own != nullptr) return own;
        if (request* const last = owner.index.recent(path); last != nullptr) return last;
        return owner.index.size() == 0 ? nullptr : owner.index.find(path, path.hash());
    }
    //   Returns     the mode in which the owner has `path`, by a lock there or above it
    [[nodiscard]] static lock_mode mode_of(core& owner, const lock_path& path) {
        lock_mode mode = lock_mode::none;
        for (lock_path at = path;; at = at.parent()) {
            if (const request* const held = find(owner, at); held != nullptr)
                mode = supremum(mode, at == path ? held->held : mode_below(held->held));
            if (!at.has_parent()) return mode;
        }
    }

    // For messages: a lock of the owner below that.
    [[nodiscard]] static bytes some_below(core& owner, const lock_path& above) {
        for (const request* const held : owner.pooled)
            if (held->head->level > above.level() &&
                (above.level() == lock_level::store || held->head->table == above.table()))
                return held->head->path().text();
        for (std::size_t i = 1; i < core::own_count; ++i)
            if (owner.own[i].in_use) return lock_path::table(owner.own[i].table).text();
        return {};
    }
    // For messages: where a wait for `path` would have been for a strong lock above own ones.
    [[nodiscard]] static lock_path blocked_upward(core& owner, const lock_path& path) {
        lock_path at = path;
        while (at.has_parent() && (at.level() > lock_level::table || find(owner, at) == nullptr))
            at = at.parent();
        return at;
    }
    //   Requires    all is released
    void end(core& owner) {
        intents::forget_all(owner);
        locks_.end_owner(owner);
    }

    // A key that the owner has only by an escalated lock above.
    //   Effects     de-escalation will not lock it again
    //   Returns     false when it is not known as such
    bool forget_key(core& owner, const lock_path& path) {
        return path.level() == lock_level::key && std::erase_if(owner.remembered, [&](auto& key) {
                                                      return key.table == path.table() &&
                                                             key.key == path.low();
                                                  }) != 0;
    }
    //   Requires    the owner has `held` there, and nothing below it
    void unlock(core& owner, request& held, const lock_path& path) {
        wake_list wakes;
        if (!held.pooled) {
            if (path.has_parent()) --owner.own[0].children;
            return intents_.give_back(owner, held, wakes);
        }
        --held.above->children;
        if (held.above->escalated) (void)forget_key(owner, path);
        owner.index.erase(held, held.head->hash);
        owner.pooled[held.position] = owner.pooled.back();
        owner.pooled[held.position]->position = held.position;
        owner.pooled.pop_back();
        release_pooled(owner, held, wakes);
    }
    //   Effects     all is released, what is below first
    void release_all(core& owner) {
        wake_list wakes;
        std::size_t upper = 0;
        for (request* const held : owner.pooled)
            if (held->head->level >= lock_level::key) release_pooled(owner, *held, wakes);
            else owner.pooled[upper++] = held;
        for (std::size_t i = 0; i < upper; ++i) release_pooled(owner, *owner.pooled[i], wakes);
        owner.pooled.clear();
        owner.index.clear();
        owner.remembered.clear();
        owner.passing.clear();
        owner.forgot = false;
        owner.unchecked = nullptr;
        intents_.give_back_all(owner, wakes);
        owner.attempt.store(owner.attempt.load() + 1);
    }

    // The locks on keys are taken again and the one on the table is weakened, so that others come
    // in beside it.
    //   Returns     false when there are no such keys to be known
    bool deescalate(core& owner, request& above) {
        above.contended.store(0);
        if (!above.escalated || owner.forgot) return false;
        const table_id of = above.head->table;
        lock_mode left = above.plain;
        const lock_call now{{}, true, 0, ""};
        for (const auto& key : owner.remembered) {
            if (key.table != of) continue;
            left = supremum(left, intent_for(key.mode));
            const lock_path path = lock_path::key(of, key.key);
            const std::uint64_t hash = path.hash();
            request* asked = owner.index.find(path, hash);
            const bool made = asked == nullptr;
            const lock_answer taken = waits_.acquire(owner, asked, path, hash, key.mode, now);
            check(taken.granted(), "a key below an escalated lock is held by another owner");
            if (made) note_pooled(owner, *asked, above);
        }
        std::erase_if(owner.remembered, [&](const auto& key) { return key.table == of; });
        mark_escalated(above, false);
        locks_.weaken(above, left);
        above.strong = is_strong(left);
        if (!above.strong) intents_.take_back_strong(lock_path::table(of));
        above.next_escalation = above.children * 2;
        return true;
    }

    // Asynchronous locks: what remains of one whose wait is over.
    //   Returns     granted when lock() can be called again to go on
    lock_answer resume(core& owner, const lock_path& path) {
        auto& pending = owner.pending;
        const lock_path upper =
            pending.store ? lock_path::store() : lock_path::table(pending.table);
        const bool above = pending.kind == lock_step::upper;
        const lock_answer answer = waits_.settle(pending.asked, above ? upper : path);
        switch (pending.kind) {
            case lock_step::upper:
                note_upper(owner, upper, pending.asked, pending.made, pending.announced,
                           answer.granted(), pending.mode);
                break;
            case lock_step::key:
                if (!answer.granted()) break;
                if (pending.made) note_pooled(owner, *pending.asked, *find(owner, path.parent()));
                owner.unchecked = pending.asked;
                break;
            case lock_step::range_of_key:
                if (answer.granted())
                    keep_passing(owner, *pending.asked, *find(owner, path.parent()), pending.mode);
                break;
            case lock_step::pass:
                if (answer.granted()) stop_passing_through(*pending.asked, pending.mode);
                break;
        }
        if (!answer.granted()) stop_passing(owner);
        if (!answer.granted() && path.level() == lock_level::range) fail_range(owner, path);
        return answer;
    }

private:
    [[nodiscard]] static lock_answer refusal(error_code why) {
        return {lock_status::refused, why, 0, {}};
    }

    //   Effects     `above` is the request for the table; nullptr when the store's lock is enough
    [[gnu::always_inline]] lock_answer lock_parents(core& owner, const lock_path& path,
                                                    lock_mode mode, const lock_call& call,
                                                    request*& above) {
        const lock_mode intent = intent_for(mode);
        request& store = owner.own[0];
        if (store.in_use && covers(mode_below(store.held), mode)) return {};
        above = intents::recent(owner, path.table());
        if (above != nullptr && covers(above->held, intent)) return {};
        const lock_path parent = path.parent();
        above = find(owner, parent);
        if (above != nullptr && covers(above->held, intent)) return {};
        if (above == nullptr || !above->pooled) {
            if (request* const taken = intents_.take(owner, path.table(), intent);
                taken != nullptr) {
                if (above == nullptr) ++store.children;
                above = taken;
                return {};
            }
        }
        lock_answer answer = lock_upper(owner, lock_path::store(), intent, call);
        if (answer.granted()) answer = lock_upper(owner, parent, intent, call);
        if (answer.granted()) above = find(owner, parent);
        return answer;
    }
    lock_answer lock_upper(core& owner, const lock_path& path, lock_mode mode,
                           const lock_call& call) {
        if (path.has_parent() && owner.own[0].in_use && covers(mode_below(owner.own[0].held), mode))
            return {};
        if (has_upper(owner, path, mode)) return {};
        request* const held = find(owner, path);
        const bool own = held == nullptr || !held->pooled;
        if (own && is_intent(mode) && intents_.take(owner, path, mode)) {
            if (held == nullptr && path.has_parent()) ++owner.own[0].children;
            return {};
        }
        const lock_mode wanted = held == nullptr ? mode : supremum(held->held, mode);
        const bool announced = is_strong(wanted) && (held == nullptr || !held->strong);
        const bool waits_upward =
            is_strong(wanted) && held != nullptr && held->children != 0 && !call.at_once;
        if (waits_upward && !options_.allow_upward_waits)
            return refusal(error_code::invalid_argument);
        if (announced) intents_.announce_strong(path);
        request* asked = own ? intents_.prepare_shared(owner, path) : held;
        owner.pending = {lock_step::upper, asked, path.table(),      held == nullptr,
                         announced,        mode,  !path.has_parent()};
        const lock_answer answer = waits_.acquire(owner, asked, path, path.hash(), mode, call);
        if (answer.status != lock_status::pending)
            note_upper(owner, path, asked, held == nullptr, announced, answer.granted(), mode);
        return answer;
    }
    [[gnu::always_inline]] lock_answer lock_key(core& owner, const lock_path& path, lock_mode mode,
                                                const lock_call& call, request& above) {
        const std::uint64_t hash = path.hash();
        for (;;) {
            request* asked = owner.index.find(path, hash);
            const bool unchecked = asked != nullptr && owner.unchecked == asked;
            if (asked != nullptr && covers(asked->held, mode) && !unchecked) return {};
            if (!unchecked) {
                const bool made = asked == nullptr;
                owner.unchecked = nullptr;
                owner.unchecked_before = made ? lock_mode::none : asked->held;
                owner.pending = {lock_step::key, asked, path.table(), made, false};
                const lock_answer answer = waits_.acquire(owner, asked, path, hash, mode, call);
                if (answer.status == lock_status::refused) stop_passing(owner);
                if (!answer.granted()) return answer;
                if (made) note_pooled(owner, *asked, above);
            }
            owner.unchecked = nullptr;
            const lock_mode before = owner.unchecked_before;
            kept_range& range = owner.met;
            if (!ranges_.any(path.table()) ||
                !ranges_.before_key(&owner, path, asked->held, before != lock_mode::none, range)) {
                stop_passing(owner);
                escalate_if_many(owner, above);
                return {};
            }
            if (before == lock_mode::none) unlock(owner, *asked, path);
            else locks_.weaken(*asked, before);
            const lock_answer passed = pass_range(owner, range.path(), mode, call, above);
            if (passed.status == lock_status::refused) stop_passing(owner);
            if (!passed.granted()) return passed;
        }
    }
    // Waits for a range that a key is in. Its queue is held until the key is locked, else who gave
    // the range back could have it again first, for ever.
    lock_answer pass_range(core& owner, const lock_path& path, lock_mode mode,
                           const lock_call& call, request& above) {
        request* asked = find(owner, path);
        const lock_mode before = asked == nullptr ? lock_mode::none : asked->held;
        owner.pending = {lock_step::range_of_key, asked, path.table(),
                         asked == nullptr,        false, before};
        const lock_answer answer = waits_.acquire(owner, asked, path, path.hash(), mode, call);
        if (answer.granted()) keep_passing(owner, *asked, above, before);
        return answer;
    }
    void keep_passing(core& owner, request& passed, request& above, lock_mode before) {
        if (passed.held == before) return;
        if (before == lock_mode::none) note_pooled(owner, passed, above);
        owner.passing.push_back({&passed, before});
    }
    void stop_passing(core& owner) {
        for (const auto& [passed, before] : owner.passing)
            if (before == lock_mode::none) unlock(owner, *passed, passed->head->path());
            else locks_.weaken(*passed, before);
        owner.passing.clear();
    }
    lock_answer lock_range(core& owner, const lock_path& path, lock_mode mode,
                           const lock_call& call, request& above) {
        const std::uint64_t hash = path.hash();
        request* asked = owner.index.find(path, hash);
        owner.unchecked = nullptr;
        if (asked == nullptr || !covers(asked->held, mode)) {
            const bool made = asked == nullptr;
            if (!made) asked->listed = lock_mode::none;
            owner.pending = {lock_step::key, asked, path.table(), made, false};
            const lock_answer answer = waits_.acquire(owner, asked, path, hash, mode, call);
            if (answer.status == lock_status::refused) fail_range(owner, path);
            if (!answer.granted()) return answer;
            if (made) note_pooled(owner, *asked, above);
        }
        if (covers(asked->listed, mode)) return {};
        asked->listed = lock_mode::none;
        ranges_.want(&owner, path, asked->held);
        do {
            const lock_answer passed = pass_all(owner, path, asked->held, call);
            if (passed.status == lock_status::refused) fail_range(owner, path);
            if (!passed.granted()) return passed;
        } while (!ranges_.have(&owner, path));
        asked->listed = asked->held;
        return {};
    }
    // Waits for all that the range meets.
    lock_answer pass_all(core& owner, const lock_path& path, lock_mode mode,
                         const lock_call& call) {
        kept_range& other = owner.met;
        while (ranges_.before_range(&owner, path, mode, other))
            if (const lock_answer passed = pass_through(owner, other.path(), mode, call);
                !passed.granted())
                return passed;
        for (std::size_t i = 0; i < locks_.shard_count(); ++i)
            while (key_in_way(owner, locks_.shard_at(i), path, mode, other.low))
                if (const lock_answer passed =
                        pass_through(owner, lock_path::key(path.table(), other.low), mode, call);
                    !passed.granted())
                    return passed;
        return {};
    }
    // A key of that shard which another owner has, and which the range meets.
    [[nodiscard]] static bool key_in_way(core& owner, shard& home, const lock_path& range,
                                         lock_mode mode, bytes& into) {
        const latch_guard hold{home.latch};
        bool found = false;
        home.each([&](head& at) {
            if (at.level != lock_level::key || at.table != range.table()) return true;
            if ((conflicts_of(mode) & at.granted_modes.set()) == 0) return true;
            if (!at.path().meets(range)) return true;
            for (const request& holder : at.granted)
                if (holder.owner != &owner && !compatible(holder.held, mode)) found = true;
            if (found) into.assign(at.low);
            return !found;
        });
        return found;
    }
    // Waits until it could have `path` in that mode.
    lock_answer pass_through(core& owner, const lock_path& path, lock_mode mode,
                             const lock_call& call) {
        request* asked = find(owner, path);
        const lock_mode before = asked == nullptr ? lock_mode::none : asked->held;
        owner.pending = {lock_step::pass, asked, path.table(), asked == nullptr, false, before};
        const lock_answer answer = waits_.acquire(owner, asked, path, path.hash(), mode, call);
        if (answer.granted()) stop_passing_through(*asked, before);
        return answer;
    }
    void stop_passing_through(request& passed, lock_mode before) {
        if (passed.held == before) return;
        if (before != lock_mode::none) return locks_.weaken(passed, before);
        wake_list wakes;
        locks_.release(passed, wakes);
    }
    //   Effects     a range that did not come to be listed as held is as it was before
    void fail_range(core& owner, const lock_path& path) {
        request* const asked = owner.index.find(path, path.hash());
        if (asked == nullptr || asked->listed != lock_mode::none) return;
        const lock_mode before = ranges_.give_up(&owner, path);
        if (before == lock_mode::none) return unlock(owner, *asked, path);
        locks_.weaken(*asked, before);
        asked->listed = before;
    }

    void escalate_if_many(core& owner, request& above) {
        if (options_.escalate_at == 0 || above.children < options_.escalate_at ||
            above.children < above.next_escalation || above.escalated)
            return;
        above.next_escalation = above.children * 2;  // unless it works
        const lock_path path = lock_path::table(above.pooled ? above.head->table : above.table);
        const lock_mode mode = above.held == lock_mode::IS ? lock_mode::S : lock_mode::X;
        const lock_mode plain = above.held;
        const lock_call now{{}, true, 0, ""};
        if (!lock_upper(owner, path, mode, now).granted()) return;
        above.plain = plain;
        mark_escalated(above, true);
        escalations_.fetch_add(1);
        wake_list wakes;
        std::size_t kept = 0;
        for (request* const held : owner.pooled) {
            if (held->head->level != lock_level::key || held->head->table != path.table()) {
                held->position = static_cast<std::uint32_t>(kept);
                owner.pooled[kept++] = held;
                continue;
            }
            remember(owner, held->head->path(), held->held);
            owner.index.erase(*held, held->head->hash);
            --above.children;
            release_pooled(owner, *held, wakes);
        }
        owner.pooled.resize(kept);
    }
    void mark_escalated(request& above, bool escalated) {
        const latch_guard hold{above.home->latch};
        above.escalated = escalated;
        above.contended.store(escalated && !above.head->waiting.empty() ? 1 : 0);
    }
    void remember(core& owner, const lock_path& path, lock_mode mode) {
        if (owner.forgot) return;
        if (path.level() != lock_level::key ||
            owner.remembered.size() >= options_.deescalate_keys) {
            owner.remembered.clear();
            owner.forgot = true;
            return;
        }
        owner.remembered.push_back({path.table(), bytes{path.low()}, mode});
    }

    // What the owner has to know of a request that was answered.
    void note_upper(core& owner, const lock_path& path, request* asked, bool made, bool announced,
                    bool granted, lock_mode mode) {
        if (!granted) {
            if (announced) intents_.take_back_strong(path);
            if (asked != nullptr && !asked->pooled && made) intents::abandon(owner, *asked);
            return;
        }
        if (announced) asked->strong = true;
        if (asked->escalated) asked->plain = supremum(asked->plain, mode);
        if (!made) return;
        if (!asked->pooled) {
            owner.set_in_use(*asked, true);
            if (path.has_parent()) ++owner.own[0].children;
        } else note_pooled(owner, *asked, owner.own[0]);
    }
    void note_pooled(core& owner, request& asked, request& above) {
        asked.position = static_cast<std::uint32_t>(owner.pooled.size());
        owner.pooled.push_back(&asked);
        owner.index.insert(asked, asked.head->hash);
        asked.above = &above;
        ++above.children;
    }
    void release_pooled(core& owner, request& held, wake_list& wakes) {
        if (held.head->level == lock_level::range) ranges_.remove(&owner, held.head->path());
        const table_id of = held.head->table;
        const bool strong = std::exchange(held.strong, false);
        locks_.release(held, wakes);
        if (strong) intents_.take_back_strong(lock_path::table(of));
    }

    using ranges = lock_ranges<Platform>;

    const lock_manager_options options_;
    table locks_;
    search detector_;
    waits waits_;
    intents intents_;
    ranges ranges_;
    typename Platform::template atomic<std::uint64_t> escalations_{0};
};

}  // namespace mantis::detail
