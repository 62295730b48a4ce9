// SPDX-License-Identifier: BSL-1.0
//
// An error as a value: what kind, what was being done, to what, and the numbers that locate it.
//
//   return error{error_code::corrupt, "reading a log record"}.about(file_name).with("offset",
//   at).with("lsn", position);
//
// reads, as message():  corrupt: reading a log record [0000000000000000.log] offset=4096 lsn=4096
//
// Whoever hands it on may say what it was doing itself, so that the message tells the whole way:
//
//   return failed.within("opening the store");
//
//   corrupt: reading a log record < opening the store [0000000000000000.log] offset=4096 lsn=4096
//
// The class says what a caller can do about it: retry the same call (retryable), run the
// transaction again (conflict), free something and retry (resource), restore or salvage
// (corruption), reopen (fatal), or fix the call (usage). The strategy says how whoever holds the
// error goes on meanwhile. docs/errors.md lists each code.
//
// A copy allocates, and so do the first of about(), with() and within(), once for all of them.
#pragma once

#include "bytes.hpp"

namespace mantis {

enum class error_code : std::uint8_t {
    invalid_argument,  // usage       the call itself is wrong
    not_found,         // usage       the named thing does not exist
    already_exists,    // usage       the named thing exists
    too_large,         // usage       over a stated limit
    parse,             // usage       text is not what it should be; `line` and `column` say where
    unsupported,       // usage       well formed, but not something this build does
    mismatch,       // usage       the files were written with another policy or by a newer version
    locked,         // retryable   another process holds the directory
    interrupted,    // retryable   the system asked to try again
    timed_out,      // retryable   a lock was not to be had in the time given
    conflict,       // conflict    another transaction changed what this one read
    deadlock,       // conflict    this one gave way so that others that wait for it can go on
    no_space,       // resource    the disk is full
    out_of_memory,  // resource    a memory limit was reached
    io,             // fatal       the system refused a file operation; `errno` says how
    read_only,  // fatal       an earlier failure stopped all writes until the store is opened again
    unknown_outcome,  // fatal       the commit may or may not survive; the next opening tells
    closed,           // usage       the object was closed or moved from
    corrupt,          // corruption  bytes on disk are not the bytes that were written
};

enum class error_class : std::uint8_t { retryable, conflict, resource, corruption, fatal, usage };

[[nodiscard]] constexpr error_class class_of(error_code code) noexcept {
    switch (code) {
        case error_code::locked:
        case error_code::interrupted:
        case error_code::timed_out: return error_class::retryable;
        case error_code::conflict:
        case error_code::deadlock: return error_class::conflict;
        case error_code::no_space:
        case error_code::out_of_memory: return error_class::resource;
        case error_code::corrupt: return error_class::corruption;
        case error_code::io:
        case error_code::read_only:
        case error_code::unknown_outcome: return error_class::fatal;
        case error_code::invalid_argument:
        case error_code::not_found:
        case error_code::already_exists:
        case error_code::too_large:
        case error_code::parse:
        case error_code::unsupported:
        case error_code::mismatch:
        case error_code::closed: return error_class::usage;
    }
    return error_class::fatal;
}

// How whoever holds an error goes on: a program that knows nothing more of it does this.
enum class error_strategy : std::uint8_t {
    retry,      // makes the same call again after a pause, a bounded number of times
    abort,      // gives up this call, and the transaction it belongs to; all else goes on
    degrade,    // goes on without what takes space or memory: reads, deletes and commits of less
    read_only,  // reads on and writes nothing until the store was opened again
    stop,       // closes the store: a person has to bring a backup, or the right program
};

[[nodiscard]] constexpr error_strategy strategy_of(error_code code) noexcept {
    switch (code) {
        case error_code::locked:
        case error_code::interrupted:
        case error_code::timed_out: return error_strategy::retry;
        case error_code::conflict:
        case error_code::deadlock:
        case error_code::invalid_argument:
        case error_code::not_found:
        case error_code::already_exists:
        case error_code::too_large:
        case error_code::parse:
        case error_code::unsupported:
        case error_code::closed: return error_strategy::abort;
        case error_code::no_space:
        case error_code::out_of_memory: return error_strategy::degrade;
        case error_code::io:
        case error_code::read_only:
        case error_code::unknown_outcome: return error_strategy::read_only;
        case error_code::mismatch:
        case error_code::corrupt: return error_strategy::stop;
    }
    return error_strategy::stop;
}

[[nodiscard]] constexpr const char* name_of(error_code code) noexcept {
    switch (code) {
        case error_code::invalid_argument: return "invalid_argument";
        case error_code::not_found: return "not_found";
        case error_code::already_exists: return "already_exists";
        case error_code::too_large: return "too_large";
        case error_code::parse: return "parse";
        case error_code::unsupported: return "unsupported";
        case error_code::mismatch: return "mismatch";
        case error_code::locked: return "locked";
        case error_code::interrupted: return "interrupted";
        case error_code::timed_out: return "timed_out";
        case error_code::conflict: return "conflict";
        case error_code::deadlock: return "deadlock";
        case error_code::no_space: return "no_space";
        case error_code::out_of_memory: return "out_of_memory";
        case error_code::io: return "io";
        case error_code::read_only: return "read_only";
        case error_code::unknown_outcome: return "unknown_outcome";
        case error_code::closed: return "closed";
        case error_code::corrupt: return "corrupt";
    }
    return "unknown";
}

[[nodiscard]] constexpr const char* name_of(error_class kind) noexcept {
    switch (kind) {
        case error_class::retryable: return "retryable";
        case error_class::conflict: return "conflict";
        case error_class::resource: return "resource";
        case error_class::corruption: return "corruption";
        case error_class::fatal: return "fatal";
        case error_class::usage: return "usage";
    }
    return "unknown";
}

[[nodiscard]] constexpr const char* name_of(error_strategy strategy) noexcept {
    switch (strategy) {
        case error_strategy::retry: return "retry";
        case error_strategy::abort: return "abort";
        case error_strategy::degrade: return "degrade";
        case error_strategy::read_only: return "read_only";
        case error_strategy::stop: return "stop";
    }
    return "unknown";
}

class error {
public:
    static constexpr std::size_t max_numbers = 6;
    static constexpr std::size_t max_levels = 4;  // of the context, doing() included

