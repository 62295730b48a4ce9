// SPDX-License-Identifier: BSL-1.0
//
// How to find the documents of a filter: by their ids where it demands ids, else by looking at all.
//
//   {_id: 5}, {_id: {$in: [...]}}    id_lookup    one read for each id that a document can have
//   {_id: {$gte: 5, $lt: 9}}         id_range     the rows between
//   anything else                    full_scan    every row; visible in what a query answers
//
// A plan may give more documents than the filter wants, never fewer: the filter is asked of each.
#pragma once

#include "document_key.hpp"
#include "filter.hpp"

namespace mantis {

enum class access_path : std::uint8_t { full_scan, id_lookup, id_range };

[[nodiscard]] constexpr const char* name_of(access_path path) noexcept {
    switch (path) {
        case access_path::full_scan: return "full_scan";
        case access_path::id_lookup: return "id_lookup";
        case access_path::id_range: return "id_range";
    }
    return "unknown";
}

struct query_plan {
    access_path path = access_path::full_scan;
    std::vector<bytes> keys;  // of id_lookup, ascending
    bytes from;               // of id_range: the first key
    bytes to;                 // of id_range: the first key behind; empty for none
};

namespace detail {

class query_planner {
public:
    [[nodiscard]] query_plan plan(const filter& wanted) {
        wanted.for_each_required(
            [this](const document_path& path, filter_op op, bson_value operand) {
                if (path.text() == "_id") demand(op, operand);
            });
        if (!plan_.to.empty() && plan_.from >= plan_.to) only_keys({});
        return std::move(plan_);
    }

private:
    void demand(filter_op op, bson_value operand) {
        switch (op) {
            case filter_op::equal: return only_keys(keys_of(&operand, 1));
            case filter_op::in: {
                std::vector<bson_value> members;
                for (const bson_element& each : operand.as_document())
                    members.push_back(each.value);
                return only_keys(keys_of(members.data(), members.size()));
            }
            case filter_op::greater:
            case filter_op::greater_or_equal:
            case filter_op::less:
            case filter_op::less_or_equal: return only_range(op, operand);
            case filter_op::exists:
            case filter_op::all:
            case filter_op::any:
            case filter_op::none: break;
        }
    }

    [[nodiscard]] static std::vector<bytes> keys_of(const bson_value* ids, std::size_t count) {
        std::vector<bytes> keys;
        for (std::size_t at = 0; at < count; ++at)
            if (auto key = document_key(ids[at])) keys.push_back(std::move(*key));
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
        return keys;
    }
    void only_keys(std::vector<bytes> keys) {
        if (plan_.path == access_path::id_lookup) {
            std::vector<bytes> both;
            for (bytes& key : keys)
                if (std::binary_search(plan_.keys.begin(), plan_.keys.end(), key))
                    both.push_back(std::move(key));
            keys = std::move(both);
        }
        plan_.path = access_path::id_lookup;
        plan_.keys = std::move(keys);
    }

    // Only ids of the operand's kind are compared with it, so the range ends where the kind does.
    void only_range(filter_op op, bson_value operand) {
        const std::uint8_t tag = key_tag_of(operand.type());
        if (tag == 0) return only_keys({});
        narrow(one_byte(tag), one_byte(static_cast<std::uint8_t>(tag + 1)));
        auto key = document_key(operand);
        if (!key) return;  // too long to be an id: the filter decides alone
        if (op == filter_op::greater || op == filter_op::less_or_equal)
            key->push_back(std::byte{0});
        if (op == filter_op::greater || op == filter_op::greater_or_equal)
            narrow(std::move(*key), {});
        else narrow({}, std::move(*key));
    }
    void narrow(bytes from, bytes to) {
        if (plan_.path == access_path::full_scan) plan_.path = access_path::id_range;
        if (from > plan_.from) plan_.from = std::move(from);
        if (!to.empty() && (plan_.to.empty() || to < plan_.to)) plan_.to = std::move(to);
    }
    [[nodiscard]] static bytes one_byte(std::uint8_t value) {
        bytes made;
        made.push_back(static_cast<std::byte>(value));
        return made;
    }

    query_plan plan_;
};

}  // namespace detail

[[nodiscard]] inline query_plan plan_query(const filter& wanted) {
    return detail::query_planner{}.plan(wanted);
}

}  // namespace mantis
