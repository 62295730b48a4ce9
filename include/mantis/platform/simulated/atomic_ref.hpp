// SPDX-License-Identifier: BSL-1.0
//
// Atomic accesses of the simulator to a value that is an ordinary one elsewhere: a step of the
// scheduler before each, so that others run between the words of a larger read.
//
// Memory orders are accepted and not simulated: every access is sequentially consistent.
//
// Threads: any number of simulated ones.
#pragma once

#include "atomic.hpp"

namespace mantis {

template <class T>
class simulated_atomic_ref {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    using value_type = T;
    static constexpr bool is_always_lock_free = true;
    static constexpr std::size_t required_alignment = (sizeof(T) & (sizeof(T) - 1)) == 0 &&
                                                              sizeof(T) > alignof(T) &&
                                                              sizeof(T) <= 8
                                                          ? sizeof(T)
                                                          : alignof(T);

    //   Requires    `value` lives longer and is aligned to required_alignment
    explicit simulated_atomic_ref(T& value) noexcept : value_{&value} {
        check(reinterpret_cast<std::uintptr_t>(value_) % required_alignment == 0,
              "an atomic_ref of a value that is not aligned");
    }
    simulated_atomic_ref(const simulated_atomic_ref&) noexcept = default;
    simulated_atomic_ref& operator=(const simulated_atomic_ref&) = delete;

    template <class... Orders>
    requires memory_orders<Orders...>
    [[nodiscard]] T load(Orders...) const {
        detail::simulated_step(step_kind::atomic);
        return get();
    }
    template <class... Orders>
    requires memory_orders<Orders...>
    void store(T value, Orders...) const {
        detail::simulated_step(step_kind::atomic);
        put(value);
    }
    template <class... Orders>
    requires memory_orders<Orders...> T exchange(T value, Orders...)
    const {
        detail::simulated_step(step_kind::atomic);
        const T before = get();
        put(value);
        return before;
    }
    template <class... Orders>
    requires memory_orders<Orders...>
    bool compare_exchange_strong(T& expected, T desired, Orders...) const {
        detail::simulated_step(step_kind::atomic);
        if (std::memcmp(value_, &expected, sizeof(T)) != 0) {
            expected = get();
            return false;
        }
        put(desired);
        return true;
    }
    template <class... Orders>
    requires memory_orders<Orders...> T fetch_add(typename detail::atomic_difference<T>::type by,
                                                  Orders...)
    const {
        detail::simulated_step(step_kind::atomic);
        const T before = get();
        put(detail::atomic_sum(before, by));
        return before;
    }

private:
    // By memcpy: the place may have been declared with another type, as a part of a page is.
    [[nodiscard]] T get() const noexcept {
        T value;
        std::memcpy(&value, value_, sizeof value);
        return value;
    }
    void put(T value) const noexcept {
        std::memcpy(static_cast<void*>(value_), &value, sizeof value);
    }

    T* value_;
};

}  // namespace mantis
