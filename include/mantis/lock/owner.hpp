// SPDX-License-Identifier: BSL-1.0
//
// One who takes locks: a transaction, or a connection that runs one transaction after the other.
//
// The first lock begins a transaction; release_all() and release_to_retry() end it. Locks are held
// until then, or until unlock(). The destructor releases what is left: no lock outlives its owner.
//
// Threads: one at a time; while an asynchronous lock is pending, none.
#pragma once

#include "manager.hpp"

namespace mantis {

template <class Manager>
class lock_owner;

template <class Platform, class Deadlock, class Choice>
class lock_owner<lock_manager<Platform, Deadlock, Choice>> {
public:
    using manager = lock_manager<Platform, Deadlock, Choice>;
    using callback = void (*)(void* context, result<void> done);

    // `label` names it in reports; it lives as long as the manager, as a literal does.
    explicit lock_owner(manager& of, const char* label = "")
        : engine_{of.engine_}, core_{engine_.locks().begin_owner(label, this)} {}
    lock_owner(const lock_owner&) = delete;
    lock_owner& operator=(const lock_owner&) = delete;
    //   Requires    no asynchronous lock is pending
    ~lock_owner() {
        release_all();
        engine_.end(core_);
    }

    // Takes intents above `path` from the top down, and then `path` in a mode that covers `mode`
    // and what is held there. What is held already, by a lock there or above it, is not taken
    // again.
    //   Errors      deadlock (give way: release, and begin again), timed_out, invalid_argument
    //               (mode none; a range without keys, or in a mode other than S, U and X; a wait
    //               for a strong lock above own ones: names both). Intents that were taken on the
    //               way stay
    //   Complexity  of a range: all locks there are, once
    [[nodiscard]] result<void> lock(const lock_path& path, lock_mode mode,
                                    const lock_options& options = {}) {
        expect_idle();
        if (!valid(path, mode)) return bad_mode(path);
        const detail::lock_call call = engine_.all_waits().call(options);
        const detail::lock_answer answer = engine_.lock(core_, path, mode, call);
        if (answer.granted()) return success();
        return explain(answer, path);
    }
    // The same without blocking: `then` is called once, with the outcome, by this thread before the
    // call returns or by the thread that ends the wait. It may use the owner again.
    //   Requires    `context` lives until then; the owner is not used until then
    void lock_async(const lock_path& path, lock_mode mode, callback then, void* context,
                    const lock_options& options = {}) {
        expect_idle();
        if (!valid(path, mode)) return then(context, bad_mode(path));
        low_.assign(path.low());
        high_.assign(path.high());
        level_ = path.level();
        table_ = path.table();
        mode_ = mode;
        call_ = engine_.all_waits().call(options);
        then_ = then;
        context_ = context;
        core_.async_deadline.store(call_.deadline.count);
        core_.resume = &resume;
        go_on();
    }

