// SPDX-License-Identifier: BSL-1.0
// A manifest where each I/O of a call fails, once and for ever, or is the last before a power
// failure, with each subset of what was not synced.
#include <doctest/doctest.h>

#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/retrying.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/manifest.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace mantis;

namespace {

constexpr database_id ours{3, 4};
using manifest_type = manifest<simulated, crc32c>;
using kind = manifest_edit_kind;
using texts = std::vector<std::string>;

auto adding(texts edits) {
    return [edits = std::move(edits)](auto& to) -> result<void> {
        for (const std::string& each : edits)
            if (auto added = to.add(kind::table, each); !added) return added;
        return success();
    };
}

// Two frames, so that half of a group would be seen.
const texts group_a{"a" + std::string(50'000, 'a'), "A" + std::string(20'000, 'A')};
const texts group_b{"b", "B" + std::string(60'000, 'b'), "c" + std::string(30'000, 'c')};

struct fixture {
    simulation& world;
    simulated platform = world.platform();
    simulated_directory in = platform.open_directory("db", directory_mode::create).value();
    texts edits = {};  // those of the last opening

    manifest_type create() {
        return manifest_type::create(platform, in, ours, 1, {1}, adding({"first"})).value();
    }
    auto taking() {
        edits.clear();
        return [this](const manifest_edit& edit) -> result<void> {
            edits.push_back(edit.value.as<std::string>());
            return success();
        };
    }
    result<manifest_type> open(std::uint64_t at_least = 0) {
        return manifest_type::open(platform, in, ours, at_least, taking());
    }
    result<manifest_state> read(std::uint64_t at_least = 0) {
        return read_manifest<simulated, crc32c>(in, ours, at_least, taking());
    }
    std::size_t manifests() {
        std::size_t count = 0;
        for (const bytes& each : in.list().value())
            if (each.view().starts_with("manifest-")) ++count;
        return count;
    }
};

texts joined(std::initializer_list<texts> groups) {
    texts all;
    for (const texts& each : groups) all.insert(all.end(), each.begin(), each.end());
    return all;
}

// What is done while something fails, and what there may be afterwards.
enum class call { create, append, rewrite, open_torn, open_two };

// A manifest with group a, made so that the call has something to do.
struct stage {
    std::optional<manifest_type> at;

