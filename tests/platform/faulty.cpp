// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/faulty.hpp>

#include "conformance.hpp"
#include "fault_promises.hpp"
#include "scratch.hpp"

using namespace platform_test;

static_assert(platform<faulty<posix>>);
static_assert(platform<faulty<memory>>);

namespace {

template <class Inner>
struct faulty_stage {
    fault_plan<Inner> plan{7};
    faulty<Inner> platform{Inner{}, plan};
    scratch_directory scratch;
    std::string root = scratch.path("db");

    void inject(const fault& what) { plan.inject(what); }
    void clear_faults() { plan.clear(); }
    [[nodiscard]] std::uint64_t struck(fault_kind kind) const { return plan.struck(kind); }
};

}  // namespace

TEST_CASE_TEMPLATE("an empty plan changes nothing of the platform inside", Inner, memory, posix) {
    faulty_stage<Inner> stage;
    check_conformance(stage.platform, stage.root);
    CHECK(stage.plan.io_count() > 100);
}

TEST_CASE_TEMPLATE("each fault does what it says over real files", Inner, memory, posix) {
    for_each_fault_promise<faulty_stage<Inner>>([](const char* name, auto promise) {
        CAPTURE(name);
        faulty_stage<Inner> stage;
        promise(stage);
    });
}

TEST_CASE("copies of a platform and of a plan share their faults and counts") {
    fault_plan<memory> plan;
    fault_plan<memory> same = plan;
    faulty<memory> world{memory{}, plan};
    auto copy = world;
    auto in = made_directory(copy, "db");
    same.inject({.on = io_kind::list});
    check_fails(in.list(), error_code::io);
    CHECK(world.plan().io_count(io_kind::list) == 1);
    CHECK(plan.struck(fault_kind::fail) == 1);
}

TEST_CASE("threads share the strikes of a fault and none is lost") {
    fault_plan<memory> plan;
    faulty<memory> world{memory{}, plan};
    auto in = made_directory(world, "db");
    auto file = in.open("x", file_mode::create).value();
    plan.inject({.on = io_kind::write, .nth = 100, .count = 50});
    std::atomic<int> failed{0};
    std::vector<memory::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 100; ++n)
                if (!file.write(0, "x")) ++failed;
        });
    for (auto& thread : threads) thread.join();
    CHECK(failed == 50);
    CHECK(plan.io_count(io_kind::write) == 400);
}

TEST_CASE("the same plan strikes one thread the same way again") {
    const auto run = [] {
        fault_plan<memory> plan{42};
        faulty<memory> world{memory{}, plan};
        auto in = made_directory(world, "db");
        auto file = in.open("x", file_mode::create).value();
        file.write(0, std::string(5'000, 'o')).value();
        for (const fault_kind kind : {fault_kind::fail_halfway, fault_kind::flip_at_rest,
                                      fault_kind::lost_write, fault_kind::misdirected_write})
            plan.inject({.kind = kind, .one_in = 5, .count = fault::for_ever});
        for (std::uint64_t i = 0; i < 200; ++i) (void)file.write(i * 37 % 5'000, std::to_string(i));
        plan.clear();
        return contents_of(file);
    };
    CHECK(run() == run());
}
