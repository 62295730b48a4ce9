// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated/model_map.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace mantis;

namespace {

// A cursor over rows of a test, which may end in an error.
struct cursor {
    std::vector<std::pair<std::string, std::string>> rows;
    bool fails = false;
    std::size_t at = 0;

    result<bool> next() {
        if (at < rows.size()) return ++at, true;
        if (fails) return error{error_code::io, "reading a test row"};
        return false;
    }
    bytes_view key() const { return rows[at - 1].first; }
    bytes_view value() const { return rows[at - 1].second; }
};

std::string difference(const model_map& model, cursor rows) {
    const auto compared = model.compare(rows);
    if (!compared) return "error";
    if (!*compared) return "";
    return std::string{name_of((*compared)->what)} + " " + (*compared)->key.as<std::string>();
}

}  // namespace

TEST_CASE("a model says where rows differ from it first") {
    model_map model;
    for (const char* key : {"b", "a", "c", "gone"}) model.put(key, "1");
    model.put("b", "2");
    model.erase("gone");
    CHECK(model.size() == 3);
    CHECK(model.find("b")->view() == bytes_view{"2"});
    CHECK(model.find("gone") == nullptr);
    CHECK(difference(model, {{{"a", "1"}, {"b", "2"}, {"c", "1"}}}) == "");
    CHECK(difference(model, {{{"a", "1"}, {"b", "1"}, {"c", "1"}}}) == "other value b");
    CHECK(difference(model, {{{"a", "1"}, {"c", "1"}}}) == "missing b");
    CHECK(difference(model, {{{"a", "1"}, {"b", "2"}}}) == "missing c");
    CHECK(difference(model, {{{"a", "1"}, {"ab", "1"}, {"b", "2"}}}) == "unexpected ab");
    CHECK(difference(model, {{{"a", "1"}, {"b", "2"}, {"c", "1"}, {"d", "1"}}}) == "unexpected d");
    CHECK(difference(model, {{{"a", "1"}, {"b", "2"}, {"a", "1"}}}) == "out of order a");
    CHECK(difference(model, {{{"a", "1"}}, true}) == "error");
    model.clear();
    CHECK(difference(model, {}) == "");
}
