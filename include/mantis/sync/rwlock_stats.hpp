// SPDX-License-Identifier: BSL-1.0
//
// A watch of rwlock that records how long its users waited, readers, writers and upgraders apart.
//
//   rwlock<posix, writer_preference<>, wait_stats<histogram>> lock;
//   lock.watch().readers()      of every lock_shared that had to wait, in nanoseconds
//
// Who gets in at once is not recorded and reads no clock.
//
// Threads: those of Histogram, whose record(std::uint64_t) is called by all users of the lock at
// once.
#pragma once

#include "../platform/platform.hpp"
#include "rwlock_watch.hpp"

namespace mantis {

template <class H>
concept wait_histogram = requires(H& waits, std::uint64_t ns) {
    waits.record(ns);
};

template <wait_histogram Histogram>
struct wait_stats {
    template <class Platform>
    class of {
    public:
        static constexpr void wants(rwlock_use) noexcept {}
        static constexpr void enters(rwlock_use) noexcept {}
        static constexpr void leaves(rwlock_use) noexcept {}
        [[nodiscard]] static nanoseconds begins_wait() { return Platform::parking::now(); }
        // In vain or not: who gave up has waited as well.
        void ends_wait(rwlock_use use, nanoseconds began, bool) {
            const nanoseconds length = Platform::parking::now() - began;
            const auto ns = static_cast<std::uint64_t>(length.count < 0 ? 0 : length.count);
            switch (use) {
                case rwlock_use::shared: return readers_.record(ns);
                case rwlock_use::exclusive: return writers_.record(ns);
                case rwlock_use::upgrade: return upgraders_.record(ns);
            }
        }

        [[nodiscard]] Histogram& readers() noexcept { return readers_; }
        [[nodiscard]] Histogram& writers() noexcept { return writers_; }
        [[nodiscard]] Histogram& upgraders() noexcept { return upgraders_; }

    private:
        Histogram readers_;
        Histogram writers_;
        Histogram upgraders_;
    };
};

}  // namespace mantis
