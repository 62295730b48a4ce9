// SPDX-License-Identifier: BSL-1.0
//
// Small histories of serializable transactions by three threads on a few keys of a table in pages,
// under drawn schedules, with checkpoints beside them, a power failure in the middle and a second
// life after it: one order of the transactions explains all answers. Pages are so small that each
// key has a leaf of its own among others, and memory so small that leaves come and go.
//
// A transaction that was under way when the power failed may have happened or not, and if it has,
// before that: both are tried.
#include "../linearizability.hpp"
#include "../sanitized.hpp"
#include "paged_fixture.hpp"

#include <array>
#include <cstdlib>
#include <random>

using namespace paged_store_test;
using mantis_tests::linearizable;

namespace {

constexpr std::size_t key_count = 5;
constexpr std::size_t thread_count = 3;
// The number of the write that each key has its value of; 0: it is absent.
using key_states = std::array<std::uint64_t, key_count>;

struct operation {
    // What is written depends on what was read in changes and swaps.
    enum what : std::uint8_t { gets, puts, erases, changes, swaps, scans };

    what kind = gets;
    std::size_t key = 0;
    std::size_t other = 0;     // of a swap
    std::uint64_t number = 0;  // that is written
    key_states seen{};         // of the keys that were read
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;

    [[nodiscard]] bool writes() const { return kind != gets && kind != scans; }
    bool apply(key_states& state) const {
        if (kind == scans) return state == seen;
        if (kind != puts && kind != erases && state[key] != seen[key]) return false;
        if (kind == swaps && state[other] != seen[other]) return false;
        if (kind == puts || kind == changes) state[key] = number;
        if (kind == erases) state[key] = 0;
        if (kind == swaps) std::swap(state[key], state[other]);
        return true;
    }
};

std::string name_of(std::size_t key) { return "row-" + std::to_string(100 + key * 20) + "-key"; }

// Large ones have pages of their own.
std::string value_of(std::uint64_t number) {
    return std::to_string(number) + ":" +
           std::string(static_cast<std::size_t>(number * 61 % 1100), 'v');
}

// What an oracle has to notice: reads are told from time to time what was there before.
enum class told : std::uint8_t { the_truth, stale_reads };

// Runs in a simulation, whose threads take turns: so the clock is a plain number.
class store_history {
public:
    store_history(std::uint64_t seed, simulation& world, told how)
        : seed_{seed}, random_{seed}, world_{world}, told_{how} {
        options_ = small();
        options_.page_memory_bytes = 28 * KiB;
        options_.segment_bytes = 64 * KiB;
    }

    std::string run() {
        fill();
        world_.crash_at_io(20 + seed_ * 7 % 60);
        live();
        if (!wrong_.empty()) return wrong_;
        if (world_.powered()) world_.crash();
        else ++cut_;
        crashed_ = ++clock_;
        db_.reset();
        world_.restart(seed_ % 2 == 0 ? crash_mode::drop_unsynced : crash_mode::random_subset);
        open();
        read_all();
        live();
        read_all();
        if (auto sound = db_->verify(); !sound) wrong_ = why(sound.error());
        if (wrong_.empty() && !explained(0)) wrong_ = "no order explains the answers";
        misses_ = db_->stats().pages.misses;
        db_.reset();
        return wrong_;
    }
    [[nodiscard]] std::size_t cut() const { return cut_; }
    [[nodiscard]] std::size_t conflicts() const { return conflicts_; }
    [[nodiscard]] std::size_t pending() const { return pending_.size(); }
    [[nodiscard]] std::uint64_t misses() const { return misses_; }

private:
    void open() {
        db_.emplace(store_type::open("db", options_, world_.platform()).value());
        rows_.emplace(db_->table<in_pages>("rows").value());
    }
    void fill() {
        open();
        for (int row = 100; row < 200; ++row) {
            auto tx = db_->begin(isolation::read_committed);
            tx.put(*rows_, "row-" + std::to_string(row), std::string(110, 'f'));
            REQUIRE(tx.commit(durability_class::buffered));
        }
        for (std::size_t key = 0; key < key_count; key += 2) {
            auto tx = db_->begin(isolation::read_committed);
            first_[key] = 1000 + key;
            tx.put(*rows_, name_of(key), value_of(first_[key]));
            REQUIRE(tx.commit());
        }
        if (seed_ % 3 != 0) REQUIRE(db_->checkpoint());
    }
    void live() {
        std::vector<simulated::thread> running;
        const std::size_t operations = 3 + seed_ % 3;
        for (std::size_t thread = 0; thread < thread_count; ++thread) {
            std::vector<operation> own(operations);
            for (operation& each : own) each = drawn();
            running.emplace_back([this, own] {
                for (const operation& each : own) perform(each);
            });
        }
        running.emplace_back([this] {
            for (int i = 0; i < 2 && world_.powered(); ++i) (void)db_->checkpoint();
        });
        for (auto& thread : running) thread.join();
    }
    void read_all() {
        for (std::size_t key = 0; key < key_count; ++key)
            perform({operation::gets, key, 0, 0, {}, 0, 0});
    }
    operation drawn() {
        static constexpr operation::what usual[] = {
            operation::gets,  operation::gets,    operation::puts,
            operation::puts,  operation::changes, operation::changes,
            operation::swaps, operation::erases,  operation::scans};
        operation made;
        made.kind = usual[random_() % std::size(usual)];
        made.key = random_() % key_count;
        made.other = (made.key + 1 + random_() % (key_count - 1)) % key_count;
        made.number = ++writes_;
        return made;
    }

