// SPDX-License-Identifier: BSL-1.0
// Lives of a manifest in the simulator, against a model: appends, rewritings, openings; power
// failures and processes that end at any I/O; faults of I/O. After each opening exactly the groups
// are there that were acknowledged, and perhaps the one whose outcome nobody knows.
#include <doctest/doctest.h>

#include <mantis/platform/retrying.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/manifest.hpp>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

using namespace mantis;

namespace {

constexpr database_id ours{3, 4};

// What the edits of a manifest say, for these tests: names and the group that wrote them last.
using contents = std::map<std::string, std::uint64_t>;

struct promise {
    contents all;
    std::uint64_t sequence = 0;
    std::uint64_t epoch = 0;
};

// One name and its value as an edit: of a few bytes, or up to an edit's limit.
bytes edit_of(const std::string& name, std::uint64_t value, std::size_t size) {
    bytes edit = bytes::zeros(16 + size);
    store_le(edit.data(), value);
    std::memcpy(edit.data() + 8, name.data(), 8);
    return edit;
}
void apply(contents& to, const manifest_edit& edit) {
    REQUIRE(edit.value.size() >= 16);
    to[std::string(edit.value.chars() + 8, 8)] = load_le<std::uint64_t>(edit.value.data());
}

template <platform Platform>
class life {
public:
    using manifest_type = manifest<Platform, crc32c>;

    life(std::uint64_t seed, bool faults, simulation& world, Platform platform)
        : dice_{seed}, faults_{faults}, world_{&world}, platform_{std::move(platform)} {}

    void run() {
        for (int round = 0; round < 8; ++round) {
            if (dice_.one_in(2)) world_->crash_at_io(1 + dice_.below(dice_.one_in(2) ? 12 : 60));
            if (faults_ && !dice_.one_in(3)) plan_faults();
            live();
            open_.reset();
            in_.reset();
            world_->limit_disk(0);
            const crash_mode modes[] = {crash_mode::drop_unsynced, crash_mode::random_subset,
                                        crash_mode::random_subset, crash_mode::process_only};
            world_->restart(modes[dice_.below(4)]);
            if (dice_.one_in(2)) look();
        }
        REQUIRE(enter());
        REQUIRE(open());
    }

