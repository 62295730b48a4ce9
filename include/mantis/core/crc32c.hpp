// SPDX-License-Identifier: BSL-1.0
//
// CRC-32C (Castagnoli, RFC 3720): 32 bits that catch every burst of up to 32 bits and every 1, 2 or
// 3 flipped bits of a record. The default checksum; other tools can recompute it.
//
// Two paths give the same answer. On x86-64 with SSE4.2 and PCLMULQDQ, asked of the processor at
// run time, three parts of the data advance side by side, because the crc32 instruction takes three
// cycles and starts one a cycle:
//   1. the data is cut into lanes a, b, c of `words` times eight bytes; a starts from the state, b
//      and c from zero
//   2. a is moved over the 2 * words words that follow it and b over words, each by one carry-less
//      multiplication with x^(64 * words - 33) mod P; the crc32 instruction reduces the product and
//      supplies the missing x^33
//   3. the three are added (exclusive or), and the rest of the data goes on from there
// Everywhere else, eight table look-ups take eight bytes a step.
//
// Threads: any number; no state.
#pragma once

#include "bytes.hpp"
#include "endian.hpp"

namespace mantis {

namespace detail {

inline constexpr std::uint32_t crc32c_polynomial = 0x82f63b78;  // reflected
inline constexpr std::size_t crc32c_max_lane_words = 128;  // 3 KiB a round; longer gains nothing

struct crc32c_tables {
    // step[n][byte]: the state `byte` after n more zero bytes.
    std::uint32_t step[8][256] = {};
    // shift[words]: x^(64 * words - 33) mod P.
    std::uint32_t shift[2 * crc32c_max_lane_words + 1] = {};

    constexpr crc32c_tables() noexcept {
        for (std::uint32_t byte = 0; byte < 256; ++byte) {
            std::uint32_t state = byte;
            for (int bit = 0; bit < 8; ++bit) state = times_x(state);
            step[0][byte] = state;
        }
        for (std::size_t n = 1; n < 8; ++n)
            for (std::size_t byte = 0; byte < 256; ++byte) step[n][byte] = next(step[n - 1][byte]);
        std::uint32_t power = 1;  // x^31, the lowest bit of a reflected number
        for (std::size_t words = 1; words <= 2 * crc32c_max_lane_words; ++words) {
            shift[words] = power;
            for (int byte = 0; byte < 8; ++byte) power = next(power);
        }
    }