    void perform(operation at) {
        if (!world_.powered()) return;
        at.begun = ++clock_;
        const result<void> done = at.kind == operation::gets ? get(at) : transact(at);
        at.ended = ++clock_;
        if (done) {
            if (told_ == told::stale_reads && at.kind == operation::gets && clock_ % 3 == 0)
                at.seen[at.key] = before_[at.key];
            if (at.kind == operation::puts) before_[at.key] = last_[at.key];
            if (at.kind == operation::puts) last_[at.key] = at.number;
            return history_.push_back(at);
        }
        const error_code code = done.error().code();
        if (code == error_code::conflict) return void(++conflicts_);
        if (code == error_code::out_of_memory) return;  // nothing was done
        if (world_.powered()) wrong_ = why(done.error());
        else if (at.writes()) pending_.push_back(at);
    }
    result<void> get(operation& at) {
        auto found = db_->get(*rows_, name_of(at.key));
        if (!found) return error{found.error()};
        at.seen[at.key] = number_of(*found);
        return success();
    }
    result<void> transact(operation& at) {
        auto tx = db_->begin(isolation::serializable);
        const auto read = [&](std::size_t key) -> result<std::optional<bytes>> {
            auto found = tx.get(*rows_, name_of(key));
            if (found) at.seen[key] = number_of(*found);
            return found;
        };
        if (at.kind == operation::scans) {
            if (auto seen = scan(tx, at); !seen) return seen;
        } else if (at.kind == operation::changes) {
            if (auto found = read(at.key); !found) return error{found.error()};
            tx.put(*rows_, name_of(at.key), value_of(at.number));
        } else if (at.kind == operation::swaps) {
            for (const std::size_t key : {at.key, at.other})
                if (auto found = read(key); !found) return error{found.error()};
            write(tx, at.key, at.seen[at.other]);
            write(tx, at.other, at.seen[at.key]);
        } else {
            write(tx, at.key, at.kind == operation::puts ? at.number : 0);
        }
        auto done = tx.commit();
        return done ? success() : result<void>{done.error()};
    }
    template <class Transaction>
    void write(Transaction& tx, std::size_t key, std::uint64_t number) {
        if (number == 0) tx.erase(*rows_, name_of(key));
        else tx.put(*rows_, name_of(key), value_of(number));
    }
    template <class Transaction>
    result<void> scan(Transaction& tx, operation& at) {
        auto rows = tx.scan(*rows_);
        while (true) {
            auto more = rows.next();
            if (!more) return error{more.error()};
            if (!*more) return success();
            for (std::size_t key = 0; key < key_count; ++key)
                if (rows.key() == bytes_view{name_of(key)}) at.seen[key] = number_of(rows.value());
        }
    }
    std::uint64_t number_of(const std::optional<bytes>& value) {
        return value ? number_of(value->view()) : 0;
    }
    std::uint64_t number_of(bytes_view value) {
        const std::uint64_t number = std::strtoull(value.as<std::string>().c_str(), nullptr, 10);
        if (value != bytes_view{value_of(number)}) wrong_ = "a value that nobody has written";
        return number;
    }

    // Each of the pending ones has happened before the power failed, or never.
    bool explained(std::size_t decided) {
        if (decided == pending_.size()) return linearizable(history_, first_);
        if (explained(decided + 1)) return true;
        operation happened = pending_[decided];
        happened.ended = crashed_;
        history_.push_back(happened);
        const bool fits = explained(decided + 1);
        history_.pop_back();
        return fits;
    }

    const std::uint64_t seed_;
    std::mt19937_64 random_;
    simulation& world_;
    const told told_;
    store_options options_;
    std::optional<store_type> db_;
    std::optional<handle> rows_;
    key_states first_{};
    key_states last_{};
    key_states before_{};
    std::vector<operation> history_;
    std::vector<operation> pending_;
    std::uint64_t crashed_ = 0;
    std::uint64_t clock_ = 0;
    std::uint64_t writes_ = 0;
    std::uint64_t misses_ = 0;
    std::size_t cut_ = 0;
    std::size_t conflicts_ = 0;
    std::string wrong_;
};

std::uint64_t seeds(std::uint64_t usual) {
    return std::getenv("MANTIS_LONG") != nullptr ? usual * 20 : usual;
}

}  // namespace

TEST_CASE("200 seeds: one order explains all transactions, over checkpoints and a power failure") {
    std::size_t cut = 0;
    std::size_t pending = 0;
    std::size_t conflicts = 0;
    std::uint64_t misses = 0;
    for (std::uint64_t seed = 0; seed < seeds(200); seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            store_history history{seed, world, told::the_truth};
            REQUIRE(history.run() == "");
            cut += history.cut();
            pending += history.pending();
            conflicts += history.conflicts();
            misses += history.misses();
        });
    }
    // What was to be tried has happened.
    CHECK(cut * one_in > 20);
    CHECK(pending * one_in > 20);
    CHECK(conflicts * one_in > 20);
    CHECK(misses * one_in > 1000);
    MESSAGE(cut << " power failures, " << pending << " pending, " << conflicts << " conflicts, "
                << misses << " pages read");
}

TEST_CASE("reads that are told what was there before are noticed") {
    std::size_t noticed = 0;
    for (std::uint64_t seed = 0; seed < 40; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            store_history history{seed, world, told::stale_reads};
            const std::string wrong = history.run();
            CHECK((wrong.empty() || wrong == "no order explains the answers"));
            noticed += wrong.empty() ? 0U : 1U;
        });
    }
    CHECK(noticed * one_in > 20);
}
