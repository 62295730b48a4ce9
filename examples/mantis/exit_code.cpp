// SPDX-License-Identifier: BSL-1.0
#include "exit_code.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tool {

exit_code complain(exit_code code, std::string_view sentence) {
    std::fflush(stdout);
    std::fprintf(stderr, "mantis: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
    return code;
}

exit_code complain(const mantis::error& failed) {
    return complain(exit_code_of(failed), sentence_of(failed));
}

exit_code exit_code_of(const mantis::error& failed) noexcept {
    using mantis::error_code;
    if (number_of(failed, "errno") == ENOTDIR) return exit_code::not_found;
    switch (failed.code()) {
        case error_code::invalid_argument:
        case error_code::already_exists:
        case error_code::too_large:
        case error_code::parse:
        case error_code::unsupported: return exit_code::bad_input;
        case error_code::not_found: return exit_code::not_found;
        case error_code::locked: return exit_code::locked;
        case error_code::corrupt: return exit_code::damaged;
        case error_code::mismatch:
        case error_code::interrupted:
        case error_code::timed_out:
        case error_code::conflict:
        case error_code::deadlock:
        case error_code::no_space:
        case error_code::out_of_memory:
        case error_code::io:
        case error_code::read_only:
        case error_code::unknown_outcome:
        case error_code::closed: return exit_code::failed;
    }
    return exit_code::failed;
}

std::string sentence_of(const mantis::error& failed) {
    auto sentence = failed.message().as<std::string>();
    if (const std::uint64_t number = number_of(failed, "errno"); number != 0)
        sentence += std::string{": "} + std::strerror(static_cast<int>(number));
    if (failed.code() != mantis::error_code::locked) return sentence;
    std::string who = failed.subject().as<std::string>() + " is open in another process";
    if (const std::uint64_t pid = number_of(failed, "pid"); pid != 0)
        who += ", pid " + std::to_string(pid);
    return who;
}

std::uint64_t number_of(const mantis::error& failed, const char* name) noexcept {
    const std::uint64_t* const number = failed.number(name);
    return number == nullptr ? 0 : *number;
}

}  // namespace tool
