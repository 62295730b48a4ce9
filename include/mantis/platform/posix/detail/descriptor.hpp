// SPDX-License-Identifier: BSL-1.0
//
// The owner of a file descriptor, and what a system call needs around it: retry on a signal, a name
// with a zero at its end.
#pragma once

#include "../../../core/bytes.hpp"

#include <cerrno>
#include <unistd.h>

namespace mantis::detail {

class descriptor {
public:
    descriptor() noexcept = default;
    explicit descriptor(int number) noexcept : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        descriptor taken{std::move(other)};
        std::swap(number_, taken.number_);
        return *this;
    }
    ~descriptor() {
        if (number_ >= 0) ::close(number_);
    }

    [[nodiscard]] int number() const noexcept { return number_; }
    [[nodiscard]] bool open() const noexcept { return number_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

private:
    int number_ = -1;
};

// Calls until no signal interrupts.
template <class Call>
auto retry(Call call) noexcept(noexcept(call())) {
    auto answer = call();
    while (answer < 0 && errno == EINTR) answer = call();
    return answer;
}

// `text` with a zero at its end.
[[nodiscard]] inline bytes zero_ended(bytes_view text) {
    bytes ended;
    ended.reserve(text.size() + 1);
    ended.append(text);
    ended.push_back('\0');
    return ended;
}

}  // namespace mantis::detail
