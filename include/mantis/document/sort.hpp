// SPDX-License-Identifier: BSL-1.0
//
// Ordering documents by paths, ascending or descending: {"country": 1, "population": -1}.
//
// The order is that of value_order.hpp, over all types. Where a path reaches several values, the
// least counts ascending and the greatest descending; a missing field and an empty array count as
// null. Equal documents stay in the order they came in.
//
// A sorter that is to keep the first k holds k documents and never more: a heap whose top is the
// last of them, which the next better one replaces. Without a bound it holds all, up to a limit in
// bytes.
//
// Threads: a sort_order any number of readers; a sorter one caller.
#pragma once

#include "bson_validate.hpp"
#include "path.hpp"
#include "value_order.hpp"

#include <algorithm>
#include <vector>

namespace mantis {

class sort_order {
public:
    struct key {
        document_path path;
        bool descending = false;
    };

    //   Errors      invalid_argument: a direction other than 1 and -1, a path as
    //               document_path::parse; what validate_bson answers
    [[nodiscard]] static result<sort_order> compile(bson_view keys) {
        if (auto valid = validate_bson(keys.document()); !valid) return valid.error();
        sort_order made;
        for (const bson_element& each : keys) {
            bytes dotted;
            append_name_text(dotted, each.name);
            const double direction = each.value.is_number() ? each.value.as_number() : 0;
            if (direction != 1 && direction != -1)
                return error{error_code::invalid_argument,
                             "reading a sort order: the direction is 1 or -1"}
                    .about(dotted);
            if (auto added = made.add(dotted, direction < 0); !added) return added.error();
        }
        return made;
    }

    //   Errors      as document_path::parse
    [[nodiscard]] result<void> add(bytes_view path, bool descending = false) {
        auto parsed = document_path::parse(path);
        if (!parsed) return parsed.error();
        keys_.push_back({std::move(*parsed), descending});
        return {};
    }

    [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }
    [[nodiscard]] const std::vector<key>& keys() const noexcept { return keys_; }
    // Is this the order in which a collection lies, so that nothing need be sorted?
    [[nodiscard]] bool is_by_id() const noexcept {
        return keys_.size() == 1 && !keys_[0].descending && keys_[0].path.text() == "_id";
    }

    //   Requires    `document` is validated
    //   Returns     what `document` is compared by: one value for each key, which point into it
    void values_of(bson_view document, std::vector<bson_value>& into) const {
        into.clear();
        for (const key& each : keys_) into.push_back(value_of(document, each));
    }
    [[nodiscard]] std::weak_ordering compare(const std::vector<bson_value>& a,
                                             const std::vector<bson_value>& b) const noexcept {
        for (std::size_t at = 0; at < keys_.size(); ++at) {
            const auto order = compare_values(a[at], b[at]);
            if (order != 0) return keys_[at].descending ? 0 <=> order : order;
        }
        return std::weak_ordering::equivalent;
    }

private:
    [[nodiscard]] static bson_value value_of(bson_view document, const key& by) {
        bson_value best;
        bool any = false;
        const auto consider = [&](bson_value value) {
            const auto order = compare_values(value, best);
            if (!any || (by.descending ? order > 0 : order < 0)) best = value;
            any = true;
        };
        for_each_value(document, by.path, [&](bson_value value) {
            if (value.type() != bson_type::array) consider(value);
            else if (value.as_document().empty()) consider(bson_value{});
            else
                for (const bson_element& element : value.as_document()) consider(element.value);
            return true;
        });
        return best;
    }

    std::vector<key> keys_;
};

class document_sorter {
public:
    static constexpr std::size_t no_bound = ~std::size_t{0};

    //   Requires    `order` outlives the sorter
    document_sorter(const sort_order& order, std::size_t keep_count, std::size_t limit_bytes)
        : order_{order}, keep_count_{keep_count}, limit_bytes_{limit_bytes} {}

    //   Requires    `document` is validated
    //   Errors      out_of_memory: the documents to keep are over limit_bytes
    [[nodiscard]] result<void> add(bson_view document) {
        const std::uint64_t arrival = arrived_++;
        if (keep_count_ == 0) return {};
        order_.values_of(document, candidate_);
        if (kept_.size() == keep_count_ && order_.compare(candidate_, kept_[0].values) >= 0)
            return {};
        if (kept_.size() == keep_count_) remove_last();
        entry added{bytes{document.document()}, {}, arrival};
        order_.values_of(bson_view{added.document}, added.values);
        held_bytes_ += size_of(added);
        if (held_bytes_ > limit_bytes_)
            return error{error_code::out_of_memory,
                         "sorting: too much to hold; a limit or a narrower filter helps"}
                .with("bytes", held_bytes_)
                .with("limit", limit_bytes_);
        kept_.push_back(std::move(added));
        std::push_heap(kept_.begin(), kept_.end(), in_order());
        return {};
    }

    // Calls visit(bson_view) -> bool for each document kept, in order, until it answers false.
    //   Effects     the sorter is empty afterwards
    template <class Visit>
    void drain(Visit visit) {
        std::sort(kept_.begin(), kept_.end(), in_order());
        for (const entry& each : kept_)
            if (!visit(bson_view{each.document})) break;
        kept_.clear();
        held_bytes_ = 0;
    }

    [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }

private:
    struct entry {
        bytes document;
        std::vector<bson_value>
            values;  // point into `document`, which keeps its place when the entry moves
        std::uint64_t arrival = 0;
    };

    struct earlier {
        const sort_order& order;
        [[nodiscard]] bool operator()(const entry& a, const entry& b) const noexcept {
            const auto found = order.compare(a.values, b.values);
            return found != 0 ? found < 0 : a.arrival < b.arrival;
        }
    };

    [[nodiscard]] earlier in_order() const noexcept { return {order_}; }
    [[nodiscard]] std::size_t size_of(const entry& each) const noexcept {
        return sizeof(entry) + each.document.capacity() +
               each.values.capacity() * sizeof(bson_value);
    }
    void remove_last() {
        std::pop_heap(kept_.begin(), kept_.end(), in_order());
        held_bytes_ -= size_of(kept_.back());
        kept_.pop_back();
    }

    const sort_order& order_;
    std::size_t keep_count_;
    std::size_t limit_bytes_;
    std::size_t held_bytes_ = 0;
    std::uint64_t arrived_ = 0;
    std::vector<entry> kept_;  // a heap: the last in order on top
    std::vector<bson_value> candidate_;
};

}  // namespace mantis
