// SPDX-License-Identifier: BSL-1.0
//
// One JSON object on one line: what most commands answer with.
#pragma once

#include "output.hpp"

#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>

namespace tool {

template <class Number>
void add_number(mantis::bson_writer& to, const char* name, Number value) {
    to.add(name, static_cast<std::int64_t>(value));
}

inline void print(mantis::bson_writer& answer, output& to) {
    to.line(mantis::to_json(mantis::bson_view{answer.finish()}));
}

}  // namespace tool
