// SPDX-License-Identifier: BSL-1.0
//
// Reads all files of a database again and again, slowly, so that rot is found while there still is
// something to repair it from.
//
//   scrubber<posix> scrubbing{world, {.bytes_per_second = MiB}};
//   scrubbing.add(log.source());                // each knows one kind of file
//   scrubbing.start();                          // or: scrubbing.run(0) for one round now
//
// A round asks every source once. A source reads, says what it read and what it found; the scrubber
// keeps the pace, the report and the events. Sources: log_scrub.hpp, superblock_scrub.hpp,
// image_scrub.hpp, page_scrub.hpp.
//
// Pace: whoever read `n` bytes waits until n / bytes_per_second after the moment when the bytes
// before were due. What was not used is not saved up, so no interval of length t sees more than
// t * bytes_per_second and one read.
//
// Invariants:
//   1. one round at a time, whoever asks for it
//   2. nothing is held while a source reads or waits
//   3. after stop() begins, a source reads at most once more
//   4. a place that the round before found too is not told again as an event
//
// Threads: add() before all else; stop() once; the rest any number.
#pragma once

#include "scrub_report.hpp"

#include "../core/event.hpp"
#include "../platform/guard.hpp"
#include "../platform/platform.hpp"

namespace mantis {

struct scrub_options {
    std::uint64_t bytes_per_second = 0;    // of the thread; 0: there is none
    nanoseconds period = seconds(86'400);  // from the end of a round to the begin of the next
    event_sink events = {};                // scrub_damage, scrub_done, repaired
    // Called by the thread after what was noted may be told, with nothing held.
    void (*deliver)(void* context) = nullptr;
    // Called while a round goes on, with the bytes that it has read.
    void (*progress)(void* context, std::uint64_t bytes) = nullptr;
    void* context = nullptr;  // of both
};

template <class Platform>
class scrubber;

// What a source is given: where it says what it does.
//   Threads     of one source at a time
template <class Platform>
class scrub_pass {
public:
    //   Effects     so many bytes were read; waits as the pace asks for
    //   Returns     false: stop, return at once
    [[nodiscard]] bool spend(std::uint64_t read) { return of_->spend(*this, read); }
    void add_file() noexcept { ++report_.files; }
    void add_record() noexcept { ++report_.records; }
    void add_page() noexcept { ++report_.pages; }
    void found(scrub_finding what) {
        if (what.kind == scrub_kind::harmless) ++report_.harmless;
        else ++report_.findings;
        if (what.repaired) ++report_.repaired;
        of_->tell(what);
        keep(std::move(what));
    }

private:
    friend class scrubber<Platform>;

    // One that is no damage gives way to one that is.
    void keep(scrub_finding&& what) {
        std::vector<scrub_finding>& kept = report_.kept;
        if (kept.size() == scrub_report::most_kept) {
            if (what.kind == scrub_kind::harmless) return;
            auto last = kept.end();
            while (last != kept.begin() && (last - 1)->kind != scrub_kind::harmless) --last;
            if (last == kept.begin()) return;
            kept.erase(last - 1);
        }
        kept.push_back(std::move(what));
    }
    scrub_pass(scrubber<Platform>& of, std::uint64_t bytes_per_second, nanoseconds begun) noexcept
        : of_{&of}, bytes_per_second_{bytes_per_second}, due_{begun} {}

    scrubber<Platform>* of_;
    std::uint64_t bytes_per_second_;
    nanoseconds due_;  // when what was read may have been read
    scrub_report report_;
};

// One kind of files. scrub() is called once a round, without anything held, and looks at all there
// is; what vanished meanwhile is no finding.
template <class Platform>
struct scrub_source {
    void (*scrub)(void* context, scrub_pass<Platform>& pass) = nullptr;
    void* context = nullptr;
};

template <class Platform>
class scrubber {
public:
    scrubber(Platform world, const scrub_options& options)
        : platform_{std::move(world)}, options_{options} {}
    scrubber(const scrubber&) = delete;
    scrubber& operator=(const scrubber&) = delete;
    ~scrubber() { stop(); }

    //   Requires    its context lives until stop() has returned
    void add(scrub_source<Platform> one) { sources_.push_back(one); }

    //   Effects     rounds go on by themselves, if there is a rate; the first begins now
    void start() {
        if (options_.bytes_per_second != 0 && !thread_) thread_.emplace([this] { work(); });
    }

    // One round by the caller, after the one that goes on.
    //   Returns     what was found; not complete if stop() was called
    //   Units       bytes per second; 0: as fast as the disk
    [[nodiscard]] scrub_report run(std::uint64_t bytes_per_second) {
        unique_lock<mutex> hold{mutex_};
        ++callers_;
        scrub_report done = round(hold, bytes_per_second);
        --callers_;
        changed_.notify_all();
        return done;
    }

