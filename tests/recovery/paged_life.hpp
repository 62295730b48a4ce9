// SPDX-License-Identifier: BSL-1.0
//
// The life of tables in pages for tests: rows come and go, tables are made and dropped, checkpoints
// between and beside them, and a model of what each checkpoint has.
//
// Changes are made with a lock shared that the barrier of a checkpoint takes alone; there the model
// is copied. A key belongs to one thread, so the model of a table is right whenever the lock is
// held alone.
#pragma once

#include <mantis/core/detail/splitmix.hpp>
#include <mantis/recovery/paged_tables.hpp>
#include <mantis/sync/rwlock.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace paged_tests {

using namespace mantis;

inline constexpr database_id ours{21, 22};

struct dated {
    std::string value;
    std::uint64_t version;
    bool operator==(const dated&) const = default;
};
using rows = std::map<std::string, dated>;
using contents = std::map<std::uint64_t, rows>;

// What a checkpoint promises.
struct promise {
    contents all;
    lsn position = {};
    std::uint64_t sequence = 1;  // of the empty database
};

template <class Pool>
buffer_pool_options small_pool(std::size_t frames, std::size_t side_copies) {
    buffer_pool_options options;
    options.page_bytes = 512;
    options.translation_bytes = 64 * KiB;
    options.clean_percent = 0;
    options.side_bytes = 1 + side_copies * Pool::side_copy_bytes(512);
    options.memory_bytes =
        options.translation_bytes + options.side_bytes + frames * Pool::frame_bytes(512);
    return options;
}
template <class Platform>
paged_tables_options small_options(std::size_t frames = 12, std::size_t side_copies = 3) {
    paged_tables_options options;
    options.database = ours;
    options.pool = small_pool<buffer_pool<Platform, page_store<Platform>>>(frames, side_copies);
    options.segment_bytes = 64 * KiB;
    options.most_open_files = 2;
    return options;
}

template <class Tree>
std::string difference(const Tree& tree, const rows& expected) {
    auto at = expected.begin();
    std::string wrong;
    const auto done = tree.scan({}, [&](bytes_view key, bytes_view value, lsn version) {
        if (at == expected.end()) wrong = "more rows";
        else if (key != bytes_view{at->first} || value != bytes_view{at->second.value} ||
                 version.value != at->second.version)
            wrong = "another row";
        if (wrong.empty()) ++at;
        return wrong.empty();
    });
    if (!done) return done.error().message().template as<std::string>();
    if (wrong.empty() && at != expected.end()) return "fewer rows";
    return wrong;
}

//   Returns     an empty text, or what is wrong: just these rows are there, every page is sound,
//               and is of one tree, or free
template <class Tables>
std::string difference(Tables& tables, const contents& expected) {
    std::vector<table_id> wanted;
    for (const auto& [table, unused] : expected) wanted.push_back({table});
    if (tables.tables() != wanted) return "other tables";
    std::uint64_t pages = 0;
    for (const auto& [table, all] : expected) {
        const std::string where = "table " + std::to_string(table) + ": ";
        auto tree = tables.table({table});
        if (!tree) return where + tree.error().message().template as<std::string>();
        const auto seen = tree->verify();
        if (!seen) return where + seen.error().message().template as<std::string>();
        pages += seen->pages();
        if (tree->count() != all.size()) return where + "another count";
        if (const std::string wrong = difference(*tree, all); !wrong.empty()) return where + wrong;
    }
    if (pages != tables.stats().pages) return "pages are lost";
    return {};
}

template <class Platform>
class paged_life {
public:
    using tables_type = paged_tables<Platform>;

    paged_life(Platform world, std::uint64_t seed) : world_{world}, draw_{seed} {}

    //   Effects     what is there is the promise, or what was pending
    bool open(bool read_only = false) {
        paged_tables_options options = small_options<Platform>(frames, side_copies);
        options.at_least = vouched_;
        options.read_only = read_only;
        options.pool.clean_percent = clean_percent;
        auto in = world_.open_directory("db", directory_mode::create);
        if (!note(in)) return false;
        in_.emplace(*std::move(in));
        auto opened = tables_type::open(world_, *in_, options);
        if (!note(opened)) return false;
        tables_ = *std::move(opened);
        const checkpoint_state last = tables_->last_checkpoint();
        if (pending_ && last.sequence == pending_->sequence) promised_ = *pending_;
        if (last.sequence != promised_.sequence) wrong = "another checkpoint";
        if (last.position != promised_.position) wrong = "another position";
        pending_.reset();
        now_ = promised_.all;
        return true;
    }
    void close() {
        tables_ = {};
        in_.reset();
    }
    tables_type& tables() { return *tables_; }
    const contents& now() const { return now_; }
    const promise& promised() const { return promised_; }
    // What is there is what was promised last; nothing, or what is wrong.
    std::string damage() { return wrong.empty() ? difference(*tables_, now_) : wrong; }

    std::uint64_t below(std::uint64_t end) { return detail::splitmix64(draw_) % end; }

