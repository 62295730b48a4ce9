// SPDX-License-Identifier: BSL-1.0
//
// A slice: threads ask for rows until the time is over, each with a session of its own.
//
// Closed loop: the next operation begins with the answer of the one before, and so does its time.
// Open loop: operations arrive at a fixed rate, dealt to the threads in turn, and the time of each
// begins when it should have begun, so that who waits behind a pause is counted.
#include "store_slice.hpp"

#include "crew.hpp"
#include "store_latency.hpp"

namespace store_bench {

namespace {

using measure::clock_type;

std::uint64_t nanoseconds(clock_type::duration of) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::nanoseconds>(of).count()));
}

clock_type::duration duration_of(double seconds) {
    return std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>{seconds});
}

// Sleeps are imprecise, and a thread that only spins takes the processor from the database's own.
void wait_until(clock_type::time_point when) {
    constexpr auto imprecision = std::chrono::microseconds{100};
    while (true) {
        const auto left = when - clock_type::now();
        if (left <= clock_type::duration::zero()) return;
        if (left > 2 * imprecision) std::this_thread::sleep_for(left - imprecision);
        else std::this_thread::yield();
    }
}

}  // namespace

struct alignas(128) driver::worker {
    session* to = nullptr;
    generator random{0};
    std::size_t next_draw = 0;
    unsigned number = 0;
    expecting reader{};
    counting counter{};
    latencies times{};
    std::uint64_t longest_gap_ns = 0;
    std::uint64_t conflicts_before = 0;
    std::uint64_t user_bytes = 0;
    clock_type::time_point begun{};
    clock_type::time_point ended{};

    void answered(clock_type::time_point now, clock_type::time_point since) {
        longest_gap_ns = std::max(longest_gap_ns, nanoseconds(now - ended));
        times.add(nanoseconds(now - since));
        ended = now;
    }
    void put(std::uint64_t index, std::uint64_t version) {
        const key_of key{index};
        to->put(key.view(), value_of{index, version}.view());
        user_bytes += key.view().size() + value_bytes;
    }
};

void driver::connect(unsigned count) {
    while (sessions_.size() < count) sessions_.push_back(of_.connect());
}

// A batch is sorted, so that a tree visits each of its pages once for it: it is about the rows that
// are there then, not about how they got there.
void driver::load(std::uint64_t rows) {
    const std::uint64_t batch = std::clamp<std::uint64_t>(rows / 20, 10'000, 500'000);
    connect(1);
    struct made {
        key_of key;
        value_of value;
    };
    std::vector<made> some;
    std::vector<row> all;
    for (std::uint64_t begin = 0; begin < rows; begin += batch) {
        some.clear();
        all.clear();
        const std::uint64_t end = std::min(rows, begin + batch);
        for (std::uint64_t i = begin; i < end; ++i) some.push_back({key_of{i}, value_of{i, 0}});
        for (const made& each : some) all.push_back({each.key.view(), each.value.view()});
        std::sort(all.begin(), all.end(), [](const row& a, const row& b) { return a.key < b.key; });
        sessions_.front()->put_all(all);
    }
    rows_ = rows;
}

sliced driver::load(const std::vector<std::uint32_t>& order, unsigned threads) {
    connect(threads);
    std::vector<worker> all(threads);
    const auto begun = clock_type::now();
    measure::together(threads, false, [&](unsigned number) {
        worker& one = all[number];
        one.to = sessions_[number].get();
        one.ended = clock_type::now();
        const std::size_t end = order.size() * (number + 1) / threads;
        for (std::size_t i = order.size() * number / threads; i < end; ++i) {
            one.put(order[i], 0);
            one.answered(clock_type::now(), one.ended);
        }
    });
    rows_ += order.size();
    return sum_up(all, measure::seconds_since(begun));
}

void driver::erase_most() {
    constexpr std::size_t at_once = 1000;
    connect(1);
    std::vector<key_of> keys;
    std::vector<std::string_view> views;
    const std::uint64_t rows = rows_;
    for (std::uint64_t i = 0; i < rows; ++i) {
        if (i % 10 != 0) keys.emplace_back(i);
        if (keys.size() < at_once && i + 1 < rows) continue;
        for (const key_of& each : keys) views.push_back(each.view());
        sessions_.front()->erase_all(views);
        erased_ += keys.size();
        views.clear();
        keys.clear();
    }
}

