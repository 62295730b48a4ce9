// SPDX-License-Identifier: BSL-1.0
//
// A store in memory with something in it, and a look into its directory.
#pragma once

#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <map>
#include <string>

namespace checkpoint_test {

using namespace mantis;

struct app : policies<with::platform<memory>> {};

template <class Db>
void put(Db& db, const char* table, const std::string& key, const std::string& value) {
    auto into = db.table(table).value();
    auto tx = db.begin(isolation::read_committed);
    tx.put(into, key, value);
    REQUIRE(tx.commit());
}
template <class Db>
void erase(Db& db, const char* table, const std::string& key) {
    auto into = db.table(table).value();
    auto tx = db.begin(isolation::read_committed);
    tx.erase(into, key);
    REQUIRE(tx.commit());
}

using contents = std::map<std::string, std::map<std::string, std::string>>;

template <class Db>
contents all_of(Db& db) {
    contents found;
    for (const table_info& each : db.tables()) {
        auto& rows = found[each.name.as<std::string>()];
        auto tx = db.begin(isolation::read_committed);
        auto scan = tx.scan(*db.find_table(each.name));
        while (scan.next().value())
            rows[scan.key().template as<std::string>()] = scan.value().template as<std::string>();
    }
    return found;
}

inline std::vector<std::string> names_in(memory& files) {
    std::vector<std::string> names;
    auto in = files.open_directory("db", directory_mode::existing).value();
    for (const bytes& name : in.list().value()) names.push_back(name.as<std::string>());
    return names;
}
// A spare, which a thread makes when it comes to it, is no segment.
inline int count_of(memory& files, const std::string& ending) {
    int count = 0;
    for (const std::string& name : names_in(files))
        if (name != spare_segment_name && name.size() > ending.size() &&
            name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
            ++count;
    return count;
}
inline bytes image_in(memory& files) {
    for (const std::string& name : names_in(files))
        if (is_image_name(name)) return bytes{bytes_view{name}};
    return {};
}

// Tables, dropped ones and large values, over several segments.
template <class Db>
void fill(Db& db) {
    for (int i = 0; i < 300; ++i) put(db, "left", std::to_string(i), std::string(200, 'l'));
    put(db, "right", "large", std::string(200'000, 'r'));
    put(db, "gone", "key", "value");
    REQUIRE(db.drop_table(*db.find_table("gone")));
    erase(db, "left", "17");
    REQUIRE(db.table("empty"));
}

inline store_options small() {
    store_options options;
    options.segment_bytes = 16 * KiB;
    return options;
}

}  // namespace checkpoint_test