    void prepare(fixture& in, call what) {
        if (what == call::create) return;
        at = in.create();
        at->append(2, {2}, adding(group_a)).value();
        if (what == call::append || what == call::rewrite) return;
        const std::uint64_t end = at->state().bytes;
        if (what == call::open_torn) {
            at->append(3, {3}, adding(group_b)).value();
            at.reset();
            auto file = in.in.open(manifest_name(1), file_mode::write).value();
            file.resize(end + 66'000).value();
            file.sync().value();
            return;
        }
        const bytes old = read_file(in.in, manifest_name(1), MiB).value();
        at->rewrite(adding(joined({{"first"}, group_a}))).value();
        at.reset();
        auto file = in.in.open(manifest_name(1), file_mode::create).value();
        file.write(0, old).value();
        file.sync().value();
        in.in.sync().value();
    }
    result<void> run(fixture& in, call what) {
        switch (what) {
            case call::create: {
                auto made =
                    manifest_type::create(in.platform, in.in, ours, 1, {1}, adding({"first"}));
                if (!made) return made.error();
                at = std::move(*made);
                return success();
            }
            case call::append: return at->append(3, {3}, adding(group_b));
            case call::rewrite: return at->rewrite(adding(joined({{"first"}, group_a})));
            default: break;
        }
        auto opened = in.open(0);
        if (!opened) return opened.error();
        at = std::move(*opened);
        return success();
    }
};

texts before(call what) { return what == call::create ? texts{} : joined({{"first"}, group_a}); }
texts after(call what) {
    if (what == call::create) return {"first"};
    return what == call::append ? joined({{"first"}, group_a, group_b}) : before(what);
}

constexpr call all_calls[] = {call::create, call::append, call::rewrite, call::open_torn,
                              call::open_two};

// Opens in peace, compares, and goes on.
void check_after(fixture& in, call what, bool done, bool maybe) {
    auto opened = in.open(what == call::create ? 0 : 2);
    if (!opened) {
        REQUIRE(what == call::create);
        REQUIRE(opened.error().code() == error_code::not_found);
        REQUIRE_FALSE(done);
        in.create();
        return;
    }
    const bool new_is_there = in.edits == after(what);
    if (done) REQUIRE(new_is_there);
    else REQUIRE((in.edits == before(what) || (maybe && new_is_there)));
    REQUIRE(in.manifests() == 1);
    const texts expected = joined({in.edits, {"on"}});
    opened->append(4, {4}, adding({"on"})).value();
    opened->rewrite(adding(expected)).value();
    REQUIRE(in.open(opened->sequence()));
    REQUIRE(in.edits == expected);
}

}  // namespace

TEST_CASE("a power failure at any I/O of any call: the state before it or after it, whole") {
    for (const call what : all_calls) {
        std::uint64_t worlds = 0;
        for (std::uint64_t at_io = 1;; ++at_io) {
            bool reached = false;
            for (std::uint64_t kept = 0, changes = 1; kept < (std::uint64_t{1} << changes);
                 ++kept) {
                CAPTURE(static_cast<int>(what));
                CAPTURE(at_io);
                CAPTURE(kept);
                simulation world{at_io};
                bool done = false;
                world.run([&] {
                    fixture in{world};
                    stage on;
                    on.prepare(in, what);
                    world.crash_at_io(at_io);
                    done = on.run(in, what).has_value();
                    reached = !world.powered();
                });
                changes = world.restart_keeping(kept);
                REQUIRE(changes < 10);
                world.run([&] {
                    fixture in{world};
                    check_after(in, what, done, true);
                });
                ++worlds;
            }
            if (!reached) break;
        }
        CHECK(worlds > 10);
    }
}

TEST_CASE("a torn power failure at any I/O of any call, and one more while it is opened") {
    for (const call what : all_calls)
        for (std::uint64_t seed = 1; seed <= 150; ++seed) {
            CAPTURE(static_cast<int>(what));
            CAPTURE(seed);
            simulation world{seed};
            seeded_random dice{seed};
            bool done = false;
            world.run([&] {
                fixture in{world};
                stage on;
                on.prepare(in, what);
                world.crash_at_io(1 + dice.below(20));
                done = on.run(in, what).has_value();
            });
            world.restart(crash_mode::random_subset);
            world.run([&] {
                fixture in{world};
                world.crash_at_io(1 + dice.below(20));
                if (in.open(what == call::create ? 0 : 2) && what != call::create)
                    done = done && in.edits == after(what);
            });
            world.restart(crash_mode::random_subset);
            world.run([&] {
                fixture in{world};
                check_after(in, what, done, true);
            });
        }
}

TEST_CASE("any I/O of any call fails, once or for ever, in part or not: nothing is half done") {
    for (const call what : all_calls)
        for (const fault_kind how : {fault_kind::fail, fault_kind::fail_halfway})
            for (const error_code code : {error_code::io, error_code::no_space})
                for (const std::uint64_t count : {std::uint64_t{1}, fault::for_ever})
                    for (std::uint64_t at_io = 1;; ++at_io) {
                        CAPTURE(static_cast<int>(what));
                        CAPTURE(at_io);
                        CAPTURE(count);
                        simulation world{at_io + 100};
                        bool struck = false;
                        world.run([&] {
                            fixture in{world};
                            stage on;
                            on.prepare(in, what);
                            world.inject({.kind = how, .code = code, .nth = at_io, .count = count});
                            auto done = on.run(in, what);
                            struck = world.struck(how) != 0;
                            world.clear_faults();
                            const bool unknown =
                                !done && done.error().code() == error_code::unknown_outcome;
                            if (!done && !unknown) REQUIRE(done.error().code() == code);
                            if (unknown) REQUIRE((what == call::append && on.at->read_only()));
                            if (!done && !unknown && what == call::append) {
                                REQUIRE_FALSE(on.at->read_only());
                                REQUIRE(on.at->append(3, {3}, adding(group_b)));
                                done = success();
                            }
                            if (!done && what == call::rewrite && !on.at->read_only()) {
                                REQUIRE(in.in.exists(manifest_name(1)).value());
                                REQUIRE_FALSE(in.in.exists(manifest_name(2)).value());
                                REQUIRE(in.manifests() <= 2);
                                REQUIRE(on.at->rewrite(adding(before(what))));
                            }
                            on.at.reset();
                            check_after(in, what, done.has_value(),
                                        unknown || what == call::create);
                        });
                        REQUIRE(world.held_count() == 0);
                        if (!struck) break;
                    }
}

TEST_CASE("a failed sync is not repeated: unknown_outcome, then read_only; opening tells") {
    for (const failed_sync how : {failed_sync::keeps, failed_sync::forgets, failed_sync::reverts})
        for (const bool power_fails : {false, true}) {
            simulation world{9};
            bool there = false;
            world.run([&] {
                fixture in{world};
                auto made = in.create();
                made.append(2, {2}, adding(group_a)).value();
                world.inject({.on = io_kind::sync, .after_sync = how});
                const auto failed = made.append(3, {3}, adding(group_b)).error();
                CHECK(failed.code() == error_code::unknown_outcome);
                CHECK(failed.subject() == bytes_view{"db/manifest-00000001"});
                CHECK(*failed.number("sequence") == 3);
                CHECK(made.read_only());
                CHECK(made.sequence() == 2);
                const std::uint64_t before = world.io_count();
                CHECK(made.append(3, {3}, adding({"x"})).error().code() == error_code::read_only);
                CHECK(made.rewrite(adding({"x"})).error().code() == error_code::read_only);
                CHECK(world.io_count() == before);
                auto opened = in.open(2).value();
                there = opened.sequence() == 3;
                CHECK(there == (how != failed_sync::reverts));
                CHECK(in.edits.size() == (there ? 6 : 3));
            });
            // What an opening told is there for good, though a sync had forgotten it.
            if (power_fails) world.restart(crash_mode::drop_unsynced);
            world.run([&] {
                fixture in{world};
                CHECK(in.open(there ? 3 : 2).value().sequence() == (there ? 3 : 2));
            });
        }
}

TEST_CASE("a group that was refused never appears, whatever a power failure brings back") {
    std::uint64_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 600; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.sector_bytes = 512}};
        seeded_random dice{seed};
        std::uint64_t sequence = 0;
        world.run([&] {
            fixture in{world};
            auto made = in.create();
            // All that counts of a frame may be written, and only zeros at its end be missing.
            world.inject({.kind = fault_kind::fail_halfway,
                          .on = io_kind::write,
                          .after_sync = failed_sync::keeps});
            const auto first = made.append(2, {2}, adding({"x"}));
            REQUIRE_FALSE(first);
            if (first.error().code() == error_code::unknown_outcome) return;
            ++refused;
            sequence = 1;
            world.crash_at_io(1 + dice.below(2));
            (void)made.append(2, {2}, adding({"second", std::string(dice.below(5000), 'y')}));
        });
        world.restart(crash_mode::random_subset);
        if (sequence == 0) continue;
        world.run([&] {
            fixture in{world};
            REQUIRE(in.open(sequence));
            REQUIRE(in.edits.size() != 2);
        });
    }
    CHECK(refused > 500);
}