sliced driver::run(const slice& what) {
    connect(what.threads);
    std::vector<worker> all(what.threads);
    for (unsigned i = 0; i < what.threads; ++i) {
        all[i].to = sessions_[i].get();
        all[i].number = i;
        all[i].random = generator{mix(what.seed) + i};
        all[i].next_draw = all[i].random.below(draws::count);
        all[i].conflicts_before = sessions_[i]->conflicts();
    }
    clock_type::time_point begun;
    measure::together(
        what.threads, false, [&](unsigned number) { work(all[number], what); },
        [&] { begun = clock_type::now(); });
    return sum_up(all, measure::seconds_since(begun));
}

void driver::work(worker& one, const slice& what) {
    one.begun = one.ended = clock_type::now();
    const auto end = one.begun + duration_of(what.seconds);
    if (what.arrivals_per_s <= 0) {
        while (one.ended < end) {
            operate(one, what);
            one.answered(clock_type::now(), one.ended);
        }
        return;
    }
    // What cannot be answered at all in twice the time is not waited for.
    const auto patience = one.begun + duration_of(2 * what.seconds);
    for (std::uint64_t i = one.number; one.ended < patience; i += what.threads) {
        const auto due = one.begun + duration_of(static_cast<double>(i) / what.arrivals_per_s);
        if (due >= end) return;
        wait_until(due);
        operate(one, what);
        one.answered(clock_type::now(), due);
    }
}

//   Returns     a row to ask for: of the latest, none that another thread is still putting
std::uint64_t driver::row_of(worker& one, const slice& what) {
    const std::uint64_t drawn = drawn_.of(what.asked)[one.next_draw++];
    if (what.mix.absent) return first_absent + drawn;
    if (what.asked != spread::latest) return drawn;
    const std::uint64_t newest = rows_.load(std::memory_order_relaxed) - 1;
    return newest - std::min(newest, drawn + what.threads);
}

void driver::operate(worker& one, const slice& what) {
    const operations& mix = what.mix;
    const auto drawn = static_cast<unsigned>(one.random.below(100));
    if (drawn < mix.insert) return one.put(rows_.fetch_add(1), 0);
    const std::uint64_t index = row_of(one, what);
    unsigned below = mix.insert + mix.update;
    if (drawn < below) return one.put(index, one.random.next());
    const key_of key{index};
    if (drawn < (below += mix.scan)) {
        const std::size_t most = 1 + one.random.below(longest_scan);
        if (one.to->scan(key.view(), most, one.reader) == 0) measure::give_up("a scan lost a row");
        return;
    }
    if (drawn < (below += mix.modify)) {
        if (!one.to->modify(key.view(), one.counter)) measure::give_up("a row to modify was lost");
        one.user_bytes += key.view().size() + value_bytes;
        return;
    }
    const bool found = one.to->read(key.view(), one.reader);
    // A thread that sleeps may have put a row for long, among the latest.
    if (found == mix.absent && what.asked != spread::latest)
        measure::give_up(found ? "a row that nobody put" : "a read lost a row");
    if (found && one.reader.stamp() != stamp_of(index))
        measure::give_up("the value of another row");
}

sliced driver::sum_up(std::vector<worker>& all, double seconds) const {
    latencies times;
    sliced made;
    std::uint64_t gap_ns = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        times.add(all[i].times);
        gap_ns = std::max(gap_ns, all[i].longest_gap_ns);
        made.conflicts += all[i].to->conflicts() - all[i].conflicts_before;
        made.user_bytes += all[i].user_bytes;
    }
    made.ops_per_s = static_cast<double>(times.count()) / seconds;
    made.p50_us = times.quantile_us(0.5);
    made.p99_us = times.quantile_us(0.99);
    made.p999_us = times.quantile_us(0.999);
    made.max_gap_ms = static_cast<double>(gap_ns) / 1e6;
    return made;
}

totals driver::count() {
    // Of all rows, in pieces that fit any database's idea of a transaction.
    class adding final : public visitor {
    public:
        void see(std::string_view key, std::string_view value) override {
            ++seen.rows;
            seen.sum += mix(sum_of(key) ^ mix(sum_of(value)));
            last.assign(key);
        }
        totals seen;
        std::string last;
    };
    constexpr std::size_t piece = 100'000;
    connect(1);
    adding all;
    std::string from;
    from.push_back('\0');
    while (sessions_.front()->scan(from, piece, all) == piece) {
        from = all.last;
        from.push_back('\0');
    }
    return all.seen;
}

}  // namespace store_bench
