// SPDX-License-Identifier: BSL-1.0
//
// Whether a row is one that a collection makes.
#pragma once

#include <mantis/document/bson_validate.hpp>
#include <mantis/document/document_key.hpp>

namespace tool {

//   Errors      corrupt: it is no BSON, or not under the key of its _id
[[nodiscard]] inline mantis::result<void> check_row(mantis::bytes_view key,
                                                    mantis::bytes_view value) {
    if (auto valid = mantis::validate_bson(value); !valid) return valid;
    const auto wanted = mantis::document_key(mantis::bson_view{value}["_id"]);
    if (wanted && wanted->view() == key) return mantis::success();
    return mantis::error{mantis::error_code::corrupt,
                         "checking a document: its key is not that of its _id"};
}

}  // namespace tool