TEST_CASE("a torn group that was cut never appears, whatever a power failure brings back") {
    std::uint64_t torn = 0;
    for (std::uint64_t seed = 1; seed <= 600; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.sector_bytes = 512}};
        seeded_random dice{seed};
        world.run([&] {
            fixture in{world};
            auto made = in.create();
            const std::uint64_t end = made.state().bytes;
            made.append(2, {2}, adding({"x"})).value();
            auto file = in.in.open(manifest_name(1), file_mode::write).value();
            file.resize(end + 90 + dice.below(4000)).value();
            file.sync().value();
            auto opened = in.open().value();
            REQUIRE(opened.sequence() == 1);
            ++torn;
            world.crash_at_io(1 + dice.below(2));
            (void)opened.append(2, {2}, adding({"second", "group"}));
        });
        world.restart(crash_mode::random_subset);
        world.run([&] {
            fixture in{world};
            REQUIRE(in.open(1));
            REQUIRE(in.edits.size() != 2);
        });
    }
    CHECK(torn == 600);
}

TEST_CASE("the generation before is gone for certain when a rewriting or an opening has answered") {
    for (const call what : {call::rewrite, call::open_two}) {
        simulation world{8};
        world.run([&] {
            fixture in{world};
            stage on;
            on.prepare(in, what);
            REQUIRE(on.run(in, what));
            CHECK(on.at->state().generation == 2);
        });
        world.restart(crash_mode::drop_unsynced);
        world.run([&] {
            fixture in{world};
            CHECK(in.manifests() == 1);
            CHECK(in.read(2).value().generation == 2);
        });
    }
}

