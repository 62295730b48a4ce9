// SPDX-License-Identifier: BSL-1.0
//
// A store with tables in pages, and one in memory, on a simulated disk.
#pragma once

#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

#include <map>
#include <string>

namespace paged_store_test {

using namespace mantis;

using in_pages = paged_btree<512>;
struct app : policies<with::platform<simulated>, with::indexes<in_pages, btree<>>> {};
using store_type = store<app>;
using handle = store_type::table_handle;
using contents = std::map<std::string, std::map<std::string, std::string>>;

inline store_options small() {
    store_options options;
    options.segment_bytes = 16 * KiB;
    options.page_memory_bytes = 96 * KiB;
    options.page_segment_bytes = 64 * KiB;
    options.checkpoint_log_bytes = 0;
    return options;
}

// All rows of all tables, or why they could not be read.
[[nodiscard]] inline result<contents> all_of(store_type& db) {
    contents found;
    for (const table_info& each : db.tables()) {
        auto& rows = found[each.name.as<std::string>()];
        auto tx = db.begin(isolation::read_committed);
        auto scan = tx.scan(*db.find_table(each.name));
        while (true) {
            const auto more = scan.next();
            if (!more) return error{more.error()};
            if (!*more) break;
            rows[scan.key().template as<std::string>()] = scan.value().template as<std::string>();
        }
    }
    return found;
}

// Rows that are put and erased, the same in the database and in a model.
struct batch {
    std::map<std::string, std::string> puts;
    std::vector<std::string> erases;

    [[nodiscard]] result<commit_info> commit(store_type& db, const handle& into) const {
        auto tx = db.begin(isolation::read_committed);
        for (const auto& [key, value] : puts) tx.put(into, key, value);
        for (const auto& key : erases) tx.erase(into, key);
        return tx.commit();
    }
    void apply(std::map<std::string, std::string>& to) const {
        for (const auto& [key, value] : puts) to[key] = value;
        for (const auto& key : erases) to.erase(key);
    }
};
// The n-th of a sequence that is always the same: rows come, change and go.
[[nodiscard]] inline batch batch_of(int number, int rows = 8) {
    batch made;
    for (int i = 0; i < rows; ++i) {
        const int at = (number * 31 + i * 17) % 97;
        const std::string key = "row-" + std::to_string(at);
        if ((number + i) % 5 == 4) made.erases.push_back(key);
        else
            made.puts[key] = std::string(static_cast<std::size_t>(at * 7 % 150),
                                         static_cast<char>('a' + number % 26)) +
                             std::to_string(number);
    }
    for (const std::string& key : made.erases) made.puts.erase(key);
    return made;
}

[[nodiscard]] inline std::string why(const error& of) { return of.message().as<std::string>(); }

}  // namespace paged_store_test