    [[nodiscard]] integrity_state state() {
        const lock_guard<mutex> hold{mutex_};
        return state_;
    }

    //   Effects     rounds that go on end soon, and incomplete; no other begins
    void stop() {
        {
            const lock_guard<mutex> hold{mutex_};
            stop_ = true;
        }
        changed_.notify_all();
        if (thread_ && thread_->joinable()) thread_->join();
    }

private:
    friend class scrub_pass<Platform>;
    using mutex = typename Platform::mutex;

    void work() {
        Platform::parking::name_thread("scrub");
        unique_lock<mutex> hold{mutex_};
        while (!stop_) {
            if (callers_ != 0) {  // they go first
                changed_.wait(mutex_);
                continue;
            }
            (void)round(hold, options_.bytes_per_second);
            hold.unlock();
            if (options_.deliver != nullptr) options_.deliver(options_.context);
            hold.lock();
            wait_until(platform_.now() + options_.period);
        }
    }

    //   Requires    mutex_
    //   Returns     false: stopped
    bool wait_until(nanoseconds due) {
        for (nanoseconds now = platform_.now(); !stop_ && now < due; now = platform_.now())
            (void)changed_.wait_for(mutex_, due - now);
        return !stop_;
    }

    //   Requires    mutex_, given back meanwhile
    scrub_report round(unique_lock<mutex>& hold, std::uint64_t bytes_per_second) {
        while (state_.running && !stop_) changed_.wait(mutex_);
        if (stop_) return {};
        state_.running = true;
        hold.unlock();
        const nanoseconds begun = platform_.now();
        scrub_pass<Platform> pass{*this, bytes_per_second, begun};
        for (const scrub_source<Platform>& each : sources_) each.scrub(each.context, pass);
        scrub_report done = std::move(pass.report_);
        done.elapsed = platform_.now() - begun;
        const nanoseconds ended = platform_.wall_time();
        hold.lock();
        done.complete = !stop_;
        state_.running = false;
        changed_.notify_all();
        keep(done, ended);
        return done;
    }

    //   Requires    mutex_
    void keep(const scrub_report& done, nanoseconds ended) {
        state_.bytes += done.bytes;
        state_.findings += done.findings;
        if (!done.complete) return;
        ++state_.rounds;
        state_.last_end = ended;
        state_.last = done;
        options_.events(event{event_code::scrub_done}
                            .with("bytes", done.bytes)
                            .with("records", done.records)
                            .with("findings", done.findings)
                            .with("elapsed_ns", static_cast<std::uint64_t>(done.elapsed.count)));
    }

    bool spend(scrub_pass<Platform>& pass, std::uint64_t read) {
        pass.report_.bytes += read;
        if (options_.progress != nullptr) options_.progress(options_.context, pass.report_.bytes);
        unique_lock<mutex> hold{mutex_};
        if (pass.bytes_per_second_ == 0) return !stop_;
        const nanoseconds now = platform_.now();
        if (pass.due_ < now) pass.due_ = now;
        const double length =
            static_cast<double>(read) * 1e9 / static_cast<double>(pass.bytes_per_second_);
        pass.due_ = pass.due_ + nanoseconds{static_cast<std::int64_t>(length)};
        return wait_until(pass.due_);
    }

    void tell(const scrub_finding& what) {
        if (what.kind == scrub_kind::harmless) return;
        if (what.repaired) return options_.events(event{event_code::repaired}.about(what.file));
        if (is_known(what)) return;
        event told{event_code::scrub_damage};
        told.about(what.file).with("offset", what.offset);
        if (what.page.value != 0)
            told.with("page", what.page.value).with("table", what.table.value);
        else told.with("lsn", what.begin.value).with("end_lsn", what.end.value);
        options_.events(told);
    }
    [[nodiscard]] bool is_known(const scrub_finding& what) {
        const lock_guard<mutex> hold{mutex_};
        if (!state_.last) return false;
        for (const scrub_finding& each : state_.last->kept)
            if (each.same_place(what) && !each.repaired) return true;
        return false;
    }

    Platform platform_;
    const scrub_options options_;
    std::vector<scrub_source<Platform>> sources_;

    mutex mutex_;  // protects all below, but thread_ from stop() on
    typename Platform::condition changed_;
    integrity_state state_;
    unsigned callers_ = 0;  // of run(), that are not done
    bool stop_ = false;
    std::optional<typename Platform::thread> thread_;
};

}  // namespace mantis
