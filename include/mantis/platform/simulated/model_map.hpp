// SPDX-License-Identifier: BSL-1.0
//
// What a sorted map of bytes should hold: the simplest oracle, for tests in which one thread at a
// time decides what is there.
//
//   model_map model;
//   model.put("key", "value");                      // whatever was acknowledged
//   auto rows = tx.scan(table);
//   if (auto wrong = model.compare(rows)) ...       // result<std::optional<map_difference>>
//
// Threads: one at a time; simulated threads need nothing more.
#pragma once

#include "../../core/bytes.hpp"
#include "../../core/result.hpp"

#include <map>
#include <optional>

namespace mantis {

// The first place where the rows are not the model's.
struct map_difference {
    enum class kind : std::uint8_t { missing, unexpected, other_value, out_of_order };
    kind what;
    bytes key;
};

[[nodiscard]] constexpr const char* name_of(map_difference::kind what) noexcept {
    switch (what) {
        case map_difference::kind::missing: return "missing";
        case map_difference::kind::unexpected: return "unexpected";
        case map_difference::kind::other_value: return "other value";
        case map_difference::kind::out_of_order: return "out of order";
    }
    return "unknown";
}

class model_map {
public:
    void put(bytes_view key, bytes_view value) { rows_[bytes{key}] = bytes{value}; }
    void erase(bytes_view key) { rows_.erase(bytes{key}); }
    void clear() noexcept { rows_.clear(); }

    [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }
    //   Returns     nullptr where there is none
    [[nodiscard]] const bytes* find(bytes_view key) const {
        const auto found = rows_.find(bytes{key});
        return found == rows_.end() ? nullptr : &found->second;
    }

    // Compares with a cursor over all rows: next() -> result<bool>, key(), value().
    //   Errors      what next() answers
    template <class Rows>
    [[nodiscard]] result<std::optional<map_difference>> compare(Rows& rows) const {
        using kind = map_difference::kind;
        const auto differs = [](kind what, bytes_view key) {
            return std::optional<map_difference>{{what, bytes{key}}};
        };
        auto expected = rows_.begin();
        std::optional<bytes> last;
        while (true) {
            auto more = rows.next();
            if (!more) return more.error();
            if (!*more) break;
            const bytes_view key = rows.key();
            if (last && key <= last->view()) return differs(kind::out_of_order, key);
            last.emplace(key);
            if (expected == rows_.end() || key < expected->first.view())
                return differs(kind::unexpected, key);
            if (key != expected->first.view()) return differs(kind::missing, expected->first);
            if (rows.value() != expected->second.view()) return differs(kind::other_value, key);
            ++expected;
        }
        if (expected != rows_.end()) return differs(kind::missing, expected->first);
        return std::optional<map_difference>{};
    }

private:
    std::map<bytes, bytes> rows_;
};

}  // namespace mantis
