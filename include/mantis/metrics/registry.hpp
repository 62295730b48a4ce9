// SPDX-License-Identifier: BSL-1.0
//
// The metrics of a program by name, and a snapshot of all of them.
//
//   metric_registry<posix> metrics;
//   auto& commits = *metrics.add_counter({.name = "shop_orders_total", .help = "Orders."}).value();
//   commits.add();                                             // on any thread, for ever
//   const bytes text = prometheus_text(metrics.snapshot());
//
// Three ways in:
//   add_*     the registry makes the metric and keeps it; its address stays
//   attach    a component keeps the metric as a member and shows it while it lives
//   collect   a component keeps its own numbers and a function that tells them when asked
//
// What is attached and what collects is shown until its metric_attachment is destroyed. When that
// returns, nobody reads the metric any more and the function neither runs nor will.
//
// Invariants:
//   1. families_ is in the order of names, the series of each in the order of labels, with no two
//      alike; no family is without series
//   2. all names are good ones (metric.hpp)
//   3. attached and own series together are at most max_series
//   4. collectors run one at a time and while no latch of the registry is held that add_*, attach,
//      collect or the end of an attachment of another take: a collector may do all of these
//
// Lock order: snapshots_ before state_; a collector runs under snapshots_ alone.
//
// Threads: any number. Recording into a metric never meets the registry.
#pragma once

#include "../platform/guard.hpp"
#include "counter.hpp"
#include "gauge.hpp"
#include "histogram.hpp"
#include "metrics_snapshot.hpp"

namespace mantis {

template <class Platform>
class metric_registry;

struct metric_registry_options {
    // Series, which are metrics with their labels, that the registry shows; more are refused, and
    // of those that collectors bring dropped. A histogram of its own takes 19 KiB, a counter 1 KiB.
    std::size_t max_series = 10'000;
};

// Tells numbers into the writer. It must not take a latch that somebody holds while an attachment
// of the registry ends, nor ask for a snapshot.
using metric_collector = void (*)(void* context, sample_writer& into);

// Shows a metric, or lets a collector be called, until it is destroyed. Move-only.
//   Threads     one at a time; it ends before its registry does
template <class Platform>
class [[nodiscard]] metric_attachment {
public:
    metric_attachment() noexcept = default;
    metric_attachment(metric_attachment&& other) noexcept
        : registry_{std::exchange(other.registry_, nullptr)}, number_{other.number_} {}
    metric_attachment& operator=(metric_attachment&& other) {
        metric_attachment taken{std::move(other)};
        std::swap(registry_, taken.registry_);
        std::swap(number_, taken.number_);
        return *this;
    }
    ~metric_attachment() { reset(); }

    //   Effects     it is shown no more; waits for a collector that is being called
    void reset() {
        if (registry_ != nullptr) std::exchange(registry_, nullptr)->detach(number_);
    }
    [[nodiscard]] bool attached() const noexcept { return registry_ != nullptr; }

private:
    friend class metric_registry<Platform>;
    metric_attachment(metric_registry<Platform>& registry, std::uint64_t number) noexcept
        : registry_{&registry}, number_{number} {}

    metric_registry<Platform>* registry_ = nullptr;
    std::uint64_t number_ = 0;
};

namespace detail {

// The registry whose collector this thread is in, so that a wait for oneself is a sentence and not
// a dead-lock.
inline constinit thread_local const void* collecting_registry = nullptr;

}  // namespace detail

template <class Platform>
class metric_registry {
public:
    using attachment = metric_attachment<Platform>;

    explicit metric_registry(metric_registry_options options = {})
        : max_series_{options.max_series} {}
    metric_registry(const metric_registry&) = delete;
    metric_registry& operator=(const metric_registry&) = delete;
    //   Requires    every attachment has ended
    ~metric_registry() {
        check(attached_ == 0 && collectors_.empty(),
              "a registry of metrics ends before what is attached to it");
        for (family& each : families_)
            for (series& one : each.all) one.destroy(one.metric);
    }

    // Makes a metric, or finds the one made before under that name with these labels. It lives as
    // long as the registry.
    //   Errors      invalid_argument (the name or a label: the error names it), already_exists (the
    //               name is of another kind or unit, or the series is attached), too_large (number
    //               "limit": there are max_series)
    [[nodiscard]] result<counter<Platform>*> add_counter(const metric_description& metric) {
        return add_own<counter<Platform>>(metric, metric_kind::counter);
    }
    [[nodiscard]] result<gauge<Platform>*> add_gauge(const metric_description& metric) {
        return add_own<gauge<Platform>>(metric, metric_kind::gauge);
    }
    [[nodiscard]] result<histogram<Platform>*> add_histogram(const metric_description& metric) {
        return add_own<histogram<Platform>>(metric, metric_kind::histogram);
    }

