// SPDX-License-Identifier: BSL-1.0
//
// Opening a database for a command: reading commands make nothing, and say what a crash left
// behind.
#pragma once

#include "exit_code.hpp"
#include "progress.hpp"

#include <mantis/core/units.hpp>
#include <mantis/store/options.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tool {

enum class access {
    read,    // nothing on disk is changed; there must be a database
    write,   // there must be a database
    create,  // made if there is none
};

// Looks before anything is opened, so that a wrong word leaves no lock file in a directory that is
// no database.
//   Errors      not_found, io
[[nodiscard]] mantis::result<void> find_database(std::string_view path);

// Says on stderr what recovery dropped or cut, if it did.
void tell_recovery(const mantis::recovery_summary& summary);

// Opens; on failure says why.
//   Returns     whether it is open, or how to end
template <class Database>
[[nodiscard]] exit_code open_database(std::string_view path, access wanted,
                                      std::optional<Database>& into) {
    if (wanted != access::create)
        if (auto found = find_database(path); !found) return complain(found.error());
    progress replaying{"opening"};
    mantis::store_options options;
    options.create_if_missing = wanted == access::create;
    options.read_only = wanted == access::read;
    options.on_recovery_context = &replaying;
    options.on_recovery = [](void* shown, const mantis::recovery_progress& at) {
        static_cast<progress*>(shown)->show(at.bytes_done, at.bytes_total, at.records,
                                            "log records");
    };
    auto opened = Database::open(path, options);
    replaying.clear();
    if (!opened) return complain(opened.error());
    into.emplace(std::move(*opened));
    tell_recovery(into->base().recovery());
    return exit_code::done;
}

// Closes; on failure says why, for that is the last chance to lose something unseen. A command that
// only reads has nothing to lose and leaves it to the destructor.
template <class Database>
[[nodiscard]] exit_code close_database(Database& database, exit_code so_far = exit_code::done) {
    auto closed = database.close();
    if (closed) return so_far;
    const exit_code failed = complain(closed.error());
    return so_far == exit_code::done ? failed : so_far;
}

}  // namespace tool