TEST_CASE("a full disk refuses a group, and takes it when there is space again") {
    simulation world{4};
    world.run([&] {
        fixture in{world};
        auto made = in.create();
        const std::uint64_t used = world.used_bytes();
        for (std::uint64_t room = 0; room < 60'000; room += 5'000) {
            world.limit_disk(used + room);
            CHECK(made.append(2, {2}, adding(group_a)).error().code() == error_code::no_space);
            CHECK(made.rewrite(adding(group_b)).error().code() == error_code::no_space);
            CHECK(in.manifests() == 1);
            CHECK(world.used_bytes() == used);
            if (room >= 4096) {
                CHECK(in.read(1).value().sequence == 1);
                CHECK(in.edits == texts{"first"});
            }
        }
        world.limit_disk(0);
        made.append(2, {2}, adding(group_a)).value();
        CHECK(in.open(2).value().sequence() == 2);
    });
}

TEST_CASE("reading changes nothing, whatever there is to repair") {
    for (const call what : {call::append, call::open_torn, call::open_two}) {
        simulation world{5};
        world.run([&] {
            fixture in{world};
            stage{}.prepare(in, what);
            REQUIRE(in.in.open("manifest-00000007.tmp", file_mode::create));
            const auto changes = [&] {
                std::uint64_t count = 0;
                for (const io_kind each :
                     {io_kind::write, io_kind::sync, io_kind::resize, io_kind::remove,
                      io_kind::rename, io_kind::sync_directory, io_kind::preallocate})
                    count += world.io_count(each);
                return count;
            };
            const std::uint64_t before = changes();
            CHECK(in.read(2).value().sequence == 2);
            CHECK(in.edits == joined({{"first"}, group_a}));
            CHECK(changes() == before);
        });
    }
}

TEST_CASE("a last group that is known to be durable is not written again, any other is") {
    simulation world{6};
    world.run([&] {
        fixture in{world};
        {
            auto made = in.create();
            CHECK(in.open(0));  // a snapshot was durable before it had its name
            const std::uint64_t writes = world.io_count(io_kind::write);
            CHECK(in.open(0));
            CHECK(world.io_count(io_kind::write) == writes);
            made.append(2, {2}, adding(group_a)).value();
        }
        const std::uint64_t writes = world.io_count(io_kind::write);
        CHECK(in.open(2));
        CHECK(world.io_count(io_kind::write) == writes);
        CHECK(in.open(1));
        CHECK(world.io_count(io_kind::write) == writes + 2);
        CHECK(in.edits == joined({{"first"}, group_a}));
        CHECK(in.open(2));
        CHECK(in.edits == joined({{"first"}, group_a}));
    });
}

TEST_CASE("reads that fail for a passing reason are made again where the platform does that") {
    for (std::uint64_t nth = 1; nth <= 3; ++nth) {
        simulation world{nth};
        world.run([&] {
            fixture in{world};
            in.create().append(2, {2}, adding(group_a)).value();
            world.inject({.on = io_kind::read | io_kind::size | io_kind::list, .nth = nth});
            CHECK_FALSE(in.open(2));
            world.clear_faults();
            retrying<simulated> calm{world.platform()};
            auto again = calm.open_directory("db", directory_mode::existing).value();
            world.inject({.on = io_kind::read | io_kind::size | io_kind::list, .nth = nth});
            CHECK(manifest<retrying<simulated>, crc32c>::open(calm, again, ours, 2, in.taking()));
            CHECK(in.edits == joined({{"first"}, group_a}));
        });
    }
}