    // Shows a metric that belongs to somebody else.
    //   Requires    `shown` lives until the attachment ends
    //   Errors      as add_counter; already_exists also when the series is there in any way
    [[nodiscard]] result<attachment> attach(const metric_description& metric,
                                            const counter<Platform>& shown) {
        return attach_other(metric, metric_kind::counter, shown);
    }
    [[nodiscard]] result<attachment> attach(const metric_description& metric,
                                            const gauge<Platform>& shown) {
        return attach_other(metric, metric_kind::gauge, shown);
    }
    template <std::size_t Shards, unsigned StepBits>
    [[nodiscard]] result<attachment> attach(const metric_description& metric,
                                            const histogram<Platform, Shards, StepBits>& shown) {
        return attach_other(metric, metric_kind::histogram, shown);
    }

    // Calls collector(context, writer) in each snapshot from now on.
    //   Requires    both live until the attachment ends
    [[nodiscard]] attachment collect(metric_collector collector, void* context) {
        const lock_guard hold{state_};
        collectors_.push_back({++last_number_, collector, context});
        return {*this, last_number_};
    }

    //   Returns     every metric there is, each as it was at some moment of this call; of the
    //               collectors those that were there when it began
    //   Threads     one snapshot at a time, others wait; not from a collector
    [[nodiscard]] metrics_snapshot snapshot() {
        check(detail::collecting_registry != this, "a collector asks for a snapshot of metrics");
        const lock_guard alone{snapshots_};
        sample_writer into{max_series_};
        const std::uint64_t newest = read_series(into);
        std::uint64_t last = 0;
        while (const collector_entry next = begin_collector(last, newest)) {
            last = next.number;
            const void* const outer = std::exchange(detail::collecting_registry, this);
            next.collector(next.context, into);
            detail::collecting_registry = outer;
            end_collector();
        }
        return into.finish();
    }

    [[nodiscard]] std::size_t series_count() const {
        const lock_guard hold{state_};
        return series_count_;
    }

private:
    friend class metric_attachment<Platform>;
    using mutex = typename Platform::mutex;

    struct series {
        label_set labels;
        const void* metric;
        void (*read)(const void* metric, metric_sample& into);
        void (*destroy)(const void* metric);
        std::uint64_t number;  // of its attachment; 0: it is the registry's own
    };
    struct family {
        bytes name;
        bytes help;
        metric_kind kind;
        metric_unit unit;
        std::vector<series> all;
    };
    struct collector_entry {
        std::uint64_t number = 0;
        metric_collector collector = nullptr;
        void* context = nullptr;

        explicit operator bool() const noexcept { return collector != nullptr; }
    };

    static void read_one(const counter<Platform>& metric, metric_sample& into) {
        into.total = metric.value();
    }
    static void read_one(const gauge<Platform>& metric, metric_sample& into) {
        into.level = metric.value();
    }
    template <std::size_t Shards, unsigned StepBits>
    static void read_one(const histogram<Platform, Shards, StepBits>& metric, metric_sample& into) {
        into.distribution = metric.snapshot();
    }
    template <class Metric>
    static void read_as(const void* metric, metric_sample& into) {
        read_one(*static_cast<const Metric*>(metric), into);
    }
    template <class Metric>
    static void destroy_as(const void* metric) {
        delete static_cast<const Metric*>(metric);
    }

    template <class Metric>
    result<Metric*> add_own(const metric_description& metric, metric_kind kind) {
        if (auto good = detail::judge_metric(metric, kind); !good) return std::move(good).error();
        const lock_guard hold{state_};
        if (series* const known = find(metric); known != nullptr && known->number == 0) {
            if (auto same = judge_family(metric, kind); !same) return std::move(same).error();
            return static_cast<Metric*>(const_cast<void*>(known->metric));
        }
        if (auto free = judge_place(metric, kind); !free) return std::move(free).error();
        Metric* const made = new Metric;
        insert(metric, kind, {metric.labels, made, &read_as<Metric>, &destroy_as<Metric>, 0});
        return made;
    }
    template <class Metric>
    result<attachment> attach_other(const metric_description& metric, metric_kind kind,
                                    const Metric& shown) {
        if (auto good = detail::judge_metric(metric, kind); !good) return std::move(good).error();
        const lock_guard hold{state_};
        if (auto free = judge_place(metric, kind); !free) return std::move(free).error();
        insert(metric, kind,
               {metric.labels, &shown, &read_as<Metric>, &destroy_as<Metric>, ++last_number_});
        ++attached_;
        return attachment{*this, last_number_};
    }

