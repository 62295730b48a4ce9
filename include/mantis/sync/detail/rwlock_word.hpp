// SPDX-License-Identifier: BSL-1.0
//
// The state of a reader-writer lock as one number: what each bit means, who may enter, and what an
// entry makes of it. Functions of the number alone; rwlock.hpp is the only one to use them.
//
//   bit 0       writer inside
//   bit 1       writers parked    some writer is in the queue
//   bit 2       readers parked    some reader is in the queue
//   bit 3       upgrader          a reader inside waits until it is the only one
//   bit 4       waking            a writer was taken out of the queue and has not come back
//   bit 5       announced         readers that come stay out until the next writer is inside; only
//                                 while some writer is parked or waking
//   bits 8-19   exclusive entries that passed a parked reader; 0 while none is parked
//   bits 20-31  exclusive entries that passed a waiting writer since the lock was last handed to
//               one; 0 while none waits
//   bits 32-63  readers inside, and for a moment one that is about to back out
#pragma once

#include "../rwlock_bound.hpp"

namespace mantis::detail {

template <rwlock_bound Bound>
struct rwlock_word {
    using word = std::uint64_t;

    static constexpr word writer_inside = 1;
    static constexpr word writers_parked = 1 << 1;
    static constexpr word readers_parked = 1 << 2;
    static constexpr word upgrader = 1 << 3;
    static constexpr word waking = 1 << 4;
    static constexpr word announced = 1 << 5;
    static constexpr word past_reader = 1 << 8;
    static constexpr word past_writer = 1 << 20;
    static constexpr word reader = word{1} << 32;

    static constexpr word writer_waits = writers_parked | waking;
    static constexpr word somebody_waits = writers_parked | readers_parked | upgrader;
    // What keeps a reader out that comes now.
    static constexpr word closed = writer_inside | announced | upgrader;

    [[nodiscard]] static constexpr word readers(word w) noexcept { return w >> 32; }
    [[nodiscard]] static constexpr word passed_readers(word w) noexcept { return w >> 8 & 0xfff; }
    [[nodiscard]] static constexpr word passed_writers(word w) noexcept { return w >> 20 & 0xfff; }

    // The next to enter is the readers that are parked.
    [[nodiscard]] static constexpr bool due_to_readers(word w) noexcept {
        return (w & readers_parked) != 0 && passed_readers(w) >= Bound::writers_in_a_row;
    }
    // The next writer to enter is the oldest that waits.
    [[nodiscard]] static constexpr bool due_to_oldest(word w) noexcept {
        return (w & writer_waits) != 0 && passed_writers(w) >= Bound::writers_past_a_writer;
    }
    [[nodiscard]] static constexpr bool free(word w) noexcept {
        return (w & writer_inside) == 0 && readers(w) == 0;
    }
    // Whether a running writer, woken or new, may enter.
    [[nodiscard]] static constexpr bool may_write(word w) noexcept {
        return free(w) && !due_to_readers(w) && !due_to_oldest(w);
    }
    // Whether the upgrader may enter; it holds one of the read locks.
    [[nodiscard]] static constexpr bool may_upgrade(word w) noexcept {
        return (w & writer_inside) == 0 && readers(w) == 1 && !due_to_readers(w);
    }

    // ... after an exclusive entry that passes whoever still waits.
    [[nodiscard]] static constexpr word after_write(word w) noexcept {
        word next = (w | writer_inside) & ~announced;
        if ((w & readers_parked) != 0) next += past_reader;
        if ((w & writer_waits) != 0) next += past_writer;
        return next;
    }
    // ... of the writer that `waking` stands for.
    [[nodiscard]] static constexpr word after_woken_write(word w) noexcept {
        return after_write(tidy(w & ~waking));
    }
    // ... of the oldest writer, to whom the lock is handed; so many are parked still.
    [[nodiscard]] static constexpr word after_handover(word w, std::uint32_t writers) noexcept {
        w &= ~(0xfff * past_writer);
        word next = (w | writer_inside) & ~(announced | writers_parked);
        if (writers != 0) next |= writers_parked;
        if ((w & readers_parked) != 0) next += past_reader;
        return next;
    }
    // ... of the upgrader, who passes no writer, for none could have entered before it.
    [[nodiscard]] static constexpr word after_upgrade(word w) noexcept {
        word next = (w - reader) | writer_inside;
        if ((w & readers_parked) != 0) next += past_reader;
        return next & ~upgrader;
    }

    // What is said of those who do not wait any more is taken back.
    [[nodiscard]] static constexpr word tidy(word w) noexcept {
        if ((w & readers_parked) == 0) w &= ~(0xfff * past_reader);
        if ((w & writer_waits) == 0) w &= ~(0xfff * past_writer | announced);
        return w;
    }
    // The word when so many are in the queue.
    [[nodiscard]] static constexpr word with_parked(word w, std::uint32_t writers,
                                                    std::uint32_t waiting_readers) noexcept {
        w &= ~(writers_parked | readers_parked);
        if (writers != 0) w |= writers_parked;
        if (waiting_readers != 0) w |= readers_parked;
        return tidy(w);
    }

    // The word when a reader parks that was passed so often before, when it was parked already.
    [[nodiscard]] static constexpr word after_reader_parks(word w, word passed_before) noexcept {
        w |= readers_parked;
        const word passed = passed_readers(w);
        return passed < passed_before ? w + (passed_before - passed) * past_reader : w;
    }

    // Whether somebody in the queue may have to be let in after a release that left `w`. While a
    // woken writer is on its way it is the one who looks.
    [[nodiscard]] static constexpr bool calls_for_a_look(word w) noexcept {
        if ((w & upgrader) != 0 && readers(w) == 1) return true;
        return free(w) && (w & (writers_parked | readers_parked)) != 0 && (w & waking) == 0;
    }
};

}  // namespace mantis::detail
