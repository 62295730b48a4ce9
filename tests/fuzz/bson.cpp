// SPDX-License-Identifier: BSL-1.0
//
// Any bytes as a document: walking them never leaves them, and what validation accepts survives
// text and back.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/bson.cpp
//   -lboost_json
#include <mantis/document/bson.hpp>
#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>
#include <mantis/document/value_order.hpp>

using namespace mantis;

namespace {

// The documents whose text reads back: an object that begins with one of these keys is something
// else in JSON.
bool plain_names(bson_view document, bool array) {
    bool first = true;
    for (const bson_element& field : document) {
        if (!array && first && !field.name.empty() && field.name[0] == std::byte{'$'}) return false;
        first = false;
        if (field.value.type() == bson_type::document &&
            !plain_names(field.value.as_document(), false))
            return false;
        if (field.value.type() == bson_type::array && !plain_names(field.value.as_document(), true))
            return false;
    }
    return true;
}

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
    if (!plain_names(view, false)) return 0;
    const bytes back = parse_json(text).value();
    check(validate_bson(back).has_value(), "what was read from JSON is not valid");
    if (distinct_names(view))
        check(compare_documents(view, bson_view{back}) == 0,
              "a document changed on its way through JSON");
    check(to_json(bson_view{back}) == text || !distinct_names(view), "the text changed");
    return 0;
}
