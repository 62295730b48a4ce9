# SPDX-License-Identifier: BSL-1.0
"""Bugs in the lock manager: who gets in beside whom, who is woken, who gives way, what is kept."""

from mutant import Mutant, mutant

INTENTS = (
    mutant(
        "async-answered-twice",
        "lock/detail/lock_waits.hpp",
        "        if (!blocks) {",
        "        if (owner.resume != nullptr) {",
        "lock/schedules.cpp",
        "An asynchronous lock that is granted as it begins to wait is answered twice.",
    ),
    mutant(
        "wound-lost",
        "lock/detail/lock_waits.hpp",
        "        while (told < attempt && !owner.wounded.compare_exchange_strong(told, "
        "attempt)) {}",
        "        if (told != attempt) owner.wounded.store(attempt);",
        "lock/schedules.cpp",
        "A late wound undoes a newer one, and two wait for each other for ever.",
    ),
    mutant(
        "intent-past-strong",
        "lock/detail/intents.hpp",
        "        if (mode != slot.held && count_of(path).load() != 0) return false;",
        "",
        "lock/schedules.cpp",
        "An intent is taken beside a strong lock.",
    ),
    mutant(
        "kept-intent-survives",
        "lock/detail/intents.hpp",
        "            if (slot.in_use) share(slot, path, wakes);\n"
        "            else slot.held = lock_mode::none;\n"
        "        }\n"
        "    }\n"
        "    //   Requires    the owner's own_latch; it is in use",
        "            if (slot.in_use) share(slot, path, wakes);\n"
        "        }\n"
        "    }\n"
        "    //   Requires    the owner's own_latch; it is in use",
        "lock/schedules.cpp",
        "An intent that was kept is taken again beside a strong lock.",
    ),
    mutant(
        "announced-too-late",
        "lock/detail/intents.hpp",
        "        count_of(path).fetch_add(1);\n"
        "        locks_.each_owner([&](core& owner) { revoke(owner, path, wakes); });",
        "        locks_.each_owner([&](core& owner) { revoke(owner, path, wakes); });\n"
        "        count_of(path).fetch_add(1);",
        "lock/schedules.cpp",
        "An intent that is taken while a strong lock is announced is seen by nobody.",
    ),
    mutant(
        "range-does-not-look-again",
        "lock/detail/lock_ranges.hpp",
        "                    other.look_again = true;",
        "",
        "lock/schedules.cpp",
        "A key and a range that meets it are locked at once.",
    ),
    mutant(
        "ranges-pass-each-other",
        "lock/detail/lock_ranges.hpp",
        "earlier ? supremum(other.held, other.wanted) : other.held",
        "other.held",
        "lock/schedules.cpp",
        "Two ranges that meet are locked at once.",
    ),
    mutant(
        "give-up-lost-wake",
        "lock/detail/lock_waits.hpp",
        "        asked.owner->end_wait();\n"
        "        locks_.after_change(home, at, wakes);\n"
        "        return true;",
        "        asked.owner->end_wait();\n"
        "        home.drop_unused(at);\n"
        "        return true;",
        "lock/schedules.cpp",
        "Who waits behind one whose time is up sleeps on.",
    ),
    mutant(
        "deescalated-key-lost",
        "lock/detail/lock_engine.hpp",
        "            remember(owner, held->head->path(), held->held);\n" "            owner.index",
        "            owner.index",
        "lock/schedules.cpp",
        "A key is free after de-escalation though its owner still writes it.",
    ),
)

ASYNCHRONOUS = (
    mutant(
        "expire-under-latch",
        "lock/manager.hpp",
        "            detail::lock_wake_list<Platform> wakes;\n"
        "            engine_.locks().each_owner(\n"
        "                [&](core& owner) { engine_.all_waits().expire(owner, wakes); });",
        "            engine_.locks().each_owner([&](core& owner) {\n"
        "                detail::lock_wake_list<Platform> wakes;\n"
        "                engine_.all_waits().expire(owner, wakes);\n"
        "            });",
        "lock/asynchronous.cpp",
        "A callback that begins an owner waits for the latch it is called under.",
    ),
    mutant(
        "victim-told-under-latch",
        "lock/detail/detector.hpp",
        "    std::size_t search_all() {\n"
        "        wake_list wakes;\n"
        "        const lock_guard<mutex> hold{latch_};",
        "    std::size_t search_all() {\n"
        "        const lock_guard<mutex> hold{latch_};\n"
        "        wake_list wakes;",
        "lock/asynchronous.cpp",
        "A victim's callback that looks inside waits for the search that called it.",
    ),
    mutant(
        "callbacks-pile-up",
        "lock/detail/request.hpp",
        "        if (std::exchange(mine.under_way, true)) return;",
        "        mine.under_way = true;",
        "lock/asynchronous.cpp",
        "A long chain of callbacks overflows the stack.",
    ),
    mutant(
        "expire-too-early",
        "lock/detail/lock_waits.hpp",
        "owner.async_deadline.load() > parking::now().count",
        "owner.async_deadline.load() == INT64_MAX",
        "lock/asynchronous.cpp",
        "Waits end before their deadline.",
    ),
)

