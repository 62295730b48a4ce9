// SPDX-License-Identifier: BSL-1.0
//
// What the commands on one collection share: the database and the collection opened, JSON arguments
// read.
#pragma once

#include "database.hpp"

#include <mantis/document/document_store.hpp>

namespace tool {

using database = mantis::document_store<>;
using documents = mantis::collection<>;

struct opened_collection {
    std::optional<database> store;
    std::optional<documents> in;
};

// Opens the database and the collection; with access::create both are made if they are missing. On
// failure says why.
[[nodiscard]] exit_code open_collection(std::string_view path, std::string_view name, access wanted,
                                        opened_collection& into);

// A JSON document of the command line, called `what` in messages ("filter:1:9: ..."). On failure
// says why.
[[nodiscard]] exit_code read_document(const char* what, std::string_view text, mantis::bytes& into);

// A filter; an empty text, which stands for a word left out, is every document. On failure says
// why.
[[nodiscard]] exit_code read_filter(std::string_view text, mantis::filter& into);

// An _id: JSON where the text is JSON, else the text itself.
[[nodiscard]] mantis::owned_value read_id(std::string_view text);

// "where:line:column: sentence (and more)" on stderr; a line or column of 0 is left out.
exit_code complain_at(const std::string& where, std::uint64_t line, std::uint64_t column,
                      const mantis::error& why, const std::string& more = {});
// The same with the error's own line and column.
exit_code complain_at(const std::string& where, const mantis::error& why,
                      const std::string& more = {});

}  // namespace tool
