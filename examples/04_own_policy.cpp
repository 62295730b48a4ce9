// SPDX-License-Identifier: BSL-1.0
// A policy of your own: a durability between "always" and "when the system likes".
//
// A policy is a struct that satisfies a concept; the static_assert below is the check that the
// store would make, made where the mistake is. Try to take `name` away.
//
//   build/examples/04_own_policy [directory]
#include <mantis/store/store.hpp>

#include <cstdio>

namespace with = mantis::with;

// Waits for the disk, and syncs once a period besides: what other transactions left buffered is
// durable soon, too.
struct eager {
    static constexpr const char* name = "eager";
    static constexpr bool waits_for_sync = true;
    static constexpr bool syncs_periodically = true;
};
static_assert(mantis::durability_policy<eager>);

// A checksum is the other kind: it shapes bytes on disk, so it has a format_id, and a store built
// with another refuses the files.
struct fletcher64 {
    static constexpr const char* name = "fletcher64";
    static constexpr std::uint32_t format_id = 1000;  // below 1000 are mantis's own
    static std::uint64_t of(mantis::bytes_view data, std::uint64_t seed = 0) noexcept {
        std::uint64_t low = seed & 0xffffffff;
        std::uint64_t high = seed >> 32;
        for (const std::byte each : data) {
            low = (low + std::to_integer<std::uint64_t>(each)) % 0xffffffff;
            high = (high + low) % 0xffffffff;
        }
        return high << 32 | low;
    }
    static void of_batch(const mantis::bytes_view* parts, std::size_t count,
                         std::uint64_t* sums) noexcept {
        for (std::size_t i = 0; i < count; ++i) sums[i] = of(parts[i]);
    }
};
static_assert(mantis::checksum_policy<fletcher64>);

struct audited : mantis::policies<with::durability<eager>, with::checksum<fletcher64>> {};

int main(int argc, char** argv) {
    const char* const path = argc > 1 ? argv[1] : "audited.db";
    {
        auto db = mantis::store<audited>::open(path).value();
        auto log = db.table("audit").value();
        auto tx = db.begin();
        tx.put(log, "0001", "opened");
        std::printf("commit is %s\n", mantis::name_of(tx.commit().value().state));
    }
    // The same files under another checksum policy: refused, and the slot is named.
    const auto refused = mantis::store<>::open(path);
    if (refused) return 1;
    const auto message = refused.error().message();
    std::printf("%.*s\n", static_cast<int>(message.size()), message.chars());
}
