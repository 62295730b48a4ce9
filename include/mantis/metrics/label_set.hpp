// SPDX-License-Identifier: BSL-1.0
//
// What tells the series of one metric apart: names and values, {{"mode", "X"}, {"level", "key"}}.
//
// Invariant: ordered by name, so that two sets of the same labels are equal and metrics come out in
// one order whatever the order they were given in.
//
// Threads: like an int: any number of readers, or one writer.
#pragma once

#include "../core/bytes.hpp"

#include <initializer_list>
#include <vector>

namespace mantis {

struct metric_label {
    metric_label(bytes_view of_name, bytes_view of_value) : name{of_name}, value{of_value} {}

    bytes name;
    bytes value;

    [[nodiscard]] friend bool operator==(const metric_label&, const metric_label&) = default;
    [[nodiscard]] friend std::strong_ordering operator<=>(const metric_label&,
                                                          const metric_label&) = default;
};

class label_set {
public:
    label_set() noexcept = default;
    label_set(std::initializer_list<metric_label> labels) {
        all_.reserve(labels.size());
        for (const metric_label& each : labels) add(each.name.view(), each.value.view());
    }

    //   Effects     also a second label of that name is taken; who is given the set refuses it
    void add(bytes_view name, bytes_view value) {
        std::size_t at = all_.size();
        while (at > 0 && name < all_[at - 1].name.view()) --at;
        all_.insert(all_.begin() + static_cast<std::ptrdiff_t>(at), metric_label{name, value});
    }

    [[nodiscard]] std::size_t count() const noexcept { return all_.size(); }
    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    [[nodiscard]] auto begin() const noexcept { return all_.begin(); }
    [[nodiscard]] auto end() const noexcept { return all_.end(); }
    //   Requires    at < count()
    [[nodiscard]] const metric_label& operator[](std::size_t at) const noexcept { return all_[at]; }

    [[nodiscard]] friend bool operator==(const label_set&, const label_set&) = default;
    [[nodiscard]] friend std::strong_ordering operator<=>(const label_set& a, const label_set& b) {
        const std::size_t common = a.count() < b.count() ? a.count() : b.count();
        for (std::size_t i = 0; i < common; ++i)
            if (const auto order = a[i] <=> b[i]; order != 0) return order;
        return a.count() <=> b.count();
    }

private:
    std::vector<metric_label> all_;
};

}  // namespace mantis
