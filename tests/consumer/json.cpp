// SPDX-License-Identifier: BSL-1.0
//
// The one header of mantis that needs a library to link: JSON text into a document.
#include <mantis/document/json.hpp>

int main() {
    const bool reads = mantis::parse_json(R"({"name": "mantis"})").has_value();
    const bool refuses = !mantis::parse_json(R"({"name": )").has_value();
    return reads && refuses ? 0 : 1;
}
