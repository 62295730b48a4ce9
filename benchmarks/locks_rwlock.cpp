// SPDX-License-Identifier: BSL-1.0
//
// Reader-writer locks beside each other. Every section reads or writes the same line of memory,
// which is checked: a reader that sees a write half done, or a write that is lost, ends the run.
//
//   read-uncontended    one thread takes and frees the lock, with nothing in between
//   write-uncontended
//   mix-R-W             2 and 8 threads, no time between sections; R percent of them read. Which
//                       ones was drawn beforehand, the same for every lock: who starves writers
//                       stops all of its threads. slowest_percent is what the slowest thread did,
//                       of an equal share
//   writer-wait         4 readers without a pause, and a writer that comes each millisecond
//   reader-wait         3 writers without a pause, and a reader that comes each millisecond
//
// The sections of a mix take a few nanoseconds, so that the lock is what costs; those of the waits
// half a microsecond, so that the lock is held nearly always and it shows who is let in next.
// max_ms is the longest wait of a sample, in the middle of all samples, worst_ms that of all of
// them. A wait that has not ended at the cap is one of starved_samples and counts as long as it
// took until the others had stopped. crowd_per_s is what those without a pause did meanwhile.
#include "crew.hpp"
#include "locks.hpp"
#include "locks_peers.hpp"

namespace {

using measure::clock_type;
using measure::comparison;
using measure::goal;
using measure::sample;
using measure::settings;
using measure::summary;

// The compiler may neither know what is in memory afterwards nor move anything across.
void hide() { asm volatile("" : : : "memory"); }

// From here on anybody may know where the object is, hence change it.
void escape(void* object) { asm volatile("" : : "r"(object) : "memory"); }

// What the lock protects: one line of memory in which all words are equal.
struct alignas(64) protected_line {
    std::uint64_t words[8] = {};

    void write() {
        for (std::uint64_t& each : words) ++each;
    }
    [[nodiscard]] bool whole() const {
        std::uint64_t differing = 0;
        for (const std::uint64_t each : words) differing |= each ^ words[0];
        return differing == 0;
    }
};

// Two lines, for processors fetch lines in pairs.
constexpr std::size_t apart = 128;

struct alignas(apart) tally {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t broken_reads = 0;

    [[nodiscard]] std::uint64_t pairs() const { return reads + writes; }
};

struct nothing {
    void operator()() const {}
};

// A section goes over the line `passes` times. It calls entered() first, inside.
template <class Lock, unsigned passes>
struct locked_line {
    alignas(apart) Lock lock;
    alignas(apart) protected_line line;

    template <class Entered = nothing>
    void read(tally& into, Entered entered = {}) {
        bool whole = true;
        lock.lock_shared();
        entered();
        for (unsigned i = 0; i < passes; ++i) {
            whole = line.whole() && whole;
            hide();
        }
        lock.unlock_shared();
        ++into.reads;
        into.broken_reads += whole ? 0u : 1u;
    }
    template <class Entered = nothing>
    void write(tally& into, Entered entered = {}) {
        lock.lock();
        entered();
        for (unsigned i = 0; i < passes; ++i) {
            line.write();
            hide();
        }
        lock.unlock();
        ++into.writes;
    }
    void check(const std::vector<tally>& all) const {
        tally sum;
        for (const tally& each : all) {
            sum.writes += each.writes;
            sum.broken_reads += each.broken_reads;
        }
        if (sum.broken_reads != 0 || !line.whole() || line.words[0] != sum.writes * passes)
            measure::give_up(std::string{Lock::name} + " does not protect what it locks");
    }
};

// --- uncontended ---

template <class Lock, bool writes>
sample take_uncontended(bool pinned) {
    constexpr int pairs = 40'000;  // soon done: most samples are then interrupted by nobody
    double seconds = 0;
    measure::together(1, pinned, [&](unsigned) {
        alignas(apart) Lock lock;
        escape(&lock);
        const auto begun = clock_type::now();
        for (int i = 0; i < pairs; ++i) {
            hide();
            if constexpr (writes) lock.lock();
            else lock.lock_shared();
            hide();
            if constexpr (writes) lock.unlock();
            else lock.unlock_shared();
        }
        seconds = measure::seconds_since(begun);
    });
    return {seconds / pairs * 1e9};
}

// --- mixes ---

// Which sections of a thread write, over and over: the exact share, in an order of its own.
class draws {
public:
    draws(unsigned thread, unsigned write_percent) : writes_(count, 0) {
        std::fill_n(writes_.begin(), count * write_percent / 100, std::uint8_t{1});
        std::uint64_t state = thread;
        for (std::size_t left = count; left > 1; --left)
            std::swap(writes_[left - 1], writes_[next(state) % left]);
    }
    [[nodiscard]] bool next_writes() {
        const bool writes = writes_[at_] != 0;
        at_ = at_ + 1 == count ? 0 : at_ + 1;
        return writes;
    }

private:
    static constexpr std::size_t count = 10'000;

