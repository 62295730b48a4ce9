// SPDX-License-Identifier: BSL-1.0
//
// Small histories of puts, erases and finds by three threads on a few keys, under drawn schedules,
// random and PCT: one order of the operations explains all answers. Pages are so small that the few
// keys split and merge leaves.
#include "../../linearizability.hpp"
#include "../../page/history_source.hpp"
#include "../../sanitized.hpp"
#include "extent_rig.hpp"

#include <mantis/platform/simulated.hpp>

#include <array>
#include <cstdlib>

using namespace tree_tests;
using mantis_tests::linearizable;

namespace {

constexpr std::size_t key_count = 6;
// The number of the put that each key has its value of; 0: it is absent.
using key_states = std::array<std::uint64_t, key_count>;

struct operation {
    enum what : std::uint8_t { puts, erases, finds };

    what kind = finds;
    std::size_t key = 0;
    std::uint64_t number = 0;  // of a put; what a find has found
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;
    bool was_there = false;
    bool has_answer = true;  // whether was_there means something

    bool apply(key_states& state) const {
        const std::uint64_t had = state[key];
        if (kind == puts) state[key] = number;
        if (kind == erases) state[key] = 0;
        if (kind == finds && had != number) return false;
        return !has_answer || was_there == (had != 0);
    }
};

std::string name_of(std::size_t key) { return "key-" + std::string(key * 5, 'x'); }

// Runs in a simulation, whose threads take turns: so the clock is a plain number.
class drawn_history {
public:
    drawn_history(std::uint64_t seed, std::size_t frames, std::size_t most_value_bytes)
        : all_{512, frames}, random_{seed}, most_value_bytes_{most_value_bytes} {
        for (std::size_t key = 0; key < key_count; key += 2) {
            first_[key] = 1000 + key;
            REQUIRE(all_.tree.put(name_of(key), value_of(first_[key]), lsn{first_[key]}));
        }
    }

    std::string run(std::size_t operations) {
        std::vector<simulated::thread> running;
        for (std::uint64_t thread = 0; thread < 3; ++thread) {
            std::vector<operation> own(operations);
            for (operation& each : own) each = drawn();
            running.emplace_back([this, own] {
                for (const operation& each : own) perform(each);
            });
        }
        for (auto& thread : running) thread.join();
        for (std::size_t key = 0; key < key_count; ++key)
            perform({operation::finds, key, 0, 0, 0, false, true});
        if (!wrong_.empty()) return wrong_;
        if (!linearizable(history_, first_)) return "no order explains the answers";
        return all_.damage();
    }
    std::size_t failed() const { return failed_; }

private:
    operation drawn() {
        operation made;
        const std::uint64_t what = random_() % 8;
        made.kind = what < 3 ? operation::puts : what < 5 ? operation::erases : operation::finds;
        made.key = random_() % key_count;
        if (made.kind == operation::puts) made.number = ++puts_;
        return made;
    }
    std::string value_of(std::uint64_t number) const {
        return patterned(number * 37 % most_value_bytes_, number);
    }
    // One that has failed for want of a frame has changed nothing, and is not noted.
    void perform(operation at) {
        at.begun = ++clock_;
        const bool done = at.kind == operation::puts     ? put(at)
                          : at.kind == operation::erases ? erase(at)
                                                         : find(at);
        at.ended = ++clock_;
        if (done) history_.push_back(at);
        else ++failed_;
    }
    bool put(operation& at) {
        const auto put = all_.tree.put(name_of(at.key), value_of(at.number), lsn{at.number});
        at.has_answer = false;
        return sound(put);
    }
    bool erase(operation& at) {
        const auto erased = all_.tree.erase(name_of(at.key));
        at.was_there = erased && *erased;
        return sound(erased);
    }
    bool find(operation& at) {
        const auto found = all_.tree.find(name_of(at.key), [&](bytes_view value, lsn version) {
            at.number = version.value;
            if (value != bytes_view{value_of(version.value)}) wrong_ = "a value of another put";
        });
        at.was_there = found && *found;
        return sound(found);
    }
    template <class Result>
    bool sound(const Result& done) {
        if (!done && done.error().code() != error_code::out_of_memory)
            wrong_ = done.error().message().template as<std::string>();
        return done.has_value();
    }

