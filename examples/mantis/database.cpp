// SPDX-License-Identifier: BSL-1.0
#include "database.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/recovery/superblock_pair.hpp>

#include <cstdio>

namespace tool {

mantis::result<void> find_database(std::string_view path) {
    const mantis::error none =
        mantis::error{mantis::error_code::not_found, "there is no database"}.about(path);
    auto directory = mantis::posix{}.open_directory(path, mantis::directory_mode::existing);
    if (!directory && directory.error().code() == mantis::error_code::not_found) return none;
    if (!directory) return directory.error();
    for (const char* const name : {mantis::superblock_name, mantis::superblock_copy_name}) {
        auto exists = directory->exists(name);
        if (!exists) return exists.error();
        if (*exists) return mantis::success();
    }
    return none;
}

void tell_recovery(const mantis::recovery_summary& summary) {
    if (summary.superblock_repaired)
        std::fprintf(stderr, "mantis: repaired: %s\n",
                     summary.superblock_damage->subject().as<std::string>().c_str());
    if (summary.cut_bytes == 0 && summary.transactions_dropped == 0) return;
    std::fprintf(
        stderr,
        "mantis: recovered from a crash: %llu transactions kept, %llu without a commit dropped, "
        "a torn tail of %llu bytes; %.2f MB of log in %.2f s\n",
        static_cast<unsigned long long>(summary.transactions_kept),
        static_cast<unsigned long long>(summary.transactions_dropped),
        static_cast<unsigned long long>(summary.cut_bytes),
        static_cast<double>(summary.bytes) / 1e6, summary.elapsed.seconds());
}

}  // namespace tool
