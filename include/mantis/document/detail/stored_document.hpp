// SPDX-License-Identifier: BSL-1.0
//
// A document as its row: validated, with an _id, which comes first.
#pragma once

#include "../bson_validate.hpp"
#include "../document_key.hpp"
#include "../json_writer.hpp"
#include "../owned_value.hpp"
#include "field_rewriter.hpp"

namespace mantis::detail {

// Collections are tables whose name begins so; a store may have other tables beside them.
inline constexpr char collection_prefix[] = "collection/";
inline constexpr std::size_t collection_prefix_size = sizeof collection_prefix - 1;

struct stored_document {
    bytes key;
    bytes document;
};

[[nodiscard]] inline result<void> check_document_size(bytes_view document) {
    if (document.size() <= max_document_bytes) return {};
    return error{error_code::too_large, "storing a document"}
        .with("bytes", document.size())
        .with("limit", max_document_bytes);
}

// The document with `id` as its first field.
[[nodiscard]] inline bytes with_id_first(bson_view document, bson_value id) {
    if (document.begin() != document.end() && document.begin()->name == "_id")
        return bytes{document.document()};
    bson_writer writer;
    writer.add("_id", id);
    for (const bson_element& field : document)
        if (field.name != "_id") add_stored(writer, field);
    return writer.finish();
}

//   Errors      what validate_bson and document_key answer, too_large
template <class Ids>
[[nodiscard]] result<stored_document> make_stored(bson_view document, Ids& ids) {
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
    return stored_document{std::move(*key), with_id_first(document, id)};
}

}  // namespace mantis::detail