    rig<simulated, page_test::history_source<simulated>> all_;
    std::mt19937_64 random_;
    const std::size_t most_value_bytes_;
    key_states first_{};
    std::vector<operation> history_;
    std::uint64_t clock_ = 0;
    std::uint64_t puts_ = 0;
    std::size_t failed_ = 0;
    std::string wrong_;
};

std::uint64_t seeds(std::uint64_t usual) {
    return std::getenv("MANTIS_LONG") != nullptr ? usual * 20 : usual;
}
std::string run_seed(std::uint64_t seed, std::size_t frames, std::size_t most_value_bytes) {
    simulation world{seed, {.scheduling = drawn_schedule(seed)}};
    std::string wrong;
    world.run([&] {
        drawn_history history{seed, frames, most_value_bytes};
        wrong = history.run(3 + seed % 5);
        if (wrong.empty() && frames >= 30 && history.failed() != 0) wrong = "a call has failed";
    });
    return wrong;
}

}  // namespace

TEST_CASE("the search for an order accepts what has one, and nothing else") {
    using op = operation;
    const key_states none{};
    const auto put = [](std::uint64_t number, std::uint64_t begun, std::uint64_t ended) {
        return op{op::puts, 0, number, begun, ended, false, false};
    };
    const auto find = [](std::uint64_t number, std::uint64_t begun, std::uint64_t ended) {
        return op{op::finds, 0, number, begun, ended, number != 0, true};
    };
    const auto erase = [](bool was_there, std::uint64_t begun, std::uint64_t ended) {
        return op{op::erases, 0, 0, begun, ended, was_there, true};
    };
    CHECK(linearizable(std::vector<op>{}, none));
    CHECK(linearizable(std::vector{put(1, 1, 2), find(1, 3, 4)}, none));
    CHECK_FALSE(linearizable(std::vector{put(1, 1, 2), find(0, 3, 4)}, none));
    CHECK(linearizable(std::vector{put(1, 1, 4), find(0, 2, 3)}, none));
    CHECK(linearizable(std::vector{put(1, 1, 6), find(0, 2, 3), find(1, 4, 5)}, none));
    CHECK_FALSE(linearizable(std::vector{put(1, 1, 6), find(1, 2, 3), find(0, 4, 5)}, none));
    CHECK_FALSE(
        linearizable(std::vector{put(1, 1, 2), put(2, 3, 10), find(2, 4, 5), find(1, 6, 7)}, none));
    CHECK(
        linearizable(std::vector{put(1, 1, 8), put(2, 2, 7), find(2, 3, 4), find(1, 5, 6)}, none));
    // Two cannot both erase what was put once.
    CHECK_FALSE(
        linearizable(std::vector{put(1, 1, 2), erase(true, 3, 6), erase(true, 4, 5)}, none));
    CHECK(linearizable(std::vector{put(1, 1, 2), erase(false, 3, 6), erase(true, 4, 5)}, none));
}

TEST_CASE("1500 seeds: one order of all puts, erases and finds explains all answers") {
    for (std::uint64_t seed = 0; seed < seeds(1500); seed += one_in) {
        CAPTURE(seed);
        REQUIRE(run_seed(seed, 30, 110) == "");
    }
}

TEST_CASE("500 seeds: the same while pages leave and come back") {
    for (std::uint64_t seed = 0; seed < seeds(1000); seed += one_in) {
        CAPTURE(seed);
        REQUIRE(run_seed(seed, 4 + seed % 5, 110) == "");
    }
}

TEST_CASE("500 seeds: the same with values in pages of their own") {
    for (std::uint64_t seed = 0; seed < seeds(500); seed += one_in) {
        CAPTURE(seed);
        REQUIRE(run_seed(seed, seed % 2 == 0 ? 60 : 6, 1500) == "");
    }
}
