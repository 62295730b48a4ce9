// SPDX-License-Identifier: BSL-1.0
//
// Any bytes as a document: walking them never leaves them, and what validation accepts survives
// text and back.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/bson.cpp
//   -lboost_json
#include <mantis/document/bson.hpp>
#include <mantis/document/detail/extended_name.hpp>
#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/document/value_order.hpp>

using namespace mantis;

namespace {

// Does the text of `document` hold as much as its bytes? Not with two fields of one name.
bool distinct_names(bson_view document) {
    for (auto at = document.begin(); at != document.end(); ++at) {
        auto later = at;
        for (++later; later != document.end(); ++later)
            if (later->name == at->name) return false;
        if (at->value.is_nested() && !distinct_names(at->value.as_document())) return false;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bytes_view input{reinterpret_cast<const std::byte*>(data), size};
    const bson_view view{input};
    check(view.count() <= size, "more elements than bytes");
    if (!validate_bson(input)) return 0;
    check(compare_documents(view, view) == 0, "a document differs from itself");
    const bytes text = to_json(view);
    if (!detail::check_leading_names(view)) return 0;
    const auto back = parse_json(text);
    if (!distinct_names(view)) return 0;
    check(back.has_value(), "the text of a document does not parse");
    check(validate_bson(*back).has_value(), "what was read from JSON is not valid");
    check(compare_documents(view, bson_view{*back}) == 0,
          "a document changed on its way through JSON");
    check(to_json(bson_view{*back}) == text, "the text changed");
    return 0;
}
