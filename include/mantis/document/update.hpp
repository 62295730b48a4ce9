// SPDX-License-Identifier: BSL-1.0
//
// A change to a document, compiled once and applied to any number of them.
//
//   {"$set": {"address.city": "Bern"}, "$unset": {"old": ""}, "$inc": {"visits": 1}}
//   {"name": "Ada", "born": 1815}     without operators: the whole new document; an _id stays
//
//   $set     replaces or adds the field; documents missing on the way are made; an array grows,
//            nulls fill the gap
//   $unset   removes the field; an array's element becomes null; a missing field is no mistake
//   $inc     adds to a number, or sets a missing field; integers stay integers and must fit 64 bits
//
// Paths go through arrays by index only. Fields keep their places, new ones come last. _id cannot
// change, and a field already equal is no modification. A document is changed by all of an update
// or by none of it.
//
// Threads: apply() any number at once.
#pragma once

#include "bson_validate.hpp"
#include "detail/extended_name.hpp"
#include "detail/field_rewriter.hpp"
#include "value_order.hpp"

#include <algorithm>

namespace mantis {

class update {
public:
    update(update&&) noexcept = default;
    update& operator=(update&&) noexcept = default;

    //   Errors      invalid_argument: an unknown operator, an operand of the wrong type, two
    //               changes to one field, a change of _id; what validate_bson answers
    [[nodiscard]] static result<update> compile(bson_view change) {
        if (auto valid = validate_bson(change.document()); !valid) return valid.error();
        update made;
        made.source_.assign(change.document());
        const bson_view own{made.source_};
        made.replaces_ =
            own.empty() || own.begin()->name.empty() || own.begin()->name[0] != std::byte{'$'};
        for (const bson_element& field : own) {
            const bool named_operator = !field.name.empty() && field.name[0] == std::byte{'$'};
            if (named_operator == made.replaces_)
                return wrong("reading an update: operators beside plain fields", field.name);
            if (made.replaces_) continue;
            if (auto added = made.add_operator(field); !added) return added.error();
        }
        if (auto apart = made.check_conflicts(); !apart) return apart.error();
        return made;
    }

    // Writes the changed document into `into`; `document` is not touched.
    //   Requires    `document` is validated and does not lie in `into`
    //   Returns     whether anything changed
    //   Errors      invalid_argument: the field's path, and why: not a number, no way through a
    //               value, an array without that index, an integer that does not fit, another _id;
    //               or a name that a document cannot begin with (detail/extended_name.hpp);
    //               too_large: nested too deep
    [[nodiscard]] result<bool> apply(bson_view document, bytes& into) const {
        if (auto changed = replaces_ ? replace(document, into) : change(document, into); !changed)
            return changed.error();
        if (into.view() == document.document()) return false;
        if (auto valid = validate_bson(into); !valid) return valid.error();
        if (auto plain = detail::check_leading_names(bson_view{into}); !plain) return plain.error();
        return true;
    }

private:
    using op = detail::field_op;

    update() = default;

    [[nodiscard]] result<void> add_operator(const bson_element& field) {
        op kind = op::set;
        if (field.name == "$unset") kind = op::unset;
        else if (field.name == "$inc") kind = op::increment;
        else if (field.name != "$set")
            return wrong("reading an update: an unknown operator", field.name);
        if (field.value.type() != bson_type::document)
            return wrong("reading an update: an operator needs a document of paths", field.name);
        for (const bson_element& each : field.value.as_document()) {
            bytes dotted;
            append_name_text(dotted, each.name);
            auto path = document_path::parse(dotted);
            if (!path) return path.error();
            if (kind == op::increment && !each.value.is_number())
                return wrong("reading an update: $inc needs a number", dotted);
            if ((*path)[0].name == "_id" && (path->count() > 1 || kind != op::set))
                return wrong("reading an update: _id cannot change", dotted);
            changes_.push_back({kind, std::move(*path), each.value});
        }
        return {};
    }

    // A path and what it leads to are neighbours once the paths are in order.
    [[nodiscard]] result<void> check_conflicts() const {
        std::vector<const detail::field_change*> sorted;
        sorted.reserve(changes_.size());
        for (const detail::field_change& each : changes_) sorted.push_back(&each);
        std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
            return document_path::in_order(a->path, b->path);
        });
        for (std::size_t at = 1; at < sorted.size(); ++at) {
            if (!sorted[at - 1]->path.leads_to(sorted[at]->path)) continue;
            const auto* const later = sorted[at - 1] < sorted[at] ? sorted[at] : sorted[at - 1];
            bytes dotted;
            append_name_text(dotted, later->path.text());
            return wrong("reading an update: two changes to one field", dotted);
        }
        return {};
    }

    [[nodiscard]] result<void> change(bson_view document, bytes& into) const {
        into.assign(document.document());
        bytes before;
        for (const detail::field_change& each : changes_) {
            before.swap(into);
            into.clear();
            if (auto done = detail::field_rewriter{each, into}.run(bson_view{before}); !done)
                return done;
        }
        return same_id(document, bson_view{into});
    }
    [[nodiscard]] result<void> replace(bson_view document, bytes& into) const {
        const bson_view own{source_};
        const bson_value id = document["_id"] ? document["_id"] : own["_id"];
        if (own["_id"])
            if (auto same = same_id(document, own); !same) return same;
        bson_writer writer;
        if (id) writer.add("_id", id);
        for (const bson_element& field : own)
            if (field.name != "_id") writer.add(field.name, field.value);
        into = writer.finish();
        return {};
    }
    [[nodiscard]] static result<void> same_id(bson_view before, bson_view after) {
        if (before["_id"] && compare_values(before["_id"], after["_id"]) != 0)
            return wrong("updating a document: _id cannot change", "_id");
        return {};
    }
    [[nodiscard]] static error wrong(const char* sentence, bytes_view about) {
        return error{error_code::invalid_argument, sentence}.about(about);
    }

    bytes source_;  // the operands point into it
    bool replaces_ = false;
    std::vector<detail::field_change> changes_;
};

}  // namespace mantis
