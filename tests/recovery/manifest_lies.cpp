// SPDX-License-Identifier: BSL-1.0
// A manifest on a disk that lies: syncs and writes that did nothing, writes to another place, bits
// that turn, reads of what was there before. What was acknowledged may be lost, but nothing is told
// that was never a whole state; and where somebody knows which group was durable, an opening tells
// that state or fails.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/manifest.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{3, 4};
using manifest_type = manifest<simulated, crc32c>;
using numbers = std::vector<std::uint64_t>;  // one for each edit, in a group's order

auto adding(const numbers& edits) {
    return [edits](auto& to) -> result<void> {
        for (const std::uint64_t each : edits) {
            bytes value = bytes::zeros(8);
            store_le(value.data(), each);
            if (auto added = to.add(manifest_edit_kind::table, value); !added) return added;
        }
        return success();
    };
}

class lying_life {
public:
    lying_life(std::uint64_t seed, simulation& world) : dice_{seed}, world_{&world} {}

    std::uint64_t refused = 0;
    std::uint64_t lost = 0;
    std::uint64_t kept = 0;

    void run() {
        for (int round = 0; round < 6 && !over_; ++round) {
            plan_lies();
            if (dice_.one_in(2)) world_->crash_at_io(1 + dice_.below(60));
            live();
            world_->restart(dice_.one_in(4) ? crash_mode::process_only : crash_mode::random_subset);
        }
    }

private:
    void plan_lies() {
        const fault_kind lies[] = {fault_kind::lying_sync,        fault_kind::lost_write,
                                   fault_kind::misdirected_write, fault_kind::flip_at_rest,
                                   fault_kind::flip_on_read,      fault_kind::stale_read};
        const failed_sync after[] = {failed_sync::keeps, failed_sync::forgets,
                                     failed_sync::reverts};
        for (std::uint64_t count = 1 + dice_.below(2); count > 0; --count) {
            fault what{.kind = lies[dice_.below(6)],
                       .nth = 1 + dice_.below(25),
                       .count = 1 + dice_.below(3)};
            what.after_sync = after[dice_.below(3)];
            if (dice_.one_in(4)) what.path_part = bytes{bytes_view{"manifest-00000001"}};
            world_->inject(what);
        }
    }

    void live() {
        auto in = world_->platform().open_directory("db", directory_mode::create);
        if (!in || !open(*in)) return;
        for (std::uint64_t steps = dice_.below(10); steps > 0 && open_; --steps) {
            if (dice_.one_in(4)) rewrite();
            else if (dice_.one_in(6)) (void)open(*in);
            else append();
        }
        open_.reset();
    }

    bool open(simulated_directory& in) {
        open_.reset();
        numbers found;
        const bool vouched = dice_.one_in(2);
        auto opened =
            manifest_type::open(world_->platform(), in, ours, vouched ? sequence_ : 0,
                                [&](const manifest_edit& edit) -> result<void> {
                                    REQUIRE(edit.value.size() == 8);
                                    found.push_back(load_le<std::uint64_t>(edit.value.data()));
                                    return success();
                                });
        if (!opened && opened.error().code() == error_code::not_found) {
            REQUIRE((!vouched || sequence_ == 0));
            if (sequence_ != 0) over_ = true;  // the disk has lost the file
            else create(in);
            return open_.has_value();
        }
        if (!opened) {
            REQUIRE(opened.error().code() != error_code::mismatch);
            if (world_->powered() && opened.error().code() == error_code::corrupt) {
                ++refused;
                over_ = true;
            }
            return false;
        }
        const bool is_state = std::find(states_.begin(), states_.end(), found) != states_.end();
        REQUIRE(is_state);
        if (vouched) {
            REQUIRE(opened->sequence() >= sequence_);
            // The group itself, and not another one of its number.
            if (opened->sequence() == sequence_) REQUIRE((found == state_ || tainted_));
            ++kept;
        } else if (opened->sequence() < sequence_) {
            ++lost;
        }
        state_ = found;
        sequence_ = opened->sequence();
        open_ = std::move(*opened);
        return true;
    }
    void create(simulated_directory& in) {
        const numbers next{0};
        states_.push_back(next);
        auto made = manifest_type::create(world_->platform(), in, ours, 1, {1}, adding(next));
        if (!made) return;
        state_ = next;
        sequence_ = 1;
        open_ = std::move(*made);
    }

    void append() {
        numbers more;
        for (std::uint64_t count = dice_.below(4) == 0 ? 90 : 1 + dice_.below(3); count > 0;
             --count)
            more.push_back(++last_);
        numbers next = state_;
        next.insert(next.end(), more.begin(), more.end());
        states_.push_back(next);
        if (auto done = open_->append(1, {1}, adding(more)); !done) {
            tainted_ = true;
            if (open_->read_only()) open_.reset();
            return;
        }
        state_ = next;
        ++sequence_;
    }
    void rewrite() {
        if (open_->rewrite(adding(state_))) return;
        if (open_->read_only()) open_.reset();
    }

    seeded_random dice_;
    simulation* world_;
    std::optional<manifest_type> open_;
    std::vector<numbers> states_;  // after each group that was ever tried
    numbers state_;
    std::uint64_t sequence_ = 0;
    std::uint64_t last_ = 0;
    bool tainted_ = false;  // a group was refused, and the disk may have lied about that too
    bool over_ = false;
};

std::uint64_t lives() {
    const char* const count = std::getenv("MANTIS_MANIFEST_LIVES");
    if (count != nullptr) return std::strtoull(count, nullptr, 10);
    return std::getenv("MANTIS_LONG") != nullptr ? 10'000 : 600;
}

}  // namespace

TEST_CASE(
    "on a disk that lies a whole state is told, and the one that was vouched for, or an error") {
    std::uint64_t refused = 0;
    std::uint64_t lost = 0;
    std::uint64_t kept = 0;
    for (std::uint64_t seed = 1; seed <= lives(); ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            lying_life one{seed, world};
            one.run();
            refused += one.refused;
            lost += one.lost;
            kept += one.kept;
        });
    }
    CHECK(refused > 50);
    CHECK(lost > 5);
    CHECK(kept > 300);
}