    // `doing` says what was being done, as "reading a log record"; it must outlive the error, as a
    // literal does.
    error(error_code code, const char* doing) noexcept : code_{code}, doing_{doing} {}

    error(const error& other)
        : code_{other.code_},
          doing_{other.doing_},
          more_{other.more_ ? new details{*other.more_} : nullptr} {}
    error(error&& other) noexcept
        : code_{other.code_}, doing_{other.doing_}, more_{std::exchange(other.more_, nullptr)} {}
    error& operator=(error other) noexcept {
        code_ = other.code_;
        doing_ = other.doing_;
        std::swap(more_, other.more_);
        return *this;
    }
    ~error() { delete more_; }

    // Names what it happened to: a file, a table, a field. The first name stays, for it was closest
    // to the cause.
    error& about(bytes_view subject) & {
        if (more().subject.empty()) more().subject.assign(subject);
        return *this;
    }
    error&& about(bytes_view subject) && { return std::move(about(subject)); }

    // Adds a number under a name (a literal); a name given before keeps its number, and beyond
    // max_numbers it is dropped.
    error& with(const char* name, std::uint64_t value) & {
        details& at = more();
        if (number(name) == nullptr && at.number_count < max_numbers)
            at.numbers[at.number_count++] = {name, value};
        return *this;
    }
    error&& with(const char* name, std::uint64_t value) && { return std::move(with(name, value)); }

    // Adds what the layer above was doing (a literal). The first levels stay, for they were closest
    // to the cause; beyond max_levels one is dropped.
    error& within(const char* doing) & {
        details& at = more();
        if (at.outer_count + 1 < max_levels) at.outer[at.outer_count++] = doing;
        return *this;
    }
    error&& within(const char* doing) && { return std::move(within(doing)); }

    [[nodiscard]] error_code code() const noexcept { return code_; }
    [[nodiscard]] error_class kind() const noexcept { return class_of(code_); }
    [[nodiscard]] error_strategy strategy() const noexcept { return strategy_of(code_); }
    [[nodiscard]] const char* doing() const noexcept { return doing_; }
    [[nodiscard]] std::size_t level_count() const noexcept {
        return 1 + (more_ ? more_->outer_count : 0);
    }
    //   Requires    at < level_count(); 0 is doing(), the others are the layers above it
    [[nodiscard]] const char* level(std::size_t at) const noexcept {
        return at == 0 ? doing_ : more_->outer[at - 1];
    }
    [[nodiscard]] bytes_view subject() const noexcept {
        return more_ ? more_->subject.view() : bytes_view{};
    }
    //   Returns     the number of that name, or nullptr
    [[nodiscard]] const std::uint64_t* number(const char* name) const noexcept {
        for (std::size_t i = 0; more_ != nullptr && i < more_->number_count; ++i)
            if (std::strcmp(more_->numbers[i].name, name) == 0) return &more_->numbers[i].value;
        return nullptr;
    }

    // One line for a person: "code: doing < doing above [subject] name=number ...".
    // message().as<std::string>() for the standard's type.
    [[nodiscard]] bytes message() const {
        bytes line{bytes_view{name_of(code_)}};
        line.append(": ");
        line.append(doing_);
        if (more_ == nullptr) return line;
        for (std::size_t i = 1; i < level_count(); ++i) {
            line.append(" < ");
            line.append(level(i));
        }
        if (!more_->subject.empty()) {
            line.append(" [");
            line.append(more_->subject);
            line.append("]");
        }
        for (std::size_t i = 0; i < more_->number_count; ++i)
            append_number(line, more_->numbers[i]);
        return line;
    }

private:
    struct named_number {
        const char* name = nullptr;
        std::uint64_t value = 0;
    };
    struct details {
        bytes subject;
        named_number numbers[max_numbers] = {};
        std::size_t number_count = 0;
        const char* outer[max_levels - 1] = {};  // from the nearest layer up
        std::size_t outer_count = 0;
    };

    details& more() {
        if (more_ == nullptr) more_ = new details;
        return *more_;
    }
    static void append_number(bytes& line, named_number number) {
        char digits[20];
        std::size_t at = sizeof digits;
        std::uint64_t left = number.value;
        do digits[--at] = static_cast<char>('0' + left % 10);
        while ((left /= 10) != 0);
        line.append(" ");
        line.append(number.name);
        line.append("=");
        line.append({digits + at, sizeof digits - at});
    }

    error_code code_;
    const char* doing_;
    details* more_ = nullptr;
};

}  // namespace mantis
