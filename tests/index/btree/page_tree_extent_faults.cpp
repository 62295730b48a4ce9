// SPDX-License-Identifier: BSL-1.0
//
// Values in pages of their own, and reads and writes of the source that fail, one at each position:
// what failed has changed nothing, and no page is lost.
#include "../../sanitized.hpp"
#include "extent_rig.hpp"
#include "failing_source.hpp"

#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using faulty_tree = rig<posix, failing_source>;

struct outcome {
    bool reached = false;  // the position
    std::size_t failed = 0;
};

// The same life each time, with a failure at another position. Epochs end on the way, with room for
// two side copies, so that old images have to be written before pages are given back.
class faulty_life {
public:
    faulty_life(std::size_t frames, std::uint64_t seed) : all_{512, frames, 2}, random_{seed} {}

    outcome run(std::uint64_t position, std::uint64_t failing) {
        for (std::uint64_t step = 0; step < 90; ++step) {
            if (step == 30) all_.disk.calls_left = position, all_.disk.failing = failing;
            if (step % 10 == 0) {
                if (ended_ == 0 || note(all_.pages.write_epoch(ended_)))
                    ended_ = all_.pages.begin_epoch();
            }
            change(step);
        }
        seen_.reached = all_.disk.calls_left == UINT64_MAX;
        all_.disk.calls_left = UINT64_MAX;
        must_be_right();
        must_come_back();
        return seen_;
    }

private:
    void change(std::uint64_t step) {
        const std::string key = "key-" + std::to_string(random_() % 12);
        const std::uint64_t what = random_() % 8;
        if (what < 5) {
            const std::string value = patterned(random_() % 2500, step);
            if (note(all_.tree.put(key, value, lsn{step}))) expected_[key] = {value, step};
        } else if (what < 7) {
            const auto erased = all_.tree.erase(key);
            if (note(erased)) REQUIRE(*erased == (expected_.erase(key) != 0));
        } else {
            const auto found = all_.tree.find(key, [&](bytes_view value, lsn) {
                REQUIRE(value == bytes_view{expected_[key].value});
            });
            if (note(found)) REQUIRE(*found == (expected_.count(key) != 0));
        }
    }
    template <class Result>
    bool note(const Result& done) {
        if (done) return true;
        ++seen_.failed;
        const error_code why = done.error().code();
        REQUIRE((why == error_code::io || why == error_code::out_of_memory));
        const std::uint64_t left = std::exchange(all_.disk.calls_left, UINT64_MAX);
        must_be_right();
        if (all_.disk.failing != 0) all_.disk.calls_left = left;
        return false;
    }
    void must_be_right() {
        REQUIRE(all_.damage() == "");
        REQUIRE(difference(all_.tree, expected_) == "");
    }
    // What was written is the tree, too.
    void must_come_back() {
        REQUIRE(all_.pages.flush());
        faulty_tree::pool pages{all_.disk, room_for<faulty_tree::pool>(20, 512)};
        auto tree = faulty_tree::tree_type::open(pages, all_.numbers, table, all_.tree.root());
        REQUIRE(tree);
        REQUIRE(difference(*tree, expected_) == "");
    }

    faulty_tree all_;
    std::mt19937_64 random_;
    model expected_;
    std::uint32_t ended_ = 0;
    outcome seen_;
};

}  // namespace

TEST_CASE(
    "whichever read or write of a large value fails, nothing has changed, and no page is lost") {
    for (const std::size_t frames : {4u, 40u})
        for (const std::uint64_t failing : {1u, 4u}) {
            std::size_t failed = 0;
            std::uint64_t position = 0;
            for (;; position += one_in) {
                CAPTURE(position);
                CAPTURE(frames);
                const outcome seen = faulty_life{frames, 11}.run(position, failing);
                failed += seen.failed;
                if (!seen.reached) break;
            }
            CHECK(position > (frames == 4 ? 200u : 20u));
            CHECK(failed > position / 8 / one_in);
        }
}

TEST_CASE("the pages of a value that could not be written are not written later") {
    faulty_tree all{512, 6};
    REQUIRE(all.pages.flush());
    for (std::uint64_t position = 0; position < 8; ++position) {
        all.disk.calls_left = position, all.disk.failing = UINT64_MAX;
        const auto put = all.tree.put("key", patterned(20 * 456, position), lsn{1});
        REQUIRE_FALSE(put);
        all.disk.calls_left = UINT64_MAX;
        CHECK(all.pages.stats().dirty == 0);
        CHECK(all.pages.stats().frames - all.pages.stats().free <= 1);
        CHECK(all.damage() == "");
    }
    CHECK(all.tree.put("key", patterned(20 * 456, 9), lsn{1}));
    CHECK(all.damage() == "");
}

TEST_CASE("erasing a range that fails on the way says how many are gone, and loses no page") {
    for (std::uint64_t position = 0; position < 120; position += one_in) {
        faulty_tree all{512, 4};
        model expected;
        for (std::uint64_t i = 0; i < 40; ++i) {
            const std::string value = patterned(i % 3 == 0 ? 30 : 500 + i * 20, i);
            REQUIRE(all.tree.put(big_endian(i), value, lsn{i}));
            expected[big_endian(i)] = {value, i};
        }
        all.disk.calls_left = position;
        const auto erased = all.tree.erase_range(big_endian(3), big_endian(37));
        const bool failed = !erased;
        if (failed) {
            const error_code why = erased.error().code();
            CHECK((why == error_code::io || why == error_code::out_of_memory));
            REQUIRE(erased.error().number("erased") != nullptr);
            for (std::uint64_t i = *erased.error().number("erased"); i-- != 0;)
                expected.erase(expected.lower_bound(big_endian(3)));
        } else {
            CHECK(*erased == 34);
            expected.erase(expected.lower_bound(big_endian(3)),
                           expected.lower_bound(big_endian(37)));
        }
        all.disk.calls_left = UINT64_MAX;
        CHECK(all.damage() == "");
        CHECK(difference(all.tree, expected) == "");
    }
}
