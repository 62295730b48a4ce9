// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/faulty.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/retrying.hpp>
#include <mantis/platform/simulated.hpp>

#include "conformance.hpp"
#include "scratch.hpp"

using namespace platform_test;

static_assert(platform<retrying<posix>>);
static_assert(platform<retrying<faulty<memory>>>);
static_assert(platform<retrying<retrying<simulated>>>);

namespace {

using disk = faulty<memory>;

constexpr retrying_options quick{.again = {.first = {1000}, .most = {5000}, .attempts = 4},
                                 .breaker = {.failures = 100, .pause = seconds(10)}};

// A file "x" in a directory "db", and the plan of what goes wrong below.
struct stage {
    explicit stage(const retrying_options& options = quick) : world{disk{memory{}, plan}, options} {
        check_writes();
    }
    void check_writes() { file.write(0, "contents").value(); }

    result<std::size_t> read() {
        std::byte into[8];
        return file.read(0, into, sizeof into);
    }

    fault_plan<memory> plan;
    retrying<disk> world;
    retrying<disk>::directory in = world.open_directory("db", directory_mode::create).value();
    retrying<disk>::file file = in.open("x", file_mode::create).value();
};

// A disk whose writes are interrupted after their first byte.
struct halting_file : memory::file {
    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        ++writes;
        if (auto done = memory::file::write(offset, from.first(1)); !done) return done;
        return error{error_code::interrupted, "writing a file"}.about(path()).with("offset",
                                                                                   offset + 1);
    }
    static inline int writes = 0;
};
struct halting_directory : memory::directory {
    using file = halting_file;
    [[nodiscard]] result<file> open(bytes_view name, file_mode mode) {
        return file{memory::directory::open(name, mode).value()};
    }
};
struct halting : memory {
    using file = halting_file;
    using directory = halting_directory;
    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) {
        return directory{memory::open_directory(path, mode).value()};
    }
};

fault failing(io_kinds on, std::uint64_t count, error_code code = error_code::io) {
    return {.on = on, .code = code, .count = count};
}

}  // namespace

TEST_CASE_TEMPLATE("without failures it is the platform inside", Inner, memory, posix) {
    const scratch_directory scratch;
    retrying<Inner> world;
    check_conformance(world, scratch.path("db"));
    CHECK(world.health(scratch.path("db")).repeats == 0);
}

TEST_CASE("what fails for a passing reason and may be done twice is repeated until it succeeds") {
    for (const error_code code : {error_code::io, error_code::interrupted}) {
        stage on;
        on.plan.inject(failing(io_kind::read, 3, code));
        CHECK(on.read().value() == 8);
        on.plan.inject(failing(io_kind::size, 3, code));
        CHECK(on.file.size().value() == 8);
        on.plan.inject(failing(io_kind::list, 3, code));
        CHECK(on.in.list().value().size() == 1);
        on.plan.inject(failing(io_kind::exists, 3, code));
        CHECK(on.in.exists("x").value());
        for (const file_mode mode : {file_mode::read, file_mode::write, file_mode::create}) {
            on.plan.inject(failing(io_kind::open, 3, code));
            CHECK(on.in.open("x", mode));
        }
        on.plan.inject(failing(io_kind::open_directory, 3, code));
        auto other = on.world.open_directory("db", directory_mode::existing).value();
        on.plan.inject(failing(io_kind::lock, 3, code));
        CHECK(on.in.lock());
        CHECK(on.world.health("db").repeats == 9 * 3);
        // Somebody has it: that is an answer, and no reason that passes soon.
        const std::uint64_t before = on.plan.io_count();
        check_fails(other.lock(), error_code::locked);
        CHECK(on.plan.io_count() == before + 1);
        CHECK(on.world.health("db").given_up == 0);
    }
}

TEST_CASE("what fails for longer answers its last error, with the attempts and the time") {
    stage on;
    on.plan.inject(failing(io_kind::read, 4));
    const auto refused = on.read();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::io);
    CHECK(refused.error().subject() == "db/x");
    CHECK(*refused.error().number("errno") == EIO);
    CHECK(*refused.error().number("attempts") == 4);
    CHECK(*refused.error().number("waited_ns") >= 4'000);
    CHECK(on.plan.struck(fault_kind::fail) == 4);
    CHECK(on.world.health("db").given_up == 1);
    CHECK(on.read());
}