    // Below a lock on a table that escalation took, the table stays locked.
    //   Errors      not_found (nothing is held there), invalid_argument (locks below it are held,
    //               or it stands for locks below it: names both)
    [[nodiscard]] result<void> unlock(const lock_path& path) {
        expect_idle();
        request* const held = engine::find(core_, path);
        if (held == nullptr && engine_.forget_key(core_, path)) return success();
        if (held == nullptr)
            return error{error_code::not_found, "unlocking what the owner has not locked"}
                .about(path.text())
                .with("owner", id());
        if (held->children != 0 || held->escalated)
            return out_of_order("unlocking what is above a lock of the same owner", path);
        engine_.unlock(core_, *held, path);
        return success();
    }
    //   Effects     the transaction is over
    void release_all() {
        expect_idle();
        engine_.release_all(core_);
        core_.birth = 0;
        core_.retries = 0;
    }
    //   Effects     the transaction begins again: it keeps its age, so that it does not give way
    //               for ever, and has one more retry
    void release_to_retry() {
        expect_idle();
        engine_.release_all(core_);
        ++core_.retries;
    }
    // Sleeps a little, longer after each retry: those that gave way to each other would else meet
    // again, and who gives way without waiting would use up the time of those it gave way to.
    //   Effects     up to 50 us after the first retry, twice as long after each, up to 1.6 ms
    void pause_before_retry() const {
        using parking = typename Platform::parking;
        const std::uint32_t doublings = core_.retries < 6 ? core_.retries : 6;
        const std::int64_t most = std::int64_t{25'000} << doublings;
        std::uint64_t drawn = (id() << 32 | core_.retries) * 0x9e3779b97f4a7c15;
        drawn ^= drawn >> 29;
        const nanoseconds until =
            parking::now() +
            nanoseconds{most / 2 + static_cast<std::int64_t>(drawn >> 34) % most / 2};
        const typename parking::word nobody{0};
        while (parking::wait(nobody, 0, until)) {}
    }
    // Gives up a lock on a table that escalation took, for locks on the keys it stands for.
    //   Returns     false when there is none, or its keys are not known any more
    bool deescalate(table_id table) {
        expect_idle();
        request* const above = engine::find(core_, lock_path::table(table));
        return above != nullptr && engine_.deescalate(core_, *above);
    }

    //   Returns     the mode in which it has `path`, by a lock there or above
    [[nodiscard]] lock_mode mode_of(const lock_path& path) const {
        return engine::mode_of(core_, path);
    }
    [[nodiscard]] std::size_t lock_count() const { return core_.lock_count(); }
    // What victim policies may look at: how much would have to be done again, in units of your own.
    void set_work(std::uint64_t work) { core_.work.store(work); }
    [[nodiscard]] std::uint32_t retries() const noexcept { return core_.retries; }
    [[nodiscard]] std::uint64_t id() const { return core_.id.load(); }
    //   Returns     true when it has to give way: its next lock() will say so
    [[nodiscard]] bool wounded() const { return engine::waits::must_give_way(core_); }

private:
    using engine = typename manager::engine;
    using core = typename engine::core;
    using request = typename engine::request;

    void expect_idle() const {
        check(core_.resume == nullptr, "an owner is used while an asynchronous lock is pending");
    }
    [[nodiscard]] static bool valid(const lock_path& path, lock_mode mode) noexcept {
        if (path.level() != lock_level::range)
            return mode != lock_mode::none && index_of(mode) < lock_mode_count;
        const bool some_keys = path.high().empty() || path.low() < path.high();
        return some_keys && (mode == lock_mode::S || mode == lock_mode::U || mode == lock_mode::X);
    }
    [[nodiscard]] static error bad_mode(const lock_path& path) {
        return error{error_code::invalid_argument,
                     path.level() == lock_level::range
                         ? "locking a range without keys, or in a mode other than S, U and X"
                         : "locking in a mode that is none"}
            .about(path.text());
    }
    // Names `above` and some lock below it.
    [[nodiscard]] error out_of_order(const char* doing, const lock_path& above) const {
        bytes both = above.text();
        both.append(" above ");
        const bytes below = engine::some_below(core_, above);
        both.append(below.empty() ? bytes_view{"the keys it stands for"} : below.view());
        return error{error_code::invalid_argument, doing}.about(both).with("owner", id());
    }
    [[nodiscard]] error explain(const detail::lock_answer& answer, const lock_path& path) const {
        if (answer.why == error_code::invalid_argument)
            return out_of_order("waiting for a strong lock above a lock of the same owner",
                                engine_.blocked_upward(core_, path));
        error said{answer.why, answer.why == error_code::deadlock
                                   ? "waiting for a lock among owners that wait for each other"
                                   : "waiting for a lock"};
        said.about(path.text()).with("owner", id());
        if (answer.other != 0) said.with("other", answer.other);
        said.with("waited_ns", static_cast<std::uint64_t>(answer.waited.count));
        return said;
    }

    // Asynchronous locks.
    [[nodiscard]] lock_path path() const {
        switch (level_) {
            case lock_level::store: return lock_path::store();
            case lock_level::table: return lock_path::table(table_);
            case lock_level::key: return lock_path::key(table_, low_);
            case lock_level::range: break;
        }
        return lock_path::range(table_, low_, high_);
    }
    static void resume(core& of) {
        lock_owner& owner = *static_cast<lock_owner*>(of.user);
        const detail::lock_answer answer = owner.engine_.resume(of, owner.path());
        if (answer.granted()) owner.go_on();
        else owner.finish(answer);
    }
    void go_on() {
        const detail::lock_answer answer = engine_.lock(core_, path(), mode_, call_);
        if (answer.status != detail::lock_status::pending) finish(answer);
    }
    void finish(const detail::lock_answer& answer) {
        core_.resume = nullptr;
        core_.async_deadline.store(INT64_MAX);
        if (answer.granted()) then_(context_, success());
        else then_(context_, explain(answer, path()));
    }

    engine& engine_;
    core& core_;
    bytes low_;
    bytes high_;
    lock_level level_ = lock_level::store;
    table_id table_;
    lock_mode mode_ = lock_mode::none;
    detail::lock_call call_{};
    callback then_ = nullptr;
    void* context_ = nullptr;
};

template <class Platform, class Deadlock, class Choice>
lock_owner(lock_manager<Platform, Deadlock, Choice>&)
    -> lock_owner<lock_manager<Platform, Deadlock, Choice>>;
template <class Platform, class Deadlock, class Choice>
lock_owner(lock_manager<Platform, Deadlock, Choice>&, const char*)
    -> lock_owner<lock_manager<Platform, Deadlock, Choice>>;

}  // namespace mantis
