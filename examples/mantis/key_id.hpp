// SPDX-License-Identifier: BSL-1.0
//
// The _id that a row's key stands for: the table of mantis/document/document_key.hpp, read
// backwards.
#pragma once

#include <mantis/document/bson_writer.hpp>
#include <mantis/document/owned_value.hpp>

#include <optional>

namespace tool {

//   Returns     nothing where the key is not of that form
[[nodiscard]] std::optional<mantis::owned_value> id_of_key(mantis::bytes_view key);

//   Effects     adds "key": one that is an _id's as the _id, any other as bytes
inline void add_key(mantis::bson_writer& to, mantis::bytes_view key) {
    if (auto id = id_of_key(key)) to.add("key", id->view());
    else to.add("key", mantis::binary_view{key});
}

}  // namespace tool
