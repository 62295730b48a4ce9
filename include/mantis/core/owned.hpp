// SPDX-License-Identifier: BSL-1.0
//
// An object on the heap with one owner, who may be moved.
//
// Our own, for <memory> costs three times <vector> to include: streams come with it.
//
// Threads: like an int.
#pragma once

#include <utility>

namespace mantis {

template <class T>
class owned {
public:
    owned() noexcept = default;  // owns nothing
    //   Requires    `object` came from new, and nobody else owns it
    explicit owned(T* object) noexcept : object_{object} {}
    owned(owned&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
    owned& operator=(owned other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~owned() { delete object_; }

    //   Effects     the object is destroyed
    void reset() noexcept { delete std::exchange(object_, nullptr); }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
    //   Requires    it owns an object
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }

private:
    T* object_ = nullptr;
};

}  // namespace mantis