QUEUES = (
    Mutant(
        "barging-unbounded",
        "lock/detail/head.hpp",
        (
            (
                "            if (granted.empty() && bypassed < bypass_bound) ++bypassed;",
                "            if (granted.empty()) ++bypassed;",
            ),
            (
                "            if (granted.empty() && bypassed < bypass_bound && "
                "candidate.owner->resume == nullptr) {",
                "            if (granted.empty() && candidate.owner->resume == nullptr) {",
            ),
        ),
        "lock/fairness.cpp",
        "A waiter is passed for ever.",
    ),
    mutant(
        "ahead-not-counted",
        "lock/detail/head.hpp",
        "        count_passed(at);\n        return true;",
        "        return true;",
        "lock/fairness.cpp",
        "Who is passed by priorities is passed for ever.",
    ),
    mutant(
        "priority-not-counted",
        "lock/detail/head.hpp",
        "        count_passed(at);\n        waiting.insert(at, asked);",
        "        waiting.insert(at, asked);",
        "lock/fairness.cpp",
        "The same in the queue.",
    ),
    mutant(
        "blocking-not-counted",
        "lock/detail/head.hpp",
        "                ++before->passed;\n" "                to = before;",
        "                to = before;",
        "lock/fairness.cpp",
        "Who blocks few is passed for ever.",
    ),
    mutant(
        "blocks-least-first",
        "lock/detail/head.hpp",
        "before->owner->blocked.load() >= moved.owner->blocked.load())",
        "before->owner->blocked.load() <= moved.owner->blocked.load())",
        "lock/fairness.cpp",
        "The choice lets in the wrong one.",
    ),
    mutant(
        "newcomer-before-conversion",
        "lock/detail/head.hpp",
        "            if (before->held != lock_mode::none) break;\n",
        "",
        "lock/fairness.cpp",
        "A conversion waits for a newcomer that waits for it.",
    ),
    mutant(
        "reader-past-writer",
        "lock/detail/head.hpp",
        "            else if (!goes_ahead(asked, wanted, bypass_bound)) return false;",
        "            else if (wanted == lock_mode::X) return false;",
        "lock/fairness.cpp",
        "Readers pass a writer that waits, for ever.",
    ),
)

DEADLOCKS = (
    mutant(
        "oldest-victim",
        "lock/victim.hpp",
        "a.birth > b.birth : a.owner",
        "a.birth < b.birth : a.owner",
        "lock/rings.cpp",
        "The policy says youngest, and the oldest gives way.",
    ),
    mutant(
        "retries-not-looked-at",
        "lock/victim.hpp",
        "            if (a.retries != b.retries) return a.retries < b.retries;\n",
        "",
        "lock/rings.cpp",
        "The same owner gives way for ever.",
    ),
    mutant(
        "priority-not-told",
        "lock/detail/detector.hpp",
        "        node.priority = owner.priority;\n",
        "",
        "lock/rings.cpp",
        "An important owner gives way to a lesser one.",
    ),
    mutant(
        "retries-not-counted",
        "lock/owner.hpp",
        "        ++core_.retries;\n",
        "",
        "lock/rings.cpp",
        "The same owner gives way for ever.",
    ),
    mutant(
        "passed-not-judged",
        "lock/detail/lock_waits.hpp",
        "            if (compatible(passed.wanted, mode)) continue;",
        "            if (passed.owner != nullptr) continue;",
        "lock/rings.cpp",
        "A conversion makes a wait against the order of ages.",
    ),
    mutant(
        "conversion-out-of-order",
        "lock/detail/lock_waits.hpp",
        "            at.in_order = Deadlock::prevents;",
        "",
        "lock/rings.cpp",
        "Two conversions wait for each other though the policy prevents it.",
    ),
    mutant(
        "edge-of-search",
        "lock/detail/detector.hpp",
        "        return {kept_.rbegin(), kept_.rend()};",
        "        return {kept_.begin(), kept_.end()};",
        "lock/rings.cpp",
        "The reports begin with the oldest dead-lock.",
    ),
)

MEMORY = (
    mutant(
        "request-not-given-back",
        "lock/detail/lock_table.hpp",
        "        if (given.pooled) home.give_back(given);",
        "",
        "lock/steady_state.cpp",
        "Memory grows with every lock.",
    ),
    mutant(
        "head-not-given-back",
        "lock/detail/shard.hpp",
        "        heads_.give_back(given);",
        "",
        "lock/steady_state.cpp",
        "Memory grows with every key.",
    ),
    mutant(
        "strong-for-ever",
        "lock/detail/intents.hpp",
        "            if (std::exchange(slot.strong, false)) take_back_strong(path);",
        "",
        "lock/steady_state.cpp",
        "After one strong lock no intent is noted by its owner alone.",
    ),
    mutant(
        "strong-in-vain-for-ever",
        "lock/detail/lock_engine.hpp",
        "            if (announced) intents_.take_back_strong(path);",
        "",
        "lock/steady_state.cpp",
        "The same after a strong lock that was refused.",
    ),
)

MISUSE = (
    mutant(
        "unlocked-above-keys",
        "lock/owner.hpp",
        "if (held->children != 0 || held->escalated)",
        "if (held->escalated)",
        "lock/misuse.cpp",
        "A table is unlocked while keys in it are locked.",
    ),
    mutant(
        "unlocked-escalated",
        "lock/owner.hpp",
        "if (held->children != 0 || held->escalated)",
        "if (held->children != 0)",
        "lock/misuse.cpp",
        "A table that stands for keys is unlocked.",
    ),
)

MUTANTS = INTENTS + ASYNCHRONOUS + QUEUES + DEADLOCKS + MEMORY + MISUSE
