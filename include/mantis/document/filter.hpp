// SPDX-License-Identifier: BSL-1.0
//
// Which documents? A condition in the notation MongoDB's users write, compiled once and then asked
// of each document.
//
//   {"country": "CH", "lat": {"$gte": 46, "$lt": 47}}             both must hold
//   {"$or": [{"tags": {"$in": ["a", "b"]}}, {"name": {"$exists": false}}]}
//
//   {path: value}    $eq $ne $gt $gte $lt $lte $in $exists    {path: {$not: {...}}}    $and $or
//
// A comparison holds when any value the path reaches satisfies it, an array's elements and the
// array itself counted; $ne and $not are the plain negations. $gt and its kin compare only values
// of one kind (value_order.hpp), numbers by exact value whatever their type. null equals null and a
// missing field. NaN equals itself and is neither more nor less.
//
// Invariants:
//   1. nodes_[0] is the whole condition; the nodes of a subtree lie together, up to the root's
//      `end`
//   2. operands point into source_
//
// Threads: matches() any number at once.
#pragma once

#include "bson_validate.hpp"
#include "detail/filter_node.hpp"

namespace mantis {

class filter {
public:
    // Every document.
    filter() { nodes_.push_back({detail::filter_op::all, 1, {}, {}, {}}); }
    filter(filter&&) noexcept = default;
    filter& operator=(filter&&) noexcept = default;

    //   Errors      invalid_argument: an unknown operator or an operand of the wrong type, both
    //               named; what validate_bson answers
    [[nodiscard]] static result<filter> compile(bson_view condition) {
        if (auto valid = validate_bson(condition.document()); !valid) return valid.error();
        filter made;
        made.source_.assign(condition.document());
        made.nodes_.clear();
        if (auto compiled = made.all_of(bson_view{made.source_}); !compiled)
            return compiled.error();
        return made;
    }

    //   Requires    `document` is validated
    [[nodiscard]] bool matches(bson_view document) const { return holds(0, document); }

    // Calls visit(path, op, operand) for each comparison that every matching document must satisfy,
    // in no order worth relying on: what an index can use. For $in the operand is the array.
    template <class Visit>
    void for_each_required(Visit visit) const {
        required(0, visit);
    }

private:
    using op = detail::filter_op;
    using node = detail::filter_node;

    // Compiling.

    [[nodiscard]] result<void> all_of(bson_view condition) {
        const std::size_t self = open(op::all);
        for (const bson_element& field : condition) {
            const bool logical = !field.name.empty() && field.name[0] == std::byte{'$'};
            auto compiled = logical ? group(field) : field_condition(field);
            if (!compiled) return compiled;
        }
        return close(self);
    }
    [[nodiscard]] result<void> group(const bson_element& field) {
        const bool all = field.name == "$and";
        if (!all && field.name != "$or") return unknown(field.name);
        if (field.value.type() != bson_type::array || field.value.as_document().empty())
            return wrong("reading a filter: $and and $or need an array of conditions", field.name);
        const std::size_t self = open(all ? op::all : op::any);
        for (const bson_element& each : field.value.as_document()) {
            if (each.value.type() != bson_type::document)
                return wrong("reading a filter: $and and $or need an array of conditions",
                             field.name);
            if (auto compiled = all_of(each.value.as_document()); !compiled) return compiled;
        }
        return close(self);
    }
    [[nodiscard]] result<void> field_condition(const bson_element& field) {
        bytes plain_name;
        append_name_text(plain_name, field.name);
        auto path = document_path::parse(plain_name);
        if (!path) return path.error();
        if (!detail::has_operators(field.value)) return comparison(*path, op::equal, field.value);
        return operators(*path, field.value.as_document());
    }
    [[nodiscard]] result<void> operators(const document_path& path, bson_view all) {
        const std::size_t self = open(op::all);
        for (const bson_element& each : all)
            if (auto compiled = one_operator(path, each); !compiled) return compiled;
        return close(self);
    }
    [[nodiscard]] result<void> one_operator(const document_path& path, const bson_element& each) {
        const bson_value operand = each.value;
        if (each.name == "$eq") return comparison(path, op::equal, operand);
        if (each.name == "$gt") return comparison(path, op::greater, operand);
        if (each.name == "$gte") return comparison(path, op::greater_or_equal, operand);
        if (each.name == "$lt") return comparison(path, op::less, operand);
        if (each.name == "$lte") return comparison(path, op::less_or_equal, operand);
        if (each.name == "$in") return member(path, operand);
        if (each.name == "$exists") {
            if (operand.type() != bson_type::boolean)
                return wrong("reading a filter: $exists needs true or false", path.text());
            if (operand.as_boolean()) return comparison(path, op::exists, operand);
        } else if (each.name == "$not") {
            if (!detail::has_operators(operand))
                return wrong("reading a filter: $not needs a document of operators", path.text());
        } else if (each.name != "$ne") {
            return unknown(each.name);
        }
        const std::size_t self = open(op::none);
        auto compiled = each.name == "$not"  ? operators(path, operand.as_document())
                        : each.name == "$ne" ? comparison(path, op::equal, operand)
                                             : comparison(path, op::exists, operand);
        if (!compiled) return compiled;
        return close(self);
    }
    [[nodiscard]] result<void> comparison(const document_path& path, op kind, bson_value operand) {
        nodes_.push_back({kind, nodes_.size() + 1, path, operand, {}});
        return {};
    }
    [[nodiscard]] result<void> member(const document_path& path, bson_value operand) {
        if (operand.type() != bson_type::array)
            return wrong("reading a filter: $in needs an array", path.text());
        nodes_.push_back({op::in, nodes_.size() + 1, path, operand,
                          detail::sorted_values(operand.as_document())});
        return {};
    }
    [[nodiscard]] std::size_t open(op kind) {
        nodes_.push_back({kind, 0, {}, {}, {}});
        return nodes_.size() - 1;
    }
    [[nodiscard]] result<void> close(std::size_t self) {
        nodes_[self].end = nodes_.size();
        return {};
    }
    [[nodiscard]] static error unknown(bytes_view name) {
        return wrong("reading a filter: an unknown operator", name);
    }
    [[nodiscard]] static error wrong(const char* sentence, bytes_view about) {
        return error{error_code::invalid_argument, sentence}.about(about);
    }

    // Matching.

    [[nodiscard]] bool holds(std::size_t at, bson_view document) const {
        const node& self = nodes_[at];
        switch (self.kind) {
            case op::all:
            case op::any:
            case op::none: {
                const bool decisive =
                    self.kind != op::all;  // the answer of a child that settles the group
                for (std::size_t child = at + 1; child < self.end; child = nodes_[child].end)
                    if (holds(child, document) == decisive) return self.kind == op::any;
                return self.kind != op::any;
            }
            case op::equal:
            case op::greater:
            case op::greater_or_equal:
            case op::less:
            case op::less_or_equal:
            case op::in:
            case op::exists: break;
        }
        return !for_each_value(document, self.path,
                               [&](bson_value value) { return !detail::satisfies(self, value); });
    }

    template <class Visit>
    void required(std::size_t at, Visit& visit) const {
        const node& self = nodes_[at];
        if (self.kind == op::any || self.kind == op::none) return;
        if (self.kind != op::all) return visit(self.path, self.kind, self.operand);
        for (std::size_t child = at + 1; child < self.end; child = nodes_[child].end)
            required(child, visit);
    }

    bytes source_;
    std::vector<node> nodes_;
};

}  // namespace mantis
