// SPDX-License-Identifier: BSL-1.0
#include "codec_checks.hpp"

#include <mantis/core/raw_codec.hpp>

using namespace mantis;
using namespace codec_checks;

namespace {

struct sample {
    std::uint64_t at = 0;
    std::uint16_t counts[4] = {};
    friend bool operator==(const sample& a, const sample& b) {
        return a.at == b.at && std::memcmp(a.counts, b.counts, sizeof a.counts) == 0;
    }
};

}  // namespace

TEST_CASE("a struct of integers is its bytes in memory, and other lengths are refused") {
    static_assert(codec_of<raw_codec<sample>, sample>);
    static_assert(!key_codec_of<raw_codec<sample>, sample>);
    const sample one{258, {1, 2, 3, 0xffff}};
    CHECK(round_trips<raw_codec<sample>>(one));
    CHECK(refuses_other_lengths<raw_codec<sample>>(one));
    CHECK(encoding_of<raw_codec<sample>>(one) ==
          raw({2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0, 0xff, 0xff}));
    CHECK(wrong_with<raw_codec<sample>, sample>("short") == "fewer bytes than its type takes");
}
