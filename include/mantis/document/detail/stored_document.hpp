// SPDX-License-Identifier: BSL-1.0
//
// A document as its row: validated, with an _id, which comes first.
#pragma once

#include "../../core/arena.hpp"
#include "../bson_validate.hpp"
#include "../document_key.hpp"
#include "../json_writer.hpp"
#include "../owned_value.hpp"
#include "extended_name.hpp"

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

// Where a document has its _id.
struct id_place {
    bson_value id;          // the first one, or missing
    bool in_front = false;  // it is the first field, and there is no other
};
[[nodiscard]] inline id_place find_id(bson_view document) noexcept {
    id_place found;
    bool first = true;
    for (const bson_element& field : document) {
        if (field.name == "_id") {
            found.in_front = first;
            if (!found.id) found.id = field.value;
        }
        first = false;
    }
    return found;
}

// The document with `id` as its first field, and no other _id.
//   Requires    the document is valid
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
//   Errors      what validate_bson, document_key and check_leading_names answer, too_large
template <class Ids>
[[nodiscard]] result<stored_document> make_stored(bson_view document, Ids& ids, arena& held) {
    if (auto fits = check_document_size(document.document()); !fits) return fits.error();
    if (auto valid = validate_bson(document.document()); !valid) return valid.error();
    id_place place = find_id(document);
    owned_value generated;
    if (!place.id) {
        generated = owned_value{ids.next()};
        place.id = generated.view();
    }
    auto key = document_key(place.id);
    if (!key) return key.error();
    const stored_document made{held.copy(*key), place.in_front
                                                    ? held.copy(document.document())
                                                    : with_id_first(document, place.id, held)};
    if (auto fits = check_document_size(made.document); !fits) return fits.error();
    if (auto plain = check_leading_names(bson_view{made.document}); !plain) return plain.error();
    return made;
}

// What keeps a document out of every collection.
//   Errors      as make_stored
[[nodiscard]] inline result<void> check_document(bson_view document) {
    struct any_id {
        static bytes next() { return bytes{"any"}; }
    };
    any_id ids;
    arena held;
    auto made = make_stored(document, ids, held);
    return made ? success() : result<void>{made.error()};
}

}  // namespace mantis::detail
