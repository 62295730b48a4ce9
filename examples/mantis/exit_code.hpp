// SPDX-License-Identifier: BSL-1.0
//
// How the tool ends, and what it says when it ends badly: one sentence on stderr.
//
// The numbers are documented (docs/tool.md, `mantis help`) and scripts rely on them: they never
// change their meaning.
#pragma once

#include <mantis/core/error.hpp>

#include <string>
#include <string_view>

namespace tool {

enum class exit_code : int {
    done = 0,
    no_match = 1,   // get: no document has that _id
    usage = 2,      // the command line is wrong
    bad_input = 3,  // JSON text, a filter, an update or a document is not acceptable
    not_found = 4,  // no such database, collection or file
    locked = 5,     // another process has the database open
    damaged = 6,    // bytes on disk are not the bytes that were written
    failed = 7,     // no space, an input or output error, files of another version
};

// Prints "mantis: sentence" on stderr and returns `code`.
exit_code complain(exit_code code, std::string_view sentence);

// The same for an error of the library, with the code that its error_code calls for.
exit_code complain(const mantis::error& failed);

// A path through something that is no directory is as good as none: not_found.
[[nodiscard]] exit_code exit_code_of(const mantis::error& failed) noexcept;

// For a person: "io: reading a file [trees.json] errno=5: Input/output error".
[[nodiscard]] std::string sentence_of(const mantis::error& failed);

//   Returns     the number of that name, 0 where the error has none
[[nodiscard]] std::uint64_t number_of(const mantis::error& failed, const char* name) noexcept;

}  // namespace tool
