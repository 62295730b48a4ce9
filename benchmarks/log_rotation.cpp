// SPDX-License-Identifier: BSL-1.0
//
// How late buffered commits are, one thread, 20,000 a second: each has its moment whether or not
// the one before is done, so that a pause is counted for all that it holds up.
//
// `mantis-rotating` has segments of 1 MiB, which is five rotations a second; `mantis-steady` has
// one for all. What is asked is the ratio of their p99.9.
//
// The same of a store of 100,000 rows, of which each commit overwrites one: `store-busy` rotates
// so, and a thread makes checkpoints of all rows, one after the other; `store-rotating` and
// `store-checkpointing` do one of both, `store-steady` neither.
#include "log.hpp"

#include <mantis/store/store.hpp>

#include <atomic>
#include <cstring>
#include <thread>
#include <utility>

namespace log_bench {

namespace {

constexpr double commits_per_second = 20'000;
constexpr std::uint64_t row_count = 100'000;

struct buffered_app : mantis::policies<mantis::with::durability<mantis::buffered>> {};

// A store full of rows; while it is busy() a thread makes checkpoints.
class full_store final : public committer {
public:
    full_store(const std::string& directory, std::uint64_t segment_bytes, bool checkpoints)
        : db_{measure::must(mantis::store<buffered_app>::open(directory, chosen(segment_bytes)))},
          rows_{measure::must(db_.table("rows"))},
          checkpoints_{checkpoints} {
        for (std::uint64_t i = 0; i < row_count; ++i) commit_row(i);
        (void)measure::must(db_.checkpoint());
    }

    void commit(unsigned) override { commit_row(next_ = (next_ + 7'919) % row_count); }

    void begin_checkpoints() {
        if (!checkpoints_) return;
        stop_ = false;
        checkpointing_ = std::thread{[this] {
            while (!stop_) {
                (void)measure::must(db_.checkpoint());
                ++made_;
            }
        }};
    }
    //   Returns     how many were made, the last of them to its end
    std::uint64_t end_checkpoints() {
        stop_ = true;
        if (checkpointing_.joinable()) checkpointing_.join();
        return std::exchange(made_, 0);
    }

private:
    static mantis::store_options chosen(std::uint64_t segment_bytes) {
        mantis::store_options options;
        options.segment_bytes = segment_bytes;
        options.checkpoint_log_bytes = 0;
        return options;
    }
    void commit_row(std::uint64_t number) {
        char key[8];
        std::memcpy(key, &number, sizeof key);
        auto tx = db_.begin();
        tx.put(rows_, {key, sizeof key}, value_);
        (void)measure::must(tx.commit());
    }

    mantis::store<buffered_app> db_;
    mantis::store<buffered_app>::table_handle rows_;
    const bool checkpoints_;
    const std::string value_ = std::string(record_bytes - 8, 'v');
    std::uint64_t next_ = 0;
    std::atomic<bool> stop_{false};
    std::uint64_t made_ = 0;
    std::thread checkpointing_;
};

measure::sample commit_on_time(committer& to, double seconds) {
    using std::chrono::duration;
    const auto count = static_cast<std::size_t>(seconds * commits_per_second);
    const auto begun = measure::clock_type::now();
    std::vector<double> late_us;
    late_us.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const double due = static_cast<double>(i) / commits_per_second;
        while (measure::seconds_since(begun) < due) {}
        to.commit(0);
        late_us.push_back((measure::seconds_since(begun) - due) * 1e6);
    }
    return {measure::quantile(late_us, 0.999), measure::quantile(late_us, 0.5),
            measure::quantile(late_us, 0.99), measure::quantile(late_us, 1)};
}

measure::comparison rotation_comparison(const measure::settings& chosen) {
    measure::comparison made{
        .name = "rotation",
        .rounds = chosen.either(15u, 3u),
        .metrics = {{"p999_us", measure::goal::less},
                    {"p50_us"},
                    {"p99_us"},
                    {"max_us", measure::goal::none, measure::summary::greatest}},
    };
    const double seconds = chosen.either(1.0, 0.25);
    const auto add = [&](std::string name, measure::role is, std::shared_ptr<committer> opened) {
        (void)commit_on_time(*opened, 0.1);
        made.subjects.push_back(
            {std::move(name), is, [=] { return commit_on_time(*opened, seconds); }});
    };
    mantis::log_options rotating;
    rotating.segment_bytes = mantis::MiB;
    mantis::log_options steady;
    steady.segment_bytes = mantis::GiB;
    add("mantis-rotating", measure::role::ours,
        open_mantis(measure::fresh_directory("rotating"), promise::buffered, rotating));
    add("mantis-steady", measure::role::shown,
        open_mantis(measure::fresh_directory("steady"), promise::buffered, steady));
    for (const contender& each : peers())
        add(each.name, each.is, each.open(measure::fresh_directory(each.name), promise::buffered));
    return made;
}

measure::comparison checkpoint_comparison(const measure::settings& chosen) {
    measure::comparison made{
        .name = "rotation-checkpoint",
        .rounds = chosen.either(9u, 2u),
        .metrics = {{"p999_us", measure::goal::less},
                    {"p50_us"},
                    {"p99_us"},
                    {"max_us", measure::goal::none, measure::summary::greatest},
                    {"checkpoints", measure::goal::none, measure::summary::total}},
    };
    const double seconds = chosen.either(2.0, 0.5);
    const auto add = [&](const std::string& name, measure::role is, std::uint64_t segment_bytes,
                         bool checkpoints) {
        auto opened = std::make_shared<full_store>(measure::fresh_directory(name), segment_bytes,
                                                   checkpoints);
        (void)commit_on_time(*opened, 0.1);
        made.subjects.push_back({name, is, [=] {
                                     opened->begin_checkpoints();
                                     measure::sample taken = commit_on_time(*opened, seconds);
                                     taken.push_back(
                                         static_cast<double>(opened->end_checkpoints()));
                                     return taken;
                                 }});
    };
    add("store-busy", measure::role::ours, mantis::MiB, true);
    add("store-rotating", measure::role::shown, mantis::MiB, false);
    add("store-checkpointing", measure::role::shown, mantis::GiB, true);
    add("store-steady", measure::role::peer, mantis::GiB, false);
    return made;
}

}  // namespace

std::vector<measure::disk_case> rotation_cases(const measure::settings& chosen) {
    return {{"rotation", [=] { return rotation_comparison(chosen); }},
            {"rotation-checkpoint", [=] { return checkpoint_comparison(chosen); }}};
}

}  // namespace log_bench