    // What follows is under state_.

    std::ptrdiff_t place_of(bytes_view name) const {
        return static_cast<std::ptrdiff_t>(detail::first_place(
            families_.size(), [&](std::size_t i) { return families_[i].name.view() < name; }));
    }
    static std::ptrdiff_t place_of(const family& in, const label_set& labels) {
        return static_cast<std::ptrdiff_t>(detail::first_place(
            in.all.size(), [&](std::size_t i) { return in.all[i].labels < labels; }));
    }
    family* find_family(bytes_view name) {
        const auto at = families_.begin() + place_of(name);
        return at != families_.end() && at->name.view() == name ? &*at : nullptr;
    }
    series* find(const metric_description& metric) {
        family* const in = find_family(metric.name);
        if (in == nullptr) return nullptr;
        const auto at = in->all.begin() + place_of(*in, metric.labels);
        return at != in->all.end() && at->labels == metric.labels ? &*at : nullptr;
    }
    result<void> judge_family(const metric_description& metric, metric_kind kind) {
        const family* const in = find_family(metric.name);
        if (in != nullptr && in->kind != kind)
            return error{error_code::already_exists, "adding a metric: the name is of another kind"}
                .about(metric.name);
        if (in != nullptr && in->unit != metric.unit)
            return error{error_code::already_exists, "adding a metric: the name is of another unit"}
                .about(metric.name);
        return success();
    }
    // Whether a new series of that description may be there.
    result<void> judge_place(const metric_description& metric, metric_kind kind) {
        if (auto same = judge_family(metric, kind); !same) return same;
        if (find(metric) != nullptr)
            return error{error_code::already_exists, "adding a metric: the series is there"}.about(
                metric.name);
        if (series_count_ >= max_series_)
            return error{error_code::too_large, "adding a metric: too many series"}
                .about(metric.name)
                .with("limit", max_series_);
        return success();
    }
    void insert(const metric_description& metric, metric_kind kind, series made) {
        family* in = find_family(metric.name);
        if (in == nullptr)
            in =
                &*families_.insert(families_.begin() + place_of(metric.name),
                                   {bytes{metric.name}, bytes{metric.help}, kind, metric.unit, {}});
        in->all.insert(in->all.begin() + place_of(*in, metric.labels), std::move(made));
        ++series_count_;
    }
    bool erase_series(std::uint64_t number) {
        for (auto in = families_.begin(); in != families_.end(); ++in)
            for (auto each = in->all.begin(); each != in->all.end(); ++each) {
                if (each->number != number) continue;
                in->all.erase(each);
                if (in->all.empty()) families_.erase(in);
                --series_count_;
                --attached_;
                return true;
            }
        return false;
    }

    void detach(std::uint64_t number) {
        const lock_guard hold{state_};
        if (erase_series(number)) return;
        for (auto each = collectors_.begin(); each != collectors_.end(); ++each)
            if (each->number == number) {
                collectors_.erase(each);
                break;
            }
        check(running_ != number || detail::collecting_registry != this,
              "a collector ends its own attachment");
        while (running_ == number) ended_.wait(state_);
    }

    //   Returns     the newest number that was given until then
    std::uint64_t read_series(sample_writer& into) {
        const lock_guard hold{state_};
        for (const family& each : families_) {
            metric_family shown{
                .name = each.name, .help = each.help, .kind = each.kind, .unit = each.unit};
            shown.samples.reserve(each.all.size());
            for (const series& one : each.all) {
                shown.samples.push_back({.labels = one.labels});
                one.read(one.metric, shown.samples.back());
            }
            into.add_family(std::move(shown));
        }
        return last_number_;
    }
    // The next collector behind number `last`, up to `newest`, which counts as running until
    // end_collector().
    collector_entry begin_collector(std::uint64_t last, std::uint64_t newest) {
        const lock_guard hold{state_};
        for (const collector_entry& each : collectors_)  // in the order of numbers
            if (each.number > last && each.number <= newest) {
                running_ = each.number;
                return each;
            }
        return {};
    }
    void end_collector() {
        const lock_guard hold{state_};
        running_ = 0;
        ended_.notify_all();
    }

    const std::size_t max_series_;
    mutex snapshots_;
    mutable mutex state_;
    typename Platform::condition ended_;  // a collector has
    std::vector<family> families_;
    std::vector<collector_entry> collectors_;
    std::size_t series_count_ = 0;
    std::size_t attached_ = 0;
    std::uint64_t last_number_ = 0;
    std::uint64_t running_ = 0;  // the collector that is being called
};

}  // namespace mantis
