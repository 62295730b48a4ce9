// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/wal/log_options.hpp>

TEST_CASE("a log that nobody chose anything for has segments of many blocks, and tells nobody") {
    const mantis::log_options usual;
    CHECK(usual.segment_bytes >= 2 * usual.buffer_bytes);
    CHECK(usual.segment_bytes >= 2 * usual.zero_ahead_bytes);
    usual.events(mantis::event{mantis::event_code::segment_begun});
    CHECK(mantis::log_stats{}.segments == 0);
}