TEST_CASE("what may have been done is never repeated: syncs, changes of names and sizes") {
    stage on;
    on.plan.inject(failing(any_io, fault::for_ever));
    const std::uint64_t before = on.plan.io_count();
    check_fails(on.file.write(0, "new"), error_code::io);
    check_fails(on.file.resize(5), error_code::io);
    check_fails(on.file.preallocate(5), error_code::io);
    check_fails(on.in.remove("x"), error_code::io);
    check_fails(on.in.rename("x", "y"), error_code::io);
    CHECK_FALSE(on.in.open("new", file_mode::create_new));
    check_fails(on.file.sync(), error_code::io);
    check_fails(on.in.sync(), error_code::io);
    CHECK(on.plan.io_count() == before + 8);
    CHECK(on.plan.io_count(io_kind::sync) == 1);
    CHECK(on.world.health("db").repeats == 0);
}

TEST_CASE("an answer is not a failure: what is missing, there, or not allowed is told at once") {
    stage on;
    const std::uint64_t before = on.plan.io_count();
    CHECK(on.in.open("missing", file_mode::read).error().code() == error_code::not_found);
    CHECK(on.in.open("x", file_mode::create_new).error().code() == error_code::already_exists);
    on.plan.inject(failing(io_kind::open, 1, error_code::no_space));
    CHECK(on.in.open("y", file_mode::create).error().code() == error_code::no_space);
    CHECK(on.plan.io_count() == before + 3);
    CHECK(on.world.health("db").breaker.failures == 0);
    const auto io = [](int number) {
        return error{error_code::io, "opening"}.with("errno", static_cast<std::uint64_t>(number));
    };
    for (const int lasting : {EACCES, EPERM, EROFS, EISDIR, ENOTDIR, EBADF, EINVAL})
        CHECK_FALSE(may_pass(io(lasting)));
    for (const int passing : {EIO, EINTR, EAGAIN, EMFILE, ENFILE, ENOMEM, ETIMEDOUT})
        CHECK(may_pass(io(passing)));
    CHECK(may_pass(error{error_code::io, "of another platform"}));
}

TEST_CASE("a write is repeated when it was interrupted before its first byte, and only then") {
    stage on;
    on.plan.inject(failing(io_kind::write, 2, error_code::interrupted));
    CHECK(on.file.write(3, "later"));
    CHECK(on.world.health("db").repeats == 2);
    CHECK(on.world.health("db").breaker.failures == 0);

    on.plan.inject(failing(io_kind::write, fault::for_ever, error_code::interrupted));
    const auto refused = on.file.write(3, "later");
    check_fails(refused, error_code::interrupted);
    CHECK(*refused.error().number("attempts") == 4);
}

TEST_CASE("a write that was interrupted in its middle is not repeated") {
    retrying<halting> world;
    auto in = world.open_directory("db", directory_mode::create).value();
    auto file = in.open("x", file_mode::create).value();
    check_fails(file.write(7, "later"), error_code::interrupted);
    CHECK(halting_file::writes == 1);
}

TEST_CASE("after a failed sync nothing is repeated for that file until its name is gone") {
    stage on;
    auto other = on.in.open("other", file_mode::create).value();
    on.plan.inject({.on = io_kind::sync});
    check_fails(on.file.sync(), error_code::io);
    CHECK(on.plan.io_count(io_kind::sync) == 1);

    on.plan.inject(failing(io_kind::read, 1));
    CHECK_FALSE(on.read());
    on.plan.inject(failing(io_kind::write, 1, error_code::interrupted));
    CHECK_FALSE(on.file.write(0, "x"));
    on.plan.inject(failing(io_kind::open, 1));
    CHECK_FALSE(on.in.open("x", file_mode::read));
    CHECK(on.world.health("db").repeats == 0);

    on.plan.inject(failing(io_kind::size, 1));
    CHECK(other.size());
    on.in.remove("x").value();
    on.plan.inject(failing(io_kind::open, 1));
    CHECK(on.in.open("x", file_mode::create));
    CHECK(on.plan.io_count(io_kind::sync) == 1);
}

TEST_CASE("a file whose sync failed is told by its name, also by a later one") {
    stage on;
    on.in.open("other", file_mode::create).value().write(0, "o").value();
    on.plan.inject({.on = io_kind::sync});
    check_fails(on.file.sync(), error_code::io);
    on.in.rename("x", "y").value();
    on.plan.inject(failing(io_kind::open, 1));
    CHECK(on.in.open("x", file_mode::create));
    on.plan.inject(failing(io_kind::open, 1));
    CHECK_FALSE(on.in.open("y", file_mode::read));
    on.in.rename("other", "y").value();
    on.plan.inject(failing(io_kind::open, 1));
    CHECK(on.in.open("y", file_mode::read));
}