    // One change by the thread `number` of `threads`.
    void change(std::uint64_t& draw, std::uint64_t number = 0, std::uint64_t threads = 1) {
        changes_.lock_shared();
        const std::uint64_t what = detail::splitmix64(draw) % 60;
        const std::uint64_t table = 1 + detail::splitmix64(draw) % 3 * threads + number;
        if (detail::splitmix64(draw) % drops_one_in == 0) drop(table);
        else row(draw, table, what < 38);
        changes_.unlock_shared();
    }
    void change(int count) {
        for (int i = 0; i < count; ++i) change(draw_);
    }
    bool checkpoint() {
        promise next;
        next.sequence = promised_.sequence + 1;
        // As of a log that cannot become durable.
        const std::uint64_t fails = barrier_fails_one_in == 0 ? 1 : below(2 * barrier_fails_one_in);
        if (fails == 0) wrong_barrier();
        auto made = tables_->checkpoint([&](auto to_note) -> result<void> {
            changes_.lock();
            next.all = now_;
            next.position = {version_.load()};
            to_note(next.position);
            changes_.unlock();
            if (fails == barrier_fails_one_in) return error{error_code::io, "a log"};
            return success();
        });
        if (note(made)) {
            if (made->made.sequence != next.sequence || made->made.position != next.position)
                wrong = "a checkpoint that is another";
            promised_ = next;
            if (below(2) == 0) vouched_ = next.sequence;
            ++checkpoints;
            return true;
        }
        if (code_ == error_code::unknown_outcome) pending_ = next;
        return false;
    }
    // Some of all that there is, from one thread.
    void live(int rounds) {
        for (int i = 0; i < rounds && tables_->writable(); ++i) {
            change(static_cast<int>(below(40)));
            if (below(3) == 0) (void)note(tables_->clean());
            if (below(6) == 0) (void)note(tables_->rewrite());
            (void)checkpoint();
        }
    }
    // Others change while checkpoints are made.
    void live_together(std::uint64_t threads, int changes, int rounds) {
        std::vector<typename Platform::thread> running;
        for (std::uint64_t number = 0; number < threads; ++number)
            running.emplace_back([this, number, threads, changes, draw = below(1'000'000)] {
                std::uint64_t own = draw;
                for (int i = 0; i < changes; ++i) change(own, number, threads);
            });
        for (int i = 0; i < rounds; ++i) {
            (void)checkpoint();
            if (below(2) == 0) (void)note(tables_->clean());
            if (below(4) == 0) (void)note(tables_->rewrite());
        }
        for (auto& thread : running) thread.join();
    }

    std::size_t frames = 12;
    std::size_t side_copies = 3;
    unsigned clean_percent = 0;
    std::uint64_t drops_one_in = 60;  // of the changes
    std::uint64_t barrier_fails_one_in = 0;
    std::uint64_t checkpoints = 0;
    std::string wrong;  // empty: nothing

    template <class Result>
    bool note(const Result& done) {
        if (done) return true;
        why_ = done.error().message().template as<std::string>();
        code_ = done.error().code();
        return false;
    }
    // What failed last in the thread of the test.
    const std::string& why() const { return why_; }
    error_code code() const { return code_; }

private:
    using mutex = typename Platform::mutex;

    void wrong_barrier() {
        const auto refused = tables_->checkpoint([](auto) -> result<void> {
            return error{error_code::timed_out, "a barrier"};
        });
        if (refused || (refused.error().code() != error_code::timed_out && tables_->writable()))
            wrong = "a barrier that fails without an error";
    }
    void drop(std::uint64_t table) {
        const std::uint64_t id = id_of(table);
        if (id == 0 || !tables_->drop_table({id})) return;
        const lock_guard<mutex> hold{mutex_};
        now_.erase(id);
    }
    // A number names a table that comes again with another id.
    std::uint64_t id_of(std::uint64_t table) {
        const lock_guard<mutex> hold{mutex_};
        for (const auto& [id, unused] : now_)
            if (id % 100 == table) return id;
        return 0;
    }
    // One in eight has up to five pages of its own.
    static std::string value_of(std::uint64_t draw, std::uint64_t version) {
        const std::uint64_t size = draw / 8 % (draw % 8 == 0 ? 2'200 : 90);
        return std::string(size, static_cast<char>('a' + version % 26));
    }
    void row(std::uint64_t& draw, std::uint64_t table, bool puts) {
        std::uint64_t id = id_of(table);
        if (id == 0) {
            id = (made_.fetch_add(1) + 1) * 100 + table;
            if (!tables_->make_table({id})) return;
            const lock_guard<mutex> hold{mutex_};
            now_[id];
        }
        auto tree = tables_->table({id});
        if (!tree) return;
        const std::string key = "key-" + std::to_string(detail::splitmix64(draw) % 60);
        const std::uint64_t version = version_.fetch_add(1) + 1;
        const dated what{value_of(detail::splitmix64(draw), version), version};
        if (puts ? !tree->put(key, what.value, lsn{what.version}) : !tree->erase(key)) return;
        const lock_guard<mutex> hold{mutex_};
        if (puts) now_[id][key] = what;
        else now_[id].erase(key);
    }

    Platform world_;
    std::uint64_t draw_;
    std::optional<typename Platform::directory> in_;
    owned<tables_type> tables_;
    rwlock<Platform> changes_;
    typename Platform::template atomic<std::uint64_t> version_{0};
    typename Platform::template atomic<std::uint64_t> made_{0};
    mutex mutex_;  // protects the next one
    contents now_;
    promise promised_;
    std::optional<promise> pending_;  // may be there instead
    std::uint64_t vouched_ = 0;
    std::string why_;
    error_code code_ = error_code::invalid_argument;
};

}  // namespace paged_tests
