// SPDX-License-Identifier: BSL-1.0
//
// A document as its row: validated, with an _id, which comes first.
#pragma once

#include "../../core/arena.hpp"
#include "../bson_validate.hpp"
#include "../document_key.hpp"
#include "../json_writer.hpp"
#include "../owned_value.hpp"

namespace mantis::detail {

// Collections are tables whose name begins so; a store may have other tables beside them.
inline constexpr char collection_prefix[] = "collection/";
inline constexpr std::size_t collection_prefix_size = sizeof collection_prefix - 1;

struct stored_document {
    bytes_view key;
    bytes_view document;
};

[[nodiscard]] inline result<void> check_document_size(bytes_view document) {
    if (document.size() <= max_document_bytes) return {};
    return error{error_code::too_large, "storing a document"}
        .with("bytes", document.size())
        .with("limit", max_document_bytes);
}

[[nodiscard]] inline bool begins_with_id(bson_view document) noexcept {
    const auto first = document.begin();
    return first != document.end() && first->name == "_id";
}

// The document with `id` as its first field, and no other _id.
//   Requires    the document is valid and does not begin with its _id
[[nodiscard]] inline bytes_view with_id_first(bson_view document, bson_value id, arena& held) {
    const bytes_view name{"_id", 4};  // with its zero byte
    const bytes_view source = document.document();
    auto* const made = static_cast<std::byte*>(
        held.allocate(source.size() + 1 + name.size() + id.payload().size()));
    std::byte* at = made + 4;
    const auto add = [&at](bytes_view part) {
        if (!part.empty()) std::memcpy(at, part.data(), part.size());
        at += part.size();
    };
    *at++ = static_cast<std::byte>(id.type());
    add(name);
    add(id.payload());
    const std::byte* element = source.data() + 4;
    for (const bson_element& field : document) {
        const std::byte* const next = field.value.payload().end();
        if (field.name != "_id") add({element, static_cast<std::size_t>(next - element)});
        element = next;
    }
    *at++ = std::byte{0};
    const auto size = static_cast<std::size_t>(at - made);
    store_le(made, static_cast<std::uint32_t>(size));
    return {made, size};
}

//   Returns     a row that lies in `held`
//   Errors      what validate_bson and document_key answer, too_large
template <class Ids>
[[nodiscard]] result<stored_document> make_stored(bson_view document, Ids& ids, arena& held) {
    if (auto fits = check_document_size(document.document()); !fits) return fits.error();
    if (auto valid = validate_bson(document.document()); !valid) return valid.error();
    bson_value id = document["_id"];
    owned_value generated;
    if (!id) {
        generated = owned_value{ids.next()};
        id = generated.view();
    }
    auto key = document_key(id);
    if (!key) return key.error();
    return stored_document{held.copy(*key), begins_with_id(document)
                                                ? held.copy(document.document())
                                                : with_id_first(document, id, held)};
}

}  // namespace mantis::detail
