// SPDX-License-Identifier: BSL-1.0
//
// A value or the error that kept it from being: what every fallible function of mantis returns.
//
//   result<file> opened = open(name);
//   if (!opened) return opened.error();          // or: if (auto failed = sync(); !failed) return
//                                                failed.error();
//   use(*opened);
//
// value() is for programs that would stop anyway: on an error it prints the message and aborts.
#pragma once

#include "check.hpp"
#include "error.hpp"

#include <new>

namespace mantis {

namespace detail {

struct nothing {};

[[noreturn]] inline void stop_with(const error& failed) {
    const bytes message = failed.message();
    stop(message.chars(), message.size());
}

}  // namespace detail

template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    result(T value) : has_value_{true} { ::new (static_cast<void*>(&value_)) T(std::move(value)); }
    result(mantis::error failed) : has_value_{false} {
        ::new (static_cast<void*>(&error_)) mantis::error(std::move(failed));
    }
    result(result&& other) noexcept : has_value_{other.has_value_} { take(other); }
    result(const result& other) requires std::is_copy_constructible_v<T>
        : has_value_{other.has_value_} {
        if (has_value_) ::new (static_cast<void*>(&value_)) T(other.value_);
        else ::new (static_cast<void*>(&error_)) mantis::error(other.error_);
    }
    result& operator=(result other) noexcept {
        destroy();
        has_value_ = other.has_value_;
        take(other);
        return *this;
    }
    ~result() { destroy(); }

    [[nodiscard]] bool has_value() const noexcept { return has_value_; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value_; }

    //   Requires    has_value()
    [[nodiscard]] T& operator*() & noexcept { return checked_value(); }
    [[nodiscard]] const T& operator*() const& noexcept {
        return const_cast<result*>(this)->checked_value();
    }
    [[nodiscard]] T&& operator*() && noexcept { return std::move(checked_value()); }
    [[nodiscard]] T* operator->() noexcept { return &checked_value(); }
    [[nodiscard]] const T* operator->() const noexcept {
        return &const_cast<result*>(this)->checked_value();
    }
    //   Requires    !has_value()
    [[nodiscard]] const mantis::error& error() const& noexcept {
        check(!has_value_, "result::error() of a result that holds a value");
        return error_;
    }
    [[nodiscard]] mantis::error& error() & noexcept {
        check(!has_value_, "result::error() of a result that holds a value");
        return error_;
    }
    [[nodiscard]] mantis::error&& error() && noexcept {
        check(!has_value_, "result::error() of a result that holds a value");
        return std::move(error_);
    }

    //   Effects     on an error, prints its message and aborts
    [[nodiscard]] T& value() & {
        if (!has_value_) detail::stop_with(error_);
        return value_;
    }
    [[nodiscard]] T value() && {
        if (!has_value_) detail::stop_with(error_);
        return std::move(value_);
    }

private:
    T& checked_value() noexcept {
        check(has_value_, "the value of a result that holds an error");
        return value_;
    }
    void take(result& other) noexcept {
        if (has_value_) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
        else ::new (static_cast<void*>(&error_)) mantis::error(std::move(other.error_));
    }
    void destroy() noexcept {
        if (has_value_) value_.~T();
        else error_.~error();
    }

    union {
        T value_;
        mantis::error error_;
    };
    bool has_value_;
};

// Success without a value; `return success();`, or `return {};`.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() noexcept : of_{detail::nothing{}} {}
    result(mantis::error failed) : of_{std::move(failed)} {}

    [[nodiscard]] bool has_value() const noexcept { return of_.has_value(); }
    [[nodiscard]] explicit operator bool() const noexcept { return of_.has_value(); }
    //   Requires    !has_value()
    [[nodiscard]] const mantis::error& error() const& noexcept { return of_.error(); }
    [[nodiscard]] mantis::error& error() & noexcept { return of_.error(); }
    [[nodiscard]] mantis::error&& error() && noexcept { return std::move(of_).error(); }
    //   Effects     on an error, prints its message and aborts
    void value() const {
        if (!of_) detail::stop_with(of_.error());
    }

private:
    result<detail::nothing> of_;
};

[[nodiscard]] inline result<void> success() noexcept { return {}; }

}  // namespace mantis
