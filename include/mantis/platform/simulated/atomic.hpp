// SPDX-License-Identifier: BSL-1.0
//
// An atomic of the simulator: a value with a step of the scheduler before every access.
//
// Memory orders are accepted and not simulated: every access is sequentially consistent. A weak
// compare-exchange fails for no reason now and then, as it may on real machines.
//
// The value itself is an ordinary one, for only one simulated thread runs at a time; <atomic>,
// which costs twice <vector>, is left to those who name memory orders.
//
// Threads: any number of simulated ones.
#pragma once

#include "scheduler.hpp"

#include <cstring>
#include <type_traits>

namespace mantis {

namespace detail {

// What is added to an atomic of type T: an index for pointers.
template <class T>
struct atomic_difference {
    using type = T;
};
template <class T>
struct atomic_difference<T*> {
    using type = std::ptrdiff_t;
};

// Integers wrap around, as those of std::atomic do.
template <class T>
[[nodiscard]] constexpr T atomic_sum(T value, typename atomic_difference<T>::type by) noexcept {
    if constexpr (std::is_integral_v<T>)
        return static_cast<T>(static_cast<std::uint64_t>(value) + static_cast<std::uint64_t>(by));
    else return value + by;
}
template <class T>
[[nodiscard]] constexpr T atomic_rest(T value, typename atomic_difference<T>::type by) noexcept {
    if constexpr (std::is_integral_v<T>)
        return static_cast<T>(static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(by));
    else return value - by;
}

}  // namespace detail

// Every access is seen by all at once, whatever it asks for: the names are for who asks.
enum class simulated_memory_order : std::uint8_t { relaxed, acquire, release, acq_rel, seq_cst };

// What may stand where a memory order stands: any number of enumerators.
template <class... Orders>
concept memory_orders = (std::is_enum_v<Orders> && ...);

template <class T>
class simulated_atomic {
public:
    using value_type = T;
    using difference_type = typename detail::atomic_difference<T>::type;
    static constexpr bool is_always_lock_free = true;

    constexpr simulated_atomic() noexcept = default;
    constexpr simulated_atomic(T value) noexcept : value_{value} {}
    simulated_atomic(const simulated_atomic&) = delete;
    simulated_atomic& operator=(const simulated_atomic&) = delete;

    [[nodiscard]] bool is_lock_free() const noexcept { return true; }
    template <class... Orders>
    requires memory_orders<Orders...>
    [[nodiscard]] T load(Orders...) const { return stepped(); }
    operator T() const { return load(); }
    template <class... Orders>
    requires memory_orders<Orders...>
    void store(T value, Orders...) { stepped() = value; }
    T operator=(T value) {
        store(value);
        return value;
    }
    template <class... Orders>
    requires memory_orders<Orders...> T exchange(T value, Orders...) {
        return std::exchange(stepped(), value);
    }
    template <class... Orders>
    requires memory_orders<Orders...>
    bool compare_exchange_strong(T& expected, T desired, Orders...) {
        T& value = stepped();
        if (!same(value, expected)) {
            expected = value;
            return false;
        }
        value = desired;
        return true;
    }
    template <class... Orders>
    requires memory_orders<Orders...>
    bool compare_exchange_weak(T& expected, T desired, Orders...) {
        if (detail::running_actor != nullptr && detail::running_actor->home.fails_for_no_reason()) {
            expected = stepped();
            return false;
        }
        return compare_exchange_strong(expected, desired);
    }

    template <class... Orders>
    requires memory_orders<Orders...> T fetch_add(difference_type by, Orders...) {
        T& value = stepped();
        return std::exchange(value, detail::atomic_sum(value, by));
    }
    template <class... Orders>
    requires memory_orders<Orders...> T fetch_sub(difference_type by, Orders...) {
        T& value = stepped();
        return std::exchange(value, detail::atomic_rest(value, by));
    }
    template <class... Orders>
    requires memory_orders<Orders...> T fetch_and(T with, Orders...) {
        T& value = stepped();
        return std::exchange(value, static_cast<T>(value & with));
    }
    template <class... Orders>
    requires memory_orders<Orders...> T fetch_or(T with, Orders...) {
        T& value = stepped();
        return std::exchange(value, static_cast<T>(value | with));
    }
    template <class... Orders>
    requires memory_orders<Orders...> T fetch_xor(T with, Orders...) {
        T& value = stepped();
        return std::exchange(value, static_cast<T>(value ^ with));
    }
    T operator++() { return detail::atomic_sum(fetch_add(1), 1); }
    T operator++(int) { return fetch_add(1); }
    T operator--() { return detail::atomic_rest(fetch_sub(1), 1); }
    T operator--(int) { return fetch_sub(1); }
    T operator+=(difference_type by) { return detail::atomic_sum(fetch_add(by), by); }
    T operator-=(difference_type by) { return detail::atomic_rest(fetch_sub(by), by); }
    T operator&=(T with) { return static_cast<T>(fetch_and(with) & with); }
    T operator|=(T with) { return static_cast<T>(fetch_or(with) | with); }
    T operator^=(T with) { return static_cast<T>(fetch_xor(with) ^ with); }

    // Waits until the value is another than `old` and somebody notified.
    template <class... Orders>
    requires memory_orders<Orders...>
    void wait(T old, Orders...) const {
        if (!same(stepped(), old)) return;
        detail::as_simulated_thread([this, old] {
            while (same(value_, old))
                detail::running_actor->home.block(step_kind::atomic, this, detail::scheduler::never,
                                                  nullptr);
        });
    }
    void notify_one() {
        detail::simulated_step(step_kind::notify);
        detail::wake_one(this);
    }
    void notify_all() {
        detail::simulated_step(step_kind::notify);
        detail::wake_all(this);
    }

private:
    T& stepped() {
        detail::simulated_step(step_kind::atomic);
        return value_;
    }
    const T& stepped() const {
        detail::simulated_step(step_kind::atomic);
        return value_;
    }
    static bool same(const T& a, const T& b) noexcept { return std::memcmp(&a, &b, sizeof a) == 0; }

    T value_{};
};

}  // namespace mantis