    static std::uint64_t next(std::uint64_t& state) {
        std::uint64_t mixed = state += 0x9e37'79b9'7f4a'7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58'476d'1ce4'e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d0'49bb'1331'11eb;
        return mixed ^ (mixed >> 31);
    }

    std::vector<std::uint8_t> writes_;
    std::size_t at_ = 0;
};

struct mix {
    unsigned threads;
    unsigned write_percent;
    std::chrono::milliseconds length;
    bool pinned;
};

template <class Lock>
sample take_mix(const mix& of) {
    locked_line<Lock, 1> shared;
    std::vector<tally> tallies(of.threads);
    std::vector<draws> plans;
    for (unsigned i = 0; i < of.threads; ++i) plans.emplace_back(i, of.write_percent);
    std::atomic<bool> stop{false};
    double seconds = 0;
    const auto work = [&](unsigned thread) {
        tally mine;
        draws plan = plans[thread];
        while (!stop.load(std::memory_order_relaxed))
            if (plan.next_writes()) shared.write(mine);
            else shared.read(mine);
        tallies[thread] = mine;
    };
    measure::together(of.threads, of.pinned, work, [&] {
        const auto begun = clock_type::now();
        std::this_thread::sleep_for(of.length);
        stop = true;
        seconds = measure::seconds_since(begun);
    });
    shared.check(tallies);
    double pairs = 0;
    double writes = 0;
    double least = static_cast<double>(tallies.front().pairs());
    for (const tally& each : tallies) {
        pairs += static_cast<double>(each.pairs());
        writes += static_cast<double>(each.writes);
        least = std::min(least, static_cast<double>(each.pairs()));
    }
    return {pairs / seconds, writes / pairs * 100, least * of.threads / pairs * 100};
}

// --- waits ---

struct contest {
    unsigned crowd;  // threads that never pause
    std::chrono::milliseconds length;
    std::chrono::milliseconds cap;
    bool pinned;
};

// One thread that takes the lock now and then, and what it waited.
class visitor {
public:
    explicit visitor(const contest& of)
        : cap_{of.cap}, end_{clock_type::now().time_since_epoch() + of.length} {}

    template <class Visit>
    void run(Visit visit) {
        do {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
            const auto begun = clock_type::now().time_since_epoch();
            since_ = begun.count();
            const auto ended = visit();
            since_ = 0;
            waits_ms_.push_back(std::chrono::duration<double, std::milli>(ended - begun).count());
        } while (!starved_ && clock_type::now().time_since_epoch() < end_);
        done_ = true;
    }

    // Returns when run() has ended, or waits longer than the cap.
    void watch() {
        while (!done_ && !starved_) {
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
            const std::int64_t since = since_;
            starved_ = since != 0 &&
                       clock_type::now().time_since_epoch() - clock_type::duration{since} > cap_;
        }
    }

