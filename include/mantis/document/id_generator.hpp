// SPDX-License-Identifier: BSL-1.0
//
// Ids for documents that come without one: 24 hexadecimal digits that sort by the time they were
// made.
//
//   96 bits:  milliseconds since 1970 (44) | counter (12) | the generator's random number (40)
//
// One generator never makes the same id twice and each is greater than the one before: time and
// counter are one number that only grows, past the clock when more than 4096 ids are made in a
// millisecond or the clock goes back. Two generators, in one process or in two, differ in the
// random part, with one chance in 10^12 of not doing so.
//
// Threads: any number at once; one atomic step an id.
#pragma once

#include "../core/bytes.hpp"
#include "../core/units.hpp"

namespace mantis {

template <class Platform>
class id_generator {
public:
    static constexpr std::size_t id_digits = 24;

    explicit id_generator(Platform world)
        : random_{world.random() & random_mask}, world_{std::move(world)} {}
    id_generator(const id_generator&) = delete;
    id_generator& operator=(const id_generator&) = delete;

    [[nodiscard]] bytes next() {
        const std::uint64_t tick = next_tick();  // 56 bits
        bytes id = bytes::zeros(id_digits);
        write_hex(id.data(), tick, 56);
        write_hex(id.data() + 56 / 4, random_, 40);
        return id;
    }

private:
    static constexpr unsigned counter_bits = 12;
    static constexpr std::uint64_t random_mask = (std::uint64_t{1} << 40) - 1;

    [[nodiscard]] std::uint64_t next_tick() {
        const auto now_ms = static_cast<std::uint64_t>(world_.wall_time().count / 1'000'000);
        const std::uint64_t now = now_ms << counter_bits;
        std::uint64_t last = last_.load();
        std::uint64_t next = 0;
        do next = last >= now ? last + 1 : now;
        while (!last_.compare_exchange_weak(last, next));
        return next;
    }
    static void write_hex(std::byte* to, std::uint64_t value, unsigned bits) {
        constexpr char digits[] = "0123456789abcdef";
        for (unsigned shift = bits; shift != 0;) {
            shift -= 4;
            *to++ = static_cast<std::byte>(digits[value >> shift & 15]);
        }
    }

    std::uint64_t random_;
    Platform world_;
    typename Platform::template atomic<std::uint64_t> last_{0};
};

}  // namespace mantis