TEST_CASE("after a failed sync of the directory its names are not asked for twice") {
    stage on;
    on.plan.inject({.on = io_kind::sync_directory});
    check_fails(on.in.sync(), error_code::io);
    on.plan.inject(failing(io_kind::list, 1));
    CHECK_FALSE(on.in.list());
    CHECK(on.plan.io_count(io_kind::sync_directory) == 1);
}

TEST_CASE("the breaker of a path refuses at once; other paths and writes go on") {
    retrying_options options = quick;
    options.breaker.failures = 6;
    stage on{options};
    on.plan.inject({.on = io_kind::read, .count = fault::for_ever, .path_part = bytes{"db/"}});
    CHECK(*on.read().error().number("attempts") == 4);
    // Refused in the middle: what it tells is the cause.
    const auto half = on.read();
    CHECK(*half.error().number("attempts") == 2);
    CHECK(*half.error().number("errno") == EIO);
    const std::uint64_t before = on.plan.io_count();
    const auto refused = on.read();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::io);
    CHECK(refused.error().subject() == "db/x");
    CHECK(refused.error().number("failing_for_ns"));
    CHECK_FALSE(on.in.list());
    CHECK(on.plan.io_count() == before);
    CHECK(on.file.write(0, "x"));
    CHECK(on.file.sync());
    CHECK(on.in.open("new", file_mode::create));
    CHECK(on.in.open("new", file_mode::write));
    CHECK(on.world.open_directory("elsewhere", directory_mode::create));

    auto copy = on.world;
    CHECK_FALSE(copy.open_directory("db", directory_mode::existing));
    const file_health health = copy.health("db");
    CHECK(health.breaker.state == breaker_state::open);
    CHECK(health.breaker.trips == 1);
    CHECK(health.breaker.refused == 4);
    CHECK(health.given_up == 5);
    const auto all = on.world.health();
    REQUIRE(all.size() == 2);
    CHECK(all[0].path == bytes{"db"});
    CHECK(all[1].health.breaker.state == breaker_state::closed);
}

TEST_CASE("after its pause the breaker lets one call try, and then all") {
    simulation world{1};
    world.run([&] {
        retrying<simulated> on{
            world.platform(),
            {.again = {.attempts = 1}, .breaker = {.failures = 2, .pause = milliseconds(10)}}};
        auto in = on.open_directory("db", directory_mode::create).value();
        world.inject({.on = io_kind::list, .count = 3});
        for (int i = 0; i < 4; ++i) CHECK_FALSE(in.list());
        CHECK(world.io_count(io_kind::list) == 2);
        on.sleep(milliseconds(10));
        CHECK_FALSE(in.list());
        CHECK_FALSE(in.list());
        CHECK(world.io_count(io_kind::list) == 3);
        on.sleep(milliseconds(20));
        CHECK(in.list());
        CHECK(in.list());
        CHECK(on.health("db").breaker.probes == 2);
    });
}

TEST_CASE("a short read is as good as any, and damage is none of its business") {
    stage on;
    std::byte into[100];
    CHECK(on.file.read(4, into, sizeof into).value() == 4);
    CHECK(on.file.read(50, into, sizeof into).value() == 0);
    on.plan.inject({.kind = fault_kind::flip_on_read, .count = 1});
    CHECK(on.read());
    CHECK(on.world.health("db").repeats == 0);
}

TEST_CASE("threads that read through failures all succeed, and each repeat is counted") {
    retrying_options options = quick;
    options.again.attempts = 200;
    options.breaker.failures = 0;
    stage on{options};
    on.plan.inject({.on = io_kind::read, .one_in = 3, .count = 300});
    std::atomic<int> read{0};
    std::vector<memory::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 200; ++n) read += on.read() ? 1 : 0;
        });
    for (auto& thread : threads) thread.join();
    CHECK(read == 800);
    const std::uint64_t struck = on.plan.struck(fault_kind::fail);
    CHECK(struck > 100);
    CHECK(on.world.health("db").repeats == struck);
    CHECK(on.world.health("db").breaker.failures == struck);
}

TEST_CASE("the defaults are the numbers of docs/errors.md and store/options.hpp") {
    const retrying_options stock;
    CHECK(stock.again.attempts == 5);
    nanoseconds longest{};
    nanoseconds pause = stock.again.first;
    for (std::uint32_t i = 1; i < stock.again.attempts; ++i) {
        longest = longest + pause;
        pause = {pause.count * stock.again.factor};
    }
    CHECK(longest == milliseconds(85));
    CHECK(longest < stock.again.total);
    CHECK(stock.breaker.failures == 16);
    CHECK(stock.breaker.pause == milliseconds(100));
    CHECK(stock.breaker.longest_pause == seconds(10));
}
