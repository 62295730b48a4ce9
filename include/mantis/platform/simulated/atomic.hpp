// SPDX-License-Identifier: BSL-1.0
//
// An atomic of the simulator: std::atomic with a step of the scheduler before every access.
//
// Memory orders are accepted and not simulated: every access is sequentially consistent. A weak
// compare-exchange fails for no reason now and then, as it may on real machines.
#pragma once

#include "scheduler.hpp"

#include <atomic>

namespace mantis {

template <class T>
class simulated_atomic {
public:
    using value_type = T;
    static constexpr bool is_always_lock_free = std::atomic<T>::is_always_lock_free;

    constexpr simulated_atomic() noexcept(std::is_nothrow_default_constructible_v<T>) = default;
    constexpr simulated_atomic(T value) noexcept : value_{value} {}
    simulated_atomic(const simulated_atomic&) = delete;
    simulated_atomic& operator=(const simulated_atomic&) = delete;

    [[nodiscard]] T load(std::memory_order = std::memory_order_seq_cst) const {
        return stepped().load();
    }
    operator T() const { return load(); }
    void store(T value, std::memory_order = std::memory_order_seq_cst) { stepped().store(value); }
    T operator=(T value) {
        store(value);
        return value;
    }
    T exchange(T value, std::memory_order = std::memory_order_seq_cst) {
        return stepped().exchange(value);
    }

    bool compare_exchange_strong(T& expected, T desired,
                                 std::memory_order = std::memory_order_seq_cst) {
        return stepped().compare_exchange_strong(expected, desired);
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order, std::memory_order) {
        return compare_exchange_strong(expected, desired);
    }
    bool compare_exchange_weak(T& expected, T desired,
                               std::memory_order = std::memory_order_seq_cst) {
        std::atomic<T>& value = stepped();
        if (detail::running_actor != nullptr && detail::running_actor->home.fails_for_no_reason()) {
            expected = value.load();
            return false;
        }
        return value.compare_exchange_strong(expected, desired);
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order, std::memory_order) {
        return compare_exchange_weak(expected, desired);
    }

    template <class D>
    T fetch_add(D by, std::memory_order = std::memory_order_seq_cst) {
        if constexpr (std::is_pointer_v<T>) return stepped().fetch_add(by);
        else return stepped().fetch_add(static_cast<T>(by));
    }
    template <class D>
    T fetch_sub(D by, std::memory_order = std::memory_order_seq_cst) {
        if constexpr (std::is_pointer_v<T>) return stepped().fetch_sub(by);
        else return stepped().fetch_sub(static_cast<T>(by));
    }
    template <class D>
    T fetch_and(D with, std::memory_order = std::memory_order_seq_cst) {
        return stepped().fetch_and(static_cast<T>(with));
    }
    template <class D>
    T fetch_or(D with, std::memory_order = std::memory_order_seq_cst) {
        return stepped().fetch_or(static_cast<T>(with));
    }
    template <class D>
    T fetch_xor(D with, std::memory_order = std::memory_order_seq_cst) {
        return stepped().fetch_xor(static_cast<T>(with));
    }
    T operator++() { return ++stepped(); }
    T operator++(int) { return stepped()++; }
    T operator--() { return --stepped(); }
    T operator--(int) { return stepped()--; }
    template <class D>
    T operator+=(D by) {
        return stepped() += by;
    }
    template <class D>
    T operator-=(D by) {
        return stepped() -= by;
    }
    template <class D>
    T operator&=(D with) {
        return stepped() &= static_cast<T>(with);
    }
    template <class D>
    T operator|=(D with) {
        return stepped() |= static_cast<T>(with);
    }
    template <class D>
    T operator^=(D with) {
        return stepped() ^= static_cast<T>(with);
    }

    // Waits until the value is another than `old` and somebody notified.
    void wait(T old, std::memory_order = std::memory_order_seq_cst) const {
        if (stepped().load() != old) return;
        detail::as_simulated_thread([this, old] {
            while (value_.load() == old)
                detail::running_actor->home.block(step_kind::atomic, this, detail::scheduler::never,
                                                  nullptr);
        });
    }
    void notify_one() {
        detail::simulated_step(step_kind::notify);
        if (detail::latest_scheduler != nullptr) detail::latest_scheduler->wake_one(this);
    }
    void notify_all() {
        detail::simulated_step(step_kind::notify);
        if (detail::latest_scheduler != nullptr) detail::latest_scheduler->wake_all(this);
    }

private:
    std::atomic<T>& stepped() const {
        detail::simulated_step(step_kind::atomic);
        return value_;
    }

    mutable std::atomic<T> value_{};
};

}  // namespace mantis