    [[nodiscard]] bool starved() const { return starved_; }
    [[nodiscard]] const std::vector<double>& waits_ms() const { return waits_ms_; }

private:
    clock_type::duration cap_;
    clock_type::duration end_;
    std::vector<double> waits_ms_;
    std::atomic<std::int64_t> since_{0};  // 0: it does not wait
    std::atomic<bool> starved_{false};
    std::atomic<bool> done_{false};
};

template <class Lock, bool writer_waits>
sample take_waits(const contest& of) {
    locked_line<Lock, 100> shared;
    std::vector<tally> tallies(of.crowd + 1);
    visitor one{of};
    std::atomic<bool> stop{false};
    double seconds = 0;
    const auto crowd = [&](tally& mine) {
        while (!stop.load(std::memory_order_relaxed))
            if constexpr (writer_waits) shared.read(mine);
            else shared.write(mine);
    };
    const auto visit = [&](tally& mine) {
        clock_type::duration inside{};
        const auto enter = [&] { inside = clock_type::now().time_since_epoch(); };
        if constexpr (writer_waits) shared.write(mine, enter);
        else shared.read(mine, enter);
        return inside;
    };
    const auto work = [&](unsigned thread) {
        tally mine;
        if (thread < of.crowd) crowd(mine);
        else one.run([&] { return visit(mine); });
        tallies[thread] = mine;
    };
    measure::together(of.crowd + 1, of.pinned, work, [&] {
        const auto begun = clock_type::now();
        one.watch();
        stop = true;
        seconds = measure::seconds_since(begun);
    });
    shared.check(tallies);
    double pairs = 0;
    for (unsigned i = 0; i < of.crowd; ++i) pairs += static_cast<double>(tallies[i].pairs());
    const double longest = measure::quantile(one.waits_ms(), 1);
    return {longest,
            measure::quantile(one.waits_ms(), 0.99),
            measure::median(one.waits_ms()),
            longest,
            one.starved() ? 1.0 : 0.0,
            static_cast<double>(one.waits_ms().size()),
            pairs / seconds};
}

// --- the cases ---

template <class Take>
void add_locks(comparison& to, Take take) {
    locks::compared_locks::each([&]<class Lock>() {
        to.subjects.push_back(
            {Lock::name, Lock::role, [take] { return take.template operator()<Lock>(); }});
    });
}

template <bool writes>
comparison uncontended(const settings& chosen) {
    comparison made{.name = writes ? "write-uncontended" : "read-uncontended",
                    .rounds = chosen.either(801u, 101u),
                    .metrics = {{"ns_per_pair", goal::less}}};
    add_locks(made, [pinned = chosen.pinned]<class Lock>() {
        return take_uncontended<Lock, writes>(pinned);
    });
    return made;
}

comparison mixed(const settings& chosen, unsigned write_percent, unsigned threads) {
    const mix what{threads, write_percent, std::chrono::milliseconds{chosen.either(200, 40)},
                   chosen.pinned};
    comparison made{
        .name = "mix-" + std::to_string(100 - write_percent) + "-" + std::to_string(write_percent),
        .threads = threads,
        .rounds = chosen.either(15u, 5u),
        .metrics = {{"pairs_per_s", goal::more}, {"write_percent"}, {"slowest_percent"}}};
    add_locks(made, [what]<class Lock>() { return take_mix<Lock>(what); });
    return made;
}

template <bool writer_waits>
comparison waits(const settings& chosen) {
    const contest what{writer_waits ? 4u : 3u, std::chrono::milliseconds{chosen.either(500, 100)},
                       std::chrono::milliseconds{chosen.either(2000, 500)}, chosen.pinned};
    comparison made{.name = writer_waits ? "writer-wait" : "reader-wait",
                    .threads = what.crowd + 1,
                    .rounds = chosen.either(9u, 3u),
                    .metrics = {{"max_ms", goal::less},
                                {"p99_ms", goal::less},
                                {"median_ms"},
                                {"worst_ms", goal::none, summary::greatest},
                                {"starved_samples", goal::none, summary::total},
                                {"waits"},
                                {"crowd_per_s"}}};
    add_locks(made, [what]<class Lock>() { return take_waits<Lock, writer_waits>(what); });
    return made;
}

}  // namespace

std::vector<comparison> locks::rwlock_cases(const settings& chosen) {
    std::vector<comparison> made{uncontended<false>(chosen), uncontended<true>(chosen)};
    for (const unsigned write_percent : {1u, 10u, 50u})
        for (const unsigned threads : {2u, 8u})
            made.push_back(mixed(chosen, write_percent, threads));
    made.push_back(waits<true>(chosen));
    made.push_back(waits<false>(chosen));
    return made;
}

std::string locks::rwlock_builds() {
    std::string all;
    compared_locks::each(
        [&]<class Lock>() { all += std::string{"  "} + Lock::name + ": " + Lock::build() + "\n"; });
    return all;
}