    [[nodiscard]] static constexpr std::uint32_t times_x(std::uint32_t state) noexcept {
        return (state >> 1) ^ ((state & 1) != 0 ? crc32c_polynomial : 0);
    }
    [[nodiscard]] constexpr std::uint32_t next(std::uint32_t state) const noexcept {
        return (state >> 8) ^ step[0][state & 0xff];
    }
};

inline constexpr crc32c_tables crc32c_table{};

// The running state over `from`, without the inversion at either end.
[[nodiscard]] inline std::uint32_t crc32c_portable(std::uint32_t state, bytes_view from) noexcept {
    const auto& step = crc32c_table.step;
    std::size_t at = 0;
    for (; from.size() - at >= 8; at += 8) {
        const std::uint64_t word = load_le<std::uint64_t>(from.data() + at) ^ state;
        state = step[7][word & 0xff] ^ step[6][word >> 8 & 0xff] ^ step[5][word >> 16 & 0xff] ^
                step[4][word >> 24 & 0xff] ^ step[3][word >> 32 & 0xff] ^
                step[2][word >> 40 & 0xff] ^ step[1][word >> 48 & 0xff] ^ step[0][word >> 56];
    }
    for (; at < from.size(); ++at)
        state = crc32c_table.next(state ^ std::to_integer<std::uint32_t>(from[at]));
    return state;
}

#if defined(__x86_64__)

[[nodiscard]] inline bool crc32c_has_hardware() noexcept {
    return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0;
}

struct crc32c_lanes {
    std::uint64_t a, b, c;
};

// Three independent states, each over `words` words of its own data.
[[nodiscard]] [[gnu::target("sse4.2")]] inline crc32c_lanes crc32c_advance(
    crc32c_lanes state, const std::byte* a, const std::byte* b, const std::byte* c,
    std::size_t words) noexcept {
    for (std::size_t at = 0; at < words * 8; at += 8) {
        state.a = __builtin_ia32_crc32di(state.a, load_le<std::uint64_t>(a + at));
        state.b = __builtin_ia32_crc32di(state.b, load_le<std::uint64_t>(b + at));
        state.c = __builtin_ia32_crc32di(state.c, load_le<std::uint64_t>(c + at));
    }
    return state;
}

// The state after `words` more words of zeros.
[[nodiscard]] [[gnu::target("sse4.2,pclmul")]] inline std::uint64_t crc32c_shift(
    std::uint64_t state, std::size_t words) noexcept {
    using two_words [[gnu::vector_size(16)]] = long long;
    const two_words multiplicand = {static_cast<long long>(state), 0};
    const two_words power = {static_cast<long long>(crc32c_table.shift[words]), 0};
    const two_words product = __builtin_ia32_pclmulqdq128(multiplicand, power, 0);
    return __builtin_ia32_crc32di(0, static_cast<unsigned long long>(product[0]));
}

//   Requires    crc32c_has_hardware()
[[nodiscard]] [[gnu::target("sse4.2,pclmul")]] inline std::uint32_t crc32c_hardware(
    std::uint32_t from_state, bytes_view from) noexcept {
    constexpr std::size_t worth_lanes = 192;  // below, moving the lanes costs more than they save
    std::uint64_t state = from_state;
    while (from.size() >= worth_lanes) {
        const std::size_t fit = from.size() / 24;
        const std::size_t words = fit < crc32c_max_lane_words ? fit : crc32c_max_lane_words;
        const std::byte* const a = from.data();
        const crc32c_lanes lanes =
            crc32c_advance({state, 0, 0}, a, a + 8 * words, a + 16 * words, words);
        state = crc32c_shift(lanes.a, 2 * words) ^ crc32c_shift(lanes.b, words) ^ lanes.c;
        from = from.from(24 * words);
    }
    for (; from.size() >= 8; from = from.from(8))
        state = __builtin_ia32_crc32di(state, load_le<std::uint64_t>(from.data()));
    std::uint32_t narrow = static_cast<std::uint32_t>(state);
    for (const std::byte byte : from)
        narrow = __builtin_ia32_crc32qi(narrow, std::to_integer<unsigned char>(byte));
    return narrow;
}

// Three buffers at once: side by side as far as the shortest goes, then each to its end.
//   Requires    crc32c_has_hardware()
inline void crc32c_three(const bytes_view* from, std::uint64_t* out) noexcept {
    std::size_t shortest = from[0].size();
    for (int i = 1; i < 3; ++i) shortest = from[i].size() < shortest ? from[i].size() : shortest;
    const std::size_t words = shortest / 8;
    constexpr std::uint64_t start = ~std::uint32_t{0};
    const crc32c_lanes lanes = crc32c_advance({start, start, start}, from[0].data(), from[1].data(),
                                              from[2].data(), words);
    const std::uint64_t states[3] = {lanes.a, lanes.b, lanes.c};
    for (int i = 0; i < 3; ++i)
        out[i] = ~crc32c_hardware(static_cast<std::uint32_t>(states[i]), from[i].from(words * 8));
}

#else

[[nodiscard]] constexpr bool crc32c_has_hardware() noexcept { return false; }
[[nodiscard]] inline std::uint32_t crc32c_hardware(std::uint32_t state, bytes_view from) noexcept {
    return crc32c_portable(state, from);
}
inline void crc32c_three(const bytes_view* from, std::uint64_t* out) noexcept {
    for (int i = 0; i < 3; ++i) out[i] = ~crc32c_portable(~std::uint32_t{0}, from[i]);
}

#endif

}  // namespace detail

struct crc32c {
    static constexpr const char* name = "crc32c";
    static constexpr std::uint32_t format_id = 1;

    // `seed` is the checksum of what comes before: of(b, of(a)) is of(a followed by b). A seed of
    // more than 32 bits is folded to 32 first.
    //   Returns     the checksum in the low 32 bits
    [[nodiscard]] static std::uint64_t of(bytes_view from, std::uint64_t seed = 0) noexcept {
        const std::uint32_t state = ~static_cast<std::uint32_t>(seed ^ seed >> 32);
        return ~(detail::crc32c_has_hardware() ? detail::crc32c_hardware(state, from)
                                               : detail::crc32c_portable(state, from));
    }

    //   Effects     out[i] = of(from[i]) for each i < count; faster than one by one when they are
    //               short
    static void of_batch(const bytes_view* from, std::size_t count, std::uint64_t* out) noexcept {
        std::size_t at = 0;
        if (detail::crc32c_has_hardware())
            for (; count - at >= 3; at += 3) detail::crc32c_three(from + at, out + at);
        for (; at < count; ++at) out[at] = of(from[at]);
    }
};

}  // namespace mantis
