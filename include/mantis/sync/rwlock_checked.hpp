// SPDX-License-Identifier: BSL-1.0
//
// A watch of rwlock that knows who holds it, and stops a program that misuses it with a sentence
// that names the threads:
//
//   rwlock: thread 2 (flusher) wants it for writing and holds it for reading already
//   rwlock: thread 2 (flusher) ends writing and does not hold it for that; held by thread 1 (main)
//   for reading
//
// Any wish of a thread that holds it, for a try as well: that it may succeed does not make it
// right.
// When a wait ends at its deadline, last_timeout() says who had the lock then.
//
// For tests and for programs that hang: every use takes a latch and looks through the holders.
//
// Invariants:
//   1. holders_ is whom the lock let in and who did not begin to leave; whoever was woken inside of
//      it and does not run yet is missing
//   2. no thread is in holders_ twice
//
// Threads: as the lock.
#pragma once

#include "../platform/detail/decimal.hpp"
#include "rwlock_watch.hpp"
#include "word_latch.hpp"

#include <vector>

namespace mantis {

struct checked_use {
    template <class Platform>
    class of {
    public:
        void wants(rwlock_use use) {
            const lock_guard hold{latch_};
            const std::size_t mine = find();
            if (use == rwlock_use::upgrade) {
                if (!holds(mine, rwlock_use::shared)) refuse("wants to upgrade", mine);
            } else if (mine != holders_.size()) {
                stop_with(use);
            }
        }
        void enters(rwlock_use use) {
            const lock_guard hold{latch_};
            if (use == rwlock_use::upgrade) holders_[find()].use = rwlock_use::exclusive;
            else holders_.push_back({parking::thread_number(), parking::this_thread_name(), use});
        }
        void leaves(rwlock_use use) {
            const lock_guard hold{latch_};
            const std::size_t mine = find();
            if (use == rwlock_use::upgrade) {
                if (!holds(mine, rwlock_use::exclusive)) refuse("wants to downgrade", mine);
                holders_[mine].use = rwlock_use::shared;
                return;
            }
            if (!holds(mine, use))
                refuse(use == rwlock_use::shared ? "ends reading" : "ends writing", mine);
            holders_.erase(holders_.begin() + static_cast<std::ptrdiff_t>(mine));
        }
        [[nodiscard]] static nanoseconds begins_wait() { return parking::now(); }
        void ends_wait(rwlock_use use, nanoseconds began, bool got) {
            if (got) return;
            bytes text = this_thread();
            text.append(" gave up ");
            text.append(name_of(use));
            text.append(" after ");
            const std::int64_t length = (parking::now() - began).count;
            detail::append_decimal(text, static_cast<std::uint64_t>(length < 0 ? 0 : length));
            text.append(" ns; ");
            const lock_guard hold{latch_};
            append_holders(text);
            last_timeout_ = static_cast<bytes&&>(text);
        }

        //   Returns     "thread 3 (flusher) gave up writing after 1000000 ns; held by thread 1
        //               (main) for reading", of the last wait that ended so; empty if none did
        [[nodiscard]] bytes last_timeout() const {
            const lock_guard hold{latch_};
            return last_timeout_;
        }
        //   Returns     "held by thread 1 (main) for reading, thread 2 for reading", or "held by
        //               nobody"
        [[nodiscard]] bytes holders() const {
            bytes text;
            const lock_guard hold{latch_};
            append_holders(text);
            return text;
        }

    private:
        using parking = typename Platform::parking;
        struct holder {
            std::uint32_t number;
            thread_name name;
            rwlock_use use;
        };

        //   Returns     where this thread is in holders_, or their count
        [[nodiscard]] std::size_t find() const {
            const std::uint32_t number = parking::thread_number();
            std::size_t at = 0;
            while (at < holders_.size() && holders_[at].number != number) ++at;
            return at;
        }
        [[nodiscard]] bool holds(std::size_t at, rwlock_use use) const {
            return at < holders_.size() && holders_[at].use == use;
        }

        static void append_thread(bytes& text, std::uint32_t number, const thread_name& name) {
            text.append("thread ");
            detail::append_decimal(text, number);
            if (name.view().empty()) return;
            text.append(" (");
            text.append(name.view());
            text.append(")");
        }
        [[nodiscard]] static bytes this_thread() {
            bytes text;
            append_thread(text, parking::thread_number(), parking::this_thread_name());
            return text;
        }
        void append_holders(bytes& text) const {
            text.append("held by ");
            if (holders_.empty()) text.append("nobody");
            for (std::size_t i = 0; i < holders_.size(); ++i) {
                if (i != 0) text.append(", ");
                append_thread(text, holders_[i].number, holders_[i].name);
                text.append(" for ");
                text.append(name_of(holders_[i].use));
            }
        }

        [[noreturn]] void stop_with(rwlock_use use) const {
            bytes text{bytes_view{"rwlock: "}};
            text.append(this_thread().view());
            text.append(" wants it for ");
            text.append(name_of(use));
            text.append(" and has it already; ");
            append_holders(text);
            stop(text.chars(), text.size());
        }
        [[noreturn]] void refuse(const char* what, std::size_t mine) const {
            bytes text{bytes_view{"rwlock: "}};
            text.append(this_thread().view());
            text.append(" ");
            text.append(what);
            text.append(mine == holders_.size() ? " and does not hold it; "
                                                : " and does not hold it for that; ");
            append_holders(text);
            stop(text.chars(), text.size());
        }

        mutable word_latch<Platform> latch_;
        std::vector<holder> holders_;
        bytes last_timeout_;
    };
};

}  // namespace mantis
