// SPDX-License-Identifier: BSL-1.0
//
// An object that lives as long as any of its owners: what handles to one simulated world share.
//
// Our own, for <memory> costs three times <vector> to include, and <atomic> twice as much: the
// count is kept by the compiler's own atomics.
//
// Threads: owners may be copied and destroyed in any thread; the object looks after itself.
#pragma once

#include "../../core/bytes.hpp"

#include <cstddef>

namespace mantis::detail {

template <class T>
class shared {
public:
    shared() noexcept = default;  // owns nothing
    template <class... Arguments>
    [[nodiscard]] static shared make(Arguments&&... arguments) {
        shared made;
        made.held_ = new counted{std::forward<Arguments>(arguments)...};
        return made;
    }

    shared(const shared& other) noexcept : held_{other.held_} {
        if (held_ != nullptr) __atomic_add_fetch(&held_->owners, 1, __ATOMIC_RELAXED);
    }
    shared(shared&& other) noexcept : held_{std::exchange(other.held_, nullptr)} {}
    shared& operator=(shared other) noexcept {
        std::swap(held_, other.held_);
        return *this;
    }
    ~shared() {
        if (held_ != nullptr && __atomic_sub_fetch(&held_->owners, 1, __ATOMIC_ACQ_REL) == 0)
            delete held_;
    }

    [[nodiscard]] explicit operator bool() const noexcept { return held_ != nullptr; }
    //   Requires    owns something
    [[nodiscard]] T& operator*() const noexcept { return held_->value; }
    [[nodiscard]] T* operator->() const noexcept { return &held_->value; }
    [[nodiscard]] friend bool operator==(const shared& a, const shared& b) noexcept {
        return a.held_ == b.held_;
    }

private:
    struct counted {
        template <class... Arguments>
        explicit counted(Arguments&&... arguments) : value{std::forward<Arguments>(arguments)...} {}

        std::size_t owners = 1;
        T value;
    };

    counted* held_ = nullptr;
};

}  // namespace mantis::detail