    std::uint64_t groups = 0;
    std::uint64_t unknowns = 0;
    std::uint64_t refusals = 0;
    std::uint64_t rewritings = 0;

private:
    void plan_faults() {
        const io_kinds kinds[] = {any_io, any_io, io_kind::sync, io_kind::write,
                                  io_kind::write | io_kind::sync | io_kind::resize};
        const failed_sync after[] = {failed_sync::keeps, failed_sync::forgets,
                                     failed_sync::reverts};
        fault what{.kind = dice_.one_in(2) ? fault_kind::fail : fault_kind::fail_halfway,
                   .on = kinds[dice_.below(5)],
                   .code = dice_.one_in(3) ? error_code::no_space : error_code::io,
                   .nth = 1 + dice_.below(20)};
        what.after_sync = after[dice_.below(3)];
        if (dice_.one_in(3)) what.count = dice_.one_in(2) ? fault::for_ever : 3;
        if (dice_.one_in(4)) what.one_in = 5;
        if (dice_.one_in(6)) world_->limit_disk(world_->used_bytes() + dice_.below(100'000));
        world_->inject(what);
        if (dice_.one_in(4)) world_->inject({.kind = fault_kind::split, .count = 40});
        if (dice_.one_in(4))
            world_->inject({.kind = fault_kind::flip_on_read, .nth = 1 + dice_.below(6)});
    }

    bool enter() {
        auto opened = platform_.open_directory("db", directory_mode::create);
        if (!opened) return false;
        in_ = std::move(*opened);
        return true;
    }
    void live() {
        if (!enter() || !open()) return;
        const std::uint64_t steps = dice_.below(12);
        for (std::uint64_t i = 0; i < steps && open_; ++i) {
            if (dice_.one_in(5)) rewrite();
            else if (dice_.one_in(8)) reopen();
            else append();
        }
    }
    bool reopen() {
        open_.reset();
        return open();
    }

    //   Returns     what a caller may know to be durable: nothing, all, or something between
    std::uint64_t vouched() {
        return dice_.one_in(3) ? 0 : dice_.one_in(2) ? promised_.sequence : vouched_;
    }
    // A promise is kept, or the one group more is there whose outcome nobody knew.
    void compare(const contents& found, const manifest_state& state) {
        const bool is_pending = pending_ && state.sequence == pending_->sequence;
        const promise& expected = is_pending ? *pending_ : promised_;
        REQUIRE(state.sequence == expected.sequence);
        REQUIRE(state.epoch == expected.epoch);
        REQUIRE(state.checkpoint.value == expected.epoch * 7);
        REQUIRE(found == expected.all);
    }
    bool open() {
        contents found;
        const auto take = [&](const manifest_edit& edit) -> result<void> {
            apply(found, edit);
            return success();
        };
        auto opened = manifest_type::open(platform_, *in_, ours, vouched(), take);
        if (!opened && opened.error().code() == error_code::not_found && promised_.sequence == 0)
            return create();
        if (!opened) {
            const bytes said = opened.error().message();
            INFO(std::string(said.chars(), said.size()));
            REQUIRE(opened.error().code() != error_code::corrupt);
            REQUIRE(opened.error().code() != error_code::mismatch);
            return false;
        }
        compare(found, opened->state());
        if (pending_ && opened->sequence() == pending_->sequence) promised_ = *pending_;
        pending_.reset();
        if (dice_.one_in(2)) vouched_ = promised_.sequence;
        open_ = std::move(*opened);
        return true;
    }
    // Reads only.
    void look() {
        if (!enter()) return;
        contents found;
        auto state = read_manifest<Platform, crc32c>(
            *in_, ours, promised_.sequence, [&](const manifest_edit& edit) -> result<void> {
                apply(found, edit);
                return success();
            });
        if (state) compare(found, *state);
        else REQUIRE((state.error().code() == error_code::not_found && promised_.sequence == 0));
    }
    bool create() {
        promise next{{{"created_", 1}}, 1, 1};
        auto made = manifest_type::create(platform_, *in_, ours, 1, {7}, [&](auto& to) {
            return to.add(manifest_edit_kind::root, edit_of("created_", 1, 40));
        });
        if (!made) {
            pending_ = next;  // it may have its name all the same
            return false;
        }
        promised_ = next;
        open_ = std::move(*made);
        return true;
    }

    void append() {
        promise next = promised_;
        ++next.sequence;
        next.epoch += 1 + dice_.below(3);
        const std::uint64_t value = ++last_value_;
        const std::size_t edits = dice_.one_in(4) ? 0 : 1 + dice_.below(6);
        const std::size_t size = dice_.one_in(3) ? 40'000 : dice_.below(400);
        const bool gives_up = dice_.one_in(10);
        const auto produce = [&](auto& to) -> result<void> {
            for (std::size_t i = 0; i < edits; ++i) {
                const std::string name = "name_00" + std::to_string(i);
                next.all[name] = value;
                auto added = to.add(manifest_edit_kind::table, edit_of(name, value, size));
                if (!added && !dice_.one_in(4)) return added;  // or it forgets to look
            }
            return gives_up ? result<void>{error{error_code::conflict, "test"}} : success();
        };
        auto done = open_->append(next.epoch, {next.epoch * 7}, produce);
        if (done) {
            REQUIRE_FALSE(gives_up);
            promised_ = next;
            ++groups;
            if (dice_.one_in(2)) vouched_ = promised_.sequence;
        } else if (done.error().code() == error_code::unknown_outcome) {
            REQUIRE(open_->read_only());
            pending_ = next;
            ++unknowns;
            REQUIRE(open_->append(9, {9}, produce).error().code() == error_code::read_only);
            open_.reset();
        } else {
            ++refusals;  // and the group is never seen, whatever happens next
        }
        if (open_) REQUIRE(open_->sequence() == promised_.sequence);
    }
    void rewrite() {
        const bool gives_up = dice_.one_in(10);
        auto done = open_->rewrite([&](auto& to) -> result<void> {
            for (const auto& [name, value] : promised_.all)
                if (auto added = to.add(manifest_edit_kind::root,
                                        edit_of(name, value, dice_.one_in(4) ? 30'000 : 10));
                    !added)
                    return added;
            return gives_up ? result<void>{error{error_code::conflict, "test"}} : success();
        });
        if (done) ++rewritings;
        else if (open_->read_only()) open_.reset();
    }

    seeded_random dice_;
    bool faults_;
    simulation* world_;
    Platform platform_;
    std::optional<typename Platform::directory> in_;
    std::optional<manifest_type> open_;
    promise promised_;
    std::optional<promise> pending_;  // may be there as well
    std::uint64_t vouched_ = 0;       // known durable, and kept elsewhere
    std::uint64_t last_value_ = 1;
};

std::uint64_t lives(std::uint64_t usual) {
    const char* const count = std::getenv("MANTIS_MANIFEST_LIVES");
    if (count != nullptr) return std::strtoull(count, nullptr, 10);
    return std::getenv("MANTIS_LONG") != nullptr ? 10'000 : usual;
}

}  // namespace

TEST_CASE("acknowledged groups survive power failures at any I/O, and nothing else is there") {
    std::uint64_t groups = 0;
    std::uint64_t rewritings = 0;
    for (std::uint64_t seed = 1; seed <= lives(300); ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            life<simulated> one{seed, false, world, world.platform()};
            one.run();
            groups += one.groups;
            rewritings += one.rewritings;
        });
        REQUIRE(world.held_count() == 0);
    }
    CHECK(groups > 2000);
    CHECK(rewritings > 200);
}

TEST_CASE("and also where I/O fails, the disk is full and syncs forget") {
    std::uint64_t unknowns = 0;
    std::uint64_t refusals = 0;
    for (std::uint64_t seed = 100'001; seed <= 100'000 + lives(400); ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            life<simulated> one{seed, true, world, world.platform()};
            one.run();
            unknowns += one.unknowns;
            refusals += one.refusals;
        });
    }
    CHECK(unknowns > 50);
    CHECK(refusals > 200);
}

TEST_CASE("and also through a platform that repeats what failed for a passing reason") {
    for (std::uint64_t seed = 200'001; seed <= 200'000 + lives(100); ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            life<retrying<simulated>> one{seed, true, world, retrying<simulated>{world.platform()}};
            one.run();
        });
    }
}
